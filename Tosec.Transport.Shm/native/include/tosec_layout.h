/*
 * The bytes that TOSEC's parties share, for C. The same definition in C# is Tosec.Transport.Shm/Layout;
 * golden tests on both sides pin every offset. All integers are little endian and of fixed width.
 *
 * A guest has three segments: edge (the guest reads and writes), receive (the guest reads), core (absent in the guest).
 * Every area starts on a page; the offsets follow from the counts in the header by the functions below.
 */
#ifndef TOSEC_LAYOUT_H
#define TOSEC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define TOSEC_MAGIC 0x47455343534F5431ull /* "1TOSCSEG" */
#define TOSEC_LAYOUT_VERSION 0x00010001u  /* major in the upper half: a reader refuses a major it does not know */

enum tosec_segment_kind { TOSEC_EDGE = 1, TOSEC_RECEIVE = 2, TOSEC_CORE = 3 };

/* Parties of one guest's memory: who may be the end of a lane. */
enum {
    TOSEC_PARTIES = 8,
    TOSEC_PARTY_GUEST = 0, /* the guest: its agent is channel 0, its application processes the other channels */
    TOSEC_PARTY_TOVM = 1,
    TOSEC_PARTY_SVM_FIRST = 2,
    TOSEC_PARTY_NONE = 255,
};

enum {
    TOSEC_PAGE = 4096,
    TOSEC_MAX_CHANNELS = 256,
    TOSEC_MIN_STREAMS = 64,
    TOSEC_MAX_STREAMS = 65536,
    TOSEC_EDGE_LANE_SLOTS = 128,
    TOSEC_REPLY_LANE_SLOTS = 64,
    TOSEC_CORE_LANE_SLOTS = 512,
    TOSEC_LANE_HEADER = 256,
    TOSEC_RPC_SLOTS = 16, /* per channel */
    TOSEC_RPC_SLOT_BYTES = 512,
    TOSEC_RPC_REPLY_OFFSET = 256, /* request in the first half of the slot, reply in the second */
    TOSEC_RING_ENTRIES = 64,      /* of one stream's receive ring */
    TOSEC_SMALL_BUFFER = 2048,
    TOSEC_LARGE_BUFFER = 32768,
};

/*
 * Head of every segment.
 *
 * offset size field              written by  meaning
 *      0    8 magic              creator     stored last, release; zero means "not ready"
 *      8    4 layout_version     creator
 *     12    4 kind               creator     tosec_segment_kind
 *     16    8 total_bytes        creator     length of the segment, a power of two
 *     24    8 epoch              creator     random; the same in the three segments of one guest
 *     32    4 guest_number       creator     unique on its host
 *     36    4 host_number        creator     unique in the site, 0..65535
 *     40    4 channels           creator     1..256; channel 0 is the agent's
 *     44    4 streams            creator     stream slots, a power of two, 64..65536
 *     48    4 send_small         creator     send buffers of 2 KiB per channel
 *     52    4 send_large         creator     send buffers of 32 KiB per channel
 *     56    4 sealed_small       creator     sealed pool
 *     60    4 sealed_large       creator
 *     64    4 receive_small      creator     receive pool
 *     68    4 receive_large      creator
 *     72    4 vectors            creator     event descriptors of the guest's edge slot: one per channel
 *     76    4 parties            creator     bit p: party p may attach
 *     80   32 guest_name         creator     UTF-8, zero padded
 *
 * The edge segment's header can be overwritten by the guest: parties that do not trust it take the counts from core.
 */
