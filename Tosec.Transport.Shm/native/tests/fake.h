/*
 * A stand-in for agent and TOE, for testing the library alone: one process, one thread, one epoll set, kernel sockets
 * behind. It keeps to the wake-up rules strictly (no polling for what a bell should have told), so a lost wake-up shows
 * as a hang.
 */
#ifndef FAKE_H
#define FAKE_H

#include "../include/tosec_agent.h"
#include "../include/tosec_layout.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAKE_CHANNELS = 48, FAKE_STREAMS = 2048, RECEIVE_BUFFERS = 8192 };
enum event_kind { EVENT_ACCEPT = 1, EVENT_CONTROL, EVENT_BELL, EVENT_BEAT, EVENT_PEER, EVENT_SOCKET };

extern uint8_t *edge, *receive;
extern struct tosec_segment_header geometry;
extern int epoll;
extern uint64_t window;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "fake node: %s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline uint64_t event_key(enum event_kind kind, uint32_t number) {
    return (uint64_t)kind << 32 | number;
}

static inline struct tosec_stream_cursor *cursor_of(uint32_t slot) {
    return (struct tosec_stream_cursor *)(edge + tosec_edge_cursors(&geometry)) + slot;
}
static inline struct tosec_stream_state *state_of(uint32_t slot) {
    return (struct tosec_stream_state *)(receive + TOSEC_RECEIVE_STATES) + slot;
}
static inline struct tosec_edge_party *party_of(uint32_t party) {
    return (struct tosec_edge_party *)(edge + TOSEC_EDGE_PARTIES) + party;
}

/* fake_node.c */
void reply(uint32_t channel, const struct tosec_descriptor *request, int64_t result, uint64_t arg1);
void watch(int fd, uint32_t events, uint64_t key, bool change);

/* fake_repair.c */
void repair_after(uint32_t channel); /* before the channel is cleared */

/* fake_toe.c */
void toe_rpc(uint32_t channel, const struct tosec_descriptor *d);
void toe_descriptor(const struct tosec_descriptor *d);
void toe_socket_event(uint32_t slot, uint32_t events);
void toe_registered(uint32_t slot, uint64_t id, int end_b);
void toe_look(uint32_t slot); /* the ready bit was set */
void toe_peer_closed(uint32_t slot);
void toe_channel_gone(uint32_t channel);
int toe_streams(void);
int toe_buffers(void);

#endif
