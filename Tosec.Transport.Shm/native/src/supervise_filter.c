#include "supervise.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "tosec-supervise knows the system calls of x86-64 only"
#endif

enum { X32_CALLS = 0x40000000, SMC_FAMILY = 43 };

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)
#define IF(value, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1), ANSWER(action)
#define ASK SECCOMP_RET_USER_NOTIF
#define NONE (SECCOMP_RET_ERRNO | ENOSYS)

int filter_install(void) {
    struct sock_filter filter[] = {
        /* Other tables of calls would be ways round this one; so would rings of calls that no filter sees. */
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        ANSWER(NONE),
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_CALLS, 0, 1),
        ANSWER(NONE),
        IF(__NR_io_uring_setup, NONE),
        IF(__NR_connect, ASK),
        IF(__NR_bind, ASK),
        IF(__NR_listen, ASK),
        IF(__NR_accept, ASK),
        IF(__NR_accept4, ASK),
        IF(__NR_shutdown, ASK),
        IF(__NR_getsockname, ASK),
        IF(__NR_getpeername, ASK),
        IF(__NR_getsockopt, ASK),
        IF(__NR_setsockopt, ASK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 1, 0),
        ANSWER(SECCOMP_RET_ALLOW),
        /* The kernel looks at these 32 bits of the argument only. */
        LOAD(args[0]),
        IF(AF_INET, ASK),
        IF(AF_INET6, ASK),
        IF(SMC_FAMILY, SECCOMP_RET_ERRNO | EAFNOSUPPORT), /* TCP under another name */
        ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -errno;
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    return r < 0 ? -errno : (int)r;
}