struct tosec_segment_header {
    uint64_t magic;
    uint32_t layout_version;
    uint32_t kind;
    uint64_t total_bytes;
    uint64_t epoch;
    uint32_t guest_number;
    uint32_t host_number;
    uint32_t channels;
    uint32_t streams;
    uint32_t send_small;
    uint32_t send_large;
    uint32_t sealed_small;
    uint32_t sealed_large;
    uint32_t receive_small;
    uint32_t receive_large;
    uint32_t vectors;
    uint32_t parties; /* bit p: party p may attach */
    char guest_name[32];
    uint8_t reserved1[144];
};
_Static_assert(sizeof(struct tosec_segment_header) == 256, "segment header");
_Static_assert(offsetof(struct tosec_segment_header, epoch) == 24, "epoch");
_Static_assert(offsetof(struct tosec_segment_header, channels) == 40, "channels");
_Static_assert(offsetof(struct tosec_segment_header, vectors) == 72, "vectors");
_Static_assert(offsetof(struct tosec_segment_header, guest_name) == 80, "guest_name");

/*
 * One descriptor: one cache line, written by the lane's producer before it publishes the tail.
 *
 * offset size field        meaning
 *      0    1 opcode       tosec_opcode
 *      1    1 flags        0
 *      2    2 code         RPC method, or a reason
 *      4    4 slot         stream slot
 *      8    8 stream_id    connection id; lowest bit: direction (0 out of the guest, 1 into it)
 *     16    8 sequence     per stream, from 0; FIN carries the number that follows the last payload
 *     24    8 offset       bytes from the start of the segment that holds the payload
 *     32    4 length       payload bytes
 *     36    4 generation   of the buffer
 *     40    8 correlation  RPC: returned in the reply
 *     48    8 arg0
 *     56    8 arg1
 */
struct tosec_descriptor {
    uint8_t opcode;
    uint8_t flags;
    uint16_t code;
    uint32_t slot;
    uint64_t stream_id;
    uint64_t sequence;
    uint64_t offset;
    uint32_t length;
    uint32_t generation;
    uint64_t correlation;
    uint64_t arg0;
    uint64_t arg1;
};
_Static_assert(sizeof(struct tosec_descriptor) == 64, "descriptor");
_Static_assert(offsetof(struct tosec_descriptor, offset) == 24, "offset");
_Static_assert(offsetof(struct tosec_descriptor, correlation) == 40, "correlation");

enum tosec_opcode {
    TOSEC_OP_PAYLOAD = 1,      /* channel -> first hop (edge buffer), hop -> hop (sealed or receive buffer) */
    TOSEC_OP_FIN = 2,          /* behind the last payload of a stream */
    TOSEC_OP_RESET = 3,        /* the stream ended with an error (code = errno) */
    TOSEC_OP_STREAM_OPEN = 4,  /* TOVM -> SVM: a stream record of the core segment is ready */
    TOSEC_OP_STREAM_CLOSE = 5, /* TOVM -> SVMs along the incoming path: forget the connection */
    TOSEC_OP_STREAM_CLOSED = 6,/* last SVM of that path -> TOVM */
    TOSEC_OP_BLOCK = 7,        /* SVM -> TOVM: end the connection (code = errno the guest sees) */
    TOSEC_OP_RPC = 8,          /* channel -> TOVM: request in the RPC slot at offset, length bytes */
    TOSEC_OP_RPC_REPLY = 9,    /* TOVM -> channel: arg0 = result (>= 0, or negative errno), arg1 and reply bytes by method */
    TOSEC_OP_CREDIT = 10,      /* channel -> TOVM: the receive ring of slot has been read on */
    TOSEC_OP_CLOSE = 11,       /* agent -> TOVM: the last reference to slot is gone */
    TOSEC_OP_REMOVED = 12,     /* SVM -> TOVM: arg0 payloads that cost arg1 of credit were taken out of the stream */
    TOSEC_OP_ANSWER_ROOM = 13, /* SVM -> TOVM: room for arg1 bytes of answer?; TOVM -> SVM: code 0, EAGAIN or EPIPE */
};

