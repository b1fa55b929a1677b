#include "address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

int address_from_kernel(uint32_t family, const struct sockaddr *from, socklen_t length, struct tosec_address *to) {
    memset(to, 0, sizeof *to);
    if (from == NULL) return -EFAULT;
    if (length < (socklen_t)sizeof from->sa_family) return -EINVAL;
    if (family == 4) {
        struct sockaddr_in in;
        if (length < (socklen_t)sizeof in) return -EINVAL;
        memcpy(&in, from, sizeof in);
        /* The kernel takes "no family" for IPv4 if the address is the wildcard. */
        if (in.sin_family != AF_INET && !(in.sin_family == AF_UNSPEC && in.sin_addr.s_addr == 0)) return -EAFNOSUPPORT;
        to->family = 4;
        to->port = ntohs(in.sin_port);
        memcpy(to->bytes, &in.sin_addr, 4);
        return 0;
    }
    struct sockaddr_in6 in6;
    if (from->sa_family != AF_INET6) return -EAFNOSUPPORT;
    /* Without the scope id is allowed (RFC 2133). */
    if (length < (socklen_t)offsetof(struct sockaddr_in6, sin6_scope_id)) return -EINVAL;
    memset(&in6, 0, sizeof in6);
    memcpy(&in6, from, length < (socklen_t)sizeof in6 ? (size_t)length : sizeof in6);
    to->family = 6;
    to->port = ntohs(in6.sin6_port);
    to->scope = in6.sin6_scope_id;
    memcpy(to->bytes, &in6.sin6_addr, 16);
    return 0;
}

void address_to_kernel(uint32_t family, const struct tosec_address *from, struct sockaddr *to, socklen_t *length) {
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } name;
    socklen_t size;
    memset(&name, 0, sizeof name);
    if (family != 6) {
        name.in.sin_family = AF_INET;
        name.in.sin_port = htons(from->port);
        memcpy(&name.in.sin_addr, from->bytes, 4);
        size = sizeof name.in;
    } else {
        name.in6.sin6_family = AF_INET6;
        name.in6.sin6_port = htons(from->port);
        if (from->family == 4) { /* IPv4 over an IPv6 socket: ::ffff:a.b.c.d */
            name.in6.sin6_addr.s6_addr[10] = name.in6.sin6_addr.s6_addr[11] = 0xff;
            memcpy(&name.in6.sin6_addr.s6_addr[12], from->bytes, 4);
        } else {
            memcpy(&name.in6.sin6_addr, from->bytes, 16);
            name.in6.sin6_scope_id = from->scope;
        }
        size = sizeof name.in6;
    }
    if (to == NULL || length == NULL) return;
    memcpy(to, &name, *length < size ? *length : size);
    *length = size;
}
