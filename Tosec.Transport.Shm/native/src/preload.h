/* The POSIX edge: what every wrapper of libtosec-preload.so needs. */
#ifndef TOSEC_PRELOAD_H
#define TOSEC_PRELOAD_H

#include "core.h"
#include "debug.h"
#include "real.h"
#include "session.h"

#include <errno.h>

#define EXPORT __attribute__((visibility("default")))

extern uint32_t edge_started;
void edge_start(void);

/* Other libraries' constructors may call before ours has run. */
static inline void edge_ensure(void) {
    if (__builtin_expect(__atomic_load_n(&edge_started, __ATOMIC_ACQUIRE) == 0, 0)) edge_start();
}

static inline bool ours(int fd, struct stream_ref *ref) {
    edge_ensure();
    return fdtable_find(fd, ref);
}

/* Core's answer as the C library gives it. */
static inline int64_t answer(int64_t r) {
    if (r >= 0) return r;
    errno = (int)-r;
    return -1;
}

/* preload_io.c: answers of the C library's kind; a broken pipe raises the signal unless the flags forbid it. */
ssize_t send_answer(int64_t r, int flags);
ssize_t send_vector(struct stream_ref ref, const struct iovec *iov, size_t count, int flags);
ssize_t read_vector(struct stream_ref ref, const struct iovec *iov, int count, int flags);
ssize_t receive_message(struct stream_ref ref, struct msghdr *message, int flags);
/* What was known of the numbers under which descriptors have just come. */
void forget_received(struct msghdr *message);

/* preload_stdio.c: in a program that was given a socket as its standard input or output. */
void replace_standard_streams(void);

#endif
