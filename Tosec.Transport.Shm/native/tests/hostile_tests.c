/*
 * What a hostile program can do to the supervisor it runs under: whatever it asks, only memory and descriptors of its
 * own are touched, and the supervisor goes on serving. Run by tosec-supervise only.
 */
#include "check.h"

#include <dirent.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void still_served(void) {
    int pair[2];
    char c;
    make_connection(pair);
    EXPECT(send(pair[0], "s", 1, 0) == 1 && recv(pair[1], &c, 1, 0) == 1 && c == 's');
    EXPECT(close(pair[0]) == 0 && recv(pair[1], &c, 1, 0) == 0 && close(pair[1]) == 0);
}

static void addresses_that_are_not_the_programs_are_faults(void) {
    int pair[2];
    make_connection(pair);
    uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(page != MAP_FAILED && munmap(page + 4096, 4096) == 0);
    void *bad[] = {(void *)8,
                   page + 4096,
                   page + 4094,
                   (void *)-1l,
                   (void *)-8l,
                   (void *)0xffffffff80000000,
                   (void *)0x7ffffffffff8};
    int fresh = socket(AF_INET, SOCK_STREAM, 0), value = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        socklen_t length = 16;
        EXPECT_ERROR(getsockname(pair[0], bad[i], &length), EFAULT);
        EXPECT_ERROR(syscall(SYS_getpeername, pair[0], page, bad[i]), EFAULT);
        EXPECT_ERROR(bind(fresh, bad[i], 16), EFAULT);
        EXPECT_ERROR(connect(fresh, bad[i], 128), EFAULT);
        EXPECT_ERROR(setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, bad[i], 16), EFAULT);
        EXPECT_ERROR(syscall(SYS_getsockopt, pair[0], IPPROTO_TCP, TCP_NODELAY, &value, bad[i]), EFAULT);
    }
    struct sockaddr_in name = {.sin_family = AF_INET};
    EXPECT_ERROR(bind(fresh, (struct sockaddr *)&name, (socklen_t)-1), EINVAL);
    EXPECT_ERROR(bind(fresh, (struct sockaddr *)&name, 129), EINVAL);
    EXPECT_ERROR(bind(fresh, (struct sockaddr *)&name, 1), EINVAL);
    EXPECT_ERROR(setsockopt(fresh, SOL_SOCKET, SO_REUSEADDR, &value, (socklen_t)-1), EINVAL);
    EXPECT_ERROR(setsockopt(fresh, SOL_SOCKET, SO_REUSEADDR, page, 1u << 30), EINVAL);
    still_served();
}

static void answers_are_no_longer_than_what_they_say(void) {
    int pair[2];
    make_connection(pair);
    uint8_t room[256];
    socklen_t length = 0x7fffffff;
    memset(room, 0xaa, sizeof room);
    EXPECT(getsockname(pair[0], (struct sockaddr *)room, &length) == 0 && length == sizeof(struct sockaddr_in));
    for (size_t i = sizeof(struct sockaddr_in); i < sizeof room; i++)
        EXPECT(room[i] == 0xaa);
    memset(room, 0xaa, sizeof room);
    length = 3;
    EXPECT(getpeername(pair[0], (struct sockaddr *)room, &length) == 0 && length == sizeof(struct sockaddr_in));
    EXPECT(room[2] != 0xaa && room[3] == 0xaa);
    memset(room, 0xaa, sizeof room);
    length = 0x7fffffff;
    EXPECT(getsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, room, &length) == 0 && length == 4 && room[4] == 0xaa);
    length = (socklen_t)-1;
    EXPECT_ERROR(getsockname(pair[0], (struct sockaddr *)room, &length), EINVAL);
    EXPECT_ERROR(getsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, room, &length), EINVAL);
}

/* The supervisor may write more than the program may: not files that it can only read. */
static void files_that_can_only_be_read_stay_as_they_are(void) {
    int pair[2];
    char path[] = "/tmp/hostileXXXXXX";
    make_connection(pair);
    int file = mkstemp(path);
    EXPECT(file >= 0 && ftruncate(file, 4096) == 0 && close(file) == 0);
    file = open(path, O_RDONLY);
    uint8_t *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    EXPECT(page != MAP_FAILED && unlink(path) == 0);
    socklen_t length = 16;
    EXPECT(syscall(SYS_getsockname, pair[0], page, &length) == -1);
    for (int i = 0; i < 4096; i++)
        EXPECT(page[i] == 0);
}

static void descriptors_that_are_sent_are_not_kept(void) {
    int pair[2], ends[2];
    char c = 0;
    make_connection(pair);
    EXPECT(pipe(ends) == 0);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } ancillary;
    memset(&ancillary, 0, sizeof ancillary);
    struct iovec iov = {"d", 1};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes};
    CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
    CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
    CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &ends[1], sizeof(int));
    bool sent = sendmsg(pair[0], &m, MSG_NOSIGNAL) == 1;
    if (!sent) EXPECT(send(pair[0], "d", 1, 0) == 1);
    EXPECT(recv(pair[1], &c, 1, 0) == 1 && c == 'd');
    EXPECT(close(ends[1]) == 0 && read(ends[0], &c, 1) == 0); /* nobody has the other end any more */
    still_served();
}

