/*
 * Prints every size, offset and number of the shared bytes as "name value" lines, for comparison with the other
 * language's definition. usage: print_layout [channels streams send_small send_large receive_small receive_large],
 * which adds the places that follow from them
 */
#include "../include/tosec_agent.h"
#include "../include/tosec_layout.h"

#include <stdio.h>
#include <stdlib.h>

#define SIZE(type) printf(#type " %zu\n", sizeof(struct type))
#define FIELD(type, field) printf(#type "." #field " %zu\n", offsetof(struct type, field))
#define VALUE(name) printf("%s %llu\n", #name, (unsigned long long)(name))

int main(int argc, char **argv) {
    SIZE(tosec_segment_header);
    FIELD(tosec_segment_header, magic), FIELD(tosec_segment_header, layout_version), FIELD(tosec_segment_header, kind);
    FIELD(tosec_segment_header, total_bytes), FIELD(tosec_segment_header, epoch),
        FIELD(tosec_segment_header, guest_number);
    FIELD(tosec_segment_header, host_number), FIELD(tosec_segment_header, channels),
        FIELD(tosec_segment_header, streams);
    FIELD(tosec_segment_header, send_small), FIELD(tosec_segment_header, send_large),
        FIELD(tosec_segment_header, sealed_small);
    FIELD(tosec_segment_header, sealed_large), FIELD(tosec_segment_header, receive_small);
    FIELD(tosec_segment_header, receive_large), FIELD(tosec_segment_header, vectors),
        FIELD(tosec_segment_header, parties), FIELD(tosec_segment_header, guest_name);
    SIZE(tosec_descriptor);
    FIELD(tosec_descriptor, opcode), FIELD(tosec_descriptor, flags), FIELD(tosec_descriptor, code),
        FIELD(tosec_descriptor, slot);
    FIELD(tosec_descriptor, stream_id), FIELD(tosec_descriptor, sequence), FIELD(tosec_descriptor, offset);
    FIELD(tosec_descriptor, length), FIELD(tosec_descriptor, generation), FIELD(tosec_descriptor, correlation);
    FIELD(tosec_descriptor, arg0), FIELD(tosec_descriptor, arg1);
    SIZE(tosec_address);
    FIELD(tosec_address, family), FIELD(tosec_address, port), FIELD(tosec_address, scope), FIELD(tosec_address, bytes);
    SIZE(tosec_rpc_socket), FIELD(tosec_rpc_socket, family), FIELD(tosec_rpc_socket, type);
    SIZE(tosec_rpc_listen), FIELD(tosec_rpc_listen, backlog);
    SIZE(tosec_rpc_option), FIELD(tosec_rpc_option, level), FIELD(tosec_rpc_option, name),
        FIELD(tosec_rpc_option, length);
    SIZE(tosec_lane_header), FIELD(tosec_lane_header, tail), FIELD(tosec_lane_header, head);
    SIZE(tosec_edge_party);
    FIELD(tosec_edge_party, sleeping), FIELD(tosec_edge_party, heartbeat), FIELD(tosec_edge_party, incarnation);
    FIELD(tosec_edge_party, pending);
    SIZE(tosec_channel_header);
    FIELD(tosec_channel_header, sleeping), FIELD(tosec_channel_header, pid), FIELD(tosec_channel_header, session);
    SIZE(tosec_stream_cursor);
    FIELD(tosec_stream_cursor, receive_head), FIELD(tosec_stream_cursor, receive_offset);
    FIELD(tosec_stream_cursor, receive_lock), FIELD(tosec_stream_cursor, readable_token),
        FIELD(tosec_stream_cursor, channel);
    FIELD(tosec_stream_cursor, send_sequence), FIELD(tosec_stream_cursor, send_position),
        FIELD(tosec_stream_cursor, send_lock);
    FIELD(tosec_stream_cursor, want_write), FIELD(tosec_stream_cursor, fin_sent);
    FIELD(tosec_stream_cursor, putting_sequence), FIELD(tosec_stream_cursor, putting_position);
    SIZE(tosec_stream_state);
    FIELD(tosec_stream_state, connection_id), FIELD(tosec_stream_state, state), FIELD(tosec_stream_state, error);
    FIELD(tosec_stream_state, first_hop), FIELD(tosec_stream_state, starved), FIELD(tosec_stream_state, send_limit);
    FIELD(tosec_stream_state, local), FIELD(tosec_stream_state, family), FIELD(tosec_stream_state, type);
    FIELD(tosec_stream_state, remote), FIELD(tosec_stream_state, closed_read), FIELD(tosec_stream_state, receive_tail);
    SIZE(tosec_ring_entry);
    FIELD(tosec_ring_entry, offset), FIELD(tosec_ring_entry, length), FIELD(tosec_ring_entry, kind);
    SIZE(tosec_agent_packet);
    FIELD(tosec_agent_packet, type), FIELD(tosec_agent_packet, version), FIELD(tosec_agent_packet, pid);
    FIELD(tosec_agent_packet, channel), FIELD(tosec_agent_packet, session), FIELD(tosec_agent_packet, connection_id);
    FIELD(tosec_agent_packet, slot), FIELD(tosec_agent_packet, parties), FIELD(tosec_agent_packet, error);
    FIELD(tosec_agent_packet, by_register), FIELD(tosec_agent_packet, link);
    VALUE(TOSEC_MAGIC), VALUE(TOSEC_LAYOUT_VERSION), VALUE(TOSEC_PARTIES), VALUE(TOSEC_MAX_CHANNELS);
    VALUE(TOSEC_MIN_STREAMS), VALUE(TOSEC_MAX_STREAMS), VALUE(TOSEC_EDGE_LANE_SLOTS), VALUE(TOSEC_REPLY_LANE_SLOTS);
    VALUE(TOSEC_CORE_LANE_SLOTS), VALUE(TOSEC_RPC_SLOTS), VALUE(TOSEC_RPC_SLOT_BYTES), VALUE(TOSEC_RPC_REPLY_OFFSET);
    VALUE(TOSEC_RING_ENTRIES), VALUE(TOSEC_SMALL_BUFFER), VALUE(TOSEC_LARGE_BUFFER), VALUE(TOSEC_EDGE_PARTIES);
    VALUE(TOSEC_EDGE_READY_SUMMARY), VALUE(TOSEC_EDGE_READY), VALUE(TOSEC_EDGE_CHANNELS), VALUE(TOSEC_EDGE_LANE_BYTES);
    VALUE(TOSEC_REPLY_LANE_BYTES), VALUE(TOSEC_CHANNEL_LANES), VALUE(TOSEC_CHANNEL_REPLY_LANE),
        VALUE(TOSEC_CHANNEL_RPC);
    VALUE(TOSEC_CHANNEL_BYTES), VALUE(TOSEC_RECEIVE_STATES);
    VALUE(TOSEC_AGENT_VERSION), VALUE(TOSEC_EDGE), VALUE(TOSEC_RECEIVE), VALUE(TOSEC_CORE), VALUE(TOSEC_PARTY_GUEST);
    VALUE(TOSEC_PARTY_TOVM), VALUE(TOSEC_PARTY_SVM_FIRST);
    VALUE(TOSEC_OP_PAYLOAD), VALUE(TOSEC_OP_FIN), VALUE(TOSEC_OP_RESET), VALUE(TOSEC_OP_STREAM_OPEN);
    VALUE(TOSEC_OP_STREAM_CLOSE), VALUE(TOSEC_OP_STREAM_CLOSED), VALUE(TOSEC_OP_BLOCK), VALUE(TOSEC_OP_RPC);
    VALUE(TOSEC_OP_RPC_REPLY), VALUE(TOSEC_OP_CREDIT), VALUE(TOSEC_OP_CLOSE),
    VALUE(TOSEC_OP_REMOVED), VALUE(TOSEC_OP_ANSWER_ROOM);
    VALUE(TOSEC_RPC_SOCKET), VALUE(TOSEC_RPC_BIND), VALUE(TOSEC_RPC_LISTEN), VALUE(TOSEC_RPC_CONNECT);
    VALUE(TOSEC_RPC_SET_OPTION), VALUE(TOSEC_RPC_GET_OPTION), VALUE(TOSEC_RPC_SHUTDOWN);
    VALUE(TOSEC_STREAM_FREE), VALUE(TOSEC_STREAM_CREATED), VALUE(TOSEC_STREAM_LISTENING),
        VALUE(TOSEC_STREAM_CONNECTING);
    VALUE(TOSEC_STREAM_CONNECTED), VALUE(TOSEC_STREAM_FAILED), VALUE(TOSEC_STREAM_ABORTED);
    VALUE(TOSEC_ENTRY_DATA), VALUE(TOSEC_ENTRY_FIN), VALUE(TOSEC_ENTRY_RESET), VALUE(TOSEC_ENTRY_ACCEPTED);
    VALUE(TOSEC_AGENT_ATTACH), VALUE(TOSEC_AGENT_ATTACHED), VALUE(TOSEC_AGENT_REFUSED), VALUE(TOSEC_AGENT_REGISTER);
    if (argc != 7) return argc == 1 ? 0 : 2;
    /* The derived places, for the given counts and the last of everything. */
    uint32_t counts[6];
    for (int i = 0; i < 6; i++)
        counts[i] = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    struct tosec_segment_header header = {.channels = counts[0],
                                          .streams = counts[1],
                                          .send_small = counts[2],
                                          .send_large = counts[3],
                                          .receive_small = counts[4],
                                          .receive_large = counts[5]};
    const struct tosec_segment_header *h = &header;
    uint32_t channel = h->channels - 1, party = TOSEC_PARTIES - 1, rpc = TOSEC_RPC_SLOTS - 1, slot = h->streams - 1;
    uint32_t small = h->send_small - 1, large = h->send_large - 1;
    VALUE(tosec_edge_channel(channel)), VALUE(tosec_edge_lane(channel, party)), VALUE(tosec_edge_reply_lane(channel));
    VALUE(tosec_edge_rpc(channel, rpc)), VALUE(tosec_edge_cursors(h)), VALUE(tosec_edge_send_pool(h));
    VALUE(tosec_send_bytes_per_channel(h)), VALUE(tosec_edge_send_small(h, channel, small));
    VALUE(tosec_edge_send_large(h, channel, large)), VALUE(tosec_edge_end(h)), VALUE(tosec_receive_rings(h));
    VALUE(tosec_receive_ring(h, slot)), VALUE(tosec_receive_pool(h)), VALUE(tosec_receive_end(h));
    return 0;
}
