/* What the agent does to the cursors when a process is gone that may have been killed anywhere: as GuestAgent in C#. */
#include "fake.h"

#include <string.h>

/* Whether the gone process's lane to the stream's first hop holds this descriptor. Nobody writes there any more. */
static bool was_put(uint32_t channel, uint32_t slot, uint8_t opcode, uint64_t sequence) {
    const uint8_t *at = edge + tosec_edge_lane(channel, state_of(slot)->first_hop);
    uint64_t tail = __atomic_load_n(&((const struct tosec_lane_header *)at)->tail, __ATOMIC_ACQUIRE);
    for (uint64_t n = 1; n <= TOSEC_EDGE_LANE_SLOTS && n <= tail; n++) {
        struct tosec_descriptor d;
        memcpy(&d, at + TOSEC_LANE_HEADER + (tail - n) % TOSEC_EDGE_LANE_SLOTS * 64, sizeof d);
        if (d.opcode == opcode && d.slot == slot && d.stream_id == state_of(slot)->connection_id &&
            (opcode == TOSEC_OP_FIN || d.sequence == sequence))
            return true;
    }
    return false;
}

static void free_send_lock(uint32_t channel, uint32_t slot) {
    struct tosec_stream_cursor *cursor = cursor_of(slot);
    uint32_t holder = __atomic_load_n(&cursor->send_lock, __ATOMIC_ACQUIRE);
    if (holder == 0 || tosec_holder_channel(holder) != channel) return;
    uint64_t putting = cursor->putting_sequence;
    if (putting != 0 && was_put(channel, slot, TOSEC_OP_PAYLOAD, putting - 1)) {
        cursor->send_position = cursor->putting_position;
        cursor->send_sequence = putting;
    }
    cursor->putting_sequence = 0;
    if (cursor->fin_sent == TOSEC_FIN_PUTTING)
        cursor->fin_sent = was_put(channel, slot, TOSEC_OP_FIN, 0) ? TOSEC_FIN_SENT : TOSEC_FIN_NONE;
    __atomic_store_n(&cursor->send_lock, 0, __ATOMIC_RELEASE);
}

static void free_receive_lock(uint32_t channel, uint32_t slot) {
    struct tosec_stream_cursor *cursor = cursor_of(slot);
    uint32_t holder = __atomic_load_n(&cursor->receive_lock, __ATOMIC_ACQUIRE);
    if (holder == 0 || tosec_holder_channel(holder) != channel) return;
    /* Perhaps the byte was taken, perhaps not: the next look sends another, and the reader takes both. */
    __atomic_store_n(&cursor->readable_token, 0, __ATOMIC_RELEASE);
    const struct tosec_ring_entry *ring =
        (const struct tosec_ring_entry *)(receive + tosec_receive_ring(&geometry, slot));
    const struct tosec_ring_entry *next = &ring[cursor->receive_head % TOSEC_RING_ENTRIES];
    /* A connection that it had put its name to and not yet taken is the next acceptor's. */
    if (cursor->receive_head != state_of(slot)->receive_tail && next->kind == TOSEC_ENTRY_ACCEPTED)
        cursor_of(next->length)->channel = 0;
    __atomic_store_n(&cursor->receive_lock, 0, __ATOMIC_RELEASE);
}

void repair_after(uint32_t channel) {
    for (uint32_t slot = 0; slot < FAKE_STREAMS; slot++) {
        if (state_of(slot)->connection_id == 0) continue;
        free_send_lock(channel, slot);
        free_receive_lock(channel, slot);
    }
}
