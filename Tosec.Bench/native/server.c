#include "rr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static int fail(const char *what) {
    fprintf(stderr, "tosec-rr server: %s: %s\n", what, strerror(errno));
    return 1;
}

static int open_listener(const struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 || listen(fd, 64) < 0)
        return -1;
    puts("listening");
    fflush(stdout);
    return fd;
}

static void *serve_one(void *argument) {
    int fd = (int)(intptr_t)argument;
    uint32_t bytes = 0;
    set_no_delay(fd);
    if (read_all(fd, &bytes, sizeof bytes) && (bytes = ntohl(bytes)) != 0 && bytes <= RR_MAX_BYTES) {
        uint8_t *buffer = malloc(bytes);
        while (buffer != NULL && read_all(fd, buffer, bytes) && write_all(fd, buffer, bytes)) {
        }
        free(buffer);
    }
    close(fd);
    return NULL;
}

int serve_blocking(const struct sockaddr_in *address) {
    int listener = open_listener(address);
    if (listener < 0) return fail("listen");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) return fail("accept");
        pthread_t thread;
        if ((errno = pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd)) != 0) return fail("thread");
        pthread_detach(thread);
    }
}

/* A connection of the epoll server: first the length is read, then requests and responses take turns. */
struct peer {
    int fd;
    uint32_t bytes, got, put;
    uint8_t header[4];
    uint8_t *buffer;
    bool waits_to_write;
};

/* 1: the kernel has no more for now. 0: the whole is done. -1: the connection has ended. */
static int read_some(struct peer *p, uint8_t *to, uint32_t n) {
    while (p->got < n) {
        ssize_t got = read(p->fd, to + p->got, n - p->got);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return 1;
        if (got <= 0) return -1;
        p->got += (uint32_t)got;
    }
    return 0;
}

static int write_some(struct peer *p) {
    while (p->put < p->bytes) {
        ssize_t put = write(p->fd, p->buffer + p->put, p->bytes - p->put);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) return 1;
        if (put < 0) return -1;
        p->put += (uint32_t)put;
    }
    return 0;
}

static int greet(struct peer *p) {
    int r = read_some(p, p->header, sizeof p->header);
    if (r != 0) return r;
    uint32_t bytes;
    memcpy(&bytes, p->header, sizeof bytes);
    p->bytes = ntohl(bytes);
    if (p->bytes == 0 || p->bytes > RR_MAX_BYTES) return -1;
    p->buffer = malloc(p->bytes);
    p->got = 0;
    return p->buffer == NULL ? -1 : 0;
}

/* Goes on until the kernel has nothing more. False: the connection has ended. */
static bool go_on(struct peer *p) {
    for (;;) {
        int r = p->buffer == NULL ? greet(p) : 0;
        if (r == 0 && p->got < p->bytes) r = read_some(p, p->buffer, p->bytes);
        if (r != 0) return r == 1;
        r = write_some(p);
        p->waits_to_write = r == 1;
        if (r != 0) return r == 1;
        p->got = p->put = 0;
    }
}

static void forget(struct peer *p) {
    close(p->fd);
    free(p->buffer);
    free(p);
}

static bool admit(int epoll, int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    set_no_delay(fd);
    struct peer *p = calloc(1, sizeof *p);
    if (p == NULL) return false;
    p->fd = fd;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = p}) == 0;
}

static void serve_ready(int epoll, struct peer *p) {
    bool waited = p->waits_to_write;
    if (!go_on(p)) {
        forget(p);
        return;
    }
    if (waited != p->waits_to_write) {
        struct epoll_event wanted = {.events = p->waits_to_write ? EPOLLOUT : EPOLLIN, .data.ptr = p};
        if (epoll_ctl(epoll, EPOLL_CTL_MOD, p->fd, &wanted) < 0) forget(p);
    }
}

int serve_epoll(const struct sockaddr_in *address) {
    int listener = open_listener(address), epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || epoll < 0 || fcntl(listener, F_SETFL, O_NONBLOCK) < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN}) < 0)
        return fail("listen");
    for (;;) {
        struct epoll_event ready[64];
        int count = epoll_wait(epoll, ready, 64, -1);
        if (count < 0 && errno != EINTR) return fail("epoll_wait");
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr != NULL)
                serve_ready(epoll, ready[i].data.ptr);
            else if (!admit(epoll, listener))
                return fail("accept");
        }
    }
}
