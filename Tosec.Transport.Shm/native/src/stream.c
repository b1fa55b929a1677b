#include "session.h"
#include "debug.h"
#include "real.h"
#include "../include/tosec_agent.h"

#include <errno.h>

static const uint64_t one = 1;

static void ring_bell(struct session *s, uint32_t party) {
    struct tosec_edge_party *wake = (struct tosec_edge_party *)(s->edge + TOSEC_EDGE_PARTIES) + party;
    /* The caller published before; this fence orders that before the look at `sleeping`. The sleeper sets `sleeping`,
     * fences and looks at what is published. One of the two sees the other, so no news is slept over. */
    full_fence();
    if (__atomic_load_n(&wake->sleeping, __ATOMIC_RELAXED) == 0) return;
    if (__atomic_exchange_n(&wake->sleeping, 0, __ATOMIC_ACQ_REL) != 1) return;
    if ((s->by_register >> party & 1) != 0) s->registers[TOSEC_REGISTER_DOORBELL / 4] = (s->link + party) << 16;
    if (s->doorbell[party] < 0) return;
    int saved = errno;
    if (real.write(s->doorbell[party], &one, sizeof one) < 0) {
        /* A full event counter is a rung bell; a dead party is noticed by its heartbeat. */
    }
    errno = saved;
}

void wake_party(struct session *s, uint32_t party) {
    struct tosec_edge_party *wake = (struct tosec_edge_party *)(s->edge + TOSEC_EDGE_PARTIES) + party;
    __atomic_fetch_or(&wake->pending[s->channel / 64], 1ull << (s->channel % 64), __ATOMIC_RELEASE);
    ring_bell(s, party);
}

void wake_agent(struct session *s, uint32_t slot) {
    uint64_t *words = (uint64_t *)(s->edge + TOSEC_EDGE_READY);
    uint64_t *summary = (uint64_t *)(s->edge + TOSEC_EDGE_READY_SUMMARY);
    uint32_t word = slot / 64;
    __atomic_fetch_or(&words[word], 1ull << (slot % 64), __ATOMIC_RELEASE);
    __atomic_fetch_or(&summary[word / 64], 1ull << (word % 64), __ATOMIC_RELEASE);
    ring_bell(s, TOSEC_PARTY_GUEST);
}

int stream_enter(struct stream *stream, struct stream_ref *ref) {
    int r = session_enter(&stream->s);
    if (r < 0) return r;
    struct session *s = stream->s;
    for (int attempt = 0;; attempt++) {
        if (ref->slot < s->geometry.streams) {
            stream->ref = *ref;
            stream->cursor = (struct tosec_stream_cursor *)(s->edge + tosec_edge_cursors(&s->geometry)) + ref->slot;
            stream->state = (const struct tosec_stream_state *)(s->receive + TOSEC_RECEIVE_STATES) + ref->slot;
            if (__atomic_load_n(&stream->state->connection_id, __ATOMIC_ACQUIRE) == ref->id) return 0;
        }
        /* The table may be wrong: the number was closed and used again by a way that nobody saw. Ask once. */
        if (attempt > 0 || !fdtable_resolve(ref->fd, ref)) break;
    }
    session_leave(s);
    return -ECONNRESET;
}

/* A reset that came through the chain is the ring's last entry, and the state still says "connected". errno, or 0. */
static uint32_t reset_in_ring(const struct stream *stream) {
    const struct session *s = stream->s;
    uint64_t tail = __atomic_load_n(&stream->state->receive_tail, __ATOMIC_ACQUIRE);
    if (tail == 0) return 0;
    const struct tosec_ring_entry *ring =
        (const struct tosec_ring_entry *)(s->receive + tosec_receive_ring(&s->geometry, stream->ref.slot));
    struct tosec_ring_entry last = ring[(tail - 1) % TOSEC_RING_ENTRIES];
    if (last.kind != TOSEC_ENTRY_RESET) return 0;
    return last.length != 0 ? last.length : ECONNRESET;
}

bool stream_is_reset(const struct stream *stream) {
    return reset_in_ring(stream) != 0;
}

int stream_take_error(struct stream *stream) {
    uint32_t status = stream_status(stream);
    uint32_t error = __atomic_load_n(&stream->state->error, __ATOMIC_ACQUIRE);
    if (status == TOSEC_STREAM_CONNECTED) {
        error = reset_in_ring(stream);
        if (error == 0) return 0;
    } else if (status != TOSEC_STREAM_FAILED && status != TOSEC_STREAM_ABORTED) {
        return 0;
    }
    if (error == 0 || error > 4095) error = ECONNRESET;
    return (fdtable_flags_set(stream->ref.fd, FD_ERROR_READ) & FD_ERROR_READ) != 0 ? 0 : (int)error;
}

/* ---- send buffers -------------------------------------------------------------------------------------------------
 */

static void give_back(struct session *s, uint32_t handle) {
    if (handle == 0) return;
    if (handle >> 31)
        s->large_stack[s->large_free++] = handle;
    else
        s->small_stack[s->small_free++] = handle;
}

void pool_reap(struct session *s) {
    for (uint32_t p = 0; p < TOSEC_PARTIES; p++) {
        struct lane_out *lane = &s->lanes[p];
        if (lane->reaped == lane->tail) continue;
        uint64_t head = lane_load_head_as_producer(lane);
        for (; lane->reaped < head; lane->reaped++) {
            uint32_t *held = &lane->buffers[lane->reaped % TOSEC_EDGE_LANE_SLOTS];
            give_back(s, *held);
            *held = 0;
        }
    }
}

uint32_t pool_take(struct session *s, bool large) {
    process_lock(&s->lock);
    uint32_t *free = large ? &s->large_free : &s->small_free;
    uint32_t *stack = large ? s->large_stack : s->small_stack;
    if (*free == 0) pool_reap(s);
    uint32_t handle = *free == 0 ? 0 : stack[--*free];
    process_unlock(&s->lock);
    return handle;
}

void pool_return(struct session *s, uint32_t handle) {
    process_lock(&s->lock);
    give_back(s, handle);
    process_unlock(&s->lock);
}

uint64_t pool_offset(const struct session *s, uint32_t handle) {
    uint32_t index = (handle & 0x7fffffff) - 1;
    return handle >> 31 ? tosec_edge_send_large(&s->geometry, s->channel, index)
                        : tosec_edge_send_small(&s->geometry, s->channel, index);
}

int lane_put(struct session *s, uint32_t party, const struct tosec_descriptor *descriptor) {
    struct lane_out *lane = &s->lanes[party];
    for (uint32_t waited = 0;; waited++) {
        process_lock(&s->lock);
        if (!lane_has_room(lane)) pool_reap(s);
        bool room = lane_has_room(lane);
        if (room) lane_push(lane, descriptor, 0);
        process_unlock(&s->lock);
        if (room) {
            wake_party(s, party);
            return 0;
        }
        if (waited > 10000) {
            debug_line("lane", "full for ten seconds, party", party);
            return -ENETDOWN;
        }
        nap(1000);
    }
}
