#include "core.h"
#include "address.h"
#include "debug.h"
#include "points.h"
#include "real.h"
#include "rpc.h"
#include "session.h"
#include "stream_receive.h"
#include "stream_send.h"
#include "../include/tosec_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

void core_start(void) {
    real_ensure();
    debug_start();
    fdtable_start();
    session_start();
}

/* ---- the pair -----------------------------------------------------------------------------------------------------
 */

static void name_of(uint32_t slot, uint64_t id, char *text) {
    static const char digits[] = "0123456789abcdef";
    memcpy(text, "tosec/", 6);
    for (int i = 0; i < 16; i++)
        text[6 + i] = digits[id >> (60 - 4 * i) & 15];
    text[22] = '/';
    for (int i = 0; i < 8; i++)
        text[23 + i] = digits[slot >> (28 - 4 * i) & 15];
}

/* Both ends close-on-exec from the first moment: an end B that leaked into another program would hide our death. */
static int make_pair(int pair[2]) {
    if (real.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return -errno;
    int smallest = 1; /* the kernel raises it to its minimum */
    real.setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
    return 0;
}

static int give_to_agent(struct session *s, int end, uint32_t slot, uint64_t id) {
    struct tosec_agent_packet packet = {.type = TOSEC_AGENT_REGISTER, .connection_id = id, .slot = slot};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } ancillary;
    memset(&ancillary, 0, sizeof ancillary);
    struct iovec iov = {&packet, sizeof packet};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &end, sizeof end);
    return real.sendmsg(s->control, &message, MSG_NOSIGNAL) == sizeof packet ? 0 : -errno;
}

/* Names end B, hands it over and returns end A with the wanted flags. Consumes the pair. */
static int finish_pair(struct session *s, int pair[2], uint32_t slot, uint64_t id, int flags) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    name_of(slot, id, name.sun_path + 1);
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + 1 + TOSEC_PEER_NAME_LENGTH;
    POINT("end_kept");
    int r = real.bind(pair[1], (struct sockaddr *)&name, length) == 0 ? 0 : -errno;
    if (r == 0) {
        r = give_to_agent(s, pair[1], slot, id);
        if (r < 0) session_retire(s);
    }
    POINT("end_given");
    real.close(pair[1]);
    if (r < 0) {
        debug_line("socket", "cannot hand the other end to the agent, errno", -r);
        real.close(pair[0]);
        return r == -EMFILE || r == -ENFILE ? r : -ENETDOWN;
    }
    if ((flags & SOCK_CLOEXEC) == 0) real.fcntl(pair[0], F_SETFD, 0);
    if ((flags & SOCK_NONBLOCK) == 0) real.fcntl(pair[0], F_SETFL, O_RDWR);
    fdtable_publish(pair[0], slot, id);
    return pair[0];
}

static void hold_slot(struct session *s, uint32_t slot) {
    struct tosec_stream_cursor *cursors = (struct tosec_stream_cursor *)(s->edge + tosec_edge_cursors(&s->geometry));
    __atomic_store_n(&cursors[slot].channel, s->channel, __ATOMIC_RELEASE);
}

/* ---- calls --------------------------------------------------------------------------------------------------------
 */

static int create(struct session *s, uint32_t family, int flags) {
    int pair[2];
    int r = make_pair(pair); /* first: it fails for want of descriptors, and a slot could not be given back */
    if (r < 0) return r;
    struct tosec_rpc_socket wanted = {family, 1};
    struct rpc_request request = {.method = TOSEC_RPC_SOCKET, .bytes = &wanted, .length = sizeof wanted};
    struct rpc_reply reply;
    r = rpc_call(s, &request, &reply);
    if (r >= 0 && ((uint32_t)r >= s->geometry.streams || reply.arg1 == 0)) r = -EPROTO;
    if (r < 0) {
        real.close(pair[0]);
        real.close(pair[1]);
        return r;
    }
    POINT("socket_made");
    hold_slot(s, (uint32_t)r);
    return finish_pair(s, pair, (uint32_t)r, reply.arg1, flags);
}

int core_socket(int domain, int type, int protocol) {
    int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    type &= ~flags;
    if (type != SOCK_STREAM || (protocol != 0 && protocol != IPPROTO_TCP)) {
        debug_line("socket", "only TCP is served; type", type);
        return -EPROTONOSUPPORT;
    }
    signal_mask mask;
    struct session *s;
    signals_block(&mask);
    int r = session_enter(&s);
    if (r == 0) {
        r = create(s, domain == AF_INET6 ? 6 : 4, flags);
        session_leave(s);
    }
    signals_restore(&mask);
    return r;
}

static int stream_rpc(struct stream *stream, uint16_t method, uint64_t arg0, const void *bytes, uint32_t length) {
    struct rpc_request request = {method, stream->ref.slot, stream->ref.id, arg0, bytes, length};
    struct rpc_reply reply;
    return rpc_call(stream->s, &request, &reply);
}

