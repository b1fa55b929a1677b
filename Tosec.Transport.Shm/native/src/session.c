#include "session.h"
#include "debug.h"
#include "real.h"
#include "attach.h"
#include "../include/tosec_agent.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * On a page that the kernel empties in the child of any fork, so even a child made by a bare clone() cannot use its
 * parent's channel: two producers on one lane would corrupt it.
 */
struct fork_sensitive {
    struct session *current;
    uint32_t attach_lock;
};

enum { OWN_DESCRIPTORS = 64 };

static struct fork_sensitive fallback_page;
static struct fork_sensitive *here = &fallback_page;
static int own[OWN_DESCRIPTORS];
static int own_lowest = 0x7fffffff;
static pid_t own_pid;
static struct session *mapped; /* of this process or, right after a fork, of the parent */
static char agent_path[108];

static void own_add(int fd) {
    for (int i = 0; i < OWN_DESCRIPTORS; i++) {
        int none = -1;
        if (__atomic_compare_exchange_n(&own[i], &none, fd, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) break;
    }
    if (fd < __atomic_load_n(&own_lowest, __ATOMIC_RELAXED)) __atomic_store_n(&own_lowest, fd, __ATOMIC_RELAXED);
}

static void own_close(int fd) {
    for (int i = 0; i < OWN_DESCRIPTORS; i++) {
        int seen = fd;
        if (__atomic_compare_exchange_n(&own[i], &seen, -1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            real.close(fd);
            return;
        }
    }
}

bool session_owns(int fd) {
    if (fd < __atomic_load_n(&own_lowest, __ATOMIC_RELAXED)) return false;
    for (int i = 0; i < OWN_DESCRIPTORS; i++)
        if (__atomic_load_n(&own[i], __ATOMIC_RELAXED) == fd) return true;
    return false;
}

int session_own_in(unsigned first, unsigned last) {
    int lowest = -1;
    for (int i = 0; i < OWN_DESCRIPTORS; i++) {
        int fd = __atomic_load_n(&own[i], __ATOMIC_RELAXED);
        if (fd >= 0 && (unsigned)fd >= first && (unsigned)fd <= last && (lowest < 0 || fd < lowest)) lowest = fd;
    }
    return lowest;
}

static void drop_parents_session(void) {
    int saved = errno;
    for (int i = 0; i < OWN_DESCRIPTORS; i++) {
        int fd = __atomic_exchange_n(&own[i], -1, __ATOMIC_RELAXED);
        if (fd >= 0) real.close(fd);
    }
    __atomic_store_n(&own_lowest, 0x7fffffff, __ATOMIC_RELAXED);
    if (mapped != NULL) {
        /* Nobody in this process can be inside: sections that use the mapping run with signals blocked. */
        munmap(mapped->edge, mapped->edge_bytes);
        munmap((void *)mapped->receive, mapped->receive_bytes);
        if (mapped->registers != NULL) munmap((void *)mapped->registers, TOSEC_REGISTER_BYTES);
        munmap(mapped, mapped->own_bytes);
        mapped = NULL;
    }
    own_pid = getpid();
    errno = saved;
}

static __thread signal_mask fork_mask __attribute__((tls_model("initial-exec")));

static void before_fork(void) {
    /* No attachment is half made while the process is copied. */
    signal_mask mask;
    signals_block(&mask);
    process_lock(&here->attach_lock);
    fork_mask = mask;
}

static void after_fork_in_parent(void) {
    signal_mask mask = fork_mask;
    process_unlock(&here->attach_lock);
    signals_restore(&mask);
}

static void after_fork_in_child(void) {
    signal_mask mask = fork_mask;
    here->current = NULL;
    here->attach_lock = 0;
    thread_id_forget();
    drop_parents_session();
    signals_restore(&mask);
}

void session_set_agent(const char *path) {
    size_t length = strlen(path);
    if (length >= sizeof agent_path) length = 0;
    memcpy(agent_path, path, length);
    agent_path[length] = 0;
}

void session_start(void) {
    for (int i = 0; i < OWN_DESCRIPTORS; i++)
        own[i] = -1;
    own_pid = getpid();
    void *page = mmap(NULL, TOSEC_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) {
        if (madvise(page, TOSEC_PAGE, MADV_WIPEONFORK) != 0) debug_line("start", "no wipe on fork", errno);
        here = page;
    }
    const char *path = getenv("TOSEC_AGENT");
    if (path != NULL) session_set_agent(path);
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void destroy(struct session *s) {
    if (__atomic_exchange_n(&s->destroyed, 1, __ATOMIC_ACQ_REL) != 0) return;
    own_close(s->control);
    own_close(s->event);
    for (int p = 0; p < TOSEC_PARTIES; p++)
        if (s->doorbell[p] >= 0) own_close(s->doorbell[p]);
    munmap(s->edge, s->edge_bytes);
    munmap((void *)s->receive, s->receive_bytes);
    if (s->registers != NULL) munmap((void *)s->registers, TOSEC_REGISTER_BYTES);
    /* The structure itself stays: a thread may just be about to count itself in, find it retired and leave. */
}

void session_leave(struct session *s) {
    if (__atomic_sub_fetch(&s->users, 1, __ATOMIC_ACQ_REL) == 0) destroy(s);
}

void session_retire(struct session *s) {
    struct session *seen = s;
    if (!__atomic_compare_exchange_n(&here->current, &seen, NULL, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
    debug_line("session", "agent or TOE is gone, channel", s->channel);
    if (mapped == s) mapped = NULL;
    __atomic_store_n(&s->retired, 1, __ATOMIC_RELEASE);
    session_leave(s);
}

static int attach_locked(struct session **made) {
    if (own_pid != getpid()) drop_parents_session();
    if (agent_path[0] == 0) {
        debug_line("attach", "TOSEC_AGENT is not set", 0);
        return -ENETDOWN;
    }
    struct session *s = NULL;
    int r = attach_session(agent_path, &s);
    if (r < 0) {
        debug_line("attach", "no session, errno", -r);
        return -ENETDOWN;
    }
    own_add(s->control);
    own_add(s->event);
    for (int p = 0; p < TOSEC_PARTIES; p++)
        if (s->doorbell[p] >= 0) own_add(s->doorbell[p]);
    s->users = 1; /* the reference of `current` */
    mapped = s;
    *made = s;
    return 0;
}

int session_enter(struct session **out) {
    for (;;) {
        struct session *s = __atomic_load_n(&here->current, __ATOMIC_ACQUIRE);
        if (s == NULL) {
            process_lock(&here->attach_lock);
            int r = 0, saved = errno;
            if (__atomic_load_n(&here->current, __ATOMIC_ACQUIRE) == NULL) {
                r = attach_locked(&s);
                if (r == 0) __atomic_store_n(&here->current, s, __ATOMIC_RELEASE);
            }
            process_unlock(&here->attach_lock);
            errno = saved;
            if (r < 0) return r;
            continue;
        }
        __atomic_add_fetch(&s->users, 1, __ATOMIC_ACQ_REL);
        if (__atomic_load_n(&here->current, __ATOMIC_ACQUIRE) == s) {
            *out = s;
            return 0;
        }
        session_leave(s);
    }
}
