/* What the library did not do, and why: one line on standard error each, if TOSEC_DEBUG is set. */
#ifndef TOSEC_DEBUG_H
#define TOSEC_DEBUG_H

#include <stdbool.h>

void debug_start(void);
/* Safe in signal handlers and after fork: no allocation, no stdio, errno kept. */
void debug_line(const char *call, const char *reason, long number);

#endif
