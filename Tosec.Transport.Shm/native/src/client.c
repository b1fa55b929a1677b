#include "../include/tosec_client.h"
#include "address.h"
#include "core.h"
#include "session.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

__attribute__((constructor)) static void start(void) {
    core_start();
}

static int find(int fd, struct stream_ref *ref) {
    return fdtable_find(fd, ref) ? 0 : -ENOTSOCK;
}

static socklen_t to_sockaddr(const struct tosec_address *from, struct sockaddr_storage *to) {
    socklen_t length = sizeof *to;
    address_to_kernel(from->family == 6 ? 6 : 4, from, (struct sockaddr *)to, &length);
    return length;
}

static void from_sockaddr(const struct sockaddr_storage *from, struct tosec_address *to) {
    uint32_t family = from->ss_family == AF_INET6 ? 6 : 4;
    address_from_kernel(family, (const struct sockaddr *)from, sizeof *from, to);
}

EXPORT int32_t tosec_set_agent(const char *path) {
    if (path == NULL || *path == 0 || strlen(path) > 107) return -EINVAL;
    session_set_agent(path);
    return 0;
}

EXPORT int32_t tosec_socket(int32_t family, int32_t nonblocking) {
    if (family != 4 && family != 6) return -EAFNOSUPPORT;
    int type = SOCK_STREAM | SOCK_CLOEXEC | (nonblocking != 0 ? SOCK_NONBLOCK : 0);
    return core_socket(family == 6 ? AF_INET6 : AF_INET, type, 0);
}

EXPORT int32_t tosec_bind(int32_t fd, const struct tosec_address *address) {
    struct stream_ref ref;
    struct sockaddr_storage name;
    int r = find(fd, &ref);
    if (r < 0) return r;
    socklen_t length = to_sockaddr(address, &name);
    return core_bind(ref, (struct sockaddr *)&name, length);
}

EXPORT int32_t tosec_listen(int32_t fd, int32_t backlog) {
    struct stream_ref ref;
    int r = find(fd, &ref);
    return r < 0 ? r : core_listen(ref, backlog);
}

EXPORT int32_t tosec_accept(int32_t fd, struct tosec_address *remote, int32_t nonblocking) {
    struct stream_ref ref;
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    int r = find(fd, &ref);
    if (r < 0) return r;
    memset(&name, 0, sizeof name);
    r = core_accept(ref, (struct sockaddr *)&name, &length, SOCK_CLOEXEC | (nonblocking != 0 ? SOCK_NONBLOCK : 0));
    if (r >= 0 && remote != NULL) from_sockaddr(&name, remote);
    return r;
}

EXPORT int32_t tosec_connect(int32_t fd, const struct tosec_address *address) {
    struct stream_ref ref;
    struct sockaddr_storage name;
    int r = find(fd, &ref);
    if (r < 0) return r;
    socklen_t length = to_sockaddr(address, &name);
    return core_connect(ref, (struct sockaddr *)&name, length);
}

EXPORT int64_t tosec_send(int32_t fd, const void *bytes, int64_t length, int32_t flags) {
    struct stream_ref ref;
    int r = find(fd, &ref);
    if (r < 0) return r;
    if (length < 0) return -EINVAL;
    struct iovec iov = {(void *)bytes, (size_t)length};
    struct send_source source = {.iov = &iov, .count = 1, .file = -1};
    return core_send(ref, &source, (size_t)length, flags);
}

EXPORT int64_t tosec_receive(int32_t fd, void *bytes, int64_t length, int32_t flags) {
    struct stream_ref ref;
    int r = find(fd, &ref);
    if (r < 0) return r;
    if (length < 0) return -EINVAL;
    struct iovec iov = {bytes, (size_t)length};
    return core_receive(ref, &iov, 1, flags);
}

EXPORT int32_t tosec_shutdown(int32_t fd, int32_t how) {
    struct stream_ref ref;
    int r = find(fd, &ref);
    return r < 0 ? r : core_shutdown(ref, how);
}

EXPORT int32_t tosec_getsockopt(int32_t fd, int32_t level, int32_t name, void *value, int32_t room) {
    struct stream_ref ref;
    socklen_t length = (socklen_t)room;
    int r = find(fd, &ref);
    if (r < 0) return r;
    r = core_getsockopt(ref, level, name, value, &length);
    return r < 0 ? r : (int32_t)length;
}

EXPORT int32_t tosec_setsockopt(int32_t fd, int32_t level, int32_t name, const void *value, int32_t length) {
    struct stream_ref ref;
    int r = find(fd, &ref);
    return r < 0 ? r : core_setsockopt(ref, level, name, value, (socklen_t)length);
}

static int32_t name_of(int32_t fd, int remote, struct tosec_address *address) {
    struct stream_ref ref;
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    int r = find(fd, &ref);
    if (r < 0) return r;
    memset(&name, 0, sizeof name);
    r = core_name(ref, remote, (struct sockaddr *)&name, &length);
    if (r == 0) from_sockaddr(&name, address);
    return r;
}

EXPORT int32_t tosec_getsockname(int32_t fd, struct tosec_address *address) {
    return name_of(fd, 0, address);
}
EXPORT int32_t tosec_getpeername(int32_t fd, struct tosec_address *address) {
    return name_of(fd, 1, address);
}

EXPORT int32_t tosec_is_socket(int32_t fd) {
    struct stream_ref ref;
    return fdtable_resolve(fd, &ref) ? 1 : 0;
}

EXPORT int32_t tosec_forget(int32_t fd) {
    if (fd < 0) return -EBADF;
    fdtable_forget(fd);
    return 0;
}
