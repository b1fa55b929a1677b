/* Connecting and listening: how a bridge comes to have a connection. */
#include "supervise_bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ARRIVALS = 128 };

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

void bridge_drain(struct bridge *b) {
    uint8_t bytes[4096];
    while (b->fillers > 0) {
        ssize_t n = recv(b->pair, bytes, b->fillers < sizeof bytes ? b->fillers : sizeof bytes, MSG_DONTWAIT);
        if (n <= 0) break;
        b->fillers -= (size_t)n;
    }
    b->fillers = 0;
}

static void connect_ended(struct bridge *b, int result) {
    if (result == 0) {
        b->state = BRIDGE_CONNECTED;
        bridge_drain(b);
        bridge_answer_waiting(b, 0);
    } else {
        b->state = BRIDGE_FRESH;
        if (!bridge_answer_waiting(b, result)) {
            b->error = -result;
            bridge_drain(b); /* writable: the program comes and asks why */
        }
    }
    bridge_update(b);
}

int bridge_connect(struct bridge *b) {
    int r = core_connect(b->stream, (struct sockaddr *)&b->remote, b->remote_length);
    if (r == -EALREADY) r = -EINPROGRESS;
    if (r == -EINPROGRESS) {
        b->state = BRIDGE_CONNECTING;
    } else if (r == 0) {
        b->state = BRIDGE_CONNECTED;
        bridge_drain(b);
    }
    bridge_update(b);
    return r;
}

void bridge_go_on_connecting(struct bridge *b) {
    int r = core_connect(b->stream, (struct sockaddr *)&b->remote, b->remote_length);
    if (r != -EALREADY && r != -EINPROGRESS) connect_ended(b, r == -EISCONN ? 0 : r);
}

/* ---- listening ----------------------------------------------------------------------------------------------- */

struct arrival *bridge_arrival(struct bridge *b) {
    return b->waiting_arrivals == 0 ? NULL : &b->arrivals[b->first % b->room];
}

void bridge_arrival_taken(struct bridge *b, int program_end) {
    char byte;
    bridge_close_stream(bridge_arrival(b)->stream);
    b->first++;
    b->waiting_arrivals--;
    if (program_end >= 0) {
        /* The program's end is readable as long as connections wait. */
        while (recv(program_end, &byte, 1, MSG_DONTWAIT) == 1 && b->waiting_arrivals == 0) {
        }
        if (b->waiting_arrivals != 0 && recv(program_end, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 1)
            send(b->pair, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    bridge_update(b);
}

/* False: no call that waits could be served. */
static bool hand_to_waiting(struct bridge *b) {
    while (b->calls != NULL && b->waiting_arrivals != 0) {
        struct call call = bridge_unlink_waiting(&b->calls);
        if (!calls_accept(b, &call)) continue;
        bridge_arrival_taken(b, -1);
        return true;
    }
    return false;
}

void bridge_take_arrivals(struct bridge *b) {
    while (!b->dead && b->waiting_arrivals < b->room) {
        struct arrival *next = &b->arrivals[(b->first + b->waiting_arrivals) % b->room];
        next->length = sizeof next->name;
        memset(&next->name, 0, sizeof next->name);
        next->stream =
            core_accept(b->stream, (struct sockaddr *)&next->name, &next->length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (next->stream == -ECONNABORTED || next->stream == -EINTR) continue;
        if (next->stream == -EAGAIN) break;
        if (next->stream == -EMFILE || next->stream == -ENFILE || next->stream == -ENOMEM) {
            bridge_set_stalled(b, true); /* of these nobody tells when they are over */
            break;
        }
        if (next->stream < 0) {
            b->error = -next->stream;
            bridge_answer_waiting(b, next->stream);
            send(b->pair, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
            break;
        }
        b->waiting_arrivals++;
        if (!hand_to_waiting(b)) send(b->pair, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (!b->dead) bridge_update(b);
}

int bridge_listen(struct bridge *b, int backlog) {
    int r = core_listen(b->stream, backlog);
    if (r < 0 || b->state == BRIDGE_LISTENING) return r;
    uint32_t room = backlog < 1 ? 1 : backlog > MAX_ARRIVALS ? MAX_ARRIVALS : (uint32_t)backlog;
    b->arrivals = calloc(room, sizeof *b->arrivals);
    if (b->arrivals == NULL) return -ENOMEM;
    b->room = room;
    b->state = BRIDGE_LISTENING;
    bridge_update(b);
    return 0;
}

void bridge_shut_listener(struct bridge *b) {
    core_shutdown(b->stream, SHUT_RD);
    b->state = BRIDGE_SHUT;
    bridge_answer_waiting(b, -EINVAL);
    shutdown(b->pair, SHUT_WR); /* whoever polls hears of it */
    bridge_update(b);
}
