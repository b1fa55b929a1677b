/* Call by call what docs/sockets.md says: the same on the kernel's sockets and under the library. */
#include "check.h"

#include <sys/resource.h>

static void several_messages_go_in_one_call(void) {
    int pair[2];
    char bytes[3][8] = {"ab", "cde", "f"}, got[3][4] = {{0}};
    struct iovec out[3] = {{bytes[0], 2}, {bytes[1], 3}, {bytes[2], 1}}, in[3];
    struct mmsghdr m[3] = {0};
    make_connection(pair);
    for (int i = 0; i < 3; i++)
        m[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
    EXPECT(sendmmsg(pair[0], m, 3, 0) == 3 && m[0].msg_len == 2 && m[1].msg_len == 3 && m[2].msg_len == 1);
    EXPECT(sendmmsg(pair[0], m, 0, 0) == 0);
    wait_for_bytes(pair[1], 6);
    for (int i = 0; i < 3; i++) {
        in[i] = (struct iovec){got[i], i == 2 ? 4 : 2};
        m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &in[i], .msg_iovlen = 1}};
    }
    EXPECT(recvmmsg(pair[1], m, 3, 0, NULL) == 3 && m[0].msg_len == 2 && m[1].msg_len == 2 && m[2].msg_len == 2);
    EXPECT(memcmp(got[0], "ab", 2) == 0 && memcmp(got[1], "cd", 2) == 0 && memcmp(got[2], "ef", 2) == 0);
    EXPECT(send(pair[0], "x", 1, 0) == 1);
    EXPECT(recvmmsg(pair[1], m, 3, MSG_WAITFORONE, NULL) == 1 && m[0].msg_len == 1);
    EXPECT_ERROR(recvmmsg(pair[1], m, 3, MSG_DONTWAIT, NULL), EAGAIN);
    struct timespec none = {0, 0}, bad = {0, -1};
    EXPECT(send(pair[0], "xyz", 3, 0) == 3);
    EXPECT(recvmmsg(pair[1], m, 3, 0, &none) == 1);
    EXPECT_ERROR(recvmmsg(pair[1], m, 3, 0, &bad), EINVAL);
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    EXPECT_ERROR(sendmmsg(pair[0], m, 1, MSG_NOSIGNAL), EPIPE);
}

static void calls_with_offsets_know_that_sockets_have_none(void) {
    int pair[2];
    char bytes[8] = "abcd";
    struct iovec iov = {bytes, 4};
    make_connection(pair);
    EXPECT_ERROR(pread(pair[0], bytes, 1, 0), ESPIPE);
    EXPECT_ERROR(pwrite(pair[0], bytes, 1, 0), ESPIPE);
    EXPECT_ERROR(preadv(pair[0], &iov, 1, 0), ESPIPE);
    EXPECT_ERROR(pwritev(pair[0], &iov, 1, 0), ESPIPE);
    EXPECT_ERROR(preadv2(pair[0], &iov, 1, 0, 0), ESPIPE);
    EXPECT_ERROR(pwritev2(pair[0], &iov, 1, 0, 0), ESPIPE);
    EXPECT_ERROR(lseek(pair[0], 0, SEEK_CUR), ESPIPE);
    EXPECT(pwritev2(pair[0], &iov, 1, -1, 0) == 4);
    memset(bytes, 0, sizeof bytes);
    wait_for_bytes(pair[1], 4);
    EXPECT(preadv2(pair[1], &iov, 1, -1, 0) == 4 && memcmp(bytes, "abcd", 4) == 0);
    if (under_tosec) EXPECT_ERROR(splice(pair[0], NULL, pair[1], NULL, 1, 0), EINVAL);
}

