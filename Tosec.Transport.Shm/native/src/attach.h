#ifndef TOSEC_ATTACH_H
#define TOSEC_ATTACH_H

#include "session.h"

/*
 * Asks the agent at path ('@' first: abstract name) for a channel and maps what it gives. 0 or negative errno. The
 * caller owns the session and its descriptors, which are close-on-exec and lie high, out of the way of programs that
 * count on low numbers.
 */
int attach_session(const char *path, struct session **made);

#endif
