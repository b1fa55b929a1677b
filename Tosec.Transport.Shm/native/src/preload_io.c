/* Bytes. */
#include "preload.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 0x7ffff000 }; /* of one call, as the kernel has it */

static ssize_t send_answer(int64_t r, int flags) {
    if (r == -EPIPE && (flags & MSG_NOSIGNAL) == 0) raise(SIGPIPE);
    return answer(r);
}

static ssize_t send_vector(struct stream_ref ref, const struct iovec *iov, size_t count, int flags) {
    if (count > IOV_MAX) return answer(-EMSGSIZE);
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len > SSIZE_MAX - total) return answer(-EINVAL);
        total += iov[i].iov_len;
    }
    struct send_source source = {.iov = iov, .count = (int)count, .file = -1};
    return send_answer(core_send(ref, &source, total < MOST_BYTES ? total : MOST_BYTES, flags), flags);
}

static ssize_t send_bytes(struct stream_ref ref, const void *bytes, size_t length, int flags) {
    struct iovec iov = {(void *)bytes, length};
    return send_vector(ref, &iov, 1, flags);
}

static ssize_t receive_bytes(struct stream_ref ref, void *bytes, size_t length, int flags) {
    struct iovec iov = {bytes, length < MOST_BYTES ? length : MOST_BYTES};
    return answer(core_receive(ref, &iov, 1, flags));
}

EXPORT ssize_t read(int fd, void *bytes, size_t length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.read(fd, bytes, length);
    return receive_bytes(ref, bytes, length, 0);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.write(fd, bytes, length);
    return send_bytes(ref, bytes, length, 0);
}

EXPORT ssize_t readv(int fd, const struct iovec *iov, int count) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.readv(fd, iov, count);
    if (count < 0 || count > IOV_MAX) return answer(-EINVAL);
    return answer(core_receive(ref, iov, count, 0));
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int count) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.writev(fd, iov, count);
    if (count < 0 || count > IOV_MAX) return answer(-EINVAL);
    return send_vector(ref, iov, (size_t)count, 0);
}

EXPORT ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.send(fd, bytes, length, flags);
    return send_bytes(ref, bytes, length, flags);
}

EXPORT ssize_t recv(int fd, void *bytes, size_t length, int flags) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.recv(fd, bytes, length, flags);
    return receive_bytes(ref, bytes, length, flags);
}

/* A connected stream ignores the address, as the kernel does. */
EXPORT ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to,
                      socklen_t to_length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.sendto(fd, bytes, length, flags, to, to_length);
    return send_bytes(ref, bytes, length, flags);
}

EXPORT ssize_t recvfrom(int fd, void *bytes, size_t length, int flags, struct sockaddr *from, socklen_t *from_length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.recvfrom(fd, bytes, length, flags, from, from_length);
    ssize_t r = receive_bytes(ref, bytes, length, flags);
    if (r >= 0 && from != NULL && from_length != NULL) *from_length = 0;
    return r;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.sendmsg(fd, message, flags);
    return send_vector(ref, message->msg_iov, message->msg_iovlen, flags);
}

static void forget_received(struct msghdr *message) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(0)) continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            fdtable_forget(fd);
        }
    }
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) {
        ssize_t r = real.recvmsg(fd, message, flags);
        if (r >= 0 && message->msg_controllen != 0) forget_received(message);
        return r;
    }
    if (message->msg_iovlen > IOV_MAX) return answer(-EMSGSIZE);
    ssize_t r = answer(core_receive(ref, message->msg_iov, (int)message->msg_iovlen, flags));
    if (r >= 0) {
        message->msg_namelen = 0;
        message->msg_controllen = 0;
        message->msg_flags = 0;
    }
    return r;
}

static ssize_t send_file(struct stream_ref ref, int in, off_t *offset, size_t count) {
    struct stream_ref other;
    struct stat file;
    if (ours(in, &other)) return answer(-EINVAL);
    off_t start = offset != NULL ? *offset : lseek(in, 0, SEEK_CUR);
    if (start < 0) return answer(offset != NULL || errno == ESPIPE ? -EINVAL : -errno);
    if (count > MOST_BYTES) count = MOST_BYTES;
    /* The size decides the class of buffers, and ends a call that asks for more than there is. */
    if (fstat(in, &file) == 0 && S_ISREG(file.st_mode)) {
        if (start >= file.st_size) return 0;
        if (count > (size_t)(file.st_size - start)) count = (size_t)(file.st_size - start);
    }
    struct send_source source = {.file = in, .offset = start};
    int64_t r = core_send(ref, &source, count, 0);
    if (r > 0) {
        if (offset != NULL)
            *offset = start + r;
        else
            lseek(in, start + r, SEEK_SET);
    }
    return send_answer(r == -ESPIPE ? -EINVAL : r, 0);
}

EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    struct stream_ref ref;
    if (!ours(out, &ref)) return real.sendfile(out, in, offset, count);
    return send_file(ref, in, offset, count);
}

EXPORT ssize_t sendfile64(int out, int in, off_t *offset, size_t count) {
    struct stream_ref ref;
    if (!ours(out, &ref)) return real.sendfile64(out, in, offset, count);
    return send_file(ref, in, offset, count);
}

/* ---- fortified variants ---------------------------------------------------------------------------------------------
 */

extern void __chk_fail(void) __attribute__((noreturn));
ssize_t __read_chk(int fd, void *bytes, size_t length, size_t room);
ssize_t __recv_chk(int fd, void *bytes, size_t length, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *bytes, size_t length, size_t room, int flags, struct sockaddr *from,
                       socklen_t *from_length);

EXPORT ssize_t __read_chk(int fd, void *bytes, size_t length, size_t room) {
    if (length > room) __chk_fail();
    return read(fd, bytes, length);
}

EXPORT ssize_t __recv_chk(int fd, void *bytes, size_t length, size_t room, int flags) {
    if (length > room) __chk_fail();
    return recv(fd, bytes, length, flags);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *bytes, size_t length, size_t room, int flags, struct sockaddr *from,
                              socklen_t *from_length) {
    if (length > room) __chk_fail();
    return recvfrom(fd, bytes, length, flags, from, from_length);
}

/* ---- refused: never silently to the kernel, where they would move bytes of the readiness pair ------------------- */

static int refuse(const char *call, int fd) {
    debug_line(call, "is not served on a TOSEC socket, descriptor", fd);
    return (int)answer(-EOPNOTSUPP);
}

/* The C library's streams write with calls of its own that no library sees. */
EXPORT FILE *fdopen(int fd, const char *mode) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.fdopen(fd, mode);
    refuse("fdopen", fd);
    return NULL;
}

EXPORT int vdprintf(int fd, const char *format, va_list arguments) {
    struct stream_ref ref;
    return ours(fd, &ref) ? refuse("dprintf", fd) : real.vdprintf(fd, format, arguments);
}

EXPORT int dprintf(int fd, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int r = vdprintf(fd, format, arguments);
    va_end(arguments);
    return r;
}

EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments) {
    (void)flag;
    return vdprintf(fd, format, arguments);
}

EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...);
EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...) {
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    int r = vdprintf(fd, format, arguments);
    va_end(arguments);
    return r;
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    struct stream_ref ref;
    return ours(fd, &ref) ? refuse("sendmmsg", fd) : real.sendmmsg(fd, messages, count, flags);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
    struct stream_ref ref;
    if (ours(fd, &ref)) return refuse("recvmmsg", fd);
    int r = real.recvmmsg(fd, messages, count, flags, timeout);
    for (int i = 0; i < r; i++)
        if (messages[i].msg_hdr.msg_controllen != 0) forget_received(&messages[i].msg_hdr);
    return r;
}

EXPORT ssize_t splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t length, unsigned flags) {
    struct stream_ref ref;
    if (ours(in, &ref)) return refuse("splice", in);
    if (ours(out, &ref)) return refuse("splice", out);
    return real.splice(in, in_offset, out, out_offset, length, flags);
}

EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    struct stream_ref ref;
    return ours(fd, &ref) ? refuse("preadv2", fd) : real.preadv2(fd, iov, count, offset, flags);
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    struct stream_ref ref;
    return ours(fd, &ref) ? refuse("pwritev2", fd) : real.pwritev2(fd, iov, count, offset, flags);
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags);

ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    return preadv2(fd, iov, count, offset, flags);
}

ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
    return pwritev2(fd, iov, count, offset, flags);
}
