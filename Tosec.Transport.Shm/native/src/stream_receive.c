#include "stream_receive.h"
#include "core.h"
#include "debug.h"
#include "points.h"
#include "real.h"

#include <errno.h>
#include <string.h>

enum { EMPTY = 10001, AGAIN = 10002 };

/* There is one byte, or two if a reader was killed between taking the first and saying so: then the agent makes sure.
 */
static bool take_byte(int fd) {
    char bytes[4];
    int saved = errno;
    ssize_t got = real.recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    errno = saved;
    return got > 0;
}

int ring_peek(const struct stream *stream, uint64_t position, struct tosec_ring_entry *entry) {
    const struct session *s = stream->s;
    uint64_t tail =
        __atomic_load_n(&stream->state->receive_tail, __ATOMIC_ACQUIRE); /* pairs with the last hop's release */
    uint64_t waiting = tail - position;
    if (waiting == 0) return 0;
    if (waiting > TOSEC_RING_ENTRIES) return -ECONNRESET;
    const struct tosec_ring_entry *ring =
        (const struct tosec_ring_entry *)(s->receive + tosec_receive_ring(&s->geometry, stream->ref.slot));
    *entry = ring[position % TOSEC_RING_ENTRIES];
    if (entry->kind == TOSEC_ENTRY_DATA && (entry->offset < s->receive_pool || entry->offset > s->receive_pool_end ||
                                            entry->length > s->receive_pool_end - entry->offset))
        return -ECONNRESET;
    return entry->kind >= TOSEC_ENTRY_DATA && entry->kind <= TOSEC_ENTRY_ACCEPTED ? 1 : -ECONNRESET;
}

/* An offset belongs to the entry whose position it names, so head and offset never disagree, wherever a reader dies. */
uint32_t ring_offset(const struct stream *stream) {
    uint32_t word = __atomic_load_n(&stream->cursor->receive_offset, __ATOMIC_RELAXED);
    return word >> 16 == (stream->cursor->receive_head & 0xffff) ? word & 0xffff : 0;
}

static void store_offset(struct stream *stream, uint32_t offset) {
    uint32_t word = (uint32_t)(stream->cursor->receive_head & 0xffff) << 16 | offset;
    __atomic_store_n(&stream->cursor->receive_offset, word, __ATOMIC_RELAXED);
}

void ring_advance(struct stream *stream) {
    struct tosec_stream_cursor *cursor = stream->cursor;
    __atomic_store_n(&cursor->receive_head, cursor->receive_head + 1, __ATOMIC_RELEASE);
    POINT("entry_half_consumed");
    store_offset(stream, 0);
}

bool ring_settle(struct stream *stream, bool byte_seen) {
    struct tosec_stream_cursor *cursor = stream->cursor;
    if (__atomic_load_n(&cursor->readable_token, __ATOMIC_ACQUIRE) != 0 || byte_seen) {
        /* The agent sets the token before it writes the byte. If the byte is not there yet the token stays, and whoever
         * is woken by the byte comes here again. */
        if (!take_byte(stream->ref.fd)) return true;
        POINT("byte_taken");
        __atomic_store_n(&cursor->readable_token, 0, __ATOMIC_RELEASE);
    }
    POINT("token_cleared");
    /* The last hop publishes, fences and has the agent look at the token; we clear the token, fence and look at the
     * tail. */
    full_fence();
    if (__atomic_load_n(&stream->state->receive_tail, __ATOMIC_ACQUIRE) == cursor->receive_head) return true;
    if (__atomic_load_n(&cursor->readable_token, __ATOMIC_ACQUIRE) == 0) wake_agent(stream->s, stream->ref.slot);
    return false;
}

void return_credit(struct stream *stream) {
    full_fence(); /* head is published; the TOE sets `starved`, fences and looks at head: one of us sees the other */
    if (__atomic_load_n(&stream->state->starved, __ATOMIC_ACQUIRE) == 0) return;
    struct tosec_descriptor d = {.opcode = TOSEC_OP_CREDIT, .slot = stream->ref.slot, .stream_id = stream->ref.id};
    lane_put(stream->s, TOSEC_PARTY_TOVM, &d);
}

