#ifndef TOSEC_STREAM_SEND_H
#define TOSEC_STREAM_SEND_H

#include "session.h"

/* Makes end A unwritable for poll; it stays so until the agent drains the other end. */
void fill_until_full(int fd);
/* Asks the agent to make A writable again if the stream has room. */
void ask_for_drain(struct stream *stream);
/*
 * Waits in the kernel until A takes a byte. 0: look again; -EAGAIN: A is full and the caller must not or no longer
 * wait; -EPIPE: the other end is gone; -EINTR.
 */
int wait_writable(int fd, int flags);
/*
 * After a wait that is over: the bytes that were sent to A in order to wait there may have come behind the agent's
 * draining, and then poll would call A full with nobody wanting anything.
 */
void leave_writable(struct stream_ref ref);
/* Publishes FIN once, behind everything sent. */
int send_fin(struct stream *stream);

#endif
