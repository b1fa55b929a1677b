/*
 * The session core: socket calls on streams, without errno. Every function returns a value >= 0 or a negative errno,
 * and never raises a signal. None is called with signals blocked; each blocks them while it is inside shared memory and
 * opens them while it waits in the kernel.
 */
#ifndef TOSEC_CORE_H
#define TOSEC_CORE_H

#include "fdtable.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

void core_start(void);

/* connection.c */
int core_socket(int domain, int type, int protocol);
int core_bind(struct stream_ref ref, const struct sockaddr *address, socklen_t length);
int core_listen(struct stream_ref ref, int backlog);
int core_accept(struct stream_ref ref, struct sockaddr *address, socklen_t *length, int flags);
int core_connect(struct stream_ref ref, const struct sockaddr *address, socklen_t length);
int core_shutdown(struct stream_ref ref, int how);
int core_name(struct stream_ref ref, int remote, struct sockaddr *address, socklen_t *length);

/* stream_send.c: bytes come from memory, or from a file (then iov is not used). */
struct send_source {
    const struct iovec *iov;
    int count;
    int file; /* -1: memory */
    off_t offset;
};
int64_t core_send(struct stream_ref ref, struct send_source *source, size_t total, int flags);

/* stream_receive.c */
int64_t core_receive(struct stream_ref ref, const struct iovec *iov, int count, int flags);
int core_readable_bytes(struct stream_ref ref);

/* options.c */
int core_getsockopt(struct stream_ref ref, int level, int name, void *value, socklen_t *length);
int core_setsockopt(struct stream_ref ref, int level, int name, const void *value, socklen_t length);

#endif
