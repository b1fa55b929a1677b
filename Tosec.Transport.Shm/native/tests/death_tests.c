/*
 * What a process was doing when it was killed costs the others nothing: it is stopped at one place in the library (see
 * src/points.h), things happen meanwhile, it is killed, and whoever else holds the socket goes on. Only with the build
 * that has such places.
 */
#include "check.h"

static int pair[2];
static uint16_t port;
static int listener;

static bool has_points(void) {
    return getenv("TOSEC_TEST_POINTS") != NULL;
}

static pid_t stop_at(const char *point, void (*action)(void)) {
    pid_t pid = fork();
    if (pid == 0) {
        setenv("TOSEC_STOP_AT", point, 1);
        action();
        _exit(1); /* the place was not passed: nothing is proven */
    }
    int status;
    EXPECT(waitpid(pid, &status, WUNTRACED) == pid);
    if (!WIFSTOPPED(status)) fprintf(stderr, "  %s was not reached\n", point);
    EXPECT(WIFSTOPPED(status));
    return pid;
}

static void kill_now(pid_t pid) {
    int status;
    EXPECT(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
}

/* The same test at each place, each in a process of its own, so that one that fails is named. */
static void at_each(const char *const *points, void (*test)(const char *)) {
    if (!has_points()) return;
    bool failed = false;
    for (; *points != NULL; points++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(DEADLINE);
            test(*points);
            _exit(0);
        }
        int status;
        EXPECT(waitpid(pid, &status, 0) == pid);
        if (status == 0) continue;
        fprintf(stderr, "  killed at %s\n", *points);
        failed = true;
    }
    EXPECT(!failed);
}

/* Readiness may be told once too often, but then a read takes it back. */
static void expect_quiet(int fd) {
    char c;
    for (int i = 0; i < 100 && (poll_now(fd, POLLIN, 0) & POLLIN) != 0; i++)
        EXPECT_ERROR(recv(fd, &c, 1, MSG_DONTWAIT), EAGAIN);
    EXPECT((poll_now(fd, POLLIN, 0) & POLLIN) == 0);
}

static void expect_answer(void) {
    char c = 0;
    EXPECT(send(pair[0], "z", 1, 0) == 1);
    EXPECT((poll_now(pair[1], POLLIN, PATIENCE) & POLLIN) != 0);
    EXPECT(recv(pair[1], &c, 1, 0) == 1 && c == 'z');
    expect_quiet(pair[1]);
}

/* ---- readers ------------------------------------------------------------------------------------------------------
 */

static void read_for_ever(void) {
    char bytes[100];
    while (recv(pair[1], bytes, sizeof bytes, 0) > 0) {
    }
}

static void kill_reader(const char *point) {
    char bytes[100];
    make_connection(pair);
    EXPECT(send(pair[0], "abc", 3, 0) == 3);
    pid_t pid = stop_at(point, read_for_ever);
    EXPECT(send(pair[0], "x", 1, 0) == 1);
    usleep(50000); /* mostly it has been published by then, and mostly not for the other half of the runs */
    kill_now(pid);
    /* Nothing else comes, and yet it must be told. */
    for (bool found = false; !found;) {
        EXPECT((poll_now(pair[1], POLLIN, PATIENCE) & POLLIN) != 0);
        ssize_t n = recv(pair[1], bytes, sizeof bytes, MSG_DONTWAIT);
        EXPECT(n > 0 || errno == EAGAIN);
        found = n > 0 && bytes[n - 1] == 'x';
    }
    expect_quiet(pair[1]);
    expect_answer();
}

static void reader_killed_anywhere_leaves_the_stream_to_the_others(void) {
    static const char *const points[] = {"receive_locked", "byte_taken", "token_cleared", "receive_unlocked", NULL};
    at_each(points, kill_reader);
}

static void read_in_pieces(void) {
    char bytes[3000];
    for (;;)
        if (recv(pair[1], bytes, sizeof bytes, 0) <= 0) break;
}

