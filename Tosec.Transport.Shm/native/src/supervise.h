/*
 * tosec-supervise: TOSEC sockets for programs that call the kernel themselves. A seccomp filter gives the socket calls
 * of the program and its children to this process, which answers them (seccomp_unotify(2)). A TOSEC socket of theirs is
 * one end of a UNIX stream pair that was put into their descriptors; a bridge pumps bytes between the other end and a
 * TOSEC connection of this process. One thread, one epoll set, nothing blocks but calls to the TOE.
 *
 * The program is hostile: its memory and descriptors change while they are looked at. Memory is read once and written
 * only by a handle of the memory of the very process whose call is being answered; a descriptor is a bridge's if the
 * kernel's cookie of its socket says so, and is never used for anything else.
 */
#ifndef TOSEC_SUPERVISE_H
#define TOSEC_SUPERVISE_H

#include "core.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- supervise_filter.c: the program's side ------------------------------------------------------------------ */

/* Puts the filter on this process for good. The descriptor that tells of calls, or a negative errno. */
int filter_install(void);

/* ---- supervise_program.c: calls, memory and descriptors of the program --------------------------------------- */

/* A call that waits for its answer. Its thread stands still, unless a signal ends the call or the process. */
struct call {
    uint64_t id;
    pid_t thread;
    int number;
    uint64_t arguments[6];
};

/* Takes over the descriptor that filter_install gave. 0 or a negative errno. */
int program_start(int listener);
/* 1: *call is the next one; 0: there is none. */
int program_next(struct call *call);
bool call_is_alive(const struct call *call);
/* A result, or a negative errno. False: the call has ended before, and nobody has heard this. */
bool call_answer(const struct call *call, int64_t result);
/* The kernel does it, on whatever the descriptor is by then. */
void call_continue(const struct call *call);
/* Puts a copy of fd into the program's descriptors and answers the call with its number, which is returned. Negative:
 * no answer was given: -ENOENT the call has ended, -EMFILE and others: for the program to hear. */
int call_answer_descriptor(const struct call *call, int fd, bool close_on_exec);
/* Exactly so many bytes, or -EFAULT; -ENOENT: the call has ended. */
int program_read(const struct call *call, uint64_t from, void *to, size_t length);
int program_write(const struct call *call, uint64_t to, const void *from, size_t length);
/* A copy of a descriptor of the process, for the caller to close; or a negative errno. `call` may be NULL: then nothing
 * says that the thread's number is not another one's by now. */
int program_descriptor(const struct call *call, pid_t thread, int number);
/* The kernel's number of a socket, never used again; 0: not a socket. */
uint64_t socket_cookie(int fd);

/* ---- supervise_bridge.c: a socket of the program ------------------------------------------------------------- */

enum bridge_state { BRIDGE_FRESH, BRIDGE_CONNECTING, BRIDGE_CONNECTED, BRIDGE_LISTENING, BRIDGE_SHUT };

/* One direction. `bytes` holds what one side gave and the other did not take yet; NULL: nothing. */
struct flow {
    uint8_t *bytes;
    size_t begin, end;
    bool ended; /* nothing comes any more */
};

/* A connection that no call has accepted yet. */
struct arrival {
    int stream;
    struct sockaddr_storage name;
    socklen_t length;
};

/* A blocking accept or connect. */
struct waiting {
    struct waiting *next;
    struct call call;
    uint64_t deadline; /* of monotonic_ms(), 0: none */
};

struct bridge {
    struct bridge *next; /* in its bucket, then among the dead */
    uint64_t cookie;     /* of the program's end */
    int pair;            /* our end */
    struct stream_ref stream;
    enum bridge_state state;
    bool dead, hung_up, end_sent, stalled;
    uint32_t pair_events, stream_events;
    size_t fillers; /* bytes of nobody's in `pair`, which keep the program's end not writable */
    int error;      /* for SO_ERROR or the next call that can tell it; positive */
    struct flow out, in;
    struct sockaddr_storage remote; /* of a connect that is under way */
    socklen_t remote_length;
    /* Where the program's end was seen last, to be told of a reset. A hint: the cookie decides. */
    pid_t thread;
    int number;
    struct arrival *arrivals; /* of a listener: a ring of `room` */
    uint32_t room, first, waiting_arrivals;
    struct waiting *calls; /* oldest first */
    /* An answer that nobody has heard, because a signal ended the call: for the call when it is made again. */
    struct call unheard;
    int64_t unheard_result;
};

/* Events of the epoll set: a bridge, and which of its two descriptors. */
int bridges_start(void);
/* Waits for bridges and serves them, or for one of the added descriptors, whose bits are returned. */
uint32_t bridges_wait(void);
/* A bit of what bridges_wait returns when the descriptor is readable; bit 31 tells of a hang-up of bit 0's. */
int bridges_add(int fd, uint32_t bit);
void bridges_remove(int fd);
bool bridges_any(void);
struct bridge *bridge_find(uint64_t cookie);
/* A bridge over a TOSEC socket, which it owns from here, and the program's end of it; or NULL, and *error is negative.
 */
struct bridge *bridge_make(int stream, enum bridge_state state, bool nonblocking, int *program_end, int *error);
/* Ends the TOSEC socket as close() does. What still waits for an answer is told EINVAL. */
void bridge_destroy(struct bridge *b);
/* Puts fillers through the program's end. */
void bridge_fill(struct bridge *b, int program_end);
/* Begins to connect to b->remote. 0, -EINPROGRESS or the error. */
int bridge_connect(struct bridge *b);
int bridge_listen(struct bridge *b, int backlog);
void bridge_shut_listener(struct bridge *b);
/* Keeps the call until there is something to answer, or so many milliseconds (0: for ever). False: no memory. */
bool bridge_wait(struct bridge *b, const struct call *call, uint64_t milliseconds);
/* What is waiting in the listener's queue, or NULL. */
struct arrival *bridge_arrival(struct bridge *b);
/* The first arrival has been handed over. program_end may be -1. */
void bridge_arrival_taken(struct bridge *b, int program_end);

/* ---- supervise_calls.c --------------------------------------------------------------------------------------- */

void calls_start(void);
/* Answers a call, or keeps it for later. */
void calls_handle(const struct call *call);
/* Hands the listener's first connection to an accept. False: the call was not served, and the connection is still
 * there. */
bool calls_accept(struct bridge *listener, const struct call *call);
/* Answers, and remembers what nobody has heard. */
bool calls_answer(struct bridge *b, const struct call *call, int64_t result);

#endif
