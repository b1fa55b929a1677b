#include "real.h"

#include <dlfcn.h>
#include <stddef.h>

struct real_calls real;
static unsigned loaded;

static void resolve(void) {
    /* A function that this C library does not have stays NULL; its wrapper is then not reachable either. */
#define TOSEC_REAL_RESOLVE(result, name, arguments) *(void **)&real.name = dlsym(RTLD_NEXT, #name);
    TOSEC_REAL_CALLS(TOSEC_REAL_RESOLVE)
#undef TOSEC_REAL_RESOLVE
    if (real.fcntl64 == NULL) real.fcntl64 = real.fcntl;
}

void real_ensure(void) {
    /* Two threads that come first together write the same values. */
    if (__atomic_load_n(&loaded, __ATOMIC_ACQUIRE)) return;
    resolve();
    __atomic_store_n(&loaded, 1, __ATOMIC_RELEASE);
}
