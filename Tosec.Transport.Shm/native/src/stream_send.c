#include "stream_send.h"
#include "core.h"
#include "debug.h"
#include "points.h"
#include "real.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Why send_some stopped; above any errno. */
enum { NEED_CREDIT = 10001, NEED_BUFFER = 10002, NEED_CONNECT = 10003 };

struct progress {
    struct send_source *source;
    size_t total, sent;
    size_t skip; /* bytes of the first iovec already sent */
    uint32_t need;
    bool ended; /* the file was shorter */
};

static const char filler = 0;

int wait_writable(int fd, int flags) {
    ssize_t r = real.send(fd, &filler, 1, MSG_NOSIGNAL | (flags & MSG_DONTWAIT));
    if (r == 1) return 0;
    return errno == EAGAIN || errno == EINTR ? -errno : -EPIPE;
}

void fill_until_full(int fd) {
    int saved = errno;
    /* Bounded: with the smallest buffer the kernel takes a handful of one-byte writes. */
    for (int i = 0; i < 4096 && real.send(fd, &filler, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1; i++) {
    }
    errno = saved;
}

void ask_for_drain(struct stream *stream) {
    __atomic_store_n(&stream->cursor->want_write, 1, __ATOMIC_RELEASE);
    wake_agent(stream->s, stream->ref.slot);
}

static uint64_t credit_of(const struct stream *stream) {
    uint64_t limit = __atomic_load_n(&stream->state->send_limit, __ATOMIC_ACQUIRE); /* pairs with the TOVM's release */
    uint64_t used = __atomic_load_n(&stream->cursor->send_position, __ATOMIC_RELAXED);
    return limit > used ? limit - used : 0;
}

/* 0 if bytes may be sent now. */
static int send_state(struct stream *stream) {
    switch (stream_status(stream)) {
    case TOSEC_STREAM_CONNECTED:
        if (__atomic_load_n(&stream->cursor->fin_sent, __ATOMIC_ACQUIRE) != 0) return -EPIPE;
        if (!stream_is_reset(stream)) return 0;
        __attribute__((fallthrough)); /* a reset in the ring ends both ways */
    case TOSEC_STREAM_FAILED:
    case TOSEC_STREAM_ABORTED: {
        int error = stream_take_error(stream);
        return error != 0 ? -error : -EPIPE;
    }
    case TOSEC_STREAM_CONNECTING:
        return NEED_CONNECT;
    default:
        return -EPIPE;
    }
}

/* Copies without advancing, so that a refused push can be repeated. Bytes copied, or negative errno. */
static int64_t copy_in(struct progress *p, uint8_t *to, uint32_t room) {
    struct send_source *source = p->source;
    size_t left = p->total - p->sent;
    if (left < room) room = (uint32_t)left;
    if (source->file >= 0) {
        ssize_t got = pread(source->file, to, room, source->offset);
        return got < 0 ? -(int64_t)errno : got;
    }
    uint32_t done = 0;
    size_t skip = p->skip;
    for (int i = 0; i < source->count && done < room; i++, skip = 0) {
        size_t n = source->iov[i].iov_len - skip;
        if (n > room - done) n = room - done;
        if (n != 0) memcpy(to + done, (const uint8_t *)source->iov[i].iov_base + skip, n);
        done += (uint32_t)n;
    }
    return done;
}

static void advance(struct progress *p, uint32_t n) {
    struct send_source *source = p->source;
    p->sent += n;
    if (source->file >= 0) {
        source->offset += n;
        return;
    }
    p->skip += n;
    while (source->count > 0 && p->skip >= source->iov->iov_len) {
        p->skip -= source->iov->iov_len;
        source->iov++;
        source->count--;
    }
}

/* Under lock_to_send. 0, a negative errno or a NEED. */
static int publish(struct stream *stream, uint32_t handle, uint32_t length, uint32_t *rung) {
    struct session *s = stream->s;
    struct tosec_stream_cursor *cursor = stream->cursor;
    int r = send_state(stream);
    if (r != 0) return r;
    uint32_t cost = pool_bytes(handle);
    if (credit_of(stream) < cost) return NEED_CREDIT;
    uint32_t hop = __atomic_load_n(&stream->state->first_hop, __ATOMIC_ACQUIRE);
    if (hop == TOSEC_PARTY_GUEST || hop >= TOSEC_PARTIES) return -ECONNRESET;
    struct tosec_descriptor d = {
        .opcode = TOSEC_OP_PAYLOAD,
        .slot = stream->ref.slot,
        .stream_id = stream->ref.id,
        .sequence = cursor->send_sequence,
        .offset = pool_offset(s, handle),
        .length = length,
    };
    process_lock(&s->lock);
    struct lane_out *lane = &s->lanes[hop];
    if (!lane_has_room(lane)) pool_reap(s);
    bool room = lane_has_room(lane);
    if (room) {
        /* If we are killed here the agent looks into our lane, and counts the payload if it is there. */
        uint64_t position = cursor->send_position + cost;
        __atomic_store_n(&cursor->putting_position, position, __ATOMIC_RELAXED);
        __atomic_store_n(&cursor->putting_sequence, d.sequence + 1, __ATOMIC_RELEASE);
        POINT("payload_begun");
        lane_push(lane, &d, handle);
        POINT("payload_put");
        __atomic_store_n(&cursor->send_position, position, __ATOMIC_RELEASE);
        POINT("payload_counted");
        __atomic_store_n(&cursor->send_sequence, d.sequence + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&cursor->putting_sequence, 0, __ATOMIC_RELEASE);
        *rung |= 1u << hop;
    }
    process_unlock(&s->lock);
    return room ? 0 : NEED_BUFFER;
}

static uint32_t choose_buffer(struct stream *stream, size_t left, int *why) {
    const struct tosec_segment_header *g = &stream->s->geometry;
    uint64_t credit = credit_of(stream);
    bool large =
        left > TOSEC_SMALL_BUFFER && g->send_large != 0 && (credit >= TOSEC_LARGE_BUFFER || g->send_small == 0);
    *why = credit < (large ? TOSEC_LARGE_BUFFER : TOSEC_SMALL_BUFFER) ? NEED_CREDIT : NEED_BUFFER;
    if (*why == NEED_CREDIT) return 0;
    uint32_t handle = pool_take(stream->s, large);
    /* A short message rather wastes a large buffer than waits for a small one. */
    if (handle == 0 && !large && credit >= TOSEC_LARGE_BUFFER) handle = pool_take(stream->s, true);
    return handle;
}

/* Sends what can be sent without waiting. 0: everything; otherwise a negative errno or a NEED. */
static int send_some(struct stream *stream, struct progress *p) {
    uint32_t rung = 0;
    int r = send_state(stream);
    while (r == 0 && p->sent < p->total && !p->ended) {
        uint32_t handle = choose_buffer(stream, p->total - p->sent, &r);
        if (handle == 0) break;
        r = 0;
        int64_t length = copy_in(p, stream->s->edge + pool_offset(stream->s, handle), pool_bytes(handle));
        if (length <= 0) {
            r = (int)length;
            p->ended = length == 0;
        } else {
            lock_to_send(stream);
            r = publish(stream, handle, (uint32_t)length, &rung);
            unlock_to_send(stream);
        }
        if (length <= 0 || r != 0)
            pool_return(stream->s, handle);
        else
            advance(p, (uint32_t)length);
    }
    POINT("payloads_unannounced");
    for (uint32_t party = 0; rung != 0; party++, rung >>= 1)
        if ((rung & 1) != 0) wake_party(stream->s, party);
    return r;
}

static bool may_not_wait(int fd, int flags) {
    return (flags & MSG_DONTWAIT) != 0 || (real.fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

/* The channel's buffers are all under way: no kernel object says when one comes back, so this sleeps and looks. */
static int wait_for_buffer(struct stream_ref ref, int flags, uint32_t *round) {
    bool dont = may_not_wait(ref.fd, flags);
    if (dont && *round > 0) return -EAGAIN;
    struct timespec t = {0, dont ? 200000 : *round > 4 ? 1000000 : 50000L << *round};
    nanosleep(&t, NULL);
    ++*round;
    if (*round % 64 == 0) {
        struct pollfd p = {ref.fd, 0, 0};
        if (real.poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0) return -EPIPE;
    }
    return 0;
}

/*
 * Sets want_write, and then looks whether there is still something to want. The TOE grants or ends, fences and looks at
 * want_write, so one of the two sees the other. The agent clears want_write only before it drains end A; so whoever has
 * made A full says afterwards that it wants, or others would sleep on a full A of which nobody tells the agent.
 */
static bool still_wanting(struct stream *stream, int need) {
    __atomic_store_n(&stream->cursor->want_write, 1, __ATOMIC_RELEASE);
    full_fence();
    uint32_t status = stream_status(stream);
    if (need == NEED_CONNECT) return status == TOSEC_STREAM_CONNECTING;
    return status == TOSEC_STREAM_CONNECTED && !stream_is_reset(stream) && credit_of(stream) < TOSEC_SMALL_BUFFER;
}

/* Before a writer goes away with EAGAIN: true if things changed meanwhile, and the agent has been asked to drain. */
static bool changed_after_fill(struct stream_ref ref, int need) {
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    bool changed = stream_enter(&stream, &ref) < 0;
    if (!changed) {
        changed = need != NEED_BUFFER && !still_wanting(&stream, need);
        /* Of buffers nobody else tells the agent. */
        if (changed || need == NEED_BUFFER) ask_for_drain(&stream);
        stream_leave(&stream);
    }
    signals_restore(&mask);
    return changed;
}

static int announce_want(struct stream_ref ref, int need) {
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    int r = stream_enter(&stream, &ref);
    if (r == 0) {
        r = !still_wanting(&stream, need);
        stream_leave(&stream);
    }
    signals_restore(&mask);
    return r; /* 1: no need to wait */
}

void leave_writable(struct stream_ref ref) {
    signal_mask mask;
    struct stream stream;
    struct pollfd p = {ref.fd, POLLOUT, 0};
    if (real.poll(&p, 1, 0) != 0) return;
    signals_block(&mask);
    if (stream_enter(&stream, &ref) == 0) {
        ask_for_drain(&stream);
        stream_leave(&stream);
    }
    signals_restore(&mask);
}

static int wait_for(struct stream_ref ref, int need, int flags, uint32_t *round) {
    int r;
    if (need == NEED_BUFFER) {
        r = wait_for_buffer(ref, flags, round);
        if (r == -EAGAIN) fill_until_full(ref.fd);
    } else {
        r = announce_want(ref, need);
        if (r != 0) return r < 0 ? r : 0;
        POINT("want_announced");
        r = wait_writable(ref.fd, flags);
        if (r == -EAGAIN) {
            POINT("before_fill");
            fill_until_full(ref.fd);
        }
    }
    POINT("filled");
    if (r == -EAGAIN && changed_after_fill(ref, need)) r = 0;
    return r;
}

static int end_without_peer(struct stream_ref ref) {
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    int r = stream_enter(&stream, &ref);
    if (r == 0) {
        r = stream_take_error(&stream);
        stream_leave(&stream);
        r = -r;
    }
    signals_restore(&mask);
    if (r == 0) r = (fdtable_flags_set(ref.fd, FD_ERROR_READ) & FD_ERROR_READ) != 0 ? -EPIPE : -ECONNRESET;
    return r;
}

int64_t core_send(struct stream_ref ref, struct send_source *source, size_t total, int flags) {
    if ((flags & (MSG_OOB | MSG_FASTOPEN)) != 0) return -EOPNOTSUPP;
    struct progress p = {.source = source, .total = total};
    uint32_t round = 0;
    bool waited = false;
    for (;;) {
        signal_mask mask;
        struct stream stream;
        signals_block(&mask);
        int r = stream_enter(&stream, &ref);
        if (r == 0) {
            size_t before = p.sent;
            r = send_some(&stream, &p);
            if (p.sent != before) round = 0;
            stream_leave(&stream);
        }
        signals_restore(&mask);
        if (r > 0) {
            r = wait_for(ref, r, flags, &round);
            if (r == 0) {
                waited = true;
                continue;
            }
            if (r == -EPIPE && p.sent == 0) r = end_without_peer(ref);
        }
        if (waited && r != -EAGAIN) leave_writable(ref);
        return p.sent > 0 || r == 0 ? (int64_t)p.sent : r;
    }
}

int send_fin(struct stream *stream) {
    struct session *s = stream->s;
    struct tosec_stream_cursor *cursor = stream->cursor;
    struct tosec_descriptor d = {.opcode = TOSEC_OP_FIN, .slot = stream->ref.slot, .stream_id = stream->ref.id};
    int r = 0;
    lock_to_send(stream);
    if (__atomic_load_n(&cursor->fin_sent, __ATOMIC_ACQUIRE) == TOSEC_FIN_NONE) {
        /* As with a payload: if we are killed before it says "sent", the agent looks into our lane. */
        __atomic_store_n(&cursor->fin_sent, TOSEC_FIN_PUTTING, __ATOMIC_RELEASE);
        d.sequence = cursor->send_sequence;
        POINT("end_begun");
        uint32_t hop = __atomic_load_n(&stream->state->first_hop, __ATOMIC_ACQUIRE);
        r = hop == TOSEC_PARTY_GUEST || hop >= TOSEC_PARTIES ? -ECONNRESET : lane_put(s, hop, &d);
        POINT("end_put");
        __atomic_store_n(&cursor->fin_sent, TOSEC_FIN_SENT, __ATOMIC_RELEASE);
    }
    unlock_to_send(stream);
    return r;
}
