/*
 * The C library's own functions, resolved once. Everything below the POSIX edge makes system calls through this table
 * only, because a plain call from inside the preload library would come back to the wrapper.
 */
#ifndef TOSEC_REAL_H
#define TOSEC_REAL_H

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define TOSEC_REAL_CALLS(X)                                                                                            \
    X(int, socket, (int, int, int))                                                                                    \
    X(int, socketpair, (int, int, int, int *))                                                                         \
    X(int, bind, (int, const struct sockaddr *, socklen_t))                                                            \
    X(int, listen, (int, int))                                                                                         \
    X(int, accept, (int, struct sockaddr *, socklen_t *))                                                              \
    X(int, accept4, (int, struct sockaddr *, socklen_t *, int))                                                        \
    X(int, connect, (int, const struct sockaddr *, socklen_t))                                                         \
    X(int, close, (int))                                                                                               \
    X(int, shutdown, (int, int))                                                                                       \
    X(int, dup, (int))                                                                                                 \
    X(int, dup2, (int, int))                                                                                           \
    X(int, dup3, (int, int, int))                                                                                      \
    X(int, fcntl, (int, int, ...))                                                                                     \
    X(int, fcntl64, (int, int, ...))                                                                                   \
    X(int, ioctl, (int, unsigned long, ...))                                                                           \
    X(ssize_t, read, (int, void *, size_t))                                                                            \
    X(ssize_t, write, (int, const void *, size_t))                                                                     \
    X(ssize_t, readv, (int, const struct iovec *, int))                                                                \
    X(ssize_t, writev, (int, const struct iovec *, int))                                                               \
    X(ssize_t, send, (int, const void *, size_t, int))                                                                 \
    X(ssize_t, recv, (int, void *, size_t, int))                                                                       \
    X(ssize_t, sendto, (int, const void *, size_t, int, const struct sockaddr *, socklen_t))                           \
    X(ssize_t, recvfrom, (int, void *, size_t, int, struct sockaddr *, socklen_t *))                                   \
    X(ssize_t, sendmsg, (int, const struct msghdr *, int))                                                             \
    X(ssize_t, recvmsg, (int, struct msghdr *, int))                                                                   \
    X(ssize_t, sendfile, (int, int, off_t *, size_t))                                                                  \
    X(ssize_t, sendfile64, (int, int, off_t *, size_t))                                                                \
    X(int, getsockname, (int, struct sockaddr *, socklen_t *))                                                         \
    X(int, getpeername, (int, struct sockaddr *, socklen_t *))                                                         \
    X(int, getsockopt, (int, int, int, void *, socklen_t *))                                                           \
    X(int, setsockopt, (int, int, int, const void *, socklen_t))                                                       \
    X(FILE *, fdopen, (int, const char *))                                                                             \
    X(int, vdprintf, (int, const char *, va_list))                                                                     \
    X(int, fclose, (FILE *))                                                                                           \
    X(int, close_range, (unsigned, unsigned, int))                                                                     \
    X(int, sendmmsg, (int, struct mmsghdr *, unsigned, int))                                                           \
    X(int, recvmmsg, (int, struct mmsghdr *, unsigned, int, struct timespec *))                                        \
    X(ssize_t, splice, (int, off_t *, int, off_t *, size_t, unsigned))                                                 \
    X(ssize_t, preadv2, (int, const struct iovec *, int, off_t, int))                                                  \
    X(ssize_t, pwritev2, (int, const struct iovec *, int, off_t, int))                                                 \
    X(int, poll, (struct pollfd *, nfds_t, int))

#define TOSEC_REAL_FIELD(result, name, arguments) result(*name) arguments;
struct real_calls {
    TOSEC_REAL_CALLS(TOSEC_REAL_FIELD)
};
#undef TOSEC_REAL_FIELD

extern struct real_calls real;

/* Fills the table if it is not filled: constructors of other libraries may make calls before ours has run. */
void real_ensure(void);

#endif
