#ifndef TOSEC_STREAM_RECEIVE_H
#define TOSEC_STREAM_RECEIVE_H

#include "session.h"

/* The reader's view of a stream's ring. What follows is used under lock_to_receive unless it says otherwise. */
/* Bytes already taken of the entry at receive_head. */
uint32_t ring_offset(const struct stream *stream);
/* Copies the entry at position; 1: there is one, 0: none yet, negative: the ring makes no sense. */
int ring_peek(const struct stream *stream, uint64_t position, struct tosec_ring_entry *entry);
/* Moves past the entry at receive_head. */
void ring_advance(struct stream *stream);
/*
 * When the ring is empty: takes the readiness byte back, so that poll waits again. byte_seen: the kernel has just shown
 * a byte, so it is taken even if the token says none is there. False: news came meanwhile (and the agent knows).
 */
bool ring_settle(struct stream *stream, bool byte_seen);
/* After the lock is released: gives credit back if the TOE waits for it. */
void return_credit(struct stream *stream);
/* Waits in the kernel for A to be readable: 1 a byte, 0 end, negative errno. */
int wait_readable(int fd, int flags);
/* A read 0 bytes: true if the other end is closed, false if only this direction was shut down. */
bool peer_is_gone(int fd);

#endif