static void streams_of_the_c_library_work(void) {
    int pair[2];
    char line[32];
    make_connection(pair);
    FILE *in = fdopen(pair[1], "r"), *out = fdopen(pair[0], "w");
    EXPECT(in != NULL && out != NULL && fileno(in) == pair[1] && fileno(out) == pair[0]);
    EXPECT(fprintf(out, "number %d\n", 42) == 10 && fflush(out) == 0);
    EXPECT(fgets(line, sizeof line, in) == line && strcmp(line, "number 42\n") == 0);
    EXPECT(dprintf(pair[0], "%s %c\n", "second", 'l') == 9);
    EXPECT(fgets(line, sizeof line, in) == line && strcmp(line, "second l\n") == 0);
    for (int i = 0; i < 20000; i++)
        EXPECT(fputc('a' + i % 26, out) != EOF);
    EXPECT(fflush(out) == 0);
    for (int i = 0; i < 20000; i++)
        EXPECT(fgetc(in) == 'a' + i % 26);
    EXPECT_ERROR(fseek(in, 0, SEEK_SET), ESPIPE);
    int number = pair[0];
    EXPECT(fclose(out) == 0 && fcntl(number, F_GETFD) == -1);
    EXPECT(fgetc(in) == EOF && feof(in) && !ferror(in));
    EXPECT(fclose(in) == 0);
    EXPECT(fdopen(pair[0], "r") == NULL && errno == EBADF);
}

static void message_flags_mean_what_they_mean(void) {
    int pair[2];
    char bytes[16];
    make_connection(pair);
    EXPECT(send(pair[0], "abcdef", 6, MSG_NOSIGNAL | MSG_MORE) == 6 &&
           send(pair[0], "gh", 2, MSG_CONFIRM | MSG_EOR) == 2);
    wait_for_bytes(pair[1], 8);
    EXPECT(recv(pair[1], bytes, 4, MSG_PEEK) == 4 && recv(pair[1], bytes, 8, MSG_PEEK | MSG_WAITALL) == 8);
    EXPECT(recv(pair[1], bytes, 4, MSG_DONTWAIT | MSG_WAITALL) == 4 && memcmp(bytes, "abcd", 4) == 0);
    EXPECT(recv(pair[1], bytes, 16, MSG_DONTWAIT | MSG_WAITALL) == 4 && memcmp(bytes, "efgh", 4) == 0);
    if (!under_supervisor) EXPECT_ERROR(recv(pair[1], bytes, 1, MSG_ERRQUEUE), EAGAIN);
    EXPECT_ERROR(recv(pair[1], bytes, 1, MSG_OOB), EINVAL);
    if (under_tosec) EXPECT_ERROR(send(pair[0], "o", 1, MSG_OOB), EOPNOTSUPP);
    EXPECT_ERROR(recv(pair[1], bytes, 0, MSG_DONTWAIT), EAGAIN);
    EXPECT(read(pair[1], bytes, 0) == 0 && send(pair[0], bytes, 0, 0) == 0);
    EXPECT(send(pair[0], "i", 1, 0) == 1 && recv(pair[1], bytes, 0, 0) == 0 && recv(pair[1], bytes, 16, 0) == 1);
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    EXPECT(recv(pair[1], bytes, 16, MSG_WAITALL) == 0 && recv(pair[1], bytes, 16, MSG_PEEK) == 0);
}

