/* Promises across processes: fork, exec, passing, death. */
#include "check.h"

static int expect_child(pid_t pid) {
    int status;
    EXPECT(waitpid(pid, &status, 0) == pid);
    return status;
}

static void parent_and_child_share_a_stream(void) {
    int pair[2];
    make_connection(pair);
    EXPECT(send(pair[0], "parent1 ", 8, 0) == 8);
    char bytes[9] = {0};
    int ready[2];
    EXPECT(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        receive_all(pair[1], bytes, 8);
        EXPECT(memcmp(bytes, "parent1 ", 8) == 0 && write(ready[1], "r", 1) == 1);
        for (int i = 0; i < 500; i++)
            send_all(pair[0], "child.. ", 8);
        _exit(0);
    }
    EXPECT(read(ready[0], bytes, 1) == 1);
    for (int i = 0; i < 500; i++)
        send_all(pair[0], "parent. ", 8);
    int children = 0, parents = 0;
    for (int i = 0; i < 1000; i++) {
        receive_all(pair[1], bytes, 8);
        children += memcmp(bytes, "child.. ", 8) == 0;
        parents += memcmp(bytes, "parent. ", 8) == 0;
    }
    EXPECT(children == 500 && parents == 500);
    EXPECT(expect_child(pid) == 0);
    /* The child's end must not have ended anything. */
    EXPECT(send(pair[0], "x", 1, 0) == 1 && recv(pair[1], bytes, 1, 0) == 1);
}

static void forked_server_answers(void) {
    uint16_t port;
    int listener = make_listener(AF_INET, &port);
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] != 0) continue;
        for (;;) {
            char c;
            int fd = accept(listener, NULL, NULL);
            EXPECT(fd >= 0);
            while (recv(fd, &c, 1, 0) == 1)
                EXPECT(send(fd, &c, 1, 0) == 1);
            close(fd);
        }
    }
    for (int i = 0; i < 200; i++) {
        char c = (char)i, back;
        int fd = dial(AF_INET, port);
        EXPECT(send(fd, &c, 1, 0) == 1 && recv(fd, &back, 1, 0) == 1 && back == c);
        close(fd);
    }
    for (int i = 0; i < 4; i++) {
        kill(pids[i], SIGKILL);
        expect_child(pids[i]);
    }
    int fd = dial(AF_INET, port), other = accept(listener, NULL, NULL);
    EXPECT(fd >= 0 && other >= 0);
}

/* As a program that inetd starts: the socket is its standard input and output. */
static int answer_lines(void) {
    char line[100];
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (line[0] == 'c')
            EXPECT(fputc('!', stderr) == '!' && puts("stdio") >= 0);
        else
            printf("<%.*s>\n", (int)strcspn(line, "\n"), line);
        fflush(stdout);
    }
    return 7;
}

/* helper hold 0: has a connection, tells its number and waits to be killed. helper echo FD: answers on an inherited socket. helper take FD: receives a socket over a UNIX one and answers on it.
 */
int run_helper(int argc, char **argv) {
    EXPECT(argc == 2);
    alarm(DEADLINE);
    int fd = atoi(argv[1]);
    if (strcmp(argv[0], "hold") == 0) {
        int pair[2];
        make_connection(pair);
        EXPECT(printf("%d\n", getpid()) > 0 && fflush(stdout) == 0);
        for (;;)
            pause();
    }
    if (strcmp(argv[0], "take") == 0) {
        char c;
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr aligned;
        } ancillary;
        struct iovec iov = {&c, 1};
        struct msghdr m = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes};
        EXPECT(recvmsg(fd, &m, 0) == 1 && CMSG_FIRSTHDR(&m) != NULL);
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    }
    if (strcmp(argv[0], "lines") == 0) return answer_lines();
    char bytes[64];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        EXPECT(n >= 0);
        if (n == 0) return 7;
        EXPECT(write(fd, bytes, (size_t)n) == n);
    }
}

static void run_self(const char *what, int fd) {
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    execl(self, self, "helper", what, number, NULL);
    _exit(99);
}

