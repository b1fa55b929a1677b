#include "debug.h"
#include "real.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool enabled;

void debug_start(void) {
    const char *value = getenv("TOSEC_DEBUG");
    enabled = value != NULL && *value != 0 && strcmp(value, "0") != 0;
}

static char *append(char *at, const char *end, const char *text) {
    while (*text != 0 && at < end)
        *at++ = *text++;
    return at;
}

static char *append_number(char *at, const char *end, long number) {
    char digits[24];
    int n = 0;
    unsigned long left = number < 0 ? 0ul - (unsigned long)number : (unsigned long)number;
    do
        digits[n++] = (char)('0' + left % 10);
    while ((left /= 10) != 0);
    if (number < 0) digits[n++] = '-';
    while (n > 0 && at < end)
        *at++ = digits[--n];
    return at;
}

void debug_line(const char *call, const char *reason, long number) {
    if (!enabled) return;
    int saved = errno;
    char line[256];
    char *at = line;
    const char *end = line + sizeof line - 1;
    at = append(at, end, "tosec[");
    at = append_number(at, end, getpid());
    at = append(at, end, "] ");
    at = append(at, end, call);
    at = append(at, end, ": ");
    at = append(at, end, reason);
    at = append(at, end, " (");
    at = append_number(at, end, number);
    at = append(at, end, ")");
    *at++ = '\n';
    if (real.write(2, line, (size_t)(at - line)) < 0) {
        /* Nobody left to tell. */
    }
    errno = saved;
}
