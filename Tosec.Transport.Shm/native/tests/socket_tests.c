/* Promises of sockets, tested from an ordinary program's side: the same file runs against the kernel and under the
 * library. */
#include "check.h"

bool under_tosec, under_supervisor;
const char *self;

int make_listener(int family, uint16_t *port) {
    int fd = socket(family, SOCK_STREAM, 0), yes = 1;
    EXPECT(fd >= 0);
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } name;
    memset(&name, 0, sizeof name);
    socklen_t length = family == AF_INET ? sizeof name.in : sizeof name.in6;
    name.in.sin_family = (sa_family_t)family;
    if (family == AF_INET)
        name.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        name.in6.sin6_addr = in6addr_loopback;
    EXPECT(bind(fd, (struct sockaddr *)&name, length) == 0);
    EXPECT(listen(fd, 128) == 0);
    EXPECT(getsockname(fd, (struct sockaddr *)&name, &length) == 0);
    *port = ntohs(name.in.sin_port);
    EXPECT(*port != 0);
    return fd;
}

static void loopback(struct sockaddr_in *name, uint16_t port) {
    *name =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int dial(int family, uint16_t port) {
    int fd = socket(family, SOCK_STREAM, 0);
    EXPECT(fd >= 0);
    if (family == AF_INET) {
        struct sockaddr_in name;
        loopback(&name, port);
        EXPECT(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    } else {
        struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
        EXPECT(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    }
    return fd;
}

void make_connection(int pair[2]) {
    uint16_t port;
    int listener = make_listener(AF_INET, &port);
    pair[0] = dial(AF_INET, port);
    pair[1] = accept(listener, NULL, NULL);
    EXPECT(pair[1] >= 0);
    EXPECT(close(listener) == 0);
}

short poll_now(int fd, short events, int milliseconds) {
    struct pollfd p = {fd, events, 0};
    int r = poll(&p, 1, milliseconds);
    EXPECT(r >= 0);
    return p.revents;
}

void wait_for_bytes(int fd, int count) {
    int n = 0;
    for (int waited = 0; n < count; waited++) {
        EXPECT(waited < PATIENCE && ioctl(fd, FIONREAD, &n) == 0);
        usleep(1000);
    }
}

void send_all(int fd, const void *bytes, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t n = send(fd, (const char *)bytes + done, length - done, 0);
        EXPECT(n > 0);
        done += (size_t)n;
    }
}

void receive_all(int fd, void *bytes, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t n = recv(fd, (char *)bytes + done, length - done, 0);
        EXPECT(n > 0);
        done += (size_t)n;
    }
}

void fill_pattern(uint8_t *bytes, size_t length, uint32_t seed) {
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

static uint16_t unused_port(void) {
    uint16_t port;
    struct sockaddr_in name;
    close(make_listener(AF_INET, &port));
    loopback(&name, port);
    for (int i = 0; i < PATIENCE / 10; i++) { /* the other side closes when it hears of it */
        int fd = socket(AF_INET, SOCK_STREAM, 0), r = connect(fd, (struct sockaddr *)&name, sizeof name);
        close(fd);
        if (r != 0) return port;
        usleep(10000);
    }
    EXPECT(!"the listener is closed");
    return port;
}

/* ---- connecting ---------------------------------------------------------------------------------------------------
 */

static void refused_connect_says_so_and_leaves_the_socket_usable(void) {
    struct sockaddr_in name;
    int fd = socket(AF_INET, SOCK_STREAM, 0), error = -1;
    socklen_t length = sizeof error;
    loopback(&name, unused_port());
    EXPECT_ERROR(connect(fd, (struct sockaddr *)&name, sizeof name), ECONNREFUSED);
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0);
    uint16_t port;
    int listener = make_listener(AF_INET, &port);
    loopback(&name, port);
    EXPECT(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    EXPECT(accept(listener, NULL, NULL) >= 0);
    EXPECT_ERROR(connect(fd, (struct sockaddr *)&name, sizeof name), EISCONN);
}

static void nonblocking_connect_is_told_by_poll(void) {
    uint16_t port;
    struct sockaddr_in name;
    int listener = make_listener(AF_INET, &port), error = -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t length = sizeof error;
    loopback(&name, port);
    int r = connect(fd, (struct sockaddr *)&name, sizeof name);
    EXPECT(r == 0 || errno == EINPROGRESS);
    EXPECT((poll_now(fd, POLLOUT, PATIENCE) & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT);
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0);
    EXPECT(send(fd, "x", 1, 0) == 1);
    int other = accept(listener, NULL, NULL);
    char c;
    EXPECT(recv(other, &c, 1, 0) == 1 && c == 'x');
}

static void nonblocking_refusal_is_told_once(void) {
    struct sockaddr_in name;
    int error = -1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t length = sizeof error;
    loopback(&name, unused_port());
    EXPECT(connect(fd, (struct sockaddr *)&name, sizeof name) == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED));
    if (errno == EINPROGRESS) {
        EXPECT((poll_now(fd, POLLOUT, PATIENCE) & POLLOUT) != 0);
        EXPECT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNREFUSED);
    }
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0);
}