/* The ring is full and the peer waits for room: whoever makes room and dies before it says so must not be the last. */
static void kill_reader_of_much(const char *point) {
    static uint8_t bytes[70000];
    size_t sent = 0, got = 0;
    make_connection(pair);
    EXPECT(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    for (int quiet = 0; quiet < 3;) {
        ssize_t n = send(pair[0], bytes, sizeof bytes, 0);
        if (n > 0) sent += (size_t)n;
        quiet = n > 0 || (poll_now(pair[0], POLLOUT, 50) & POLLOUT) != 0 ? 0 : quiet + 1;
    }
    EXPECT(fcntl(pair[0], F_SETFL, 0) == 0);
    size_t total = sent + 1000000;
    pid_t pid = stop_at(point, read_in_pieces);
    kill_now(pid);
    pid_t writer = fork();
    if (writer == 0) {
        while (sent < total) {
            size_t n = total - sent < sizeof bytes ? total - sent : sizeof bytes;
            send_all(pair[0], bytes, n);
            sent += n;
        }
        _exit(0);
    }
    close(pair[0]);
    for (;;) {
        ssize_t n = recv(pair[1], bytes, sizeof bytes, 0);
        EXPECT(n >= 0);
        if (n == 0) break;
        got += (size_t)n;
    }
    int status;
    EXPECT(waitpid(writer, &status, 0) == writer && status == 0);
    EXPECT(got > 0 && got <= total);
}

static void reader_killed_before_it_gives_room_back_holds_nobody_up(void) {
    static const char *const points[] = {"receive_locked", "entry_half_consumed", "receive_unlocked", "descriptor_put",
                                         NULL};
    at_each(points, kill_reader_of_much);
}

/* Bytes of an entry that was read in part are neither repeated nor left out. */
static void entry_read_in_part_is_read_on_behind_a_killed_reader(void) {
    if (!has_points()) return;
    char bytes[8] = {0};
    make_connection(pair);
    EXPECT(send(pair[0], "abcdef", 6, 0) == 6);
    EXPECT(recv(pair[1], bytes, 3, MSG_WAITALL) == 3);
    kill_now(stop_at("entry_half_consumed", read_for_ever));
    EXPECT(send(pair[0], "xyz", 3, 0) == 3);
    EXPECT(recv(pair[1], bytes, 3, MSG_WAITALL) == 3);
    if (memcmp(bytes, "def", 3) == 0) EXPECT(recv(pair[1], bytes, 3, MSG_WAITALL) == 3);
    EXPECT(memcmp(bytes, "xyz", 3) == 0);
    expect_quiet(pair[1]);
}

/* ---- writers ------------------------------------------------------------------------------------------------------
 */

static void write_once(void) {
    EXPECT(send(pair[0], "C", 1, 0) == 1);
}

static void kill_writer(const char *point) {
    char c = 0;
    make_connection(pair);
    kill_now(stop_at(point, write_once));
    EXPECT(send(pair[0], "P", 1, 0) == 1);
    for (int i = 0; c != 'P'; i++) {
        EXPECT((poll_now(pair[1], POLLIN, PATIENCE) & POLLIN) != 0);
        EXPECT(recv(pair[1], &c, 1, 0) == 1 && (c == 'P' || (i == 0 && c == 'C')));
    }
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    EXPECT(recv(pair[1], &c, 1, 0) == 0);
}

static void writer_killed_anywhere_leaves_the_stream_to_the_others(void) {
    static const char *const points[] = {"send_locked",     "payload_begun",        "payload_put",
                                         "payload_counted", "payloads_unannounced", NULL};
    at_each(points, kill_writer);
}

static void kill_last_writer(const char *point) {
    char c;
    make_connection(pair);
    pid_t pid = stop_at(point, write_once);
    close(pair[0]);
    kill_now(pid);
    ssize_t n = recv(pair[1], &c, 1, 0);
    EXPECT(n == 0 || (n == 1 && c == 'C' && recv(pair[1], &c, 1, 0) == 0));
}

static void writer_killed_anywhere_ends_its_stream_in_order(void) {
    static const char *const points[] = {"send_locked",     "payload_begun",        "payload_put",
                                         "payload_counted", "payloads_unannounced", NULL};
    at_each(points, kill_last_writer);
}

static void write_until_full(void) {
    static char bytes[70000];
    while (send(pair[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
    }
}

static void kill_full_writer(const char *point) {
    static char bytes[70000];
    make_connection(pair);
    kill_now(stop_at(point, write_until_full));
    EXPECT(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
    /* What was sent is read, so there is room again, and that must be told. */
    for (int i = 0;; i++) {
        while (recv(pair[1], bytes, sizeof bytes, 0) > 0) {
        }
        if ((poll_now(pair[0], POLLOUT, 10) & POLLOUT) != 0) break;
        EXPECT(i < PATIENCE / 10);
    }
}

static void writer_killed_before_it_waits_does_not_keep_the_socket_full(void) {
    static const char *const points[] = {"want_announced", "before_fill", "filled", NULL};
    at_each(points, kill_full_writer);
}

static void end_writing(void) {
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
}

static void kill_ender(const char *point) {
    char c;
    make_connection(pair);
    EXPECT(send(pair[0], "d", 1, 0) == 1);
    kill_now(stop_at(point, end_writing));
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    EXPECT(recv(pair[1], &c, 1, 0) == 1 && c == 'd');
    EXPECT(recv(pair[1], &c, 1, 0) == 0);
    EXPECT(send(pair[1], "back", 4, 0) == 4);
    EXPECT(recv(pair[0], &c, 1, 0) == 1);
}

static void process_killed_while_it_shuts_down_leaves_that_to_the_others(void) {
    static const char *const points[] = {"end_begun", "descriptor_put", "end_put", NULL};
    at_each(points, kill_ender);
}

/* ---- writers that wait, and the agent -------------------------------------------------------------------------------
 */

static pid_t node(void) {
    const char *number = getenv("TOSEC_TEST_NODE");
    EXPECT(number != NULL);
    return atoi(number);
}

static void wait_for_room(int fd) {
    EXPECT((poll_now(fd, POLLOUT, PATIENCE) & POLLOUT) != 0);
}

static void fill_then_wait(void) {
    static char bytes[16000000];
    EXPECT(send(pair[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0);
    wait_for_room(pair[0]);
    _exit(0);
}

/* The agent has drained the pair for the one, the other has used up what there was: the first must still be woken. */
static void two_writers_that_find_no_room_are_both_told_of_it(void) {
    static char bytes[32768];
    if (!has_points()) return;
    make_connection(pair);
    pid_t pid = stop_at("before_fill", fill_then_wait);
    EXPECT(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
    for (int i = 0; (poll_now(pair[0], POLLOUT, 10) & POLLOUT) == 0; i++) {
        EXPECT(i < PATIENCE / 10);
        while (recv(pair[1], bytes, sizeof bytes, 0) > 0) {
        }
    }
    for (int quiet = 0; quiet < 10; quiet++) /* until all credit is back */
        if ((poll_now(pair[1], POLLIN, 10) & POLLIN) != 0)
            while (recv(pair[1], bytes, sizeof bytes, 0) > 0)
                quiet = 0;
    kill(node(), SIGUSR1);
    usleep(200000);
    for (int i = 0; i < 8; i++) /* the node's window, and all large buffers */
        if (send(pair[0], bytes, sizeof bytes, MSG_DONTWAIT) != sizeof bytes)
            break; /* a slow machine: nothing is shown */
    kill(pid, SIGCONT);
    usleep(200000);
    kill(node(), SIGUSR1);
    int status;
    EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

static void write_then_wait(void) {
    write_once();
    usleep(200000); /* the other one too; and a process that ended would have the agent look */
    wait_for_room(pair[0]);
    _exit(0);
}

/* What they put into the pair to wait there comes behind the agent's draining; poll must not see it for ever. */
static void writers_that_have_waited_leave_the_socket_writable(void) {
    static char bytes[70000];
    if (!has_points()) return;
    make_connection(pair);
    while (send(pair[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0 || (poll_now(pair[0], POLLOUT, 200) & POLLOUT) != 0) {
    }
    pid_t pids[2] = {stop_at("want_announced", write_then_wait), stop_at("want_announced", write_then_wait)};
    while ((poll_now(pair[1], POLLIN, 200) & POLLIN) != 0)
        while (recv(pair[1], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
        }
    EXPECT(kill(pids[0], SIGCONT) == 0 && kill(pids[1], SIGCONT) == 0);
    for (int i = 0; i < 2; i++) {
        int status;
        EXPECT(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    }
}

/* ---- connections --------------------------------------------------------------------------------------------------
 */

static void accept_one(void) {
    EXPECT(accept(listener, NULL, NULL) >= 0);
}

static void kill_acceptor(const char *point) {
    char c = 0;
    listener = make_listener(AF_INET, &port);
    int first = dial(AF_INET, port);
    kill_now(stop_at(point, accept_one));
    int second = dial(AF_INET, port);
    /* The first one was taken by a process that is gone, and then ends with it, or it is still there for us. */
    ssize_t sent = send(first, "1", 1, MSG_NOSIGNAL);
    EXPECT(sent == 1 || errno == ECONNRESET || errno == EPIPE);
    EXPECT(send(second, "2", 1, 0) == 1);
    bool served = false;
    while (c != '2') {
        EXPECT((poll_now(listener, POLLIN, PATIENCE) & POLLIN) != 0);
        int fd = accept(listener, NULL, NULL);
        EXPECT(fd >= 0);
        if (recv(fd, &c, 1, 0) == 1 && c == '1') served = true;
        EXPECT(c != '2' || send(fd, "!", 1, 0) == 1);
    }
    EXPECT(recv(second, &c, 1, 0) == 1 && c == '!');
    ssize_t n = served ? 0 : recv(first, &c, 1, 0);
    EXPECT(n == 0 || errno == ECONNRESET);
}

static void acceptor_killed_anywhere_costs_at_most_its_own_connection(void) {
    static const char *const points[] = {"connection_held", "byte_taken", "connection_taken",
                                         "end_kept",        "end_given",  NULL};
    at_each(points, kill_acceptor);
}

static void make_socket(void) {
    EXPECT(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static void kill_maker(const char *point) {
    kill_now(stop_at(point, make_socket)); /* the node counts at its end what is left */
    make_connection(pair);
}

static void socket_of_a_process_killed_while_it_made_it_is_gone(void) {
    static const char *const points[] = {"descriptor_put", "socket_made", "end_kept", "end_given", NULL};
    at_each(points, kill_maker);
}

static struct sockaddr_in server;
static void connect_first(void) {
    EXPECT(connect(pair[0], (struct sockaddr *)&server, sizeof server) == 0);
}

static void kill_connector(const char *point) {
    char c;
    listener = make_listener(AF_INET, &port);
    server =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    kill_now(stop_at(point, connect_first));
    EXPECT(connect(pair[0], (struct sockaddr *)&server, sizeof server) == 0 || errno == EISCONN);
    EXPECT((poll_now(pair[0], POLLOUT, PATIENCE) & POLLOUT) != 0);
    pair[1] = accept(listener, NULL, NULL);
    EXPECT(pair[1] >= 0 && send(pair[0], "x", 1, 0) == 1 && recv(pair[1], &c, 1, 0) == 1);
    expect_answer();
}

static void connect_of_a_killed_process_is_for_the_others_to_finish(void) {
    static const char *const points[] = {"connect_filled", "descriptor_put", "connect_begun", NULL};
    at_each(points, kill_connector);
}

#define TEST(name)                                                                                                     \
    { "stopped_" #name, name }
const struct test death_tests[] = {
    TEST(reader_killed_anywhere_leaves_the_stream_to_the_others),
    TEST(reader_killed_before_it_gives_room_back_holds_nobody_up),
    TEST(entry_read_in_part_is_read_on_behind_a_killed_reader),
    TEST(writer_killed_anywhere_leaves_the_stream_to_the_others),
    TEST(writer_killed_anywhere_ends_its_stream_in_order),
    TEST(writer_killed_before_it_waits_does_not_keep_the_socket_full),
    TEST(two_writers_that_find_no_room_are_both_told_of_it),
    TEST(writers_that_have_waited_leave_the_socket_writable),
    TEST(process_killed_while_it_shuts_down_leaves_that_to_the_others),
    TEST(acceptor_killed_anywhere_costs_at_most_its_own_connection),
    TEST(socket_of_a_process_killed_while_it_made_it_is_gone),
    TEST(connect_of_a_killed_process_is_for_the_others_to_finish),
    {NULL, NULL},
};
