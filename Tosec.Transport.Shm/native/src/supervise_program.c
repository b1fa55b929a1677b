#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREAD_ALSO = O_EXCL /* PIDFD_THREAD, Linux 6.9 */ };

static int notify = -1;
static struct seccomp_notif *received;
static struct seccomp_notif_resp *response;
static size_t received_bytes, response_bytes;

int program_start(int listener) {
    struct seccomp_notif_sizes sizes;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) return -errno;
    /* A later kernel's are longer. */
    received_bytes = sizes.seccomp_notif > sizeof *received ? sizes.seccomp_notif : sizeof *received;
    response_bytes = sizes.seccomp_notif_resp > sizeof *response ? sizes.seccomp_notif_resp : sizeof *response;
    received = calloc(1, received_bytes);
    response = calloc(1, response_bytes);
    if (received == NULL || response == NULL) return -ENOMEM;
    notify = listener;
    return 0;
}

int program_next(struct call *call) {
    memset(received, 0, received_bytes);
    if (ioctl(notify, SECCOMP_IOCTL_NOTIF_RECV, received) != 0) return 0; /* ENOENT: it has ended meanwhile */
    call->id = received->id;
    call->thread = (pid_t)received->pid;
    call->number = received->data.nr;
    for (int i = 0; i < 6; i++)
        call->arguments[i] = received->data.args[i];
    return 1;
}

bool call_is_alive(const struct call *call) {
    uint64_t id = call->id;
    return ioctl(notify, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static bool respond(const struct call *call, int64_t value, int32_t error, uint32_t flags) {
    memset(response, 0, response_bytes);
    response->id = call->id;
    response->val = value;
    response->error = error;
    response->flags = flags;
    return ioctl(notify, SECCOMP_IOCTL_NOTIF_SEND, response) == 0;
}

bool call_answer(const struct call *call, int64_t result) {
    return result < 0 ? respond(call, 0, (int32_t)result, 0) : respond(call, result, 0, 0);
}

void call_continue(const struct call *call) {
    respond(call, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

int call_answer_descriptor(const struct call *call, int fd, bool close_on_exec) {
    struct seccomp_notif_addfd add = {.id = call->id,
                                      .flags = SECCOMP_ADDFD_FLAG_SEND,
                                      .srcfd = (uint32_t)fd,
                                      .newfd_flags = close_on_exec ? O_CLOEXEC : 0};
    int number = ioctl(notify, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    return number < 0 ? -errno : number;
}

/*
 * The memory of the calling process. The number of its thread may be another's as soon as the call has ended; so first
 * the memory is opened, and then the call is looked at: if it still waits, what was opened is its own, and stays so.
 */
static int open_memory(const struct call *call, int how) {
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)call->thread);
    int memory = open(path, how | O_CLOEXEC);
    if (memory < 0) return -EFAULT;
    if (call_is_alive(call)) return memory;
    close(memory);
    return -ENOENT;
}

int program_read(const struct call *call, uint64_t from, void *to, size_t length) {
    if (length == 0) return 0;
    if (from > INT64_MAX - length) return -EFAULT;
    int memory = open_memory(call, O_RDONLY);
    if (memory < 0) return memory;
    ssize_t got = pread(memory, to, length, (off_t)from);
    close(memory);
    if (!call_is_alive(call)) return -ENOENT;
    return got == (ssize_t)length ? 0 : -EFAULT;
}

int program_write(const struct call *call, uint64_t to, const void *from, size_t length) {
    if (length == 0) return 0;
    if (to > INT64_MAX - length) return -EFAULT;
    int memory = open_memory(call, O_RDWR);
    if (memory < 0) return memory;
    ssize_t put = pwrite(memory, from, length, (off_t)to);
    close(memory);
    return put == (ssize_t)length ? 0 : -EFAULT;
}

/* The process of a thread, for kernels that have no handles of threads. */
static pid_t process_of(pid_t thread) {
    char path[32], text[2048];
    snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t n = read(file, text, sizeof text - 1);
    close(file);
    text[n < 0 ? 0 : n] = 0;
    const char *at = strstr(text, "\nTgid:");
    return at == NULL ? -1 : (pid_t)strtol(at + 6, NULL, 10);
}

int program_descriptor(const struct call *call, pid_t thread, int number) {
    int process = (int)syscall(SYS_pidfd_open, thread, THREAD_ALSO);
    if (process < 0 && errno == EINVAL) process = (int)syscall(SYS_pidfd_open, process_of(thread), 0);
    if (process < 0) return -errno;
    int fd = -ENOENT;
    if (call == NULL || call_is_alive(call)) {
        fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);
        if (fd < 0) fd = -errno;
    }
    close(process);
    return fd;
}

uint64_t socket_cookie(int fd) {
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}