static void names_are_the_same_on_both_ends(void) {
    for (int i = 0; i < 2; i++) {
        int family = i == 0 ? AF_INET : AF_INET6;
        uint16_t port;
        int listener = make_listener(family, &port), fd = dial(family, port);
        struct sockaddr_in6 mine, his, accepted;
        socklen_t a = sizeof mine, b = sizeof his, c = sizeof accepted;
        int other = accept(listener, (struct sockaddr *)&accepted, &c);
        EXPECT(other >= 0);
        EXPECT(getsockname(fd, (struct sockaddr *)&mine, &a) == 0 &&
               getpeername(other, (struct sockaddr *)&his, &b) == 0);
        EXPECT(a == b && b == c && memcmp(&mine, &his, a) == 0 && memcmp(&his, &accepted, a) == 0);
        EXPECT(mine.sin6_family == family);
        EXPECT_ERROR(getpeername(listener, (struct sockaddr *)&his, &b), ENOTCONN);
        close(fd), close(other), close(listener);
    }
}

static void many_threads_accept_each_connection_once(void);

/* ---- bytes --------------------------------------------------------------------------------------------------------
 */

struct transfer {
    int fd;
    size_t length;
    uint32_t seed;
};

static void *send_pattern(void *argument) {
    struct transfer *t = argument;
    uint8_t *bytes = malloc(t->length);
    fill_pattern(bytes, t->length, t->seed);
    /* All kinds of sizes, small and large buffers mixed. */
    size_t done = 0, step = 1;
    while (done < t->length) {
        size_t n = step < t->length - done ? step : t->length - done;
        send_all(t->fd, bytes + done, n);
        done += n;
        step = step * 3 % 100003 + 1;
    }
    free(bytes);
    return NULL;
}

static void *receive_pattern(void *argument) {
    struct transfer *t = argument;
    uint8_t *expected = malloc(t->length), *got = malloc(t->length);
    fill_pattern(expected, t->length, t->seed);
    size_t done = 0, step = 7;
    while (done < t->length) {
        size_t n = step < t->length - done ? step : t->length - done;
        ssize_t r = recv(t->fd, got + done, n, step % 5 == 0 ? MSG_WAITALL : 0);
        EXPECT(r > 0 && (step % 5 != 0 || (size_t)r == n));
        done += (size_t)r;
        step = step * 5 % 70001 + 1;
    }
    EXPECT(memcmp(expected, got, t->length) == 0);
    free(expected);
    free(got);
    return NULL;
}