int wait_readable(int fd, int flags) {
    char byte;
    ssize_t got = real.recv(fd, &byte, 1, MSG_PEEK | (flags & MSG_DONTWAIT));
    /* The kernel resets a pair whose other end was closed with fillers unread; the stream itself knows how it ended. */
    if (got < 0 && errno == ECONNRESET) return 0;
    return got < 0 ? -errno : (int)got;
}

bool peer_is_gone(int fd) {
    struct pollfd p = {fd, 0, 0};
    return real.poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
}

/* Where the next byte goes. */
struct sink {
    const struct iovec *iov;
    int count;
    size_t skip, room, done;
    bool discard;
};

static void pour(struct sink *sink, const uint8_t *from, size_t n) {
    sink->room -= n;
    sink->done += n;
    while (n != 0 && !sink->discard) {
        size_t here = sink->iov->iov_len - sink->skip;
        if (here > n) here = n;
        if (here != 0) memcpy((uint8_t *)sink->iov->iov_base + sink->skip, from, here);
        from += here;
        n -= here;
        sink->skip += here;
        if (sink->skip == sink->iov->iov_len) {
            sink->iov++;
            sink->count--;
            sink->skip = 0;
        }
    }
}

/* Nothing in the ring: what does the stream's state say? */
static int empty_state(struct stream *stream, bool some_done) {
    /* With bytes in hand the error waits for the next call. */
    if (some_done && stream_status(stream) != TOSEC_STREAM_CONNECTED) return 0;
    switch (stream_status(stream)) {
    case TOSEC_STREAM_CREATED:
    case TOSEC_STREAM_LISTENING:
        return -ENOTCONN;
    case TOSEC_STREAM_FAILED: {
        int error = stream_take_error(stream);
        return error != 0 ? -error : -ENOTCONN;
    }
    case TOSEC_STREAM_ABORTED:
        return -stream_take_error(stream);
    default:
        return __atomic_load_n(&stream->state->closed_read, __ATOMIC_ACQUIRE) != 0 ? 0 : EMPTY;
    }
}

/* Takes what lies there. 0: done or end of the stream; EMPTY: nothing more yet; negative errno. Under lock_to_receive.
 */
static int take(struct stream *stream, struct sink *sink, bool peek, bool byte_seen) {
    uint64_t position = stream->cursor->receive_head;
    uint32_t offset = ring_offset(stream);
    struct tosec_ring_entry entry;
    for (;;) {
        int r = ring_peek(stream, position, &entry);
        if (r < 0) return r;
        if (r == 0) break;
        if (entry.kind == TOSEC_ENTRY_DATA) {
            if (sink->room == 0) return 0;
            if (offset > entry.length) return -ECONNRESET;
            size_t n = entry.length - offset;
            if (n > sink->room) n = sink->room;
            pour(sink, stream->s->receive + entry.offset + offset, n);
            offset += (uint32_t)n;
            if (offset == entry.length) {
                if (!peek) ring_advance(stream);
                position++;
                offset = 0;
            } else if (!peek) {
                store_offset(stream, offset);
            }
            continue;
        }
        if (entry.kind == TOSEC_ENTRY_ACCEPTED) return -ENOTCONN;
        if (sink->done != 0) {
            /* Whoever waits for edges and had a short read will not read again before the next edge, so the end gets
             * its own. */
            if (!peek && sink->room != 0 && __atomic_load_n(&stream->cursor->readable_token, __ATOMIC_ACQUIRE) != 0 &&
                take_byte(stream->ref.fd)) {
                __atomic_store_n(&stream->cursor->readable_token, 0, __ATOMIC_RELEASE);
                wake_agent(stream->s, stream->ref.slot);
            }
            return 0;
        }
        if (entry.kind == TOSEC_ENTRY_FIN) return 0;
        if ((fdtable_flags_set(stream->ref.fd, FD_ERROR_READ) & FD_ERROR_READ) != 0) return 0;
        return entry.length > 0 && entry.length < 4096 ? -(int)entry.length : -ECONNRESET;
    }
    if (peek && sink->done != 0) return 0;
    int r = empty_state(stream, sink->done != 0);
    /* What was published before the state is seen by now. */
    if (r != EMPTY && ring_peek(stream, position, &entry) == 0) return r;
    return ring_settle(stream, byte_seen) && r == EMPTY ? EMPTY : AGAIN;
}

