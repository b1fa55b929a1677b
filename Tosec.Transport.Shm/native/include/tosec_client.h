/*
 * TOSEC sockets as a plain API: libtosec-client.so. Every descriptor is a real kernel descriptor whose readiness is the
 * stream's; it may be polled, duplicated, passed on and closed like any other (tell the library with tosec_forget
 * before closing it). All functions answer >= 0 or a negative Linux errno, never touch errno and never raise a signal.
 * Blocking as the descriptor's O_NONBLOCK says. Any thread may call any function; closing a descriptor that another
 * thread uses is the caller's mistake.
 */
#ifndef TOSEC_CLIENT_H
#define TOSEC_CLIENT_H

#include "tosec_layout.h"

/* Path of the agent's socket ('@' first: abstract). Without it TOSEC_AGENT counts. Before the first socket. */
int32_t tosec_set_agent(const char *path);
/* family 4 or 6; a close-on-exec TCP socket. */
int32_t tosec_socket(int32_t family, int32_t nonblocking);
int32_t tosec_bind(int32_t fd, const struct tosec_address *address);
int32_t tosec_listen(int32_t fd, int32_t backlog);
int32_t tosec_accept(int32_t fd, struct tosec_address *remote, int32_t nonblocking);
int32_t tosec_connect(int32_t fd, const struct tosec_address *address);
/* flags: Linux MSG_ numbers; MSG_NOSIGNAL is implied. */
int64_t tosec_send(int32_t fd, const void *bytes, int64_t length, int32_t flags);
int64_t tosec_receive(int32_t fd, void *bytes, int64_t length, int32_t flags);
int32_t tosec_shutdown(int32_t fd, int32_t how);
/* Returns the length of the value. */
int32_t tosec_getsockopt(int32_t fd, int32_t level, int32_t name, void *value, int32_t room);
int32_t tosec_setsockopt(int32_t fd, int32_t level, int32_t name, const void *value, int32_t length);
int32_t tosec_getsockname(int32_t fd, struct tosec_address *address);
int32_t tosec_getpeername(int32_t fd, struct tosec_address *address);
/* 1 if the descriptor is a TOSEC socket; asks the kernel. */
int32_t tosec_is_socket(int32_t fd);
/* The descriptor is about to be closed: what is remembered of its number must not be found under the next owner's. */
int32_t tosec_forget(int32_t fd);

#endif
