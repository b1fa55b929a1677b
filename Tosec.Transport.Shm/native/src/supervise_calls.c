#include "supervise.h"
#include "debug.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { VALUE_BYTES = 128 };

static bool fall_back;

void calls_start(void) {
    const char *value = getenv("TOSEC_FALLBACK");
    fall_back = value != NULL && strcmp(value, "kernel") == 0;
}

static bool is_same_call(const struct call *one, const struct call *other) {
    return one->thread == other->thread && one->number == other->number &&
           memcmp(one->arguments, other->arguments, sizeof one->arguments) == 0;
}

bool calls_answer(struct bridge *b, const struct call *call, int64_t result) {
    if (call_answer(call, result)) return true;
    b->unheard = *call;
    b->unheard_result = result;
    return false;
}

/* ---- making sockets ------------------------------------------------------------------------------------------ */

static void seen_at(struct bridge *b, const struct call *call, int number) {
    b->thread = call->thread;
    b->number = number;
}

static void do_socket(const struct call *call) {
    int type = (int)call->arguments[1];
    int r = core_socket((int)call->arguments[0], type | SOCK_NONBLOCK | SOCK_CLOEXEC, (int)call->arguments[2]);
    if (fall_back && (r == -ENETDOWN || r == -EPROTONOSUPPORT)) {
        debug_line("socket", "falls back to the kernel, type", type);
        call_continue(call);
        return;
    }
    int end = -1;
    struct bridge *b = r < 0 ? NULL : bridge_make(r, BRIDGE_FRESH, (type & SOCK_NONBLOCK) != 0, &end, &r);
    if (b == NULL) {
        call_answer(call, r);
        return;
    }
    int number = call_answer_descriptor(call, end, (type & SOCK_CLOEXEC) != 0);
    close(end);
    seen_at(b, call, number);
    if (number < 0) {
        bridge_destroy(b);
        if (number != -ENOENT) call_answer(call, number);
    }
}

/* An address, as much of it as the program has room for; `length` in the program is what it would take. 0 or an error.
 */
static int write_name(const struct call *call, uint64_t at, uint64_t length_at, const struct sockaddr_storage *name,
                      socklen_t length) {
    int32_t room;
    int r = program_read(call, length_at, &room, sizeof room);
    if (r < 0) return r;
    if (room < 0) return -EINVAL;
    if (length > sizeof *name) length = sizeof *name;
    r = program_write(call, at, name, (uint32_t)room < length ? (uint32_t)room : length);
    return r < 0 ? r : program_write(call, length_at, &length, sizeof length);
}

bool calls_accept(struct bridge *listener, const struct call *call) {
    struct arrival arrival = *bridge_arrival(listener);
    int flags = call->number == SYS_accept4 ? (int)call->arguments[3] : 0;
    int r = 0, end = -1;
    if (call->arguments[1] != 0)
        r = write_name(call, call->arguments[1], call->arguments[2], &arrival.name, arrival.length);
    if (r < 0) {
        call_answer(call, r);
        return false;
    }
    int stream =
        fcntl(arrival.stream, F_DUPFD_CLOEXEC, 0); /* the bridge's own: what is not handed over stays an arrival */
    struct bridge *b =
        stream < 0 ? NULL : bridge_make(stream, BRIDGE_CONNECTED, (flags & SOCK_NONBLOCK) != 0, &end, &r);
    if (b == NULL) {
        call_answer(call, stream < 0 ? -ENFILE : r);
        return false;
    }
    r = call_answer_descriptor(call, end, (flags & SOCK_CLOEXEC) != 0);
    close(end);
    seen_at(b, call, r);
    if (r < 0) {
        bridge_destroy(b);
        if (r != -ENOENT) call_answer(call, r);
        return false;
    }
    return true;
}

/* ---- calls on sockets ---------------------------------------------------------------------------------------- */

/* Milliseconds, 0: none. */
static uint64_t time_limit(int end, int option) {
    struct timeval limit = {0, 0};
    socklen_t length = sizeof limit;
    if (getsockopt(end, SOL_SOCKET, option, &limit, &length) != 0 || (limit.tv_sec == 0 && limit.tv_usec == 0))
        return 0;
    return (uint64_t)limit.tv_sec * 1000 + (uint64_t)limit.tv_usec / 1000 + 1;
}

static void do_accept(struct bridge *b, const struct call *call, int end) {
    int flags = call->number == SYS_accept4 ? (int)call->arguments[3] : 0;
    if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0 || b->state != BRIDGE_LISTENING) {
        call_answer(call, -EINVAL);
    } else if (bridge_arrival(b) != NULL) {
        if (calls_accept(b, call)) bridge_arrival_taken(b, end);
    } else if (b->error != 0) {
        call_answer(call, -b->error);
    } else if ((fcntl(end, F_GETFL) & O_NONBLOCK) != 0) {
        call_answer(call, -EAGAIN);
    } else if (!bridge_wait(b, call, time_limit(end, SO_RCVTIMEO))) {
        call_answer(call, -ENOMEM);
    }
}

/* The kernel's own limits of an address. */
static int read_name(const struct call *call, struct sockaddr_storage *name, socklen_t *length) {
    int32_t given = (int32_t)call->arguments[2];
    if (given < 0 || (uint32_t)given > sizeof *name) return -EINVAL;
    memset(name, 0, sizeof *name);
    *length = (socklen_t)given;
    return program_read(call, call->arguments[1], name, (size_t)given);
}

static void do_bind(struct bridge *b, const struct call *call) {
    struct sockaddr_storage name;
    socklen_t length;
    int r = read_name(call, &name, &length);
    if (r == 0) r = core_bind(b->stream, (struct sockaddr *)&name, length);
    calls_answer(b, call, r);
}