int core_bind(struct stream_ref ref, const struct sockaddr *address, socklen_t length) {
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    int r = stream_enter(&stream, &ref);
    if (r == 0) {
        struct tosec_address wanted;
        r = address_from_kernel(stream.state->family, address, length, &wanted);
        if (r == 0) r = stream_rpc(&stream, TOSEC_RPC_BIND, 0, &wanted, sizeof wanted);
        stream_leave(&stream);
    }
    signals_restore(&mask);
    return r;
}

int core_listen(struct stream_ref ref, int backlog) {
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    int r = stream_enter(&stream, &ref);
    if (r == 0) {
        struct tosec_rpc_listen wanted = {backlog < 0 ? 0 : (uint32_t)backlog};
        r = stream_rpc(&stream, TOSEC_RPC_LISTEN, 0, &wanted, sizeof wanted);
        stream_leave(&stream);
    }
    signals_restore(&mask);
    return r;
}

/* 1: *entry is the next connection and its slot is ours; 0: none; negative errno. */
static int pop_connection(struct stream *stream, struct tosec_ring_entry *entry, bool byte_seen) {
    lock_to_receive(stream);
    int r = ring_peek(stream, stream->cursor->receive_head, entry);
    if (r == 0) {
        r = ring_settle(stream, byte_seen) ? 0 : ring_peek(stream, stream->cursor->receive_head, entry);
    }
    if (r == 1) {
        if (entry->kind == TOSEC_ENTRY_RESET) {
            r = entry->length > 0 && entry->length < 4096 ? -(int)entry->length : -ECONNABORTED;
        } else if (entry->kind != TOSEC_ENTRY_ACCEPTED) {
            r = -EINVAL;
        } else if (entry->length >= stream->s->geometry.streams || entry->offset == 0) {
            ring_advance(stream);
            r = -ECONNABORTED;
        } else {
            hold_slot(stream->s, entry->length); /* before the head moves: from then on only this says whose it is */
            POINT("connection_held");
            ring_advance(stream);
            /* The next one gets its byte from the agent; here only the empty ring matters. */
            struct tosec_ring_entry next;
            if (ring_peek(stream, stream->cursor->receive_head, &next) == 0) ring_settle(stream, false);
        }
    }
    unlock_to_receive(stream);
    POINT("connection_taken");
    if (r == 1) return_credit(stream);
    return r;
}

static int accept_once(struct stream *stream, struct sockaddr *address, socklen_t *length, int flags, bool byte_seen) {
    struct tosec_ring_entry entry;
    int pair[2];
    if (stream_status(stream) != TOSEC_STREAM_LISTENING) return -EINVAL;
    uint64_t head = __atomic_load_n(&stream->cursor->receive_head, __ATOMIC_ACQUIRE);
    bool likely = ring_peek(stream, head, &entry) == 1;
    /* The pair first: a connection that was taken could not be put back. */
    int r = likely ? make_pair(pair) : 0;
    if (r < 0) return r;
    r = pop_connection(stream, &entry, byte_seen);
    if (r == 1 && !likely) r = make_pair(pair) == 0 ? 1 : -ECONNABORTED;
    if (r == 1) {
        struct session *s = stream->s;
        const struct tosec_stream_state *fresh =
            (const struct tosec_stream_state *)(s->receive + TOSEC_RECEIVE_STATES) + entry.length;
        address_to_kernel(fresh->family, &fresh->remote, address, length);
        return finish_pair(s, pair, entry.length, entry.offset, flags);
    }
    if (likely) {
        real.close(pair[0]);
        real.close(pair[1]);
    }
    return r == 0 ? -EAGAIN : r;
}

int core_accept(struct stream_ref ref, struct sockaddr *address, socklen_t *length, int flags) {
    bool byte_seen = false, gone = false;
    if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0) return -EINVAL;
    for (;;) {
        signal_mask mask;
        struct stream stream;
        signals_block(&mask);
        int r = stream_enter(&stream, &ref);
        if (r == 0) {
            r = accept_once(&stream, address, length, flags, byte_seen);
            stream_leave(&stream);
        }
        signals_restore(&mask);
        if (r != -EAGAIN) return r;
        if (gone) return peer_is_gone(ref.fd) ? -ENETDOWN : -EINVAL; /* EINVAL: shut down, as in the kernel */
        r = wait_readable(ref.fd, 0);
        if (r < 0) return r;
        byte_seen = r == 1;
        gone = r == 0;
    }
}

/* A byte that told of a former failure, and would make the connection look readable. */
static void drop_stale_byte(struct stream *stream) {
    struct tosec_ring_entry entry;
    if (__atomic_load_n(&stream->cursor->readable_token, __ATOMIC_ACQUIRE) == 0) return;
    lock_to_receive(stream);
    if (ring_peek(stream, stream->cursor->receive_head, &entry) == 0) ring_settle(stream, false);
    unlock_to_receive(stream);
}

