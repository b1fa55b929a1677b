/*
 * Request and response over one TCP connection. The client names the length (4 bytes, big endian), then each request
 * has that many bytes and so has each response.
 */
#ifndef TOSEC_RR_H
#define TOSEC_RR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RR_MAX_BYTES = 1 << 20 };

/* wire.c: whole messages over a blocking socket. False: the connection has ended, errno says how (0: in order). */
bool read_all(int fd, void *to, size_t n);
bool write_all(int fd, const void *from, size_t n);
bool parse_address(const char *text, const char *port, struct sockaddr_in *address);
void set_no_delay(int fd);
uint64_t now_ns(void);

/* client.c, server.c: exit codes. */
struct client_plan {
    struct sockaddr_in address;
    uint32_t bytes, warm_up, requests;
    uint64_t limit_ns;
};

int run_client(const struct client_plan *plan);
int serve_blocking(const struct sockaddr_in *address);
int serve_epoll(const struct sockaddr_in *address);

#endif
