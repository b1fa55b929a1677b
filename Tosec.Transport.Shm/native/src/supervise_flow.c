/* The bytes of a connection, from one side to the other. */
#include "supervise_bridge.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is moved at once, and how often before others have their turn. */
enum { PIECE = 64 * 1024, ROUNDS = 8 };

static uint8_t piece[PIECE];

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
    if (!flow_is_empty(flow)) {
        bytes = flow->bytes + flow->begin;
        length = flow->end - flow->begin;
    }
    int64_t r = to(b, bytes, length);
    if (r == -EAGAIN || r == -EINTR) r = 0;
    if (r < 0) return r;
    if (!flow_is_empty(flow)) {
        flow->begin += (size_t)r;
        if ((size_t)r == length) drop(flow);
    } else if ((size_t)r < length && !keep(flow, piece + r, length - (size_t)r)) {
        return -ENOMEM;
    }
    return (size_t)r == length;
}

/* From the program to the connection. */
void flow_out(struct bridge *b) {
    for (int round = 0; round < ROUNDS && !b->dead; round++) {
        ssize_t n = 0;
        if (flow_is_empty(&b->out)) {
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
            flow_in(b);
            if (!b->dead && flow_is_empty(&b->in)) reset_program(b);
            return;
        }
    }
    if (b->dead || !b->out.ended || !flow_is_empty(&b->out)) return;
    if (!b->hung_up && !b->end_sent) {
        core_shutdown(b->stream, SHUT_WR);
        b->end_sent = true;
    }
    if (b->hung_up || b->in.ended) bridge_destroy(b); /* which sends the end, or resets: as SO_LINGER says */
}

/* From the connection to the program. */
void flow_in(struct bridge *b) {
    for (int round = 0; round < ROUNDS && !b->dead; round++) {
        int64_t n = 0;
        if (flow_is_empty(&b->in)) {
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
