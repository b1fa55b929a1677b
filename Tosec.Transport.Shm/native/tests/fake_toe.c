#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes on their way to the kernel. */
struct chunk {
    struct chunk *next;
    uint64_t sequence;
    uint32_t cost, length, sent;
    bool fin;
    uint8_t bytes[];
};

static struct stream {
    bool used, registered, closing, fin_received, ended, reset, starved;
    int socket, end_b;
    uint64_t expected;          /* next sequence to the kernel */
    struct chunk *ready, *late; /* in order; arrived before their turn */
    uint64_t ring_tail, ring_freed;
    int64_t held[TOSEC_RING_ENTRIES]; /* receive buffer of an entry, or -1 */
    uint32_t events;
} streams[FAKE_STREAMS];
static uint32_t next_id = 1;
static bool buffer_used[RECEIVE_BUFFERS];

int toe_streams(void) {
    int n = 0;
    for (int i = 0; i < FAKE_STREAMS; i++)
        n += streams[i].used;
    return n;
}
int toe_buffers(void) {
    int n = 0;
    for (int i = 0; i < RECEIVE_BUFFERS; i++)
        n += buffer_used[i];
    return n;
}

static void interest(uint32_t slot, uint32_t events) {
    struct stream *s = &streams[slot];
    if (s->socket < 0 || s->events == events) return;
    watch(s->socket, events, event_key(EVENT_SOCKET, slot), s->events != ~0u);
    s->events = events;
}

static void from_kernel(const struct sockaddr_storage *from, struct tosec_address *to) {
    memset(to, 0, sizeof *to);
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        to->family = 4;
        to->port = ntohs(in->sin_port);
        memcpy(to->bytes, &in->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;
        to->family = 6;
        to->port = ntohs(in->sin6_port);
        to->scope = in->sin6_scope_id;
        memcpy(to->bytes, &in->sin6_addr, 16);
    }
}

static socklen_t to_kernel(const struct tosec_address *from, struct sockaddr_storage *to) {
    memset(to, 0, sizeof *to);
    if (from->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)to;
        in->sin_family = AF_INET;
        in->sin_port = htons(from->port);
        memcpy(&in->sin_addr, from->bytes, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)to;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(from->port);
    in->sin6_scope_id = from->scope;
    memcpy(&in->sin6_addr, from->bytes, 16);
    return sizeof *in;
}

static void note_addresses(uint32_t slot) {
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    if (getsockname(streams[slot].socket, (struct sockaddr *)&name, &length) == 0)
        from_kernel(&name, &state_of(slot)->local);
    length = sizeof name;
    if (getpeername(streams[slot].socket, (struct sockaddr *)&name, &length) == 0)
        from_kernel(&name, &state_of(slot)->remote);
}

static void set_state(uint32_t slot, uint32_t status) {
    __atomic_store_n(&state_of(slot)->state, status, __ATOMIC_RELEASE);
}

static int64_t allocate(int family, int socket_fd, uint32_t status) {
    for (uint32_t slot = 0; slot < FAKE_STREAMS; slot++) {
        struct stream *s = &streams[slot];
        if (s->used) continue;
        *s = (struct stream){.used = true, .socket = socket_fd, .end_b = -1, .events = ~0u};
        struct tosec_stream_state *state = state_of(slot);
        memset(cursor_of(slot), 0, sizeof *cursor_of(slot));
        memset(state, 0, sizeof *state);
        state->first_hop = TOSEC_PARTY_TOVM;
        state->family = (uint32_t)family;
        state->type = 1;
        state->send_limit = window;
        note_addresses(slot);
        set_state(slot, status);
        /* The names of end B are the machine's: nodes of several runs must not meet there. */
        __atomic_store_n(&state->connection_id, (uint64_t)getpid() << 32 | (uint64_t)next_id++ << 1, __ATOMIC_RELEASE);
        return slot;
    }
    return -ENFILE;
}

static void free_chunks(struct chunk *c) {
    while (c != NULL) {
        struct chunk *next = c->next;
        free(c);
        c = next;
    }
}

static void reap_ring(uint32_t slot) {
    struct stream *s = &streams[slot];
    uint64_t head = __atomic_load_n(&cursor_of(slot)->receive_head, __ATOMIC_ACQUIRE);
    CHECK(head <= s->ring_tail);
    for (; s->ring_freed < head; s->ring_freed++) {
        int64_t b = s->held[s->ring_freed % TOSEC_RING_ENTRIES];
        if (b >= 0) buffer_used[b] = false;
    }
}