static void file_descriptor_commands_do_what_they_do(void) {
    int pair[2], on = 1, off = 0, n = -1;
    char c;
    make_connection(pair);
    EXPECT(ioctl(pair[0], FIONBIO, &on) == 0 && (fcntl(pair[0], F_GETFL) & O_NONBLOCK) != 0);
    EXPECT_ERROR(read(pair[0], &c, 1), EAGAIN);
    EXPECT(ioctl(pair[0], FIONBIO, &off) == 0 && (fcntl(pair[0], F_GETFL) & O_NONBLOCK) == 0);
    EXPECT((fcntl(pair[0], F_GETFL) & O_ACCMODE) == O_RDWR);
    EXPECT(ioctl(pair[0], FIOCLEX) == 0 && fcntl(pair[0], F_GETFD) == FD_CLOEXEC);
    EXPECT(ioctl(pair[0], FIONCLEX) == 0 && fcntl(pair[0], F_GETFD) == 0);
    EXPECT(ioctl(pair[0], FIONREAD, &n) == 0 && n == 0 && ioctl(pair[0], TIOCOUTQ, &n) == 0 && n >= 0);
    int copy = fcntl(pair[0], F_DUPFD_CLOEXEC, 50);
    EXPECT(copy >= 50 && fcntl(copy, F_GETFD) == FD_CLOEXEC);
    EXPECT(dup3(pair[0], 60, O_CLOEXEC) == 60 && fcntl(60, F_GETFD) == FD_CLOEXEC);
    EXPECT_ERROR(dup3(pair[0], pair[0], 0), EINVAL);
    EXPECT(dup2(pair[0], pair[0]) == pair[0]);
    EXPECT_ERROR(dup2(pair[0], 1 << 28), EBADF);
    EXPECT(send(copy, "c", 1, 0) == 1 && recv(pair[1], &c, 1, 0) == 1 && c == 'c');
    EXPECT(write(60, "d", 1) == 1 && read(pair[1], &c, 1) == 1 && c == 'd');
    EXPECT(fcntl(pair[1], F_SETOWN, getpid()) == 0 && fcntl(pair[1], F_GETOWN) == getpid());
    EXPECT(close_range(60, 60, 0) == 0);
    EXPECT_ERROR(write(60, "e", 1), EBADF);
    EXPECT(close_range((unsigned)copy, (unsigned)copy, 4 /* CLOSE_RANGE_CLOEXEC */) == 0 && write(copy, "f", 1) == 1);
    EXPECT_ERROR(send(-1, "x", 1, 0), EBADF);
}

static volatile sig_atomic_t interrupts;
static void count_interrupt(int number) {
    (void)number;
    interrupts++;
}

static void *interrupt_and_answer(void *argument) {
    pthread_t *thread = ((void **)argument)[0];
    int *fd = ((void **)argument)[1];
    while (interrupts < 5) {
        pthread_kill(*thread, SIGUSR2);
        usleep(20000);
    }
    EXPECT(send(*fd, "x", 1, 0) == 1);
    return NULL;
}

static void calls_restart_where_the_handler_says_so(void) {
#ifdef __SANITIZE_THREAD__
    return; /* it keeps signals back until a call returns */
#endif
    int pair[2];
    char c = 0;
    make_connection(pair);
    struct sigaction action = {.sa_handler = count_interrupt, .sa_flags = SA_RESTART};
    sigaction(SIGUSR2, &action, NULL);
    pthread_t self_thread = pthread_self(), other;
    void *arguments[2] = {&self_thread, &pair[0]};
    pthread_create(&other, NULL, interrupt_and_answer, arguments);
    EXPECT(recv(pair[1], &c, 1, 0) == 1 && c == 'x');
    pthread_join(other, NULL);
    EXPECT(interrupts >= 5);
}

