/* Stops the process the first time that it passes the place TOSEC_STOP_AT. Whoever watches it does the rest. */
#include "../src/points.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void point(const char *name) {
    static bool passed;
    const char *wanted = getenv("TOSEC_STOP_AT");
    if (wanted == NULL || strcmp(wanted, name) != 0 || __atomic_exchange_n(&passed, true, __ATOMIC_RELAXED)) return;
    syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
}