static void drain_peer(uint32_t slot) {
    char bytes[64];
    if (streams[slot].end_b >= 0)
        while (recv(streams[slot].end_b, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
        }
}

/* The readiness byte: token before byte, never two. */
static void show_readable(uint32_t slot) {
    struct stream *s = &streams[slot];
    if (s->end_b < 0) return;
    uint32_t none = 0;
    if (__atomic_compare_exchange_n(&cursor_of(slot)->readable_token, &none, 1, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        if (send(s->end_b, "r", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1 && errno != EPIPE) perror("fake node: byte");
}

static bool ring_full(uint32_t slot) {
    reap_ring(slot);
    return streams[slot].ring_tail - streams[slot].ring_freed >= TOSEC_RING_ENTRIES;
}

static void publish(uint32_t slot, struct tosec_ring_entry entry, int64_t buffer) {
    struct stream *s = &streams[slot];
    struct tosec_ring_entry *ring = (struct tosec_ring_entry *)(receive + tosec_receive_ring(&geometry, slot));
    CHECK(!ring_full(slot));
    ring[s->ring_tail % TOSEC_RING_ENTRIES] = entry;
    s->held[s->ring_tail % TOSEC_RING_ENTRIES] = buffer;
    __atomic_store_n(&state_of(slot)->receive_tail, ++s->ring_tail, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&cursor_of(slot)->readable_token, __ATOMIC_ACQUIRE) == 0) show_readable(slot);
}

static void release(uint32_t slot) {
    struct stream *s = &streams[slot];
    for (; s->ring_freed < s->ring_tail; s->ring_freed++) {
        struct tosec_ring_entry *ring = (struct tosec_ring_entry *)(receive + tosec_receive_ring(&geometry, slot));
        int64_t b = s->held[s->ring_freed % TOSEC_RING_ENTRIES];
        if (b >= 0) buffer_used[b] = false;
        struct tosec_ring_entry *e = &ring[s->ring_freed % TOSEC_RING_ENTRIES];
        /* Accepted by us, never by the application. */
        if (e->kind == TOSEC_ENTRY_ACCEPTED &&
            s->ring_freed >= __atomic_load_n(&cursor_of(slot)->receive_head, __ATOMIC_ACQUIRE))
            release(e->length);
    }
    free_chunks(s->ready);
    free_chunks(s->late);
    if (s->socket >= 0) close(s->socket);
    if (s->end_b >= 0) close(s->end_b);
    __atomic_store_n(&state_of(slot)->connection_id, 0, __ATOMIC_RELEASE);
    set_state(slot, TOSEC_STREAM_FREE);
    s->used = false;
}

static void abort_stream(uint32_t slot, int error) {
    struct stream *s = &streams[slot];
    state_of(slot)->error = (uint32_t)error;
    set_state(slot, TOSEC_STREAM_ABORTED);
    s->ended = true;
    interest(slot, 0);
    if (!ring_full(slot)) publish(slot, (struct tosec_ring_entry){0, (uint32_t)error, TOSEC_ENTRY_RESET}, -1);
    show_readable(slot);
    drain_peer(slot);
    free_chunks(s->ready);
    s->ready = NULL;
}

static void offer_room(uint32_t slot);

static void read_socket(uint32_t slot) {
    struct stream *s = &streams[slot];
    while (!s->ended) {
        if (ring_full(slot)) {
            __atomic_store_n(&state_of(slot)->starved, 1, __ATOMIC_SEQ_CST);
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            if (ring_full(slot)) {
                s->starved = true;
                break;
            }
            state_of(slot)->starved = 0;
        }
        int64_t b = 0;
        while (b < RECEIVE_BUFFERS && buffer_used[b])
            b++;
        CHECK(b < RECEIVE_BUFFERS);
        uint64_t at = tosec_receive_pool(&geometry) + (uint64_t)b * TOSEC_SMALL_BUFFER;
        ssize_t n = recv(s->socket, receive + at, TOSEC_SMALL_BUFFER, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) {
            /* As the TOE does: the reset takes the data's way, and the state stays. */
            uint32_t error = (uint32_t)errno;
            s->ended = s->reset = true;
            free_chunks(s->ready);
            s->ready = NULL;
            publish(slot, (struct tosec_ring_entry){0, error, TOSEC_ENTRY_RESET}, -1);
            state_of(slot)->send_limit = UINT64_C(1) << 62;
            offer_room(slot);
            break;
        }
        if (n == 0) {
            s->ended = true;
            publish(slot, (struct tosec_ring_entry){0, 0, TOSEC_ENTRY_FIN}, -1);
            break;
        }
        buffer_used[b] = true;
        publish(slot, (struct tosec_ring_entry){at, (uint32_t)n, TOSEC_ENTRY_DATA}, b);
    }
    interest(slot, (s->ended || s->starved ? 0 : EPOLLIN) | (s->ready != NULL ? EPOLLOUT : 0));
}

static void offer_room(uint32_t slot) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t used = __atomic_load_n(&cursor_of(slot)->send_position, __ATOMIC_ACQUIRE);
    uint32_t status = state_of(slot)->state;
    bool room = state_of(slot)->send_limit >= used + TOSEC_SMALL_BUFFER || status >= TOSEC_STREAM_FAILED;
    if (status == TOSEC_STREAM_CONNECTING || !room) return;
    if (__atomic_exchange_n(&cursor_of(slot)->want_write, 0, __ATOMIC_SEQ_CST) == 1) drain_peer(slot);
}

static void write_socket(uint32_t slot) {
    struct stream *s = &streams[slot];
    if (s->reset) {
        free_chunks(s->ready);
        s->ready = NULL;
    }
    while (s->ready != NULL) {
        struct chunk *c = s->ready;
        if (c->fin) {
            shutdown(s->socket, SHUT_WR);
        } else {
            ssize_t n = send(s->socket, c->bytes + c->sent, c->length - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) break;
            if (n < 0) {
                if (!s->closing)
                    abort_stream(slot, errno);
                else
                    free_chunks(s->ready), s->ready = NULL;
                break;
            }
            c->sent += (uint32_t)n;
            if (c->sent < c->length) continue;
        }
        s->ready = c->next;
        struct tosec_stream_state *state = state_of(slot);
        __atomic_store_n(&state->send_limit, state->send_limit + c->cost, __ATOMIC_RELEASE);
        free(c);
    }
    offer_room(slot);
    if (s->closing && s->ready == NULL) {
        release(slot);
        return;
    }
    interest(slot, (s->ended || s->starved ? 0 : EPOLLIN) | (s->ready != NULL ? EPOLLOUT : 0));
}

static void in_order(struct stream *s, struct chunk *c) {
    c->next = s->late;
    s->late = c;
    for (bool again = true; again;) {
        again = false;
        for (struct chunk **at = &s->late; *at != NULL; at = &(*at)->next) {
            if ((*at)->sequence != s->expected) continue;
            struct chunk *found = *at, **end = &s->ready;
            *at = found->next;
            found->next = NULL;
            while (*end != NULL)
                end = &(*end)->next;
            *end = found;
            if (!found->fin) s->expected++;
            again = true;
            break;
        }
    }
}

static void accept_some(uint32_t slot);

static void give_credit(uint32_t slot) {
    state_of(slot)->starved = 0;
    if (state_of(slot)->state == TOSEC_STREAM_LISTENING) {
        accept_some(slot);
        interest(slot, EPOLLIN);
        return;
    }
    streams[slot].starved = false;
    if (!streams[slot].ended) read_socket(slot);
}

void toe_descriptor(const struct tosec_descriptor *d) {
    CHECK(d->slot < FAKE_STREAMS);
    struct stream *s = &streams[d->slot];
    if (!s->used || d->stream_id != state_of(d->slot)->connection_id) return;
    if (d->opcode == TOSEC_OP_CREDIT) {
        give_credit(d->slot);
        return;
    }
    CHECK(d->opcode == TOSEC_OP_PAYLOAD || d->opcode == TOSEC_OP_FIN);
    bool fin = d->opcode == TOSEC_OP_FIN;
    if (!fin) {
        CHECK(d->offset >= tosec_edge_send_pool(&geometry) && d->offset + d->length <= tosec_edge_end(&geometry));
        CHECK(d->length > 0 && d->length <= TOSEC_LARGE_BUFFER);
    }
    uint64_t in_pool =
        fin ? 0 : (d->offset - tosec_edge_send_pool(&geometry)) % tosec_send_bytes_per_channel(&geometry);
    struct chunk *c = malloc(sizeof *c + (fin ? 0 : d->length));
    *c = (struct chunk){.sequence = d->sequence, .length = fin ? 0 : d->length, .fin = fin};
    if (!fin) {
        c->cost =
            in_pool < (uint64_t)geometry.send_small * TOSEC_SMALL_BUFFER ? TOSEC_SMALL_BUFFER : TOSEC_LARGE_BUFFER;
        memcpy(c->bytes, edge + d->offset, d->length);
    }
    in_order(s, c);
    if (state_of(d->slot)->state == TOSEC_STREAM_CONNECTED) write_socket(d->slot);
}

static void accept_some(uint32_t slot) {
    for (;;) {
        if (ring_full(slot)) {
            __atomic_store_n(&state_of(slot)->starved, 1, __ATOMIC_SEQ_CST);
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            if (ring_full(slot)) {
                interest(slot, 0);
                return;
            }
        }
        int fd = accept4(streams[slot].socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) return;
        int64_t fresh = allocate((int)state_of(slot)->family, fd, TOSEC_STREAM_CONNECTED);
        if (fresh < 0) {
            close(fd);
            return;
        }
        interest((uint32_t)fresh, EPOLLIN);
        publish(
            slot,
            (struct tosec_ring_entry){state_of((uint32_t)fresh)->connection_id, (uint32_t)fresh, TOSEC_ENTRY_ACCEPTED},
            -1);
    }
}

static void connect_ended(uint32_t slot) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(streams[slot].socket, SOL_SOCKET, SO_ERROR, &error, &length);
    note_addresses(slot);
    if (error == 0) {
        set_state(slot, TOSEC_STREAM_CONNECTED);
        interest(slot, EPOLLIN);
    } else {
        state_of(slot)->error = (uint32_t)error;
        set_state(slot, TOSEC_STREAM_FAILED);
        epoll_ctl(epoll, EPOLL_CTL_DEL, streams[slot].socket, NULL);
        close(streams[slot].socket);
        streams[slot].socket = -1;
        streams[slot].events = ~0u;
        show_readable(slot);
    }
    drain_peer(slot);
}

void toe_socket_event(uint32_t slot, uint32_t events) {
    struct stream *s = &streams[slot];
    if (!s->used || s->socket < 0) return;
    uint32_t status = state_of(slot)->state;
    if (status == TOSEC_STREAM_LISTENING) {
        accept_some(slot);
    } else if (status == TOSEC_STREAM_CONNECTING) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) connect_ended(slot);
    } else if (status == TOSEC_STREAM_CONNECTED) {
        if ((events & EPOLLIN) != 0) read_socket(slot);
        if (s->used && (events & EPOLLOUT) != 0) write_socket(slot);
        if (s->used && (events & (EPOLLERR | EPOLLHUP)) != 0 && !s->ended) read_socket(slot);
        if (s->used && (events & (EPOLLERR | EPOLLHUP)) != 0 && s->ended &&
            state_of(slot)->state == TOSEC_STREAM_CONNECTED) {
            int error = 0;
            socklen_t length = sizeof error;
            getsockopt(s->socket, SOL_SOCKET, SO_ERROR, &error, &length);
            epoll_ctl(epoll, EPOLL_CTL_DEL, s->socket, NULL); /* nothing more to hear; level-triggered otherwise */
            s->events = ~0u;
            if (error != 0) abort_stream(slot, error);
        }
    } else {
        epoll_ctl(epoll, EPOLL_CTL_DEL, s->socket, NULL);
        s->events = ~0u;
    }
}