static void timeouts_end_every_blocking_call(void) {
    int pair[2];
    uint16_t port;
    static char bytes[70000];
    struct timeval limit = {0, 50000};
    make_connection(pair);
    int listener = make_listener(AF_INET, &port);
    EXPECT(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    EXPECT_ERROR(accept(listener, NULL, NULL), EAGAIN);
    EXPECT(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    EXPECT(send(pair[0], "ab", 2, 0) == 2);
    wait_for_bytes(pair[1], 2);
    EXPECT(recv(pair[1], bytes, 5, MSG_WAITALL) == 2);
    EXPECT_ERROR(recv(pair[1], bytes, 5, MSG_WAITALL), EAGAIN);
    EXPECT_ERROR(read(pair[1], bytes, 5), EAGAIN);
    EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
    while (send(pair[0], bytes, sizeof bytes, 0) > 0) {
    }
    EXPECT(errno == EAGAIN);
}

static void options_reach_the_kernels_socket(void) {
    static const struct {
        int level, name, value, expected;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1, 1},
        {SOL_SOCKET, SO_REUSEADDR, 1, 1},
        {SOL_SOCKET, SO_OOBINLINE, 1, 1},
        {SOL_SOCKET, SO_RCVBUF, 20000, 40000},
        {SOL_SOCKET, SO_SNDBUF, 20000, 40000},
        {IPPROTO_TCP, TCP_NODELAY, 1, 1},
        {IPPROTO_TCP, TCP_CORK, 1, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 55, 55},
        {IPPROTO_TCP, TCP_KEEPINTVL, 7, 7},
        {IPPROTO_TCP, TCP_KEEPCNT, 3, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, 5000},
        {IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, 1},
        {IPPROTO_IP, IP_TOS, 0x10, 0x10},
        {IPPROTO_IP, IP_TTL, 33, 33},
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int value = options[i].value, back = -1;
        socklen_t length = sizeof back;
        EXPECT(setsockopt(fd, options[i].level, options[i].name, &value, sizeof value) == 0);
        EXPECT(getsockopt(fd, options[i].level, options[i].name, &back, &length) == 0 && length == sizeof back);
        if (back != options[i].expected)
            fprintf(stderr, "  option %d %d: %d\n", options[i].level, options[i].name, back);
        EXPECT(back == options[i].expected);
    }
    struct linger set = {1, 7}, linger = {0, 0};
    socklen_t length = sizeof linger;
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &set, sizeof set) == 0);
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 && linger.l_onoff == 1 && linger.l_linger == 7);
    int pair[2];
    make_connection(pair);
    struct tcp_info info;
    length = sizeof info;
    EXPECT(getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == 1 /* established */);
    int value = 0;
    length = 2;
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length) == 0 && length == 2 && value == SOCK_STREAM);
    EXPECT_ERROR(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, 1), EINVAL);
    if (under_tosec) EXPECT_ERROR(setsockopt(fd, SOL_SOCKET, 60 /* SO_ZEROCOPY */, &value, sizeof value), ENOPROTOOPT);
}

static void close_with_linger_zero_is_a_reset(void) {
    int pair[2];
    char c;
    make_connection(pair);
    struct linger now = {1, 0};
    EXPECT(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    EXPECT(close(pair[1]) == 0);
    EXPECT_ERROR(recv(pair[0], &c, 1, 0), ECONNRESET);
}

static void *close_other(void *argument) {
    usleep(50000);
    EXPECT(shutdown(*(int *)argument, SHUT_RDWR) == 0);
    return NULL;
}

static void shutdown_from_another_thread_wakes_the_reader(void) {
    int pair[2];
    char c;
    pthread_t thread;
    make_connection(pair);
    pthread_create(&thread, NULL, close_other, &pair[0]);
    EXPECT(recv(pair[0], &c, 1, 0) == 0);
    pthread_join(thread, NULL);
    EXPECT(recv(pair[1], &c, 1, 0) == 0);
    EXPECT_ERROR(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
}

#define TEST(name)                                                                                                     \
    { #name, name }
const struct test call_tests[] = {
    TEST(several_messages_go_in_one_call),
    TEST(calls_with_offsets_know_that_sockets_have_none),
    TEST(streams_of_the_c_library_work),
    TEST(message_flags_mean_what_they_mean),
    TEST(file_descriptor_commands_do_what_they_do),
    TEST(calls_restart_where_the_handler_says_so),
    TEST(timeouts_end_every_blocking_call),
    TEST(options_reach_the_kernels_socket),
    TEST(close_with_linger_zero_is_a_reset),
    TEST(shutdown_from_another_thread_wakes_the_reader),
    {NULL, NULL},
};