/* RPC methods (descriptor.code). Requests and replies are the structs below, in the RPC slot. */
enum tosec_rpc {
    TOSEC_RPC_SOCKET = 1,     /* tosec_rpc_socket -> result slot, arg1 = connection id */
    TOSEC_RPC_BIND = 2,       /* slot; tosec_address */
    TOSEC_RPC_LISTEN = 3,     /* slot; tosec_rpc_listen */
    TOSEC_RPC_CONNECT = 4,    /* slot; tosec_address -> 0 when begun: the end shows in the stream state */
    TOSEC_RPC_SET_OPTION = 5, /* slot; tosec_rpc_option + value */
    TOSEC_RPC_GET_OPTION = 6, /* slot; tosec_rpc_option -> result = length, value in the reply */
    TOSEC_RPC_SHUTDOWN = 7,   /* slot; arg0 = SHUT_RD: discard what comes in; listeners: stop listening */
};

/* An IPv4 or IPv6 address; 24 bytes. Port in host order; family 0 = none, 4, 6. An IPv4 address lies in bytes 0..3. */
struct tosec_address {
    uint16_t family;
    uint16_t port;
    uint32_t scope;
    uint8_t bytes[16];
};
_Static_assert(sizeof(struct tosec_address) == 24, "address");

struct tosec_rpc_socket { /* values of this enumeration, not the kernel's numbers */
    uint32_t family;      /* 4 or 6 */
    uint32_t type;        /* 1 stream, 2 datagram */
};
struct tosec_rpc_listen {
    uint32_t backlog;
};
struct tosec_rpc_option {
    int32_t level; /* Linux x86-64 numbers, as the application gave them */
    int32_t name;
    uint32_t length; /* of the value that follows, or room for it; at most 128 */
    uint32_t reserved;
};
_Static_assert(sizeof(struct tosec_rpc_option) == 16, "rpc option");

/*
 * A lane: bounded single-producer single-consumer ring of descriptors.
 * offset 0: tail, positions written (producer, release; pairs with the consumer's acquire)
 * offset 128: head, positions read (consumer, release; pairs with the producer's acquire)
 * offset 256: slots
 * A payload buffer of a channel is free again when head has passed its descriptor.
 */
struct tosec_lane_header {
    uint64_t tail;
    uint8_t pad0[120];
    uint64_t head;
    uint8_t pad1[120];
};
_Static_assert(sizeof(struct tosec_lane_header) == TOSEC_LANE_HEADER, "lane header");
_Static_assert(offsetof(struct tosec_lane_header, head) == 128, "head");

/*
 * Wake-up state of one party in the edge segment; 256 bytes per party, party p at TOSEC_EDGE_PARTIES + p * 256.
 *   0  4 sleeping     1 while the party blocks (set by the party; whoever takes it from 1 to 0 rings its doorbell)
 *   8  8 heartbeat    grows several times a second while the party lives (party)
 *  16  8 incarnation  random, changes when the party starts again; 0: never attached (party)
 * 128 32 pending   bit c: channel c's lane to this party has news (set by producers after the tail, taken by the party)
 * For the guest's party, sleeping is the agent's, and pending is not used: the ready bitmap below is.
 */
struct tosec_edge_party {
    uint32_t sleeping;
    uint32_t parties; /* bit p: party p may attach */
    uint64_t heartbeat;
    uint64_t incarnation;
    uint8_t pad0[104];
    uint64_t pending[4];
    uint8_t pad1[96];
};
_Static_assert(sizeof(struct tosec_edge_party) == 256, "edge party");
_Static_assert(offsetof(struct tosec_edge_party, pending) == 128, "pending");

/*
 * Head of a channel; 256 bytes.
 *   0  4 sleeping  1 while a thread of the process waits for an RPC reply on the channel's event descriptor
 *                  (set by the process; whoever takes it from 1 to 0 rings vector = channel number of the guest's slot)
 *   4  4 pid       of the process, in the guest (written by the agent); 0: free
 *   8  8 session   changes each time the channel is given to a process (written by the agent)
 */
