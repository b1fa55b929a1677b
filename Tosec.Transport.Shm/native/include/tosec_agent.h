/*
 * What an application process and its guest's agent say to each other: a UNIX SOCK_SEQPACKET connection per process,
 * one message a packet, descriptors by SCM_RIGHTS. The connection's end is the process's end.
 */
#ifndef TOSEC_AGENT_H
#define TOSEC_AGENT_H

#include <stddef.h>
#include <stdint.h>

#define TOSEC_AGENT_VERSION 2u

enum tosec_agent_message {
    TOSEC_AGENT_ATTACH = 1, /* process -> agent: version, pid */
    TOSEC_AGENT_ATTACHED =
        2, /* agent -> process, with descriptors: edge (rw), receive (ro), the channel's event descriptor,
              then the doorbell of each party in `parties`, lowest bit first,
              then the page of registers if there is any party in `by_register` */
    TOSEC_AGENT_REFUSED = 3,  /* agent -> process: error; the connection ends */
    TOSEC_AGENT_REGISTER = 4, /* process -> agent, with end B of the pair: slot, connection_id. No reply. */
};

/*
 * offset size field
 *      0    4 type           tosec_agent_message
 *      4    4 version        ATTACH, ATTACHED
 *      8    4 pid            ATTACH
 *     12    4 channel        ATTACHED
 *     16    8 session        ATTACHED: the channel header's session
 *     24    8 connection_id  REGISTER
 *     32    4 slot           REGISTER
 *     36    4 parties        ATTACHED: bit p: party p has a doorbell descriptor here
 *     40    4 error          REFUSED: errno
 *     44    4 by_register    ATTACHED: bit p: party p is rung by the doorbell register
 *     48    4 link           ATTACHED: number of party 0 on the link; party p's is p more
 *     52    4 reserved
 */
struct tosec_agent_packet {
    uint32_t type;
    uint32_t version;
    uint32_t pid;
    uint32_t channel;
    uint64_t session;
    uint64_t connection_id;
    uint32_t slot;
    uint32_t parties;
    uint32_t error;
    uint32_t by_register;
    uint32_t link;
    uint32_t reserved;
};
_Static_assert(sizeof(struct tosec_agent_packet) == 56, "agent packet");
_Static_assert(offsetof(struct tosec_agent_packet, connection_id) == 24, "connection_id");

/* Registers of an ivshmem device (QEMU docs/specs/ivshmem-spec), as far as a process needs them. */
enum {
    TOSEC_REGISTER_BYTES = 4096,  /* what can be mapped */
    TOSEC_REGISTER_DOORBELL = 12, /* write-only, 32 bits: peer's number in the upper half, vector in the lower */
};

/*
 * End B is bound to an abstract name, so getpeername() on end A, by whatever process holds it, tells the stream:
 * a zero byte, then printf("tosec/%016llx/%08x", connection id, slot).
 */
#define TOSEC_PEER_NAME_FORMAT "tosec/%016llx/%08x"
#define TOSEC_PEER_NAME_LENGTH 31 /* without the leading zero byte */

#endif
