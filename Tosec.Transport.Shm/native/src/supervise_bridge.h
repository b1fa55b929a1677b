/* What the files of the bridge share. */
#ifndef TOSEC_SUPERVISE_BRIDGE_H
#define TOSEC_SUPERVISE_BRIDGE_H

#include "supervise.h"

/* supervise_bridge.c */

/* Makes the epoll set tell what the bridge's state can use. */
void bridge_update(struct bridge *b);
void bridge_close_stream(int fd);
/* A listener for which there are no descriptors: tried again at the next tick. */
void bridge_set_stalled(struct bridge *b, bool stalled);
/* Takes a call out of those that wait. */
struct call bridge_unlink_waiting(struct waiting **at);
/* True if anybody has heard it. */
bool bridge_answer_waiting(struct bridge *b, int64_t result);

/* supervise_flow.c: what one side gave, as far as the other takes it. May end the bridge. */
static inline bool flow_is_empty(const struct flow *flow) {
    return flow->bytes == NULL;
}
void flow_out(struct bridge *b); /* from the program to the connection */
void flow_in(struct bridge *b);  /* from the connection to the program */

/* supervise_open.c: the TOSEC socket has news */
void bridge_go_on_connecting(struct bridge *b);
void bridge_take_arrivals(struct bridge *b);

#endif
