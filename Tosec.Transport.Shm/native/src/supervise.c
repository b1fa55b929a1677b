/* usage: tosec-supervise PATH ARGUMENT0 [ARGUMENT...]; the environment names the agent (TOSEC_AGENT). */
#include "supervise.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit codes, as those of `tosec run`. */
enum { USAGE = 64, UNAVAILABLE = 69, INTERNAL = 70, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };
/* Bits of what bridges_wait tells. */
enum { CALLS = 0, SIGNALS = 1, ALL_GONE = 31 };

static pid_t first = -1; /* the program itself; -1: it has ended, with `status` */
static int status;

static _Noreturn void fail(int code, const char *what, int error) {
    fprintf(stderr, "tosec: %s: %s\n", what, strerror(error));
    exit(code);
}

/* ---- the program's side -------------------------------------------------------------------------------------- */

static int send_descriptor(int link, int fd, int error) {
    union {
        char bytes[CMSG_SPACE(sizeof fd)];
        struct cmsghdr aligned;
    } ancillary;
    memset(&ancillary, 0, sizeof ancillary);
    struct iovec iov = {&error, sizeof error};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = ancillary.bytes;
        m.msg_controllen = sizeof ancillary.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    return sendmsg(link, &m, MSG_NOSIGNAL) == sizeof error ? 0 : -errno;
}

static int receive_descriptor(int link, int *fd) {
    int error = EPIPE;
    union {
        char bytes[CMSG_SPACE(sizeof *fd)];
        struct cmsghdr aligned;
    } ancillary;
    struct iovec iov = {&error, sizeof error};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes};
    if (recvmsg(link, &m, MSG_CMSG_CLOEXEC) != sizeof error) return EPIPE;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (error == 0 && c != NULL) memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return error == 0 && c == NULL ? EPROTO : error;
}

static _Noreturn void become_program(char **words, int link, pid_t supervisor, const sigset_t *mask,
                                     const struct rlimit *files) {
    char go;
    /* Without its supervisor the program has no sockets. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != supervisor) _exit(INTERNAL);
    int listener = filter_install();
    send_descriptor(link, listener, listener < 0 ? -listener : 0);
    /* Neither is inherited: both close on exec. */
    if (listener < 0 || read(link, &go, 1) != 1) _exit(INTERNAL);
    setrlimit(RLIMIT_NOFILE, files);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execv(words[1], words + 2);
    fprintf(stderr, "tosec: %s cannot be executed: %s\n", words[1], strerror(errno));
    _exit(errno == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

/* ---- the supervisor's side ----------------------------------------------------------------------------------- */

/* Whoever waits for the end of a pipe that the program was given must not wait for us. */
static void keep_only(int one, int other) {
    int low = one < other ? one : other, high = one < other ? other : one;
    if (low > 3) close_range(3, (unsigned)low - 1, 0);
    if (high > low + 1) close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    close_range((unsigned)high + 1, ~0u, 0);
}

static void leave_standard_streams(void) {
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int last = getenv("TOSEC_DEBUG") != NULL ? 1 : 2;
    for (int fd = 0; nothing >= 0 && fd <= last; fd++)
        dup2(nothing, fd);
    if (nothing > 2) close(nothing);
}

static void require_agent(void) {
    const char *fallback = getenv("TOSEC_FALLBACK"), *agent = getenv("TOSEC_AGENT");
    struct session *s;
    signal_mask mask;
    signals_block(&mask);
    int r = session_enter(&s);
    if (r == 0) session_leave(s);
    signals_restore(&mask);
    if (r < 0 && (fallback == NULL || strcmp(fallback, "kernel") != 0))
        fail(UNAVAILABLE, agent != NULL ? agent : "TOSEC_AGENT is not set", -r);
}

static void reap(void) {
    int ended;
    for (pid_t pid; (pid = waitpid(-1, &ended, WNOHANG)) > 0;) {
        if (pid != first) continue; /* a child that the program has left behind */
        first = -1;
        status = ended;
    }
}

/* Signals that others send to us are meant for the program; those of the terminal it gets itself. */
static void take_signals(int signals) {
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            reap();
        } else if (first > 0) {
            if (info.ssi_code <= 0) kill(first, (int)info.ssi_signo);
        } else if (info.ssi_signo != SIGWINCH && info.ssi_signo != SIGUSR1 && info.ssi_signo != SIGUSR2) {
            exit(128 + (int)info.ssi_signo);
        }
    }
}

/* Ends as the program did. */
static _Noreturn void end_alike(void) {
    if (WIFSIGNALED(status)) {
        struct rlimit none = {0, 0};
        sigset_t all;
        setrlimit(RLIMIT_CORE, &none);
        signal(WTERMSIG(status), SIG_DFL);
        sigfillset(&all);
        sigprocmask(SIG_UNBLOCK, &all, NULL);
        raise(WTERMSIG(status));
        exit(128 + WTERMSIG(status));
    }
    exit(WEXITSTATUS(status));
}

/* Until no process is left that the filter is on, and what they have sent is sent. */
static void serve(int calls, int signals) {
    for (bool all_gone = false; !all_gone || first > 0 || bridges_any();) {
        uint32_t ready = bridges_wait();
        struct call call;
        if ((ready & 1u << SIGNALS) != 0) take_signals(signals);
        if ((ready & 1u << CALLS) != 0 && program_next(&call) == 1) calls_handle(&call);
        if ((ready & 1u << ALL_GONE) != 0 && !all_gone) {
            all_gone = true;
            bridges_remove(calls);
        }
    }
}

int main(int argc, char **argv) {
    static const int forwarded[] = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
    if (argc < 3) {
        fprintf(stderr, "usage: tosec-supervise PATH ARGUMENT0 [ARGUMENT...]\n");
        return USAGE;
    }
    int link[2], listener = -1;
    sigset_t taken, mask;
    struct rlimit files;
    pid_t self = getpid();
    sigemptyset(&taken);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        sigaddset(&taken, forwarded[i]);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || sigprocmask(SIG_BLOCK, &taken, &mask) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) != 0 || (first = fork()) < 0)
        fail(INTERNAL, "cannot start", errno);
    if (first == 0) become_program(argv, link[1], self, &mask, &files);

    close(link[1]);
    int error = receive_descriptor(link[0], &listener);
    if (error == EBUSY) fail(UNAVAILABLE, "the program has a supervisor already (tosec run in tosec run?)", error);
    if (error != 0) fail(UNAVAILABLE, "the kernel does not tell of system calls (seccomp user notification)", error);
    keep_only(link[0], listener);
    /* Two descriptors a socket, and one that is high up for each of the library's own. */
    struct rlimit more = {files.rlim_max, files.rlim_max};
    setrlimit(RLIMIT_NOFILE, &more);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    /* The program, which has our user, cannot look into us. */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    /* Those that it leaves behind stay our descendants. */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    core_start();
    calls_start();
    require_agent();
    int signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    int r = signals < 0 ? -errno : program_start(listener);
    if (r == 0) r = bridges_start();
    if (r == 0) r = bridges_add(listener, CALLS);
    if (r == 0) r = bridges_add(signals, SIGNALS);
    if (r == 0 && write(link[0], "", 1) != 1) r = -errno;
    if (r < 0) fail(INTERNAL, "cannot start", -r);
    close(link[0]);
    leave_standard_streams();
    serve(listener, signals);
    end_alike();
}
