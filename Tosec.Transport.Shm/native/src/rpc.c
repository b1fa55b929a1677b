#include "rpc.h"
#include "debug.h"
#include "real.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Threads that wait for replies share one lane and one event descriptor. One of them, the leader, sleeps on the
 * descriptor and hands replies to the others, which sleep on rpc_events; when it has its own it gives the lead away.
 */

enum { SPINS = 2000, SLEEP_MS = 500, PATIENCE_MS = 10000 };

struct pulse {
    uint64_t beat, moved_at;
};

static uint64_t tovm_heartbeat(struct session *s) {
    const struct tosec_edge_party *parties = (const struct tosec_edge_party *)(s->edge + TOSEC_EDGE_PARTIES);
    return __atomic_load_n(&parties[TOSEC_PARTY_TOVM].heartbeat, __ATOMIC_ACQUIRE);
}

static bool tovm_lives(struct session *s, struct pulse *pulse) {
    uint64_t beat = tovm_heartbeat(s), now = monotonic_ms();
    if (beat != pulse->beat) *pulse = (struct pulse){beat, now};
    return now - pulse->moved_at < PATIENCE_MS;
}

static void announce(struct session *s) {
    __atomic_add_fetch(&s->rpc_events, 1, __ATOMIC_SEQ_CST);
    futex_wake(&s->rpc_events, 0x7fffffff);
}

static bool is_done(const struct rpc_pending *call) {
    return __atomic_load_n(&call->state, __ATOMIC_ACQUIRE) == RPC_DONE;
}

static void deliver(struct session *s, const struct rpc_pending *mine) {
    struct tosec_descriptor d;
    bool others = false;
    while (lane_pop(&s->replies, &d)) {
        if (d.opcode != TOSEC_OP_RPC_REPLY) continue;
        for (uint32_t i = 0; i < TOSEC_RPC_SLOTS; i++) {
            struct rpc_pending *call = &s->calls[i];
            uint32_t state = __atomic_load_n(&call->state, __ATOMIC_ACQUIRE);
            if (state != RPC_SENT && state != RPC_ABANDONED) continue;
            if (__atomic_load_n(&call->correlation, __ATOMIC_RELAXED) != d.correlation) continue;
            call->result = (int64_t)d.arg0;
            call->arg1 = d.arg1;
            /* An abandoned call's slot may be used again only now that nobody writes into it any more. */
            if (!__atomic_compare_exchange_n(&call->state, &(uint32_t){RPC_SENT}, RPC_DONE, false, __ATOMIC_RELEASE,
                                             __ATOMIC_RELAXED))
                __atomic_store_n(&call->state, RPC_FREE, __ATOMIC_RELEASE);
            others |= call != mine;
            break;
        }
    }
    if (others) announce(s);
}

/* Sleeps until the event descriptor rings. False: the agent has hung up. */
static bool sleep_on_event(struct session *s) {
    struct tosec_channel_header *channel = (struct tosec_channel_header *)(s->edge + tosec_edge_channel(s->channel));
    __atomic_store_n(&channel->sleeping, 1, __ATOMIC_RELEASE);
    full_fence(); /* the TOVM publishes, fences and looks at `sleeping`: one of us sees the other */
    bool alive = true;
    if (!lane_has_news(&s->replies)) {
        struct pollfd fds[2] = {{s->event, POLLIN, 0}, {s->control, POLLIN | POLLRDHUP, 0}};
        /* Not the C library's poll: that is a cancellation point, and this thread leads others. */
        if (syscall(SYS_poll, fds, 2, SLEEP_MS) > 0) {
            uint64_t count;
            if ((fds[0].revents & POLLIN) != 0 && real.read(s->event, &count, sizeof count) < 0) {
                /* Another session's leftover took it. */
            }
            if (fds[1].revents != 0) alive = !session_agent_is_gone(s);
        }
    }
    __atomic_store_n(&channel->sleeping, 0, __ATOMIC_RELEASE);
    return alive;
}