void toe_registered(uint32_t slot, uint64_t id, int end_b) {
    CHECK(slot < FAKE_STREAMS && streams[slot].used && state_of(slot)->connection_id == id && streams[slot].end_b < 0);
    streams[slot].end_b = end_b;
    cursor_of(slot)->channel = 0;
    watch(end_b, 0, event_key(EVENT_PEER, slot), false);
    toe_look(slot);
}

void toe_look(uint32_t slot) {
    struct stream *s = &streams[slot];
    if (slot >= FAKE_STREAMS || !s->used) return;
    reap_ring(slot);
    bool something = s->ring_tail != s->ring_freed || state_of(slot)->state >= TOSEC_STREAM_FAILED;
    if (something && __atomic_load_n(&cursor_of(slot)->readable_token, __ATOMIC_ACQUIRE) == 0) show_readable(slot);
    offer_room(slot);
}

void toe_peer_closed(uint32_t slot) {
    struct stream *s = &streams[slot];
    if (!s->used || s->end_b < 0) return;
    close(s->end_b);
    s->end_b = -1;
    s->closing = true;
    s->ended = true;
    if (s->ready == NULL || state_of(slot)->state != TOSEC_STREAM_CONNECTED)
        release(slot);
    else
        interest(slot, EPOLLOUT);
}

