/*
 * Locks and signal masks. Two kinds of lock: process_lock guards private memory of this process; stream_lock is a word
 * in the segment that carries the channel and the thread of its holder. When a process is gone the agent repairs what
 * its channel held and frees it; nobody else may, for nobody else knows for certain that the holder is dead. Both are
 * taken with signals blocked, so a signal handler never finds its own thread inside.
 */
#ifndef TOSEC_SYNC_H
#define TOSEC_SYNC_H

#include <stdbool.h>
#include <stdint.h>

/* Kernel signal mask. Signals that the processor raises stay open: programs catch faults on their own buffers. */
typedef uint64_t signal_mask;
void signals_block(signal_mask *saved);
void signals_restore(const signal_mask *saved);

void process_lock(uint32_t *word);
void process_unlock(uint32_t *word);

/* holder: tosec_holder. Waits as long as is_lost(context) says false; then the lock is taken whoever has it, because
 * what it guards means nothing to anybody any more. */
void stream_lock(uint32_t *word, uint32_t holder, bool (*is_lost)(void *context), void *context);
void stream_unlock(uint32_t *word, uint32_t holder);

/* Waits while *word == seen, at most this long; wakes on futex_wake. Process-local words only. */
void futex_wait(uint32_t *word, uint32_t seen, int milliseconds);
void futex_wake(uint32_t *word, int count);

void nap(uint32_t microseconds);
uint64_t monotonic_ms(void);
uint32_t thread_id(void);
void thread_id_forget(void); /* in the child of a fork */

static inline void full_fence(void) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline void cpu_relax(void) {
    __builtin_ia32_pause();
}

#endif