struct tosec_channel_header {
    uint32_t sleeping;
    uint32_t pid;
    uint64_t session;
    uint8_t pad[240];
};
_Static_assert(sizeof(struct tosec_channel_header) == 256, "channel header");

/*
 * What the guest owns of a stream; 128 bytes in the edge segment. Shared by all processes that hold the descriptor.
 *   0  8 receive_head    ring entries consumed
 *   8  4 receive_offset  lower half: bytes consumed of the entry at the position whose lower 16 bits are the upper half
 *  12  4 receive_lock    0, or its holder: channel in bits 22 to 29, thread below; the agent frees what a gone process held
 *  16  4 readable_token  1 while a byte waits on the application's end of the pair (agent sets, whoever drains it clears)
 *  20  4 channel         channel that holds the slot until the agent has the other end; 0: none
 *  64  8 send_sequence   next sequence number of the outgoing stream
 *  72  8 send_position   credit used, in bytes of the buffer classes used
 *  80  4 send_lock       as receive_lock
 *  84  4 want_write      1: tell the agent when send_limit grows (set by a writer, taken by the agent)
 *  88  4 fin_sent        0 no, 1 published, 2 being published under send_lock
 *  96  8 putting_sequence 1 + sequence number of the payload that is being published under send_lock; 0: none
 * 104  8 putting_position what send_position becomes with it
 */
struct tosec_stream_cursor {
    uint64_t receive_head;
    uint32_t receive_offset;
    uint32_t receive_lock;
    uint32_t readable_token;
    uint32_t channel;
    uint8_t pad0[40];
    uint64_t send_sequence;
    uint64_t send_position;
    uint32_t send_lock;
    uint32_t want_write;
    uint32_t fin_sent;
    uint32_t reserved0;
    uint64_t putting_sequence;
    uint64_t putting_position;
    uint8_t pad1[16];
};
_Static_assert(sizeof(struct tosec_stream_cursor) == 128, "stream cursor");
_Static_assert(offsetof(struct tosec_stream_cursor, send_sequence) == 64, "send_sequence");
_Static_assert(offsetof(struct tosec_stream_cursor, putting_sequence) == 96, "putting_sequence");

enum { TOSEC_FIN_NONE = 0, TOSEC_FIN_SENT = 1, TOSEC_FIN_PUTTING = 2 };

/* The kernel's thread numbers stay below 2^22 (PID_MAX_LIMIT). */
enum { TOSEC_HOLDER_THREAD_BITS = 22 };
static inline uint32_t tosec_holder(uint32_t channel, uint32_t thread) {
    return channel << TOSEC_HOLDER_THREAD_BITS | (thread & ((1u << TOSEC_HOLDER_THREAD_BITS) - 1));
}
static inline uint32_t tosec_holder_channel(uint32_t word) {
    return word >> TOSEC_HOLDER_THREAD_BITS;
}

/*
 * What the guest may read of a stream; 256 bytes in the receive segment.
 *   0  8 connection_id   0: the slot is free (TOVM)
 *   8  4 state           tosec_stream_status (TOVM, release, stored after what it announces)
 *  12  4 error           errno of a failed connect or of the end; read through SO_ERROR (TOVM)
 *  16  4 first_hop       party that outgoing payloads are sent to (TOVM)
 *  20  4 starved         1: the TOE has stopped reading for want of credit; tell it with CREDIT (TOVM)
 *  24  8 send_limit      credit granted, compare with send_position (TOVM, release)
 *  32 24 local           (TOVM)
 *  56  4 family          of the socket: 4 or 6 (TOVM)
 *  60  4 type            1 stream, 2 datagram (TOVM)
 *  64 24 remote          (TOVM)
 *  88  4 closed_read     1: nothing more will come and no entry says so (abort) (TOVM)
 * 128  8 receive_tail    ring entries published (last hop, release; pairs with the reader's acquire)
 */