/* Returns 0 when mine is done. */
static int lead(struct session *s, const struct rpc_pending *mine, struct pulse *pulse) {
    for (;;) {
        deliver(s, mine);
        if (is_done(mine)) return 0;
        for (int i = 0; i < SPINS && !lane_has_news(&s->replies); i++)
            if (i % 16 == 0) cpu_relax();
        if (lane_has_news(&s->replies)) continue;
        bool alive = sleep_on_event(s);
        deliver(s, mine);
        if (is_done(mine)) return 0;
        if (!alive || !tovm_lives(s, pulse)) return -ENETDOWN;
    }
}

static int wait_reply(struct session *s, struct rpc_pending *mine) {
    struct pulse pulse = {tovm_heartbeat(s), monotonic_ms()};
    for (;;) {
        uint32_t events = __atomic_load_n(&s->rpc_events, __ATOMIC_ACQUIRE);
        if (is_done(mine)) return 0;
        uint32_t none = 0;
        if (__atomic_compare_exchange_n(&s->rpc_leader, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            int r = lead(s, mine, &pulse);
            __atomic_store_n(&s->rpc_leader, 0, __ATOMIC_RELEASE);
            announce(s);
            return r;
        }
        futex_wait(&s->rpc_events, events, SLEEP_MS);
        if (!is_done(mine) && !tovm_lives(s, &pulse)) return -ENETDOWN;
    }
}

static struct rpc_pending *claim(struct session *s, uint32_t *index) {
    for (uint32_t waited = 0; waited < PATIENCE_MS * 10; waited++) {
        for (uint32_t i = 0; i < TOSEC_RPC_SLOTS; i++) {
            uint32_t free = RPC_FREE;
            /* Unique before it is visible: a late reply to another call must not match. */
            if (__atomic_load_n(&s->calls[i].state, __ATOMIC_RELAXED) != RPC_FREE) continue;
            process_lock(&s->lock);
            bool mine = __atomic_load_n(&s->calls[i].state, __ATOMIC_ACQUIRE) == RPC_FREE;
            if (mine) {
                __atomic_store_n(&s->calls[i].correlation, ++s->correlation, __ATOMIC_RELAXED);
                __atomic_compare_exchange_n(&s->calls[i].state, &free, RPC_SENT, false, __ATOMIC_RELEASE,
                                            __ATOMIC_RELAXED);
            }
            process_unlock(&s->lock);
            if (!mine) continue;
            *index = i;
            return &s->calls[i];
        }
        nap(100);
    }
    return NULL;
}

int rpc_call(struct session *s, const struct rpc_request *request, struct rpc_reply *reply) {
    int saved = errno;
    uint32_t index = 0;
    struct rpc_pending *call = claim(s, &index);
    if (call == NULL) return -ENETDOWN;
    uint64_t at = tosec_edge_rpc(s->channel, index);
    uint32_t length = request->length <= TOSEC_RPC_REPLY_OFFSET ? request->length : TOSEC_RPC_REPLY_OFFSET;
    if (length != 0) memcpy(s->edge + at, request->bytes, length);
    struct tosec_descriptor d = {
        .opcode = TOSEC_OP_RPC,
        .code = request->method,
        .slot = request->slot,
        .stream_id = request->id,
        .offset = at,
        .length = length,
        .correlation = call->correlation,
        .arg0 = request->arg0,
    };
    int r = lane_put(s, TOSEC_PARTY_TOVM, &d);
    if (r < 0) {
        __atomic_store_n(&call->state, RPC_FREE, __ATOMIC_RELEASE); /* never published */
    } else {
        r = wait_reply(s, call);
        if (r < 0 && !__atomic_compare_exchange_n(&call->state, &(uint32_t){RPC_SENT}, RPC_ABANDONED, false,
                                                  __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            r = 0; /* it came after all */
    }
    if (r == 0) {
        reply->result = call->result;
        reply->arg1 = call->arg1;
        memcpy(reply->bytes, s->edge + at + TOSEC_RPC_REPLY_OFFSET, sizeof reply->bytes);
        __atomic_store_n(&call->state, RPC_FREE, __ATOMIC_RELEASE);
        r = reply->result < -4095 || reply->result > 0x7fffffff ? -EPROTO : (int)reply->result;
    } else {
        debug_line("rpc", "no answer from the TOE, method", request->method);
        session_retire(s);
    }
    errno = saved;
    return r;
}