static int receive_once(struct stream_ref *ref, struct sink *sink, int flags, bool byte_seen) {
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    int r = stream_enter(&stream, ref);
    if (r == 0) {
        uint64_t head = __atomic_load_n(&stream.cursor->receive_head, __ATOMIC_RELAXED);
        lock_to_receive(&stream);
        do
            r = take(&stream, sink, (flags & MSG_PEEK) != 0, byte_seen);
        while (r == AGAIN && sink->done == 0);
        if (r == AGAIN) r = EMPTY;
        unlock_to_receive(&stream);
        if (__atomic_load_n(&stream.cursor->receive_head, __ATOMIC_RELAXED) != head) return_credit(&stream);
        stream_leave(&stream);
    }
    signals_restore(&mask);
    return r;
}

int64_t core_receive(struct stream_ref ref, const struct iovec *iov, int count, int flags) {
    if ((flags & MSG_OOB) != 0) return -EINVAL;
    if ((flags & MSG_ERRQUEUE) != 0) return -EAGAIN;
    struct sink sink = {.iov = iov, .count = count, .discard = (flags & MSG_TRUNC) != 0};
    for (int i = 0; i < count; i++)
        sink.room += iov[i].iov_len;
    if (sink.room == 0) {
        /* TCP in the kernel waits for a byte, and leaves it. */
        char byte;
        struct iovec one = {&byte, 1};
        int64_t r = core_receive(ref, &one, 1, (flags & ~(MSG_WAITALL | MSG_TRUNC)) | MSG_PEEK);
        return r > 0 ? 0 : r;
    }
    bool all = (flags & MSG_WAITALL) != 0 && (flags & MSG_PEEK) == 0, byte_seen = false, gone = false;
    for (;;) {
        int r = receive_once(&ref, &sink, flags, byte_seen);
        if (r != EMPTY) return sink.done != 0 ? (int64_t)sink.done : r;
        if (sink.done != 0 && (!all || sink.room == 0)) return (int64_t)sink.done;
        if (gone) break;
        r = wait_readable(ref.fd, flags);
        if (r < 0) return sink.done != 0 ? (int64_t)sink.done : r;
        byte_seen = r == 1;
        gone = r == 0; /* once more: the end may have been published just before */
    }
    if (sink.done != 0 || (fdtable_flags(ref.fd) & FD_READ_SHUT) != 0) return (int64_t)sink.done;
    /* Nothing in the ring explains the end: agent or TOE are gone, and what came may not be all. */
    return (fdtable_flags_set(ref.fd, FD_ERROR_READ) & FD_ERROR_READ) != 0 ? 0 : -ECONNRESET;
}

int core_readable_bytes(struct stream_ref ref) {
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    int r = stream_enter(&stream, &ref);
    if (r == 0) {
        uint64_t total = 0;
        struct tosec_ring_entry entry;
        lock_to_receive(&stream);
        for (uint64_t at = stream.cursor->receive_head; ring_peek(&stream, at, &entry) == 1; at++) {
            if (entry.kind != TOSEC_ENTRY_DATA) break;
            total += entry.length;
        }
        if (total != 0) total -= ring_offset(&stream);
        unlock_to_receive(&stream);
        stream_leave(&stream);
        r = total > 0x7fffffff ? 0x7fffffff : (int)total;
    }
    signals_restore(&mask);
    return r;
}
