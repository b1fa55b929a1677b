#include "fdtable.h"
#include "real.h"
#include "../include/tosec_agent.h"
#include "../include/tosec_layout.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/un.h>

/*
 * tag: bits 0..1 kind, bits 2..31 slot, bits 32..63 version. A forget raises the version, so whoever was resolving the
 * descriptor meanwhile cannot publish what it found; a reader looks at the tag before and after it takes the id.
 */
struct fd_entry {
    uint64_t tag;
    uint64_t id;
    uint32_t flags;
    uint32_t reserved;
};

enum { UNKNOWN = 0, KERNEL = 1, STREAM = 2, WRITING = 3, KIND_MASK = 3, TABLE_ENTRIES = 1 << 20 };
#define VERSION_ONE (1ull << 32)

static struct fd_entry *table; /* reserved address space, touched page by page */
static uint32_t highest;       /* entry ever used; bounds the work of a range */

void fdtable_start(void) {
    void *memory = mmap(NULL, TABLE_ENTRIES * sizeof(struct fd_entry), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    table = memory == MAP_FAILED ? NULL : memory; /* without it every call asks the kernel */
}

static struct fd_entry *entry_of(int fd) {
    return table != NULL && (unsigned)fd < TABLE_ENTRIES ? &table[fd] : NULL;
}

static void publish(int fd, uint64_t seen, uint32_t kind, uint32_t slot, uint64_t id) {
    struct fd_entry *entry = entry_of(fd);
    if (entry == NULL) return;
    uint32_t top = __atomic_load_n(&highest, __ATOMIC_RELAXED);
    while ((uint32_t)fd > top &&
           !__atomic_compare_exchange_n(&highest, &top, (uint32_t)fd, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    uint64_t writing = (seen & ~(VERSION_ONE - 1)) | WRITING;
    if ((seen & KIND_MASK) == WRITING ||
        !__atomic_compare_exchange_n(&entry->tag, &seen, writing, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(&entry->id, id, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->flags, 0, __ATOMIC_RELAXED);
    uint64_t done = (writing & ~(VERSION_ONE - 1)) | ((uint64_t)slot << 2) | kind;
    __atomic_compare_exchange_n(&entry->tag, &writing, done, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

void fdtable_forget(int fd) {
    struct fd_entry *entry = entry_of(fd);
    if (entry == NULL) return;
    uint64_t seen = __atomic_load_n(&entry->tag, __ATOMIC_RELAXED), next;
    do
        next = (seen & ~(VERSION_ONE - 1)) + VERSION_ONE;
    while (!__atomic_compare_exchange_n(&entry->tag, &seen, next, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
}

void fdtable_forget_range(unsigned first, unsigned last) {
    uint32_t top = __atomic_load_n(&highest, __ATOMIC_RELAXED);
    for (unsigned fd = first; fd <= last && fd <= top; fd++)
        fdtable_forget((int)fd);
}

void fdtable_publish(int fd, uint32_t slot, uint64_t id) {
    struct fd_entry *entry = entry_of(fd);
    if (entry == NULL) return;
    fdtable_forget(fd);
    publish(fd, __atomic_load_n(&entry->tag, __ATOMIC_RELAXED), STREAM, slot, id);
}

static bool parse_hex(const char *text, int digits, uint64_t *value) {
    uint64_t v = 0;
    for (int i = 0; i < digits; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *value = v;
    return true;
}

/* 1: a stream of ours, 0: something else, -1: not open. */
static int ask_kernel(int fd, struct stream_ref *ref) {
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    int saved = errno, answer = 0;
    if (real.getpeername(fd, (struct sockaddr *)&name, &length) != 0) {
        answer = errno == EBADF ? -1 : 0;
    } else if (length == offsetof(struct sockaddr_un, sun_path) + 1 + TOSEC_PEER_NAME_LENGTH &&
               name.sun_family == AF_UNIX) {
        /* "\0tosec/<16 digits>/<8 digits>" */
        const char *text = name.sun_path + 1;
        uint64_t id, slot;
        if (name.sun_path[0] == 0 && text[0] == 't' && text[1] == 'o' && text[2] == 's' && text[3] == 'e' &&
            text[4] == 'c' && text[5] == '/' && parse_hex(text + 6, 16, &id) && text[22] == '/' &&
            parse_hex(text + 23, 8, &slot) && slot < TOSEC_MAX_STREAMS && id != 0) {
            *ref = (struct stream_ref){fd, (uint32_t)slot, id};
            answer = 1;
        }
    }
    errno = saved;
    return answer;
}

bool fdtable_resolve(int fd, struct stream_ref *ref) {
    struct fd_entry *entry = entry_of(fd);
    if (entry != NULL) fdtable_forget(fd);
    uint64_t seen = entry != NULL ? __atomic_load_n(&entry->tag, __ATOMIC_ACQUIRE) : 0;
    int answer = ask_kernel(fd, ref);
    if (answer >= 0)
        publish(fd, seen, answer == 1 ? STREAM : KERNEL, answer == 1 ? ref->slot : 0, answer == 1 ? ref->id : 0);
    return answer == 1;
}

bool fdtable_find(int fd, struct stream_ref *ref) {
    if (fd < 0) return false;
    struct fd_entry *entry = entry_of(fd);
    if (entry == NULL) return ask_kernel(fd, ref) == 1;
    uint64_t tag = __atomic_load_n(&entry->tag, __ATOMIC_ACQUIRE);
    if ((tag & KIND_MASK) == KERNEL) return false;
    if ((tag & KIND_MASK) == STREAM) {
        uint64_t id = __atomic_load_n(&entry->id, __ATOMIC_ACQUIRE);
        if (__atomic_load_n(&entry->tag, __ATOMIC_ACQUIRE) == tag) {
            *ref = (struct stream_ref){fd, (uint32_t)(tag >> 2) & 0x3fffffff, id};
            return true;
        }
        return ask_kernel(fd, ref) == 1;
    }
    int answer = ask_kernel(fd, ref);
    if (answer >= 0)
        publish(fd, tag, answer == 1 ? STREAM : KERNEL, answer == 1 ? ref->slot : 0, answer == 1 ? ref->id : 0);
    return answer == 1;
}

uint32_t fdtable_flags(int fd) {
    struct fd_entry *entry = entry_of(fd);
    return entry == NULL ? 0 : __atomic_load_n(&entry->flags, __ATOMIC_ACQUIRE);
}

uint32_t fdtable_flags_set(int fd, uint32_t flag) {
    struct fd_entry *entry = entry_of(fd);
    return entry == NULL ? 0 : __atomic_fetch_or(&entry->flags, flag, __ATOMIC_ACQ_REL);
}

uint32_t fdtable_flags_clear(int fd, uint32_t flag) {
    struct fd_entry *entry = entry_of(fd);
    return entry == NULL ? 0 : __atomic_fetch_and(&entry->flags, ~flag, __ATOMIC_ACQ_REL);
}
