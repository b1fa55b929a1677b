/* Bytes. */
#include "preload.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 0x7ffff000 }; /* of one call, as the kernel has it */

ssize_t send_answer(int64_t r, int flags) {
    if (r == -EPIPE && (flags & MSG_NOSIGNAL) == 0) raise(SIGPIPE);
    return answer(r);
}

ssize_t send_vector(struct stream_ref ref, const struct iovec *iov, size_t count, int flags) {
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

/* Unlike recv, these do not wait for a byte if there is no room for one. */
ssize_t read_vector(struct stream_ref ref, const struct iovec *iov, int count, int flags) {
    if (count < 0 || count > IOV_MAX) return answer(-EINVAL);
    for (int i = 0; i < count; i++)
        if (iov[i].iov_len != 0) return answer(core_receive(ref, iov, count, flags));
    return 0;
}

EXPORT ssize_t read(int fd, void *bytes, size_t length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.read(fd, bytes, length);
    if (length == 0) return 0;
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
    return read_vector(ref, iov, count, 0);
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

void forget_received(struct msghdr *message) {
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

ssize_t receive_message(struct stream_ref ref, struct msghdr *message, int flags) {
    if (message->msg_iovlen > IOV_MAX) return answer(-EMSGSIZE);
    ssize_t r = answer(core_receive(ref, message->msg_iov, (int)message->msg_iovlen, flags));
    if (r >= 0) {
        message->msg_namelen = 0;
        message->msg_controllen = 0;
        message->msg_flags = 0;
    }
    return r;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) {
        ssize_t r = real.recvmsg(fd, message, flags);
        if (r >= 0 && message->msg_controllen != 0) forget_received(message);
        return r;
    }
    return receive_message(ref, message, flags);
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

/* Names under which the C library exports the same calls. */
EXPORT ssize_t __read(int fd, void *bytes, size_t length) __attribute__((alias("read")));
EXPORT ssize_t __write(int fd, const void *bytes, size_t length) __attribute__((alias("write")));
EXPORT ssize_t __send(int fd, const void *bytes, size_t length, int flags) __attribute__((alias("send")));