static void do_connect(struct bridge *b, const struct call *call, int end) {
    struct sockaddr_storage name;
    socklen_t length;
    int r = read_name(call, &name, &length);
    bool waits = (fcntl(end, F_GETFL) & O_NONBLOCK) == 0;
    if (r == 0 && b->state == BRIDGE_CONNECTING && !waits) {
        r = -EALREADY;
    } else if (r == 0 && b->state == BRIDGE_CONNECTING) {
        r = -EINPROGRESS; /* made again after a signal: goes on waiting */
    } else if (r == 0 && b->state != BRIDGE_FRESH) {
        r = -EISCONN;
    } else if (r == 0 && b->error != 0) {
        r = -b->error;
        b->error = 0;
    } else if (r == 0) {
        b->remote = name;
        b->remote_length = length;
        if (b->fillers == 0) bridge_fill(b, end);
        r = bridge_connect(b);
    }
    if (r == -EINPROGRESS && waits) {
        if (bridge_wait(b, call, time_limit(end, SO_SNDTIMEO))) return;
        r = -ENOMEM;
    }
    calls_answer(b, call, r);
}

static void do_listen(struct bridge *b, const struct call *call) {
    if (b->state != BRIDGE_FRESH && b->state != BRIDGE_LISTENING)
        call_answer(call, -EINVAL);
    else
        calls_answer(b, call, bridge_listen(b, (int)call->arguments[1]));
}

static void do_shutdown(struct bridge *b, const struct call *call) {
    int how = (int)call->arguments[1];
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) {
        call_answer(call, -EINVAL);
    } else if (b->state == BRIDGE_CONNECTED) {
        call_continue(call); /* the pair's other end, ours, sees it */
    } else if (b->state == BRIDGE_LISTENING) {
        if (how != SHUT_WR) bridge_shut_listener(b);
        calls_answer(b, call, 0);
    } else {
        call_answer(call, -ENOTCONN);
    }
}

static void do_name(struct bridge *b, const struct call *call) {
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    memset(&name, 0, sizeof name);
    int r = core_name(b->stream, call->number == SYS_getpeername, (struct sockaddr *)&name, &length);
    if (r == 0) r = write_name(call, call->arguments[1], call->arguments[2], &name, length);
    call_answer(call, r);
}

/* How long the program's end waits, and how much wakes it, is the kernel's to know. */
static bool belongs_to_pair(int level, int name) {
    return level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO || name == SO_RCVLOWAT ||
                                   name == 66 /* SO_RCVTIMEO_NEW */ || name == 67 /* SO_SNDTIMEO_NEW */);
}

static void do_getsockopt(struct bridge *b, const struct call *call) {
    int level = (int)call->arguments[1], name = (int)call->arguments[2], r;
    int32_t room;
    uint8_t value[VALUE_BYTES];
    if (belongs_to_pair(level, name)) {
        call_continue(call);
        return;
    }
    r = program_read(call, call->arguments[4], &room, sizeof room);
    if (r == 0 && room < 0) r = -EINVAL;
    if (r == 0) {
        socklen_t length = room > VALUE_BYTES ? VALUE_BYTES : (socklen_t)room;
        if (level == SOL_SOCKET && name == SO_ERROR && b->error != 0) {
            if (length > sizeof b->error) length = sizeof b->error;
            memcpy(value, &b->error, length);
            b->error = 0;
        } else {
            r = core_getsockopt(b->stream, level, name, value, &length);
        }
        if (r == 0) r = program_write(call, call->arguments[3], value, length);
        if (r == 0) r = program_write(call, call->arguments[4], &length, sizeof length);
    }
    calls_answer(b, call, r);
}

static void do_setsockopt(struct bridge *b, const struct call *call) {
    int level = (int)call->arguments[1], name = (int)call->arguments[2];
    int32_t length = (int32_t)call->arguments[4];
    uint8_t value[VALUE_BYTES];
    if (belongs_to_pair(level, name)) {
        call_continue(call);
        return;
    }
    int r =
        length < 0 || length > VALUE_BYTES ? -EINVAL : program_read(call, call->arguments[3], value, (size_t)length);
    if (r == 0) r = core_setsockopt(b->stream, level, name, value, (socklen_t)length);
    call_answer(call, r);
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static void handle_on(struct bridge *b, const struct call *call, int end) {
    if (b->unheard.id != 0) {
        bool again = is_same_call(&b->unheard, call);
        b->unheard.id = 0;
        if (again) {
            if (call->number == SYS_connect) b->error = 0;
            calls_answer(b, call, b->unheard_result);
            return;
        }
    }
    switch (call->number) {
    case SYS_accept:
    case SYS_accept4:
        do_accept(b, call, end);
        break;
    case SYS_bind:
        do_bind(b, call);
        break;
    case SYS_connect:
        do_connect(b, call, end);
        break;
    case SYS_listen:
        do_listen(b, call);
        break;
    case SYS_shutdown:
        do_shutdown(b, call);
        break;
    case SYS_getsockname:
    case SYS_getpeername:
        do_name(b, call);
        break;
    case SYS_getsockopt:
        do_getsockopt(b, call);
        break;
    case SYS_setsockopt:
        do_setsockopt(b, call);
        break;
    default:
        call_answer(call, -ENOSYS);
    }
}

void calls_handle(const struct call *call) {
    if (call->number == SYS_socket) {
        do_socket(call);
        return;
    }
    int number = (int)call->arguments[0];
    int end = program_descriptor(call, call->thread, number);
    struct bridge *b = end < 0 ? NULL : bridge_find(socket_cookie(end));
    if (b == NULL) {
        call_continue(call);
    } else {
        seen_at(b, call, number);
        handle_on(b, call, end);
    }
    if (end >= 0) close(end);
}
