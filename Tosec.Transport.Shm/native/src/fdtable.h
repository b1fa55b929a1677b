/*
 * What this process knows of its descriptors. Only a cache: the truth is the name that the kernel tells for the other
 * end, so an entry may be forgotten at any time and is found again, by whatever process inherited or was given the
 * descriptor.
 */
#ifndef TOSEC_FDTABLE_H
#define TOSEC_FDTABLE_H

#include <stdbool.h>
#include <stdint.h>

struct stream_ref {
    int fd;
    uint32_t slot;
    uint64_t id; /* connection id */
};

enum fd_flag {
    FD_CONNECT_BEGUN = 1, /* EINPROGRESS was answered and nobody has heard the end yet */
    FD_ERROR_READ = 2,    /* the stream's error has been told (SO_ERROR, or by a call) */
    FD_READ_SHUT = 4,     /* shut down for reading here: that A has ended is no loss of the other side */
};

void fdtable_start(void);
/* False: not ours. May ask the kernel; keeps errno. */
bool fdtable_find(int fd, struct stream_ref *ref);
void fdtable_publish(int fd, uint32_t slot, uint64_t id);
void fdtable_forget(int fd);
void fdtable_forget_range(unsigned first, unsigned last);
/* Asks the kernel, whatever the table says. */
bool fdtable_resolve(int fd, struct stream_ref *ref);

/* Flags live as long as the entry; all of them are hints whose loss repeats an answer. */
uint32_t fdtable_flags(int fd);
uint32_t fdtable_flags_set(int fd, uint32_t flag);   /* returns the flags before */
uint32_t fdtable_flags_clear(int fd, uint32_t flag); /* returns the flags before */

#endif
