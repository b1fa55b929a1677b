/*
 * Sockets and descriptors. A wrapper has one shape: not ours, the real function; ours, the core, whose negative answer
 * becomes -1 and errno. What comes from the kernel under a number forgets what was known about that number: it may have
 * been closed by a way that no wrapper saw.
 */
#include "preload.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

uint32_t edge_started;
static bool fall_back;

__attribute__((constructor(101))) void edge_start(void) {
    static uint32_t begun;
    if (__atomic_exchange_n(&begun, 1, __ATOMIC_ACQ_REL) != 0) {
        real_ensure();
        return;
    }
    core_start();
    const char *value = getenv("TOSEC_FALLBACK");
    fall_back = value != NULL && strcmp(value, "kernel") == 0;
    __atomic_store_n(&edge_started, 1, __ATOMIC_RELEASE);
    replace_standard_streams();
}

static int from_kernel(int fd) {
    if (fd >= 0) fdtable_forget(fd);
    return fd;
}

EXPORT int socket(int domain, int type, int protocol) {
    edge_ensure();
    if (domain != AF_INET && domain != AF_INET6) return from_kernel(real.socket(domain, type, protocol));
    int r = core_socket(domain, type, protocol);
    if (fall_back && (r == -ENETDOWN || r == -EPROTONOSUPPORT)) {
        debug_line("socket", "falls back to the kernel, type", type);
        return from_kernel(real.socket(domain, type, protocol));
    }
    return (int)answer(r);
}

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.bind(fd, address, length);
    return (int)answer(core_bind(ref, address, length));
}

EXPORT int listen(int fd, int backlog) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.listen(fd, backlog);
    return (int)answer(core_listen(ref, backlog));
}

EXPORT int accept(int fd, struct sockaddr *address, socklen_t *length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return from_kernel(real.accept(fd, address, length));
    return (int)answer(core_accept(ref, address, length, 0));
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return from_kernel(real.accept4(fd, address, length, flags));
    return (int)answer(core_accept(ref, address, length, flags));
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.connect(fd, address, length);
    return (int)answer(core_connect(ref, address, length));
}

EXPORT int shutdown(int fd, int how) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.shutdown(fd, how);
    return (int)answer(core_shutdown(ref, how));
}

EXPORT int getsockname(int fd, struct sockaddr *address, socklen_t *length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.getsockname(fd, address, length);
    return (int)answer(core_name(ref, 0, address, length));
}

EXPORT int getpeername(int fd, struct sockaddr *address, socklen_t *length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.getpeername(fd, address, length);
    return (int)answer(core_name(ref, 1, address, length));
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.getsockopt(fd, level, name, value, length);
    return (int)answer(core_getsockopt(ref, level, name, value, length));
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.setsockopt(fd, level, name, value, length);
    return (int)answer(core_setsockopt(ref, level, name, value, length));
}

EXPORT int ioctl(int fd, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    struct stream_ref ref;
    edge_ensure();
    if ((request != FIONREAD && request != TIOCOUTQ) || !fdtable_find(fd, &ref))
        return real.ioctl(fd, request, argument);
    if (argument == NULL) return (int)answer(-EFAULT);
    /* The bytes on end A are not the application's. What is not yet sent is not known here. */
    int n = request == FIONREAD ? core_readable_bytes(ref) : 0;
    if (n < 0) return (int)answer(n);
    *(int *)argument = n;
    return 0;
}

/* ---- descriptors: our own are invisible to programs that close or replace everything ---------------------------- */

EXPORT int close(int fd) {
    edge_ensure();
    if (session_owns(fd)) return (int)answer(-EBADF);
    fdtable_forget(fd);
    return real.close(fd);
}

EXPORT int fclose(FILE *file) {
    edge_ensure();
    int saved = errno, fd = fileno(file);
    errno = saved;
    if (fd >= 0) fdtable_forget(fd);
    return real.fclose(file);
}

EXPORT int dup(int fd) {
    edge_ensure();
    return from_kernel(real.dup(fd));
}

EXPORT int dup2(int from, int to) {
    edge_ensure();
    if (session_owns(to) || session_owns(from)) return (int)answer(-EBADF);
    return from_kernel(real.dup2(from, to));
}

EXPORT int dup3(int from, int to, int flags) {
    edge_ensure();
    if (session_owns(to) || session_owns(from)) return (int)answer(-EBADF);
    return from_kernel(real.dup3(from, to, flags));
}

static int after_fcntl(int command, int r) {
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? from_kernel(r) : r;
}

EXPORT int fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    edge_ensure();
    return after_fcntl(command, real.fcntl(fd, command, argument));
}

EXPORT int fcntl64(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    edge_ensure();
    return after_fcntl(command, real.fcntl64(fd, command, argument));
}

EXPORT int close_range(unsigned first, unsigned last, int flags) {
    edge_ensure();
    enum { RANGE_CLOEXEC = 4 };
    if (first > last || (flags & RANGE_CLOEXEC) != 0) return real.close_range(first, last, flags);
    fdtable_forget_range(first, last);
    for (;;) {
        int own = session_own_in(first, last);
        if (own < 0) return real.close_range(first, last, flags);
        if ((unsigned)own > first) {
            int r = real.close_range(first, (unsigned)own - 1, flags);
            if (r != 0) return r;
        }
        if ((unsigned)own == last) return 0;
        first = (unsigned)own + 1;
    }
}

EXPORT void closefrom(int lowest) {
    close_range(lowest < 0 ? 0 : (unsigned)lowest, ~0u, 0);
}

/* Names under which the C library exports the same calls. */
EXPORT int __close(int fd) __attribute__((alias("close")));
EXPORT int __connect(int fd, const struct sockaddr *address, socklen_t length) __attribute__((alias("connect")));
EXPORT int __dup2(int from, int to) __attribute__((nothrow, leaf, alias("dup2")));
EXPORT int __fcntl(int fd, int command, ...) __attribute__((alias("fcntl")));
