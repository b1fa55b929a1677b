/*
 * Single-producer single-consumer rings of descriptors. Positions grow for ever; the index is the position modulo the
 * capacity. The other side is another party: its position is checked before it is believed, and a nonsensical one reads
 * as "full" or "empty".
 */
#ifndef TOSEC_LANE_H
#define TOSEC_LANE_H

#include "../include/tosec_layout.h"

#include <stdbool.h>
#include <string.h>

/* Producer's side; the owner's lock serialises the threads of the process. */
struct lane_out {
    struct tosec_lane_header *header;
    struct tosec_descriptor *slots;
    uint64_t tail;
    uint64_t reaped;                         /* positions whose buffers have come back */
    uint32_t buffers[TOSEC_EDGE_LANE_SLOTS]; /* what the descriptor at an index holds; 0: nothing */
};

struct lane_in {
    struct tosec_lane_header *header;
    const struct tosec_descriptor *slots;
    uint64_t head;
};

static inline void lane_out_open(struct lane_out *lane, void *at) {
    lane->header = at;
    lane->slots = (struct tosec_descriptor *)((uint8_t *)at + TOSEC_LANE_HEADER);
    lane->tail = __atomic_load_n(&lane->header->tail, __ATOMIC_ACQUIRE);
    lane->reaped = lane->tail;
}

/* Consumer's position; pairs with its release after it has read a descriptor. */
static inline uint64_t lane_load_head_as_producer(const struct lane_out *lane) {
    uint64_t head = __atomic_load_n(&lane->header->head, __ATOMIC_ACQUIRE);
    return lane->tail - head <= TOSEC_EDGE_LANE_SLOTS ? head : lane->tail - TOSEC_EDGE_LANE_SLOTS;
}

static inline bool lane_has_room(const struct lane_out *lane) {
    /* Unreaped indexes are not overwritten either: their buffers would be lost. */
    return lane->tail - lane_load_head_as_producer(lane) < TOSEC_EDGE_LANE_SLOTS &&
           lane->tail - lane->reaped < TOSEC_EDGE_LANE_SLOTS;
}

/* Room must have been checked under the same lock. */
static inline void lane_push(struct lane_out *lane, const struct tosec_descriptor *descriptor, uint32_t buffer) {
    uint32_t index = (uint32_t)(lane->tail % TOSEC_EDGE_LANE_SLOTS);
    lane->slots[index] = *descriptor;
    lane->buffers[index] = buffer;
    lane->tail++;
    __atomic_store_n(&lane->header->tail, lane->tail, __ATOMIC_RELEASE);
}

static inline void lane_in_open(struct lane_in *lane, void *at) {
    lane->header = at;
    lane->slots = (const struct tosec_descriptor *)((const uint8_t *)at + TOSEC_LANE_HEADER);
    lane->head = __atomic_load_n(&lane->header->head, __ATOMIC_ACQUIRE);
}

static inline bool lane_has_news(const struct lane_in *lane) {
    uint64_t waiting = __atomic_load_n(&lane->header->tail, __ATOMIC_ACQUIRE) - lane->head;
    return waiting != 0 && waiting <= TOSEC_REPLY_LANE_SLOTS;
}

static inline bool lane_pop(struct lane_in *lane, struct tosec_descriptor *descriptor) {
    if (!lane_has_news(lane)) return false;
    memcpy(descriptor, &lane->slots[lane->head % TOSEC_REPLY_LANE_SLOTS], sizeof *descriptor);
    lane->head++;
    __atomic_store_n(&lane->header->head, lane->head, __ATOMIC_RELEASE);
    return true;
}

#endif
