/* Every test is a process of its own with a deadline; it ends at the first thing that is not as expected. */
#ifndef CHECK_H
#define CHECK_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "  %s:%d: %s (errno %d %s)\n", __FILE__, __LINE__, #condition, errno, strerror(errno));    \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)
#define EXPECT_ERROR(call, number)                                                                                     \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        EXPECT((call) == -1 && errno == (number));                                                                     \
    } while (0)

struct test {
    const char *name;
    void (*run)(void);
};
extern const struct test call_tests[], process_tests[], death_tests[];
extern const struct test hostile_tests[]; /* for the supervisor only */
/* Milliseconds for what has to come, and seconds for a test: no promise is about time, and machines are slow at times.
 */
enum { PATIENCE = 60000, DEADLINE = 300 };
extern bool under_tosec;      /* by the library; otherwise as the kernel's own sockets */
extern bool under_supervisor; /* which docs/sockets.md says are not quite those */
extern const char *self;

int make_listener(int family, uint16_t *port);
int dial(int family, uint16_t port);
void make_connection(int pair[2]); /* 0 connected, 1 accepted */
short poll_now(int fd, short events, int milliseconds);
void wait_for_bytes(int fd, int count); /* until so many lie there to be read */
void send_all(int fd, const void *bytes, size_t length);
void receive_all(int fd, void *bytes, size_t length);
void fill_pattern(uint8_t *bytes, size_t length, uint32_t seed);
int run_helper(int argc, char **argv); /* what an exec'd child does */

#endif
