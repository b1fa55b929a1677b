#include "supervise.h"
#include "sync.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The pair's buffers, as the kernel counts; a piece that is moved at once; connections that wait for an accept. */
enum { PAIR_BYTES = 128 * 1024, PIECE = 64 * 1024, ROUNDS = 8, MAX_ARRIVALS = 128, BUCKETS = 4096, TICK_MS = 100 };

static struct bridge *buckets[BUCKETS];
static struct bridge *graves; /* dead, and maybe in the events that are being handled */
static uint8_t piece[PIECE];
static int epoll = -1;
static uint32_t bridge_count;
static uint32_t stalled_count, timed_count; /* what nobody tells of: looked after at ticks */

/* ---- events -------------------------------------------------------------------------------------------------------
 */

/* Keys of the epoll set: a bridge's address, bit 0 for its stream; or an odd number below 64 for what bridges_add
 * added. */
enum { ADDED_KEYS = 64 };

int bridges_start(void) {
    epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : 0;
}

int bridges_add(int fd, uint32_t bit) {
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = bit * 2 + 1};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

void bridges_remove(int fd) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}

bool bridges_any(void) {
    return bridge_count != 0;
}

static void watch(int fd, uint64_t key, uint32_t *now, uint32_t wanted) {
    if (*now == wanted) return;
    struct epoll_event e = {.events = wanted, .data.u64 = key};
    /* Without interest it leaves the set: a hang-up cannot be masked, and would be told for ever. */
    epoll_ctl(epoll, *now == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, fd, &e);
    *now = wanted;
}

static bool is_empty(const struct flow *flow) {
    return flow->bytes == NULL;
}

static void update_interest(struct bridge *b) {
    uint32_t pair = b->hung_up ? 0 : EPOLLHUP, stream = 0;
    switch (b->state) {
    case BRIDGE_CONNECTED:
        if (is_empty(&b->out) && !b->out.ended) pair |= EPOLLIN;
        if (!is_empty(&b->in)) pair |= EPOLLOUT;
        if (is_empty(&b->in) && !b->in.ended) stream |= EPOLLIN;
        if (!is_empty(&b->out)) stream |= EPOLLOUT;
        break;
    case BRIDGE_CONNECTING:
        stream = EPOLLOUT;
        break;
    case BRIDGE_LISTENING:
        if (b->error == 0 && !b->stalled && b->waiting_arrivals < b->room) stream = EPOLLIN;
        break;
    default:
        break;
    }
    watch(b->pair, (uint64_t)(uintptr_t)b, &b->pair_events, pair);
    watch(b->stream.fd, (uint64_t)(uintptr_t)b | 1, &b->stream_events, stream);
}

/* ---- life -----------------------------------------------------------------------------------------------------------
 */

static void close_stream(int fd) {
    fdtable_forget(fd);
    close(fd);
}

static struct bridge **bucket_of(uint64_t cookie) {
    return &buckets[cookie * 0x9e3779b97f4a7c15u >> 52];
}
_Static_assert(BUCKETS == 1 << 12, "the bits that bucket_of takes");

struct bridge *bridge_find(uint64_t cookie) {
    struct bridge *b = cookie == 0 ? NULL : *bucket_of(cookie);
    while (b != NULL && b->cookie != cookie)
        b = b->next;
    return b;
}