static volatile bool stop;
static struct sockaddr_in shaky;
static int shaking, other_end;

static void *change_memory(void *argument) {
    (void)argument;
    for (uint32_t i = 0; !stop; i++) {
        shaky.sin_family = i % 3 == 0 ? AF_INET6 : AF_INET;
        shaky.sin_port = (in_port_t)i;
    }
    return NULL;
}

/* What the number means changes between the look at it and the call. */
static void *change_descriptors(void *argument) {
    int others[3] = {open("/dev/null", O_RDWR), socket(AF_UNIX, SOCK_STREAM, 0), other_end};
    (void)argument;
    for (int i = 0; !stop; i++)
        dup2(others[i % 3], shaking);
    return NULL;
}

static void races_with_the_supervisor_end_in_errors_only(void) {
    pthread_t threads[2];
    shaking = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    other_end = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    shaky.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT(pthread_create(&threads[0], NULL, change_memory, NULL) == 0);
    EXPECT(pthread_create(&threads[1], NULL, change_descriptors, NULL) == 0);
    for (int i = 0; i < 3000; i++) {
        socklen_t length = sizeof shaky;
        int value = 1, type = 0;
        socklen_t size = sizeof type;
        connect(shaking, (struct sockaddr *)&shaky, sizeof shaky);
        getpeername(shaking, (struct sockaddr *)&shaky, &length);
        setsockopt(shaking, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value);
        getsockopt(shaking, SOL_SOCKET, SO_ERROR, &type, &size);
        listen(shaking, 5);
        accept4(shaking, NULL, NULL, SOCK_NONBLOCK);
        shutdown(shaking, SHUT_RDWR);
    }
    stop = true;
    EXPECT(pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0);
    still_served();
}

static void threads_killed_in_a_call_leave_nothing(void) {
    for (int i = 0; i < 50; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            uint16_t port;
            accept(make_listener(AF_INET, &port), NULL, NULL);
            _exit(1);
        }
        usleep((useconds_t)(i * 100));
        EXPECT(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    }
    still_served();
}

static void a_stolen_connection_goes_to_the_next_accept(void) {
    uint16_t port;
    int listener = make_listener(AF_INET, &port);
    pid_t pid = fork();
    if (pid == 0) {
        accept(listener, NULL, NULL);
        _exit(1);
    }
    usleep(50000);
    EXPECT(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    int one = dial(AF_INET, port), other = accept(listener, NULL, NULL);
    EXPECT(one >= 0 && other >= 0);
}

/* Other doors to the same calls, and to the supervisor's own. */
static void other_doors_are_shut(void) {
    struct io_uring_params parameters = {0};
    EXPECT_ERROR(syscall(SYS_io_uring_setup, 1, &parameters), ENOSYS);
    EXPECT_ERROR(syscall(SYS_socket | 0x40000000, AF_INET, SOCK_STREAM, 0), ENOSYS);
    EXPECT_ERROR(socket(43 /* AF_SMC */, SOCK_STREAM, 0), EAFNOSUPPORT);
    EXPECT_ERROR(socket(AF_INET, SOCK_DGRAM, 0), EPROTONOSUPPORT);
    EXPECT_ERROR(socket(AF_INET, SOCK_RAW, IPPROTO_TCP), EPROTONOSUPPORT);
    EXPECT_ERROR(socket(AF_INET, SOCK_STREAM, 262 /* MPTCP */), EPROTONOSUPPORT);
    DIR *all = opendir("/proc/self/fd");
    EXPECT(all != NULL);
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
        char link[300], target[64] = {0};
        snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
        if (readlink(link, target, sizeof target - 1) > 0) EXPECT(strstr(target, "seccomp") == NULL);
    }
    closedir(all);
    if (geteuid() != 0) {
        char path[40];
        int supervisor = 0;
        snprintf(path, sizeof path, "/proc/%d/stat", getppid()); /* the parent is the first program */
        FILE *stat = fopen(path, "r");
        EXPECT(stat != NULL && fscanf(stat, "%*d %*s %*c %d", &supervisor) == 1 && fclose(stat) == 0);
        snprintf(path, sizeof path, "/proc/%d/mem", supervisor);
        EXPECT_ERROR(open(path, O_RDONLY), EACCES);
    }
}

const struct test hostile_tests[] = {
    {"addresses_that_are_not_the_programs_are_faults", addresses_that_are_not_the_programs_are_faults},
    {"answers_are_no_longer_than_what_they_say", answers_are_no_longer_than_what_they_say},
    {"files_that_can_only_be_read_stay_as_they_are", files_that_can_only_be_read_stay_as_they_are},
    {"descriptors_that_are_sent_are_not_kept", descriptors_that_are_sent_are_not_kept},
    {"races_with_the_supervisor_end_in_errors_only", races_with_the_supervisor_end_in_errors_only},
    {"threads_killed_in_a_call_leave_nothing", threads_killed_in_a_call_leave_nothing},
    {"a_stolen_connection_goes_to_the_next_accept", a_stolen_connection_goes_to_the_next_accept},
    {"other_doors_are_shut", other_doors_are_shut},
    {NULL, NULL},
};
