/*
 * The C library's streams. They read and write with calls of its own that no library sees, so a stream over a TOSEC
 * socket is one with functions of ours behind it (fopencookie), which fileno() still tells the descriptor of.
 */
#include "preload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int descriptor_of(const void *cookie) {
    return (int)(intptr_t)cookie;
}

static ssize_t read_stream(void *cookie, char *bytes, size_t length) {
    return read(descriptor_of(cookie), bytes, length);
}

/* The C library takes 0 for an error, and repeats a short write itself. */
static ssize_t write_stream(void *cookie, const char *bytes, size_t length) {
    ssize_t r = write(descriptor_of(cookie), bytes, length);
    return r < 0 ? 0 : r;
}

static int seek_stream(void *cookie, off64_t *offset, int whence) {
    (void)cookie, (void)offset, (void)whence;
    errno = ESPIPE;
    return -1;
}

static int close_stream(void *cookie) {
    return close(descriptor_of(cookie));
}

static FILE *open_stream(int fd, const char *mode) {
    static const cookie_io_functions_t functions = {read_stream, write_stream, seek_stream, close_stream};
    FILE *file = fopencookie((void *)(intptr_t)fd, mode, functions);
    if (file != NULL) file->_fileno = fd;
    return file;
}

EXPORT FILE *fdopen(int fd, const char *mode) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.fdopen(fd, mode);
    return open_stream(fd, mode);
}

/* Before main: nobody has used them yet. */
void replace_standard_streams(void) {
    struct stream_ref ref;
    if (fdtable_find(STDIN_FILENO, &ref)) {
        FILE *file = open_stream(STDIN_FILENO, "r");
        if (file != NULL) stdin = file;
    }
    if (fdtable_find(STDOUT_FILENO, &ref)) {
        FILE *file = open_stream(STDOUT_FILENO, "w");
        if (file != NULL) stdout = file;
    }
    if (fdtable_find(STDERR_FILENO, &ref)) {
        FILE *file = open_stream(STDERR_FILENO, "w");
        if (file != NULL) {
            setvbuf(file, NULL, _IONBF, 0);
            stderr = file;
        }
    }
}

EXPORT int vdprintf(int fd, const char *format, va_list arguments) {
    struct stream_ref ref;
    if (!ours(fd, &ref)) return real.vdprintf(fd, format, arguments);
    char *text;
    int length = vasprintf(&text, format, arguments);
    if (length < 0) return -1;
    for (int done = 0; done < length;) {
        ssize_t r = write(fd, text + done, (size_t)(length - done));
        if (r < 0) {
            length = -1;
            break;
        }
        done += (int)r;
    }
    int saved = errno;
    free(text);
    errno = saved;
    return length;
}

EXPORT int dprintf(int fd, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int r = vdprintf(fd, format, arguments);
    va_end(arguments);
    return r;
}

EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments) {
    (void)flag;
    return vdprintf(fd, format, arguments);
}

EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...);
EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...) {
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    int r = vdprintf(fd, format, arguments);
    va_end(arguments);
    return r;
}