struct tosec_stream_state {
    uint64_t connection_id;
    uint32_t state;
    uint32_t error;
    uint32_t first_hop;
    uint32_t starved;
    uint64_t send_limit;
    struct tosec_address local;
    uint32_t family;
    uint32_t type;
    struct tosec_address remote;
    uint32_t closed_read;
    uint8_t pad0[36];
    uint64_t receive_tail;
    uint8_t pad1[120];
};
_Static_assert(sizeof(struct tosec_stream_state) == 256, "stream state");
_Static_assert(offsetof(struct tosec_stream_state, send_limit) == 24, "send_limit");
_Static_assert(offsetof(struct tosec_stream_state, remote) == 64, "remote");
_Static_assert(offsetof(struct tosec_stream_state, receive_tail) == 128, "receive_tail");

enum tosec_stream_status {
    TOSEC_STREAM_FREE = 0,
    TOSEC_STREAM_CREATED = 1,
    TOSEC_STREAM_LISTENING = 2,
    TOSEC_STREAM_CONNECTING = 3,
    TOSEC_STREAM_CONNECTED = 4,
    TOSEC_STREAM_FAILED = 5,  /* connect failed: error says why; the socket may try again */
    TOSEC_STREAM_ABORTED = 6, /* reset by the peer, by a verdict, or because the TOE is gone: error says which errno */
};

/* One entry of a stream's receive ring; 16 bytes, written by the last hop of the incoming path. */
struct tosec_ring_entry {
    uint64_t offset; /* DATA: bytes from the start of the receive segment; ACCEPTED: connection id */
    uint32_t length; /* DATA: payload bytes; ACCEPTED: stream slot; RESET: errno */
    uint32_t kind;   /* tosec_entry_kind */
};
_Static_assert(sizeof(struct tosec_ring_entry) == 16, "ring entry");

enum tosec_entry_kind {
    TOSEC_ENTRY_DATA = 1,
    TOSEC_ENTRY_FIN = 2,
    TOSEC_ENTRY_RESET = 3,
    TOSEC_ENTRY_ACCEPTED = 4,
};

/* ---- where things lie -------------------------------------------------------------------------------------------- */

static inline uint64_t tosec_page_up(uint64_t n) { return (n + (TOSEC_PAGE - 1)) & ~(uint64_t)(TOSEC_PAGE - 1); }

enum {
    TOSEC_EDGE_PARTIES = TOSEC_PAGE, /* 8 x 256 bytes */
    /* Slots whose readiness the agent has to look at: words of 64 bits, one bit a slot; a summary of one bit a word.
     * Set word first, then summary; the agent takes the summary first. */
    TOSEC_EDGE_READY_SUMMARY = 2 * TOSEC_PAGE, /* 16 words */
    TOSEC_EDGE_READY = 3 * TOSEC_PAGE,         /* streams / 64 words */
    TOSEC_EDGE_CHANNELS = 5 * TOSEC_PAGE,
    TOSEC_EDGE_LANE_BYTES = TOSEC_LANE_HEADER + TOSEC_EDGE_LANE_SLOTS * 64,
    TOSEC_REPLY_LANE_BYTES = TOSEC_LANE_HEADER + TOSEC_REPLY_LANE_SLOTS * 64,
    /* of one channel: header, lanes to parties 0..7, reply lane, RPC slots; rounded up to pages */
    TOSEC_CHANNEL_LANES = 256,
    TOSEC_CHANNEL_REPLY_LANE = TOSEC_CHANNEL_LANES + TOSEC_PARTIES * TOSEC_EDGE_LANE_BYTES,
    TOSEC_CHANNEL_RPC = TOSEC_CHANNEL_REPLY_LANE + TOSEC_REPLY_LANE_BYTES,
    TOSEC_CHANNEL_END = TOSEC_CHANNEL_RPC + TOSEC_RPC_SLOTS * TOSEC_RPC_SLOT_BYTES,
    TOSEC_CHANNEL_BYTES = (TOSEC_CHANNEL_END + TOSEC_PAGE - 1) / TOSEC_PAGE * TOSEC_PAGE,
};
_Static_assert(TOSEC_EDGE_LANE_BYTES == 8448, "edge lane");
_Static_assert(TOSEC_CHANNEL_BYTES == 81920, "channel");