static void socket_survives_exec(void) {
    int pair[2];
    char bytes[8];
    make_connection(pair);
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        run_self("echo", pair[1]);
    }
    close(pair[1]);
    send_all(pair[0], "over", 4);
    receive_all(pair[0], bytes, 4);
    EXPECT(memcmp(bytes, "over", 4) == 0);
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    EXPECT(recv(pair[0], bytes, 1, 0) == 0);
    int status = expect_child(pid);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void sockets_are_standard_streams_of_other_programs(void) {
    int pair[2];
    char bytes[16];
    make_connection(pair);
    pid_t pid = fork();
    if (pid == 0) {
        for (int fd = 0; fd < 3; fd++)
            EXPECT(dup2(pair[1], fd) == fd);
        close(pair[0]);
        close(pair[1]);
        run_self("lines", 0);
    }
    close(pair[1]);
    send_all(pair[0], "one\nc\nlast", 10);
    receive_all(pair[0], bytes, 13);
    EXPECT(memcmp(bytes, "<one>\n!stdio\n", 13) == 0);
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    receive_all(pair[0], bytes, 7);
    EXPECT(memcmp(bytes, "<last>\n", 7) == 0);
    EXPECT(recv(pair[0], bytes, 1, 0) == 0);
    int status = expect_child(pid);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void socket_can_be_passed(void) {
    int pair[2], way[2];
    char bytes[8];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, way) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(way[0]);
        run_self("take", way[1]);
    }
    make_connection(pair);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } ancillary = {0};
    struct iovec iov = {"p", 1};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes};
    CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
    CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
    CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &pair[1], sizeof(int));
    EXPECT(sendmsg(way[0], &m, 0) == 1);
    close(pair[1]);
    send_all(pair[0], "pass", 4);
    receive_all(pair[0], bytes, 4);
    close(pair[0]);
    int status = expect_child(pid);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void killed_process_closes_its_sockets(void) {
    for (int i = 0; i < 12; i++) {
        uint16_t port;
        int listener = make_listener(AF_INET, &port), ready[2];
        EXPECT(pipe(ready) == 0);
        pid_t pid = fork();
        if (pid == 0) {
            close(listener);
            int fd = dial(AF_INET, port);
            static char bytes[40000];
            EXPECT(write(ready[1], "r", 1) == 1);
            for (;;)
                send_all(fd, bytes, sizeof bytes); /* killed in the middle of whatever */
        }
        int fd = accept(listener, NULL, NULL);
        char c;
        static char bytes[100000];
        EXPECT(read(ready[0], &c, 1) == 1);
        for (int k = 0; k < i * 3; k++)
            EXPECT(recv(fd, bytes, sizeof bytes, 0) > 0);
        usleep((useconds_t)(i * 700));
        kill(pid, SIGKILL);
        expect_child(pid);
        ssize_t n;
        while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        }
        EXPECT(n == 0 || errno == ECONNRESET);
        close(fd), close(listener), close(ready[0]), close(ready[1]);
    }
}

static void killed_reader_leaves_the_stream_to_the_others(void) {
    int pair[2];
    make_connection(pair);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            char bytes[100];
            for (;;)
                EXPECT(recv(pair[1], bytes, sizeof bytes, 0) > 0);
        }
        static char bytes[3000];
        for (int k = 0; k < 40; k++)
            send_all(pair[0], bytes, (size_t)(k * 17 + 1));
        usleep((useconds_t)(i * 100));
        kill(pid, SIGKILL);
        expect_child(pid);
        send_all(pair[0], bytes, 1);
        EXPECT((poll_now(pair[1], POLLIN, PATIENCE) & POLLIN) != 0);
        EXPECT(recv(pair[1], bytes, sizeof bytes, 0) > 0);
        while (recv(pair[1], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
        }
    }
    char c;
    send_all(pair[0], "z", 1);
    EXPECT(recv(pair[1], &c, 1, 0) == 1);
}

/* In a call or in poll, for room that will never come. */
static void blocked_sender_hears_of_a_reset(void) {
    for (int polls = 0; polls < 2; polls++) {
        int pair[2];
        make_connection(pair);
        pid_t pid = fork();
        if (pid == 0) {
            static char bytes[100000];
            alarm(30);
            close(pair[0]);
            if (polls) EXPECT(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
            do {
                if (polls) EXPECT((poll_now(pair[1], POLLOUT, 20000) & POLLOUT) != 0);
            } while (send(pair[1], bytes, sizeof bytes, MSG_NOSIGNAL) > 0 || errno == EAGAIN);
            _exit(errno == ECONNRESET || errno == EPIPE ? 0 : 1);
        }
        close(pair[1]);
        usleep(300000);
        struct linger now = {1, 0};
        EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
        close(pair[0]);
        EXPECT(expect_child(pid) == 0);
    }
}

/* Only with a fake node that stops answering: run by name. */
static void dead_toe_is_noticed(void) {
    const char *node = getenv("TOSEC_TEST_NODE");
    if (node == NULL) return;
    int pair[2];
    make_connection(pair);
    kill(atoi(node), SIGUSR1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(fd == -1 && errno == ENETDOWN);
    kill(atoi(node), SIGUSR1);
    for (int waited = 0; (fd = socket(AF_INET, SOCK_STREAM, 0)) < 0; waited++) {
        EXPECT(waited < PATIENCE / 100);
        usleep(100000);
    }
}

static void dead_agent_is_a_reset_and_no_hang(void) {
    const char *node = getenv("TOSEC_TEST_DYING_NODE");
    if (node == NULL) return;
    int pair[2];
    char c;
    make_connection(pair);
    kill(atoi(node), SIGKILL);
    EXPECT_ERROR(recv(pair[0], &c, 1, 0), ECONNRESET);
    EXPECT(recv(pair[0], &c, 1, 0) == 0);
    EXPECT_ERROR(socket(AF_INET, SOCK_STREAM, 0), ENETDOWN);
}

#define TEST(name)                                                                                                     \
    { #name, name }
const struct test process_tests[] = {
    TEST(parent_and_child_share_a_stream),
    TEST(forked_server_answers),
    TEST(socket_survives_exec),
    TEST(sockets_are_standard_streams_of_other_programs),
    TEST(socket_can_be_passed),
    TEST(killed_process_closes_its_sockets),
    TEST(killed_reader_leaves_the_stream_to_the_others),
    TEST(blocked_sender_hears_of_a_reset),
    TEST(dead_toe_is_noticed),
    TEST(dead_agent_is_a_reset_and_no_hang),
    {NULL, NULL},
};
