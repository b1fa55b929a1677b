#include "supervise_bridge.h"
#include "sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The pair's buffers, as the kernel counts. */
enum { PAIR_BYTES = 128 * 1024, BUCKETS = 4096, TICK_MS = 100 };

static struct bridge *buckets[BUCKETS];
static struct bridge *graves; /* dead, and maybe in the events that are being handled */
static int epoll = -1;
static uint32_t bridge_count;
static uint32_t stalled_count, timed_count; /* what nobody tells of: looked after at ticks */

/* ---- events -------------------------------------------------------------------------------------------------- */

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

void bridge_update(struct bridge *b) {
    uint32_t pair = b->hung_up ? 0 : EPOLLHUP, stream = 0;
    switch (b->state) {
    case BRIDGE_CONNECTED:
        if (flow_is_empty(&b->out) && !b->out.ended) pair |= EPOLLIN;
        if (!flow_is_empty(&b->in)) pair |= EPOLLOUT;
        if (flow_is_empty(&b->in) && !b->in.ended) stream |= EPOLLIN;
        if (!flow_is_empty(&b->out)) stream |= EPOLLOUT;
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
/* ---- life ---------------------------------------------------------------------------------------------------- */

void bridge_close_stream(int fd) {
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
        bridge_close_stream(stream);
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
    bridge_update(b);
    *program_end = pair[1];
    return b;
}

void bridge_destroy(struct bridge *b) {
    if (b->dead) return;
    b->dead = true;
    struct bridge **at = bucket_of(b->cookie);
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    bridge_answer_waiting(b, -EINVAL);
    for (; b->waiting_arrivals > 0; b->waiting_arrivals--, b->first++)
        bridge_close_stream(b->arrivals[b->first % b->room].stream);
    bridge_close_stream(b->stream.fd);
    close(b->pair);
    free(b->arrivals);
    free(b->out.bytes);
    free(b->in.bytes);
    if (b->stalled) stalled_count--;
    bridge_count--;
    b->next = graves;
    graves = b;
}

/* ---- calls that wait ----------------------------------------------------------------------------------------- */

/* Takes a call out of those that wait. */
struct call bridge_unlink_waiting(struct waiting **at) {
    struct waiting *w = *at;
    struct call call = w->call;
    *at = w->next;
    if (w->deadline != 0) timed_count--;
    free(w);
    return call;
}

/* True if anybody has heard it. */
bool bridge_answer_waiting(struct bridge *b, int64_t result) {
    bool heard = false;
    while (b->calls != NULL) {
        struct call call = bridge_unlink_waiting(&b->calls);
        heard |= calls_answer(b, &call, result);
    }
    return heard;
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
            bridge_unlink_waiting(at); /* a signal has ended it */
    }
    *at = w;
    return true;
}

void bridge_set_stalled(struct bridge *b, bool stalled) {
    if (b->stalled == stalled) return;
    b->stalled = stalled;
    stalled_count += stalled ? 1 : -1u;
    bridge_update(b);
}

/* ---- the loop ------------------------------------------------------------------------------------------------ */

static void pair_event(struct bridge *b, uint32_t events) {
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) b->hung_up = true;
    if (b->state != BRIDGE_CONNECTED) {
        if (b->hung_up) bridge_destroy(b);
        return;
    }
    if ((events & EPOLLOUT) != 0) flow_in(b);
    if (!b->dead && ((events & EPOLLIN) != 0 || b->hung_up)) flow_out(b);
    if (!b->dead) bridge_update(b);
}

static void stream_event(struct bridge *b, uint32_t events) {
    switch (b->state) {
    case BRIDGE_CONNECTING:
        bridge_go_on_connecting(b);
        break;
    case BRIDGE_LISTENING:
        bridge_take_arrivals(b);
        break;
    case BRIDGE_CONNECTED:
        if ((events & EPOLLOUT) != 0) flow_out(b);
        if (!b->dead && (events & ~(uint32_t)EPOLLOUT) != 0) flow_in(b);
        if (!b->dead) bridge_update(b);
        break;
    default:
        break;
    }
}

static void tick(void) {
    uint64_t now = monotonic_ms();
    for (int i = 0; i < BUCKETS; i++)
        for (struct bridge *b = buckets[i]; b != NULL; b = b->next) {
            bridge_set_stalled(b, false);
            for (struct waiting **at = &b->calls; *at != NULL;) {
                if ((*at)->deadline == 0 || (*at)->deadline > now) {
                    at = &(*at)->next;
                } else {
                    struct call call = bridge_unlink_waiting(at);
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