static int make_pair(int pair[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return -errno;
    enum { PASS_RIGHTS = 83 /* SO_PASSRIGHTS, Linux 6.16 */ };
    int room = PAIR_BYTES / 2, off = 0; /* the kernel doubles it */
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    /* Where the kernel has no such option, descriptors that the program sends end with the read that does not take
     * them. */
    setsockopt(pair[0], SOL_SOCKET, PASS_RIGHTS, &off, sizeof off);
    return 0;
}

struct bridge *bridge_make(int stream, enum bridge_state state, bool nonblocking, int *program_end, int *error) {
    int pair[2];
    struct stream_ref ref;
    struct bridge *b = calloc(1, sizeof *b);
    *error = b == NULL ? -ENOMEM : make_pair(pair);
    if (*error < 0) {
        free(b);
        close_stream(stream);
        return NULL;
    }
    if (!fdtable_find(stream, &ref))
        ref = (struct stream_ref){.fd = stream}; /* lost with its agent: calls will say so */
    b->pair = pair[0];
    b->stream = ref;
    b->state = state;
    b->cookie = socket_cookie(pair[1]);
    b->next = *bucket_of(b->cookie);
    *bucket_of(b->cookie) = b;
    bridge_count++;
    if (state == BRIDGE_FRESH) bridge_fill(b, pair[1]);
    if (!nonblocking) fcntl(pair[1], F_SETFL, O_RDWR);
    update_interest(b);
    *program_end = pair[1];
    return b;
}

/* Takes a call out of those that wait. */
static struct call unlink_waiting(struct waiting **at) {
    struct waiting *w = *at;
    struct call call = w->call;
    *at = w->next;
    if (w->deadline != 0) timed_count--;
    free(w);
    return call;
}

/* True if anybody has heard it. */
static bool answer_waiting(struct bridge *b, int64_t result) {
    bool heard = false;
    while (b->calls != NULL) {
        struct call call = unlink_waiting(&b->calls);
        heard |= calls_answer(b, &call, result);
    }
    return heard;
}

void bridge_destroy(struct bridge *b) {
    if (b->dead) return;
    b->dead = true;
    struct bridge **at = bucket_of(b->cookie);
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    answer_waiting(b, -EINVAL);
    for (; b->waiting_arrivals > 0; b->waiting_arrivals--, b->first++)
        close_stream(b->arrivals[b->first % b->room].stream);
    close_stream(b->stream.fd);
    close(b->pair);
    free(b->arrivals);
    free(b->out.bytes);
    free(b->in.bytes);
    if (b->stalled) stalled_count--;
    bridge_count--;
    b->next = graves;
    graves = b;
}

/* The program has closed its end with bytes unread, which is a reset of TCP's. */
static void abort_stream(struct bridge *b) {
    struct linger at_once = {1, 0};
    core_setsockopt(b->stream, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    bridge_destroy(b);
}

/*
 * The connection is lost. A UNIX socket that is closed with bytes unread gives its peer ECONNRESET: so one byte is sent
 * through the program's end. If that end is not where it was seen last, the program sees the end of the stream.
 */
static void reset_program(struct bridge *b) {
    int end = program_descriptor(NULL, b->thread, b->number);
    if (end >= 0) {
        if (socket_cookie(end) == b->cookie) send(end, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        close(end);
    }
    bridge_destroy(b);
}

/* ---- bytes ----------------------------------------------------------------------------------------------------------
 */

/* What is left of the piece, for later. */
static bool keep(struct flow *flow, const uint8_t *bytes, size_t length) {
    flow->bytes = malloc(length);
    if (flow->bytes == NULL) return false;
    memcpy(flow->bytes, bytes, length);
    flow->begin = 0;
    flow->end = length;
    return true;
}

static void drop(struct flow *flow) {
    free(flow->bytes);
    flow->bytes = NULL;
}

static int64_t give_stream(struct bridge *b, const uint8_t *bytes, size_t length) {
    struct iovec iov = {(void *)bytes, length};
    struct send_source source = {.iov = &iov, .count = 1, .file = -1};
    return core_send(b->stream, &source, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int64_t give_program(struct bridge *b, const uint8_t *bytes, size_t length) {
    ssize_t n = send(b->pair, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

/* Gives what was kept, or else the piece, as far as it is taken. 1: all; 0: the rest is kept; negative errno. */
static int64_t give(struct bridge *b, struct flow *flow, int64_t (*to)(struct bridge *, const uint8_t *, size_t),
                    size_t length) {
    const uint8_t *bytes = piece;
    if (!is_empty(flow)) {
        bytes = flow->bytes + flow->begin;
        length = flow->end - flow->begin;
    }
    int64_t r = to(b, bytes, length);
    if (r == -EAGAIN || r == -EINTR) r = 0;
    if (r < 0) return r;
    if (!is_empty(flow)) {
        flow->begin += (size_t)r;
        if ((size_t)r == length) drop(flow);
    } else if ((size_t)r < length && !keep(flow, piece + r, length - (size_t)r)) {
        return -ENOMEM;
    }
    return (size_t)r == length;
}

static void take_in(struct bridge *b);

/* From the program to the connection. */
static void take_out(struct bridge *b) {
    for (int round = 0; round < ROUNDS && !b->dead; round++) {
        ssize_t n = 0;
        if (is_empty(&b->out)) {
            if (b->out.ended) break;
            n = recv(b->pair, piece, sizeof piece, MSG_DONTWAIT);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) return;
            if (n < 0) {
                abort_stream(b);
                return;
            }
            if (n == 0) {
                struct pollfd p = {b->pair, 0, 0};
                b->out.ended = true;
                if (poll(&p, 1, 0) == 1) b->hung_up = true; /* closed, not only shut down */
                break;
            }
        }
        int64_t r = give(b, &b->out, give_stream, (size_t)n);
        if (r == 0) return;
        if (r < 0) {
            /* What has come before the reset is the program's. */
            drop(&b->out);
            b->out.ended = b->end_sent = true;
            take_in(b);
            if (!b->dead && is_empty(&b->in)) reset_program(b);
            return;
        }
    }
    if (b->dead || !b->out.ended || !is_empty(&b->out)) return;
    if (!b->hung_up && !b->end_sent) {
        core_shutdown(b->stream, SHUT_WR);
        b->end_sent = true;
    }
    if (b->hung_up || b->in.ended) bridge_destroy(b); /* which sends the end, or resets: as SO_LINGER says */
}

/* From the connection to the program. */
static void take_in(struct bridge *b) {
    for (int round = 0; round < ROUNDS && !b->dead; round++) {
        int64_t n = 0;
        if (is_empty(&b->in)) {
            if (b->in.ended) return;
            struct iovec iov = {piece, sizeof piece};
            n = core_receive(b->stream, &iov, 1, MSG_DONTWAIT);
            if (n == -EAGAIN || n == -EINTR) return;
            if (n < 0) {
                reset_program(b);
                return;
            }
            if (n == 0) {
                b->in.ended = true;
                shutdown(b->pair, SHUT_WR);
                if (b->end_sent) bridge_destroy(b);
                return;
            }
        }
        int64_t r = give(b, &b->in, give_program, (size_t)n);
        if (r == 0) return;
        if (r < 0) {
            /* It reads no more. If it is gone altogether the other direction finds out. */
            drop(&b->in);
            b->in.ended = true;
            core_shutdown(b->stream, SHUT_RD);
            return;
        }
    }
}

/* ---- connecting -----------------------------------------------------------------------------------------------------
 */

void bridge_fill(struct bridge *b, int program_end) {
    static const uint8_t nothing[4096];
    for (size_t size = sizeof nothing; size > 0;) {
        ssize_t n = send(program_end, nothing, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            b->fillers += (size_t)n;
        else
            size = size == 1 ? 0 : 1;
    }
}

static void drain_fillers(struct bridge *b) {
    while (b->fillers > 0) {
        ssize_t n = recv(b->pair, piece, b->fillers < sizeof piece ? b->fillers : sizeof piece, MSG_DONTWAIT);
        if (n <= 0) break;
        b->fillers -= (size_t)n;
    }
    b->fillers = 0;
}

static void connect_ended(struct bridge *b, int result) {
    if (result == 0) {
        b->state = BRIDGE_CONNECTED;
        drain_fillers(b);
        answer_waiting(b, 0);
    } else {
        b->state = BRIDGE_FRESH;
        if (!answer_waiting(b, result)) {
            b->error = -result;
            drain_fillers(b); /* writable: the program comes and asks why */
        }
    }
    update_interest(b);
}

int bridge_connect(struct bridge *b) {
    int r = core_connect(b->stream, (struct sockaddr *)&b->remote, b->remote_length);
    if (r == -EALREADY) r = -EINPROGRESS;
    if (r == -EINPROGRESS) {
        b->state = BRIDGE_CONNECTING;
    } else if (r == 0) {
        b->state = BRIDGE_CONNECTED;
        drain_fillers(b);
    }
    update_interest(b);
    return r;
}

static void go_on_connecting(struct bridge *b) {
    int r = core_connect(b->stream, (struct sockaddr *)&b->remote, b->remote_length);
    if (r != -EALREADY && r != -EINPROGRESS) connect_ended(b, r == -EISCONN ? 0 : r);
}

bool bridge_wait(struct bridge *b, const struct call *call, uint64_t milliseconds) {
    struct waiting *w = calloc(1, sizeof *w), **at = &b->calls;
    if (w == NULL) return false;
    w->call = *call;
    if (milliseconds != 0) {
        w->deadline = monotonic_ms() + milliseconds;
        timed_count++;
    }
    while (*at != NULL) {
        if (call_is_alive(&(*at)->call))
            at = &(*at)->next;
        else
            unlink_waiting(at); /* a signal has ended it */
    }
    *at = w;
    return true;
}

/* ---- listening ------------------------------------------------------------------------------------------------------
 */

struct arrival *bridge_arrival(struct bridge *b) {
    return b->waiting_arrivals == 0 ? NULL : &b->arrivals[b->first % b->room];
}

void bridge_arrival_taken(struct bridge *b, int program_end) {
    char byte;
    close_stream(bridge_arrival(b)->stream);
    b->first++;
    b->waiting_arrivals--;
    if (program_end >= 0) {
        /* The program's end is readable as long as connections wait. */
        while (recv(program_end, &byte, 1, MSG_DONTWAIT) == 1 && b->waiting_arrivals == 0) {
        }
        if (b->waiting_arrivals != 0 && recv(program_end, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 1)
            send(b->pair, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    update_interest(b);
}

/* False: no call that waits could be served. */
static bool hand_to_waiting(struct bridge *b) {
    while (b->calls != NULL && b->waiting_arrivals != 0) {
        struct call call = unlink_waiting(&b->calls);
        if (!calls_accept(b, &call)) continue;
        bridge_arrival_taken(b, -1);
        return true;
    }
    return false;
}

static void set_stalled(struct bridge *b, bool stalled) {
    if (b->stalled == stalled) return;
    b->stalled = stalled;
    stalled_count += stalled ? 1 : -1u;
    update_interest(b);
}

static void take_arrivals(struct bridge *b) {
    while (!b->dead && b->waiting_arrivals < b->room) {
        struct arrival *next = &b->arrivals[(b->first + b->waiting_arrivals) % b->room];
        next->length = sizeof next->name;
        memset(&next->name, 0, sizeof next->name);
        next->stream =
            core_accept(b->stream, (struct sockaddr *)&next->name, &next->length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (next->stream == -ECONNABORTED || next->stream == -EINTR) continue;
        if (next->stream == -EAGAIN) break;
        if (next->stream == -EMFILE || next->stream == -ENFILE || next->stream == -ENOMEM) {
            set_stalled(b, true); /* of these nobody tells when they are over */
            break;
        }
        if (next->stream < 0) {
            b->error = -next->stream;
            answer_waiting(b, next->stream);
            send(b->pair, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
            break;
        }
        b->waiting_arrivals++;
        if (!hand_to_waiting(b)) send(b->pair, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (!b->dead) update_interest(b);
}

int bridge_listen(struct bridge *b, int backlog) {
    int r = core_listen(b->stream, backlog);
    if (r < 0 || b->state == BRIDGE_LISTENING) return r;
    uint32_t room = backlog < 1 ? 1 : backlog > MAX_ARRIVALS ? MAX_ARRIVALS : (uint32_t)backlog;
    b->arrivals = calloc(room, sizeof *b->arrivals);
    if (b->arrivals == NULL) return -ENOMEM;
    b->room = room;
    b->state = BRIDGE_LISTENING;
    update_interest(b);
    return 0;
}

void bridge_shut_listener(struct bridge *b) {
    core_shutdown(b->stream, SHUT_RD);
    b->state = BRIDGE_SHUT;
    answer_waiting(b, -EINVAL);
    shutdown(b->pair, SHUT_WR); /* whoever polls hears of it */
    update_interest(b);
}

/* ---- the loop -------------------------------------------------------------------------------------------------------
 */

static void pair_event(struct bridge *b, uint32_t events) {
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) b->hung_up = true;
    if (b->state != BRIDGE_CONNECTED) {
        if (b->hung_up) bridge_destroy(b);
        return;
    }
    if ((events & EPOLLOUT) != 0) take_in(b);
    if (!b->dead && ((events & EPOLLIN) != 0 || b->hung_up)) take_out(b);
    if (!b->dead) update_interest(b);
}

static void stream_event(struct bridge *b, uint32_t events) {
    switch (b->state) {
    case BRIDGE_CONNECTING:
        go_on_connecting(b);
        break;
    case BRIDGE_LISTENING:
        take_arrivals(b);
        break;
    case BRIDGE_CONNECTED:
        if ((events & EPOLLOUT) != 0) take_out(b);
        if (!b->dead && (events & ~(uint32_t)EPOLLOUT) != 0) take_in(b);
        if (!b->dead) update_interest(b);
        break;
    default:
        break;
    }
}

static void tick(void) {
    uint64_t now = monotonic_ms();
    for (int i = 0; i < BUCKETS; i++)
        for (struct bridge *b = buckets[i]; b != NULL; b = b->next) {
            set_stalled(b, false);
            for (struct waiting **at = &b->calls; *at != NULL;) {
                if ((*at)->deadline == 0 || (*at)->deadline > now) {
                    at = &(*at)->next;
                } else {
                    struct call call = unlink_waiting(at);
                    calls_answer(b, &call, b->state == BRIDGE_CONNECTING ? -EINPROGRESS : -EAGAIN);
                }
            }
        }
}

uint32_t bridges_wait(void) {
    enum { BATCH = 128 };
    struct epoll_event events[BATCH];
    uint32_t added = 0;
    int n = epoll_wait(epoll, events, BATCH, stalled_count != 0 || timed_count != 0 ? TICK_MS : -1);
    for (int i = 0; i < n; i++) {
        uint64_t key = events[i].data.u64;
        if (key < ADDED_KEYS) {
            if ((events[i].events & ~(uint32_t)EPOLLHUP) != 0) added |= 1u << (key / 2);
            if ((events[i].events & EPOLLHUP) != 0 && key == 1) added |= 1u << 31;
            continue;
        }
        struct bridge *b = (struct bridge *)(uintptr_t)(key & ~1ull);
        if (b->dead) continue;
        if ((key & 1) != 0)
            stream_event(b, events[i].events);
        else
            pair_event(b, events[i].events);
    }
    while (graves != NULL) {
        struct bridge *b = graves;
        graves = b->next;
        free(b);
    }
    if (stalled_count != 0 || timed_count != 0) tick();
    return added;
}
