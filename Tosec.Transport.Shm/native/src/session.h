/*
 * The process's attachment to its guest: two mapped segments, one channel, the doorbells. There is at most one at a
 * time; it is made at first need, lost when the agent goes, and never survives a fork (the child attaches for itself).
 */
#ifndef TOSEC_SESSION_H
#define TOSEC_SESSION_H

#include "../include/tosec_layout.h"
#include "fdtable.h"
#include "lane.h"
#include "sync.h"

#include <stddef.h>

enum rpc_state { RPC_FREE = 0, RPC_SENT = 1, RPC_DONE = 2, RPC_ABANDONED = 3 };

struct rpc_pending {
    uint32_t state;
    uint64_t correlation;
    int64_t result;
    uint64_t arg1;
};

struct session {
    struct tosec_segment_header geometry; /* private, validated copy of the edge header */
    uint8_t *edge;
    const uint8_t *receive;
    uint64_t edge_bytes, receive_bytes;      /* mapped */
    uint64_t receive_pool, receive_pool_end; /* where payloads may lie */
    uint64_t own_bytes;                      /* of this structure */
    uint32_t channel;
    uint32_t parties;
    int control, event;
    int doorbell[TOSEC_PARTIES]; /* event descriptor; -1: none */
    /* In a VM: the edge device's page of registers, NULL elsewhere. Parties in `by_register` are rung by it. */
    volatile uint32_t *registers;
    uint32_t by_register, link;
    uint32_t users, retired, destroyed;

    uint32_t lock; /* process_lock of what follows */
    struct lane_out lanes[TOSEC_PARTIES];
    uint32_t small_free, large_free; /* how many lie on the stacks */
    uint32_t *small_stack, *large_stack;

    struct lane_in replies; /* the leader's: see rpc.c */
    uint32_t rpc_leader, rpc_events;
    uint64_t correlation;
    struct rpc_pending calls[TOSEC_RPC_SLOTS];
};

void session_start(void);
void session_set_agent(const char *path);
/* Attaches if need be; returns 0 or a negative errno. Each success is paired with session_leave. Signals must be
 * blocked. */
int session_enter(struct session **s);
void session_leave(struct session *s);
/* The agent or the TOE behind this session is gone. The caller still leaves. */
void session_retire(struct session *s);
/* Descriptors that belong to the library and that the application must not close. */
bool session_owns(int fd);
/* Lowest own descriptor in [first, last], or -1. */
int session_own_in(unsigned first, unsigned last);

/* A stream under a session; valid until stream_leave. */
struct stream {
    struct session *s;
    struct stream_ref ref;
    struct tosec_stream_cursor *cursor;
    const struct tosec_stream_state *state;
};
/* 0, or negative: -ENETDOWN no session, -ECONNRESET the TOE does not know this stream any more. */
int stream_enter(struct stream *stream, struct stream_ref *ref);
static inline void stream_leave(struct stream *stream) {
    session_leave(stream->s);
}
static inline uint32_t stream_status(const struct stream *stream) {
    return __atomic_load_n(&stream->state->state, __ATOMIC_ACQUIRE); /* pairs with the TOVM's release */
}
/* The peer has reset the connection and the state does not say so yet. */
bool stream_is_reset(const struct stream *stream);
/* The stream's errno if nobody was told yet, otherwise 0. */
int stream_take_error(struct stream *stream);

/* Called after a descriptor was pushed: tells the party, if it sleeps. */
void wake_party(struct session *s, uint32_t party);
/* Asks the agent to look at the slot: readiness, or room for a writer. */
void wake_agent(struct session *s, uint32_t slot);

/* Takes back buffers whose descriptors were read. Under s->lock. */
void pool_reap(struct session *s);
/* A buffer's handle, or 0. Handles: 1 + index, large ones with the top bit. Takes s->lock itself. */
uint32_t pool_take(struct session *s, bool large);
void pool_return(struct session *s, uint32_t handle);
uint64_t pool_offset(const struct session *s, uint32_t handle);
static inline uint32_t pool_bytes(uint32_t handle) {
    return handle >> 31 ? TOSEC_LARGE_BUFFER : TOSEC_SMALL_BUFFER;
}

/* Puts a descriptor without payload on a lane; waits for room while the other side lives. 0 or -ENETDOWN. */
int lane_put(struct session *s, uint32_t party, const struct tosec_descriptor *descriptor);

#endif