static inline uint64_t tosec_edge_channel(uint32_t channel) {
    return TOSEC_EDGE_CHANNELS + (uint64_t)channel * TOSEC_CHANNEL_BYTES;
}
static inline uint64_t tosec_edge_lane(uint32_t channel, uint32_t party) {
    return tosec_edge_channel(channel) + TOSEC_CHANNEL_LANES + (uint64_t)party * TOSEC_EDGE_LANE_BYTES;
}
static inline uint64_t tosec_edge_reply_lane(uint32_t channel) {
    return tosec_edge_channel(channel) + TOSEC_CHANNEL_REPLY_LANE;
}
static inline uint64_t tosec_edge_rpc(uint32_t channel, uint32_t rpc_slot) {
    return tosec_edge_channel(channel) + TOSEC_CHANNEL_RPC + (uint64_t)rpc_slot * TOSEC_RPC_SLOT_BYTES;
}
static inline uint64_t tosec_edge_cursors(const struct tosec_segment_header *h) {
    return TOSEC_EDGE_CHANNELS + (uint64_t)h->channels * TOSEC_CHANNEL_BYTES;
}
static inline uint64_t tosec_edge_send_pool(const struct tosec_segment_header *h) {
    return tosec_page_up(tosec_edge_cursors(h) + (uint64_t)h->streams * sizeof(struct tosec_stream_cursor));
}
static inline uint64_t tosec_send_bytes_per_channel(const struct tosec_segment_header *h) {
    return (uint64_t)h->send_small * TOSEC_SMALL_BUFFER + (uint64_t)h->send_large * TOSEC_LARGE_BUFFER;
}
/* A channel's send buffers: its small ones, then its large ones. */
static inline uint64_t tosec_edge_send_small(const struct tosec_segment_header *h, uint32_t channel, uint32_t i) {
    return tosec_edge_send_pool(h) + channel * tosec_send_bytes_per_channel(h) + (uint64_t)i * TOSEC_SMALL_BUFFER;
}
static inline uint64_t tosec_edge_send_large(const struct tosec_segment_header *h, uint32_t channel, uint32_t i) {
    return tosec_edge_send_small(h, channel, h->send_small) + (uint64_t)i * TOSEC_LARGE_BUFFER;
}
static inline uint64_t tosec_edge_end(const struct tosec_segment_header *h) {
    return tosec_edge_send_pool(h) + h->channels * tosec_send_bytes_per_channel(h);
}

enum { TOSEC_RECEIVE_STATES = TOSEC_PAGE };
static inline uint64_t tosec_receive_rings(const struct tosec_segment_header *h) {
    return TOSEC_RECEIVE_STATES + (uint64_t)h->streams * sizeof(struct tosec_stream_state);
}
static inline uint64_t tosec_receive_ring(const struct tosec_segment_header *h, uint32_t slot) {
    return tosec_receive_rings(h) + (uint64_t)slot * TOSEC_RING_ENTRIES * sizeof(struct tosec_ring_entry);
}
static inline uint64_t tosec_receive_pool(const struct tosec_segment_header *h) {
    return tosec_page_up(tosec_receive_ring(h, h->streams));
}
static inline uint64_t tosec_receive_end(const struct tosec_segment_header *h) {
    return tosec_receive_pool(h) + (uint64_t)h->receive_small * TOSEC_SMALL_BUFFER +
           (uint64_t)h->receive_large * TOSEC_LARGE_BUFFER;
}

#endif