void toe_channel_gone(uint32_t channel) {
    for (uint32_t slot = 0; slot < FAKE_STREAMS; slot++)
        if (streams[slot].used && streams[slot].end_b < 0 && !streams[slot].closing &&
            cursor_of(slot)->channel == channel)
            release(slot);
    /* Killed before it could say so: that it waits for room, that it has made room, that there is something to read. */
    for (uint32_t slot = 0; slot < FAKE_STREAMS; slot++) {
        struct stream *s = &streams[slot];
        if (!s->used || s->end_b < 0) continue;
        __atomic_store_n(&cursor_of(slot)->want_write, 1, __ATOMIC_SEQ_CST);
        if (state_of(slot)->starved != 0) give_credit(slot);
        if (s->used) toe_look(slot);
    }
}

/* ---- RPC --------------------------------------------------------------------------------------------------------- */

static int64_t begin_connect(uint32_t slot, const struct tosec_address *to) {
    struct sockaddr_storage name;
    socklen_t length = to_kernel(to, &name);
    struct stream *s = &streams[slot];
    if (s->socket < 0)
        s->socket =
            socket(state_of(slot)->family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    set_state(slot, TOSEC_STREAM_CONNECTING);
    if (connect(s->socket, (struct sockaddr *)&name, length) == 0 || errno != EINPROGRESS) {
        int error = errno;
        if (error == 0) {
            connect_ended(slot);
            return 0;
        }
        set_state(slot, TOSEC_STREAM_CREATED);
        return -error;
    }
    interest(slot, EPOLLOUT);
    return 0;
}

void toe_rpc(uint32_t channel, const struct tosec_descriptor *d) {
    uint8_t *bytes = edge + d->offset;
    CHECK(d->offset >= tosec_edge_rpc(channel, 0) && d->offset < tosec_edge_rpc(channel, TOSEC_RPC_SLOTS));
    int64_t r = -EINVAL;
    uint64_t arg1 = 0;
    struct stream *s = d->code == TOSEC_RPC_SOCKET ? NULL : &streams[d->slot];
    if (s != NULL && !s->used) {
        reply(channel, d, -EBADF, 0);
        return;
    }
    errno = 0;
    switch ((enum tosec_rpc)d->code) {
    case TOSEC_RPC_SOCKET: {
        const struct tosec_rpc_socket *wanted = (const struct tosec_rpc_socket *)bytes;
        int fd = socket(wanted->family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = allocate((int)wanted->family, fd, TOSEC_STREAM_CREATED);
        if (r >= 0) {
            arg1 = state_of((uint32_t)r)->connection_id;
            cursor_of((uint32_t)r)->channel =
                channel; /* a process that dies before it has read the reply leaves this */
        }
        break;
    }
    case TOSEC_RPC_BIND: {
        struct sockaddr_storage name;
        socklen_t length = to_kernel((const struct tosec_address *)bytes, &name);
        r = bind(s->socket, (struct sockaddr *)&name, length) == 0 ? 0 : -errno;
        note_addresses(d->slot);
        break;
    }
    case TOSEC_RPC_LISTEN:
        r = listen(s->socket, (int)((const struct tosec_rpc_listen *)bytes)->backlog) == 0 ? 0 : -errno;
        note_addresses(d->slot);
        if (r == 0) {
            set_state(d->slot, TOSEC_STREAM_LISTENING);
            interest(d->slot, EPOLLIN);
        }
        break;
    case TOSEC_RPC_CONNECT:
        r = begin_connect(d->slot, (const struct tosec_address *)bytes);
        break;
    case TOSEC_RPC_SET_OPTION: {
        const struct tosec_rpc_option *o = (const struct tosec_rpc_option *)bytes;
        r = setsockopt(s->socket, o->level, o->name, o + 1, o->length) == 0 ? 0 : -errno;
        break;
    }
    case TOSEC_RPC_GET_OPTION: {
        const struct tosec_rpc_option *o = (const struct tosec_rpc_option *)bytes;
        socklen_t length = o->length;
        r = getsockopt(s->socket, o->level, o->name, bytes + TOSEC_RPC_REPLY_OFFSET, &length) == 0 ? (int64_t)length
                                                                                                   : -errno;
        break;
    }
    case TOSEC_RPC_SHUTDOWN:
        shutdown(s->socket, SHUT_RD);
        r = 0;
        break;
    }
    reply(channel, d, r, arg1);
}
