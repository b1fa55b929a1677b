/* Several messages in one call, and calls that carry an offset or move bytes between descriptors. */
#include "preload.h"

#include <fcntl.h>
#include <limits.h>
#include <time.h>

/* As the kernel does it: what was sent counts, and the error of a later message is told by the next call. */
EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.sendmmsg(fd, messages, count, flags);
    if (count > IOV_MAX) count = IOV_MAX;
    unsigned done = 0;
    int saved = errno;
    for (; done < count; done++) {
        const struct msghdr *message = &messages[done].msg_hdr;
        ssize_t r = send_vector(ref, message->msg_iov, message->msg_iovlen, flags);
        if (r < 0) break;
        messages[done].msg_len = (unsigned)r;
    }
    if (done == 0 && count != 0) return -1;
    errno = saved;
    return (int)done;
}

static uint64_t milliseconds(const struct timespec *t) {
    return (uint64_t)t->tv_sec * 1000 + (uint64_t)t->tv_nsec / 1000000;
}

/* The kernel looks at the timeout only after each message, and so does this. */
EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) {
        int r = real.recvmmsg(fd, messages, count, flags, timeout);
        for (int i = 0; i < r; i++)
            if (messages[i].msg_hdr.msg_controllen != 0) forget_received(&messages[i].msg_hdr);
        return r;
    }
    if (timeout != NULL && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000))
        return (int)answer(-EINVAL);
    if (count > IOV_MAX) count = IOV_MAX;
    uint64_t limit = timeout != NULL ? milliseconds(timeout) : 0, begun = monotonic_ms();
    unsigned done = 0;
    int saved = errno;
    while (done < count) {
        bool wait_not = done > 0 && (flags & MSG_WAITFORONE) != 0;
        int how = (flags & ~MSG_WAITFORONE) | (wait_not ? MSG_DONTWAIT : 0);
        ssize_t r = receive_message(ref, &messages[done].msg_hdr, how);
        if (r < 0) break;
        messages[done++].msg_len = (unsigned)r;
        if (timeout != NULL && monotonic_ms() - begun >= limit) break;
    }
    if (done == 0 && count != 0) return -1;
    errno = saved;
    if (timeout != NULL) {
        uint64_t gone = monotonic_ms() - begun, left = gone < limit ? limit - gone : 0;
        *timeout = (struct timespec){(time_t)(left / 1000), (long)(left % 1000) * 1000000};
    }
    return (int)done;
}

/* A socket has no offset; -1 means "where it stands", and then these are readv and writev with flags. */
static int message_flags(off_t offset, int flags, int *r) {
    *r = offset != -1 ? -ESPIPE : (flags & ~(RWF_HIPRI | RWF_NOWAIT)) != 0 ? -EOPNOTSUPP : 0;
    return (flags & RWF_NOWAIT) != 0 ? MSG_DONTWAIT : 0;
}

EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.preadv2(fd, iov, count, offset, flags);
    int r, how = message_flags(offset, flags, &r);
    return r < 0 ? answer(r) : read_vector(ref, iov, count, how);
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.pwritev2(fd, iov, count, offset, flags);
    int r, how = message_flags(offset, flags, &r);
    if (r == 0 && (count < 0 || count > IOV_MAX)) r = -EINVAL;
    return r < 0 ? answer(r) : send_vector(ref, iov, (size_t)count, how);
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags);

ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    return preadv2(fd, iov, count, offset, flags);
}

ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    return pwritev2(fd, iov, count, offset, flags);
}

/* EINVAL is what the kernel says of a descriptor that cannot be spliced, and programs then read and write. In the
 * kernel it would move bytes of the readiness pair. */
EXPORT ssize_t splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned flags) {
    struct stream_ref ref;
    if (!ours(in, &ref) && !ours(out, &ref)) return real.splice(in, in_offset, out, out_offset, length, flags);
    debug_line("splice", "is not served on a TOSEC socket, descriptor", ref.fd);
    return answer(-EINVAL);
}
