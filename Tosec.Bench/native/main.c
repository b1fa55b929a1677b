#include "rr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(void) {
    fputs("usage: tosec-rr server [--epoll] ADDRESS PORT\n"
          "       tosec-rr client ADDRESS PORT BYTES WARM-UP REQUESTS LIMIT-MS\n"
          "The client warms up, prints \"ready\", waits for a line, measures, prints a line of JSON, and waits for "
          "another line.\n",
          stderr);
    return 64;
}

static bool parse_number(const char *text, uint32_t from, uint32_t to, uint32_t *number) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *number = (uint32_t)value;
    return *text != 0 && *end == 0 && value >= from && value <= to;
}

static int client(int count, char **words) {
    struct client_plan plan;
    uint32_t limit_ms;
    if (count != 6 || !parse_address(words[0], words[1], &plan.address) ||
        !parse_number(words[2], 1, RR_MAX_BYTES, &plan.bytes) || !parse_number(words[3], 0, 1000000, &plan.warm_up) ||
        !parse_number(words[4], 1, 100000000, &plan.requests) || !parse_number(words[5], 1, 3600000, &limit_ms))
        return usage();
    plan.limit_ns = (uint64_t)limit_ms * 1000000u;
    return run_client(&plan);
}

int main(int argc, char **argv) {
    if (argc < 2) return usage();
    if (strcmp(argv[1], "client") == 0) return client(argc - 2, argv + 2);
    if (strcmp(argv[1], "server") != 0) return usage();
    bool epoll = argc > 2 && strcmp(argv[2], "--epoll") == 0;
    char **words = argv + (epoll ? 3 : 2);
    struct sockaddr_in address;
    if (argc - (epoll ? 3 : 2) != 2 || !parse_address(words[0], words[1], &address)) return usage();
    return epoll ? serve_epoll(&address) : serve_blocking(&address);
}