static void long_transfers_arrive_whole_in_both_directions(void) {
    int pair[2];
    make_connection(pair);
    struct transfer t[4] = {{pair[0], 6000000, 1}, {pair[1], 6000000, 1}, {pair[1], 4000000, 2}, {pair[0], 4000000, 2}};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i % 2 == 0 ? send_pattern : receive_pattern, &t[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void half_close_lets_the_answer_through(void) {
    int pair[2];
    char bytes[16];
    make_connection(pair);
    EXPECT(send(pair[0], "question", 8, 0) == 8);
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    EXPECT(recv(pair[1], bytes, sizeof bytes, MSG_WAITALL) == 8);
    EXPECT(recv(pair[1], bytes, sizeof bytes, 0) == 0);
    EXPECT(recv(pair[1], bytes, sizeof bytes, 0) == 0);
    EXPECT((poll_now(pair[1], POLLIN, PATIENCE) & POLLIN) != 0);
    EXPECT_ERROR(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT(send(pair[1], "answer", 6, 0) == 6);
    close(pair[1]);
    EXPECT(recv(pair[0], bytes, sizeof bytes, MSG_WAITALL) == 6 && memcmp(bytes, "answer", 6) == 0);
    EXPECT(recv(pair[0], bytes, sizeof bytes, 0) == 0);
}

static volatile sig_atomic_t signals_seen;
static void count_signal(int number) {
    (void)number;
    signals_seen++;
}

static void writing_after_shutdown_raises_the_signal(void) {
    int pair[2];
    make_connection(pair);
    signal(SIGPIPE, count_signal);
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    EXPECT_ERROR(write(pair[0], "x", 1), EPIPE);
    EXPECT(signals_seen == 1);
    EXPECT_ERROR(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT(signals_seen == 1);
}

static void peek_waitall_trunc_and_fionread_work(void) {
    int pair[2], n = -1;
    char bytes[16] = {0};
    make_connection(pair);
    EXPECT(send(pair[0], "hello ", 6, MSG_MORE) == 6);
    EXPECT(send(pair[0], "world", 5, 0) == 5);
    EXPECT(recv(pair[1], bytes, 11, MSG_WAITALL | MSG_PEEK) > 0);
    wait_for_bytes(pair[1], 11);
    EXPECT(recv(pair[1], bytes, 16, MSG_PEEK) == 11 && memcmp(bytes, "hello world", 11) == 0);
    EXPECT(ioctl(pair[1], FIONREAD, &n) == 0 && n == 11);
    EXPECT(recv(pair[1], bytes, 3, 0) == 3);
    EXPECT(ioctl(pair[1], FIONREAD, &n) == 0 && n == 8);
    EXPECT(recv(pair[1], under_supervisor ? bytes : NULL, 3, MSG_TRUNC) == 3);
    EXPECT(recv(pair[1], bytes, 16, 0) == 5 && memcmp(bytes, "world", 5) == 0);
    EXPECT(ioctl(pair[1], FIONREAD, &n) == 0 && n == 0);
    EXPECT_ERROR(recv(pair[1], bytes, 16, MSG_DONTWAIT), EAGAIN);
}

static void vectors_messages_and_files_are_sent(void) {
    int pair[2];
    char a[4] = "abc", b[8] = "defghi", bytes[64] = {0};
    make_connection(pair);
    struct iovec out[3] = {{a, 3}, {NULL, 0}, {b, 6}}, in[2] = {{bytes, 2}, {bytes + 2, 60}};
    EXPECT(writev(pair[0], out, 3) == 9);
    wait_for_bytes(pair[1], 9);
    EXPECT(readv(pair[1], in, 2) == 9 && memcmp(bytes, "abcdefghi", 9) == 0);
    struct sockaddr_in from;
    struct msghdr m = {.msg_iov = out, .msg_iovlen = 3},
                  r = {.msg_iov = in, .msg_iovlen = 2, .msg_name = &from, .msg_namelen = sizeof from};
    EXPECT(sendmsg(pair[0], &m, 0) == 9);
    wait_for_bytes(pair[1], 9);
    EXPECT(recvmsg(pair[1], &r, 0) == 9 && r.msg_namelen == 0 && r.msg_flags == 0);
    char name[] = "/tmp/tosec-test-XXXXXX";
    int file = mkstemp(name);
    unlink(name);
    uint8_t content[50000], got[50000];
    fill_pattern(content, sizeof content, 9);
    EXPECT(write(file, content, sizeof content) == sizeof content && lseek(file, 100, SEEK_SET) == 100);
    off_t offset = 10;
    EXPECT(sendfile(pair[0], file, &offset, 20) == 20 && offset == 30 && lseek(file, 0, SEEK_CUR) == 100);
    receive_all(pair[1], got, 20);
    EXPECT(memcmp(got, content + 10, 20) == 0);
    EXPECT(sendfile(pair[0], file, NULL, 1000000) == 49900 && lseek(file, 0, SEEK_CUR) == 50000);
    receive_all(pair[1], got, 49900);
    EXPECT(memcmp(got, content + 100, 49900) == 0);
    EXPECT(sendfile(pair[0], file, NULL, 1000) == 0);
}

/* ---- readiness ----------------------------------------------------------------------------------------------------
 */

static void poll_tells_the_truth(void) {
    int pair[2];
    char bytes[16];
    make_connection(pair);
    EXPECT(poll_now(pair[1], POLLIN | POLLOUT, 0) == POLLOUT);
    for (int i = 0; i < 300; i++) {
        EXPECT(send(pair[0], "ab", 2, 0) == 2);
        EXPECT((poll_now(pair[1], POLLIN, PATIENCE) & POLLIN) != 0);
        EXPECT(recv(pair[1], bytes, 1, 0) == 1);
        EXPECT((poll_now(pair[1], POLLIN, PATIENCE) & POLLIN) != 0);
        EXPECT(recv(pair[1], bytes, 16, 0) == 1);
        EXPECT((poll_now(pair[1], POLLIN, 0) & POLLIN) == 0);
    }
    close(pair[0]);
    EXPECT((poll_now(pair[1], POLLIN, PATIENCE) & POLLIN) != 0);
    EXPECT(recv(pair[1], bytes, 16, 0) == 0);
}

static void edges_come_for_data_and_for_the_end(void) {
    int pair[2], set = epoll_create1(0);
    char bytes[64];
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};
    make_connection(pair);
    EXPECT(epoll_ctl(set, EPOLL_CTL_ADD, pair[1], &e) == 0);
    EXPECT(epoll_wait(set, &e, 1, 0) == 0);
    for (int i = 0; i < 300; i++) {
        EXPECT(send(pair[0], "abc", 3, 0) == 3);
        EXPECT(epoll_wait(set, &e, 1, PATIENCE) == 1);
        EXPECT(recv(pair[1], bytes, sizeof bytes, 0) == 3); /* a short read, no EAGAIN */
    }
    /* Data and end together: whoever reads short must hear of the end by another edge. */
    EXPECT(send(pair[0], "abc", 3, 0) == 3);
    close(pair[0]);
    EXPECT(epoll_wait(set, &e, 1, PATIENCE) == 1);
    usleep(50000);
    EXPECT(recv(pair[1], bytes, sizeof bytes, 0) == 3);
    if ((e.events & (EPOLLRDHUP | EPOLLHUP)) == 0) EXPECT(epoll_wait(set, &e, 1, PATIENCE) == 1);
    EXPECT(recv(pair[1], bytes, sizeof bytes, 0) == 0);
}

static void full_sender_waits_for_room(void) {
    int pair[2];
    static char bytes[70000];
    make_connection(pair);
    EXPECT(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    for (int round = 0; round < 5; round++) {
        size_t sent = 0, got = 0;
        int quiet = 0;
        while (quiet < 3) { /* until it stays full */
            ssize_t n = send(pair[0], bytes, sizeof bytes, 0);
            if (n > 0) {
                sent += (size_t)n;
                continue;
            }
            EXPECT(errno == EAGAIN);
            quiet = (poll_now(pair[0], POLLOUT, 30) & POLLOUT) != 0 ? 0 : quiet + 1;
        }
        EXPECT(sent > 0);
        while (got < sent) {
            ssize_t n = recv(pair[1], bytes, sizeof bytes, 0);
            EXPECT(n > 0);
            got += (size_t)n;
        }
        EXPECT((poll_now(pair[0], POLLOUT, PATIENCE) & POLLOUT) != 0);
    }
}

static void partial_write_then_edge(void) {
    int pair[2], set = epoll_create1(0);
    static char bytes[200000];
    struct epoll_event e = {.events = EPOLLOUT | EPOLLET};
    size_t sent = 0, got = 0, total = 8000000;
    make_connection(pair);
    EXPECT(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
    EXPECT(epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &e) == 0);
    bool may_write = true;
    while (got < total) {
        while (may_write && sent < total) {
            size_t n = total - sent < sizeof bytes ? total - sent : sizeof bytes;
            ssize_t r = send(pair[0], bytes, n, 0);
            if (r > 0) sent += (size_t)r;
            if (r < (ssize_t)n) may_write = false; /* as nginx does: a short write means "wait for the edge" */
        }
        ssize_t r = recv(pair[1], bytes, sizeof bytes, 0);
        if (r > 0) got += (size_t)r;
        if (r < 0 && errno == EAGAIN && !may_write) {
            struct pollfd p[2] = {{set, POLLIN, 0}, {pair[1], POLLIN, 0}};
            EXPECT(poll(p, 2, PATIENCE) > 0);
            if ((p[0].revents & POLLIN) != 0 && epoll_wait(set, &e, 1, 0) == 1) may_write = true;
        } else if (epoll_wait(set, &e, 1, 0) == 1) {
            may_write = true;
        }
    }
}

static void timeouts_and_signals_end_a_wait(void) {
    int pair[2];
    char c;
    make_connection(pair);
    struct timeval limit = {0, 100000}, back;
    socklen_t length = sizeof back;
    EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    EXPECT(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &back, &length) == 0 && back.tv_sec == 0 &&
           back.tv_usec >= 100000);
    EXPECT_ERROR(recv(pair[0], &c, 1, 0), EAGAIN);
    struct sigaction action = {.sa_handler = count_signal};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval soon = {{0, 50000}, {0, 50000}},
                     never = {{0, 0}, {0, 0}}; /* again: one may come before the wait */
    setitimer(ITIMER_REAL, &soon, NULL);
    EXPECT_ERROR(recv(pair[1], &c, 1, 0), EINTR);
    setitimer(ITIMER_REAL, &never, NULL);
    EXPECT(signals_seen >= 1);
    alarm(DEADLINE);
}

static void shutdown_wakes_readers_and_acceptors(void);

/* ---- ends ---------------------------------------------------------------------------------------------------------
 */

static void reset_is_told_once(void) {
    int pair[2], error = -1;
    char c;
    socklen_t length = sizeof error;
    make_connection(pair);
    struct linger now = {1, 0};
    EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    close(pair[0]);
    EXPECT((poll_now(pair[1], POLLIN, PATIENCE) & POLLIN) != 0);
    EXPECT_ERROR(recv(pair[1], &c, 1, 0), ECONNRESET);
    EXPECT(recv(pair[1], &c, 1, 0) == 0);
    EXPECT(getsockopt(pair[1], SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0);
    EXPECT_ERROR(send(pair[1], &c, 1, MSG_NOSIGNAL), EPIPE);
}

static void sender_hears_of_a_reset(void) {
    int pair[2];
    make_connection(pair);
    struct linger now = {1, 0};
    EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    close(pair[0]);
    usleep(50000);
    int i = 0;
    while (i < PATIENCE / 10 && send(pair[1], "x", 1, MSG_NOSIGNAL) == 1) {
        i++;
        usleep(10000);
    }
    EXPECT(i < PATIENCE / 10 && (errno == ECONNRESET || errno == EPIPE));
    EXPECT_ERROR(send(pair[1], "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void refused_twice_then_connected(void) {
    struct sockaddr_in name;
    uint16_t port, none = unused_port();
    int listener = make_listener(AF_INET, &port), fd = socket(AF_INET, SOCK_STREAM, 0);
    char c;
    for (int i = 0; i < 3; i++) {
        loopback(&name, none);
        EXPECT_ERROR(connect(fd, (struct sockaddr *)&name, sizeof name), ECONNREFUSED);
    }
    loopback(&name, port);
    EXPECT(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    int other = accept(listener, NULL, NULL);
    EXPECT((poll_now(fd, POLLIN, 0) & POLLIN) == 0);
    EXPECT(send(other, "x", 1, 0) == 1 && recv(fd, &c, 1, 0) == 1);
}

static void last_copy_closed_ends_the_stream(void) {
    int pair[2];
    char c;
    make_connection(pair);
    int second = dup(pair[0]), third = fcntl(pair[0], F_DUPFD, 100), fourth = dup2(pair[0], 200);
    EXPECT(second >= 0 && third >= 100 && fourth == 200);
    EXPECT(send(second, "1", 1, 0) == 1 && close(pair[0]) == 0 && send(third, "2", 1, 0) == 1);
    EXPECT(close(second) == 0 && close(third) == 0 && send(fourth, "3", 1, 0) == 1);
    for (char expected = '1'; expected <= '3'; expected++)
        EXPECT(recv(pair[1], &c, 1, 0) == 1 && c == expected);
    EXPECT((poll_now(pair[1], POLLIN, 100) & POLLIN) == 0);
    int file = open("/dev/null", O_RDWR);
    EXPECT(dup2(file, fourth) == fourth); /* closes the last one */
    EXPECT(recv(pair[1], &c, 1, 0) == 0);
    EXPECT(write(fourth, "x", 1) == 1); /* and is what it now is */
}

static void options_are_known(void) {
    int pair[2], value, yes = 1;
    socklen_t length = sizeof value;
    uint16_t port;
    make_connection(pair);
    EXPECT(setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0);
    EXPECT(getsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &value, &length) == 0 && value != 0 && length == sizeof value);
    EXPECT(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &length) == 0 && value == SOCK_STREAM);
    EXPECT(getsockopt(pair[0], SOL_SOCKET, SO_DOMAIN, &value, &length) == 0 && value == AF_INET);
    EXPECT(getsockopt(pair[0], SOL_SOCKET, SO_PROTOCOL, &value, &length) == 0 && value == IPPROTO_TCP);
    EXPECT(getsockopt(pair[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value == 0);
    int listener = make_listener(AF_INET, &port);
    EXPECT(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value == 1);
    EXPECT(getsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &value, &length) == 0 && value > 1000);
    EXPECT_ERROR(setsockopt(pair[0], IPPROTO_TCP, 9999, &yes, sizeof yes), ENOPROTOOPT);
    EXPECT_ERROR(listen(pair[0], 5), EINVAL);
    EXPECT_ERROR(accept(pair[0], NULL, NULL), EINVAL);
    int fresh = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    EXPECT((fcntl(fresh, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(fresh, F_GETFL) & O_NONBLOCK) != 0);
    EXPECT((fcntl(pair[0], F_GETFD) & FD_CLOEXEC) == 0 && (fcntl(pair[0], F_GETFL) & O_NONBLOCK) == 0);
    if (!under_supervisor) {
        EXPECT_ERROR(recv(fresh, &value, 1, 0), ENOTCONN);
        EXPECT_ERROR(send(fresh, &value, 1, MSG_NOSIGNAL), EPIPE);
    }
    EXPECT_ERROR(shutdown(fresh, SHUT_WR), ENOTCONN);
}

static void other_families_are_untouched_and_datagrams_refused(void) {
    int pair[2];
    char c;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    EXPECT(send(pair[0], "u", 1, 0) == 1 && recv(pair[1], &c, 1, 0) == 1 && c == 'u');
    if (under_tosec) {
        EXPECT_ERROR(socket(AF_INET, SOCK_DGRAM, 0), EPROTONOSUPPORT);
        EXPECT_ERROR(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), EPROTONOSUPPORT);
    }
}

static void closing_everything_does_not_break_the_library(void) {
    int pair[2];
    make_connection(pair);
    for (int fd = 3; fd < 20000; fd++)
        close(fd);
    make_connection(pair);
    EXPECT(close_range(3, ~0u, 0) == 0);
    make_connection(pair);
    closefrom(3);
    make_connection(pair);
    char c;
    EXPECT(send(pair[0], "x", 1, 0) == 1 && recv(pair[1], &c, 1, 0) == 1);
}

/* ---- threads and numbers ------------------------------------------------------------------------------------------
 */

static int shared_listener, accepted_total;
static void *accept_forever(void *argument) {
    (void)argument;
    for (;;) {
        int fd = accept(shared_listener, NULL, NULL);
        if (fd < 0) {
            EXPECT(errno == EINVAL);
            return NULL;
        }
        uint32_t number;
        receive_all(fd, &number, sizeof number);
        send_all(fd, &number, sizeof number);
        __atomic_add_fetch(&accepted_total, 1, __ATOMIC_SEQ_CST);
        close(fd);
    }
}

static uint16_t shared_port;
static void *dial_many(void *argument) {
    uint32_t base = *(uint32_t *)argument;
    for (uint32_t i = 0; i < 100; i++) {
        int fd = dial(AF_INET, shared_port);
        uint32_t number = base + i, back = 0;
        send_all(fd, &number, sizeof number);
        receive_all(fd, &back, sizeof back);
        EXPECT(number == back);
        close(fd);
    }
    return NULL;
}

static void many_threads_accept_each_connection_once(void) {
    shared_listener = make_listener(AF_INET, &shared_port);
    pthread_t acceptors[6], dialers[6];
    uint32_t bases[6];
    for (uint32_t i = 0; i < 6; i++) {
        bases[i] = i * 1000;
        pthread_create(&acceptors[i], NULL, accept_forever, NULL);
        pthread_create(&dialers[i], NULL, dial_many, &bases[i]);
    }
    for (int i = 0; i < 6; i++)
        pthread_join(dialers[i], NULL);
    EXPECT(shutdown(shared_listener, SHUT_RD) == 0);
    for (int i = 0; i < 6; i++)
        pthread_join(acceptors[i], NULL);
    EXPECT(accepted_total == 600);
}

static void *read_to_end(void *argument) {
    char c;
    ssize_t n = recv(*(int *)argument, &c, 1, 0);
    EXPECT(n == 0);
    return NULL;
}

static void shutdown_wakes_readers_and_acceptors(void) {
    int pair[2];
    make_connection(pair);
    pthread_t thread;
    pthread_create(&thread, NULL, read_to_end, &pair[1]);
    usleep(50000);
    EXPECT(shutdown(pair[1], SHUT_RD) == 0);
    pthread_join(thread, NULL);
    EXPECT(send(pair[1], "still", 5, 0) == 5);
}

static void *send_records(void *argument) {
    struct transfer *t = argument;
    char record[200];
    for (uint32_t i = 0; i < 2000; i++) {
        memset(record, 'A' + (int)t->seed, sizeof record);
        send_all(t->fd, record, sizeof record);
    }
    return NULL;
}

static void small_sends_of_many_threads_do_not_mix(void) {
    int pair[2];
    make_connection(pair);
    pthread_t threads[4];
    struct transfer t[4];
    for (uint32_t i = 0; i < 4; i++) {
        t[i] = (struct transfer){pair[0], 0, i};
        pthread_create(&threads[i], NULL, send_records, &t[i]);
    }
    for (int i = 0; i < 8000; i++) {
        char record[200];
        receive_all(pair[1], record, sizeof record);
        for (size_t k = 1; k < sizeof record; k++)
            EXPECT(record[k] == record[0]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void thousands_come_and_go(void) {
    uint16_t port;
    int listener = make_listener(AF_INET, &port);
    for (int i = 0; i < 3000; i++) {
        int fd = dial(AF_INET, port), other = accept(listener, NULL, NULL);
        char c;
        EXPECT(other >= 0 && send(fd, "x", 1, 0) == 1 && recv(other, &c, 1, 0) == 1);
        close(other), close(fd);
    }
    int fds[600];
    for (int i = 0; i < 600; i += 2) {
        fds[i] = dial(AF_INET, port);
        fds[i + 1] = accept(listener, NULL, NULL);
        EXPECT(fds[i + 1] >= 0);
    }
    for (int i = 0; i < 600; i++)
        close(fds[i]);
}

#define TEST(name)                                                                                                     \
    { #name, name }
static const struct test tests[] = {
    TEST(refused_connect_says_so_and_leaves_the_socket_usable),
    TEST(nonblocking_connect_is_told_by_poll),
    TEST(nonblocking_refusal_is_told_once),
    TEST(names_are_the_same_on_both_ends),
    TEST(long_transfers_arrive_whole_in_both_directions),
    TEST(half_close_lets_the_answer_through),
    TEST(writing_after_shutdown_raises_the_signal),
    TEST(peek_waitall_trunc_and_fionread_work),
    TEST(vectors_messages_and_files_are_sent),
    TEST(poll_tells_the_truth),
    TEST(edges_come_for_data_and_for_the_end),
    TEST(full_sender_waits_for_room),
    TEST(partial_write_then_edge),
    TEST(timeouts_and_signals_end_a_wait),
    TEST(shutdown_wakes_readers_and_acceptors),
    TEST(reset_is_told_once),
    TEST(sender_hears_of_a_reset),
    TEST(refused_twice_then_connected),
    TEST(last_copy_closed_ends_the_stream),
    TEST(options_are_known),
    TEST(other_families_are_untouched_and_datagrams_refused),
    TEST(closing_everything_does_not_break_the_library),
    TEST(many_threads_accept_each_connection_once),
    TEST(small_sends_of_many_threads_do_not_mix),
    TEST(thousands_come_and_go),
    {NULL, NULL},
};

static int run_one(const struct test *test) {
    pid_t pid = fork();
    if (pid == 0) {
        alarm(DEADLINE);
        test->run();
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!passed)
        printf("FAIL %s (%s %d)\n", test->name, WIFEXITED(status) ? "exit" : "signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    fflush(stdout);
    return passed ? 0 : 1;
}

/* Arguments: "kernel", "tosec" or "supervised", then parts of names of tests to run. */
int main(int argc, char **argv) {
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], "helper") == 0) return run_helper(argc - 2, argv + 2);
    under_tosec = argc > 1 && strcmp(argv[1], "tosec") == 0;
    under_supervisor = argc > 1 && strcmp(argv[1], "supervised") == 0;
    int failed = 0, run = 0;
    const struct test *tables[] = {tests, call_tests, process_tests, death_tests, hostile_tests};
    for (size_t t = 0; t < sizeof tables / sizeof *tables - !under_supervisor; t++)
        for (const struct test *test = tables[t]; test->name != NULL; test++) {
            bool wanted = argc < 3;
            for (int i = 2; i < argc; i++)
                wanted |= strstr(test->name, argv[i]) != NULL;
            if (!wanted) continue;
            failed += run_one(test);
            run++;
        }
    printf("%d tests, %d failed (%s)\n", run, failed, argc > 1 ? argv[1] : "kernel");
    return failed == 0 && run > 0 ? 0 : 1;
}
