#ifndef TOSEC_RPC_H
#define TOSEC_RPC_H

#include "session.h"

struct rpc_reply {
    int64_t result; /* >= 0, or negative errno */
    uint64_t arg1;
    uint8_t bytes[TOSEC_RPC_SLOT_BYTES - TOSEC_RPC_REPLY_OFFSET];
};

struct rpc_request {
    uint16_t method;
    uint32_t slot;
    uint64_t id; /* connection id, or 0 */
    uint64_t arg0;
    const void *bytes;
    uint32_t length; /* at most TOSEC_RPC_REPLY_OFFSET */
};

/*
 * Asks the TOE and waits for its answer. Blocks as long as the TOE lives: -ENETDOWN when its heart has stood still for
 * ten seconds or the agent is gone. Signals must be blocked by the caller. Returns reply->result.
 */
int rpc_call(struct session *s, const struct rpc_request *request, struct rpc_reply *reply);

#endif