/* What the state says to a connect: 1 may begin, 2 under way, 0 or negative: the answer. */
static int connect_state(struct stream *stream) {
    int fd = stream->ref.fd;
    switch (stream_status(stream)) {
    case TOSEC_STREAM_CREATED:
        return 1;
    case TOSEC_STREAM_CONNECTING:
        return 2;
    case TOSEC_STREAM_CONNECTED:
        if ((fdtable_flags_clear(fd, FD_CONNECT_BEGUN) & FD_CONNECT_BEGUN) == 0) return -EISCONN;
        drop_stale_byte(stream);
        return 0;
    case TOSEC_STREAM_FAILED:
        if ((fdtable_flags_clear(fd, FD_CONNECT_BEGUN) & FD_CONNECT_BEGUN) == 0) return 1;
        int error = stream_take_error(stream);
        return error != 0 ? -error : 1;
    case TOSEC_STREAM_ABORTED: {
        int aborted = stream_take_error(stream);
        return aborted != 0 ? -aborted : -ECONNABORTED;
    }
    default:
        return -EISCONN;
    }
}

static int begin_connect(struct stream *stream, const struct sockaddr *address, socklen_t length) {
    struct tosec_address wanted;
    int r = address_from_kernel(stream->state->family, address, length, &wanted);
    if (r < 0) return r;
    fdtable_flags_clear(stream->ref.fd, FD_ERROR_READ);
    bool again = stream_status(stream) == TOSEC_STREAM_FAILED;
    if (again) drop_stale_byte(stream);
    fill_until_full(stream->ref.fd); /* not writable until the agent says how it ended */
    POINT("connect_filled");
    r = stream_rpc(stream, TOSEC_RPC_CONNECT, 0, &wanted, sizeof wanted);
    if (r < 0) {
        ask_for_drain(stream);
        return r;
    }
    POINT("connect_begun");
    fdtable_flags_set(stream->ref.fd, FD_CONNECT_BEGUN);
    /* An agent that has seen one failure cannot tell the next from it; only now, because the state has left the former
     * one. */
    if (again) ask_for_drain(stream);
    return 0;
}

int core_connect(struct stream_ref ref, const struct sockaddr *address, socklen_t length) {
    bool dont_wait = (real.fcntl(ref.fd, F_GETFL) & O_NONBLOCK) != 0;
    bool begun = false, waited = false;
    for (;;) {
        signal_mask mask;
        struct stream stream;
        signals_block(&mask);
        int r = stream_enter(&stream, &ref);
        if (r == 0) {
            r = connect_state(&stream);
            if (r == 1 && !begun) {
                r = begin_connect(&stream, address, length);
                begun = r == 0;
                if (begun) r = stream_status(&stream) == TOSEC_STREAM_CONNECTING || dont_wait ? 2 : 3;
            } else if (r == 1) {
                r = -ECONNREFUSED; /* somebody else heard the error first */
            }
            stream_leave(&stream);
        }
        signals_restore(&mask);
        if (r <= 0) {
            if (begun && !dont_wait) leave_writable(ref);
            return r;
        }
        if (r == 3) continue; /* ended at once */
        if (dont_wait) return begun ? -EINPROGRESS : -EALREADY;
        r = wait_writable(ref.fd, 0);
        if (r == -EAGAIN) return -EINPROGRESS; /* SO_SNDTIMEO has passed */
        if (r == -EPIPE) {
            if (waited) return -ECONNRESET; /* the agent is gone and the state says nothing */
            waited = true;
        } else if (r < 0) {
            return r;
        }
    }
}

int core_shutdown(struct stream_ref ref, int how) {
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return -EINVAL;
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    int r = stream_enter(&stream, &ref);
    if (r == 0) {
        uint32_t status = stream_status(&stream);
        bool reading = how != SHUT_WR, listening = status == TOSEC_STREAM_LISTENING;
        if (status != TOSEC_STREAM_CONNECTED && !listening) r = -ENOTCONN;
        if (r == 0 && how != SHUT_RD && !listening) r = send_fin(&stream);
        if (r == 0 && reading) {
            r = stream_rpc(&stream, TOSEC_RPC_SHUTDOWN, SHUT_RD, NULL, 0);
            /* A's own reading direction: whoever waits in any process wakes up and finds the end. */
            fdtable_flags_set(ref.fd, FD_READ_SHUT);
            if (r == 0) real.shutdown(ref.fd, SHUT_RD);
        }
        stream_leave(&stream);
    }
    signals_restore(&mask);
    return r;
}

int core_name(struct stream_ref ref, int remote, struct sockaddr *address, socklen_t *length) {
    if (address == NULL || length == NULL) return -EFAULT;
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    int r = stream_enter(&stream, &ref);
    if (r == 0) {
        uint32_t status = stream_status(&stream);
        if (remote && status != TOSEC_STREAM_CONNECTED)
            r = -ENOTCONN;
        else
            address_to_kernel(stream.state->family, remote ? &stream.state->remote : &stream.state->local, address,
                              length);
        stream_leave(&stream);
    }
    signals_restore(&mask);
    return r;
}
