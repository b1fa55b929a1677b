#include "sync.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Waiting here is by raw system calls, because the C library's are cancellation points and a cancelled thread would
 * keep the lock. errno belongs to the application; every function that makes a call puts it back. */

#define BIT(signal) (1ull << ((signal)-1))

void signals_block(signal_mask *saved) {
    static const signal_mask wanted =
        ~(BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGSYS));
    int e = errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &wanted, saved, sizeof *saved);
    errno = e;
}

void signals_restore(const signal_mask *saved) {
    int e = errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, saved, NULL, sizeof *saved);
    errno = e;
}

void futex_wait(uint32_t *word, uint32_t seen, int milliseconds) {
    int e = errno;
    struct timespec limit = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, &limit, NULL, 0);
    errno = e;
}

void futex_wake(uint32_t *word, int count) {
    int e = errno;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
    errno = e;
}

/* 0 free, 1 held, 2 held and somebody may sleep. */
void process_lock(uint32_t *word) {
    uint32_t seen = 0;
    if (__atomic_compare_exchange_n(word, &seen, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
    for (int i = 0; i < 64; i++) {
        cpu_relax();
        seen = 0;
        if (__atomic_compare_exchange_n(word, &seen, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
    }
    while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0)
        futex_wait(word, 2, 1000);
}

void process_unlock(uint32_t *word) {
    if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2) futex_wake(word, 1);
}

static __thread uint32_t own_thread __attribute__((tls_model("initial-exec")));

uint32_t thread_id(void) {
    if (own_thread == 0) own_thread = (uint32_t)syscall(SYS_gettid);
    return own_thread;
}

void thread_id_forget(void) {
    own_thread = 0;
}

void stream_lock(uint32_t *word, uint32_t holder, bool (*is_lost)(void *context), void *context) {
    for (uint32_t round = 0;; round++) {
        uint32_t seen = 0;
        if (__atomic_compare_exchange_n(word, &seen, holder, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
        /* Our own thread, without its being inside: it left by a jump out of a fault in its own buffer. */
        if (seen == holder) return;
        if (round < 64)
            cpu_relax();
        else if (round < 192)
            syscall(SYS_sched_yield);
        else if (round % 64 == 0 && is_lost(context))
            __atomic_compare_exchange_n(word, &seen, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
        else
            nap(100);
    }
}

void stream_unlock(uint32_t *word, uint32_t holder) {
    /* Only if it is still ours: the agent may have given us up. */
    __atomic_compare_exchange_n(word, &holder, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

void nap(uint32_t microseconds) {
    int e = errno;
    struct timespec t = {microseconds / 1000000, (microseconds % 1000000) * 1000L};
    syscall(SYS_nanosleep, &t, NULL);
    errno = e;
}

uint64_t monotonic_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
