#include "rr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what) {
    fprintf(stderr, "tosec-rr client: %s: %s\n", what, errno != 0 ? strerror(errno) : "the connection has ended");
    return 1;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The smallest value that at least the given part of the samples does not exceed; in thousandths. */
static uint64_t percentile(const uint64_t *sorted, uint32_t count, uint32_t per_mille) {
    uint64_t rank = ((uint64_t)count * per_mille + 999) / 1000;
    return sorted[rank == 0 ? 0 : rank - 1];
}

static bool exchange(int fd, uint8_t *request, uint8_t *response, uint32_t bytes, uint32_t number) {
    memcpy(request, &number, bytes < sizeof number ? bytes : sizeof number);
    if (!write_all(fd, request, bytes) || !read_all(fd, response, bytes)) return false;
    errno = EBADMSG;
    return memcmp(request, response, bytes) == 0;
}

static int measure(int fd, const struct client_plan *plan, uint8_t *request, uint8_t *response, uint64_t *samples) {
    for (uint32_t i = 0; i < plan->warm_up; i++)
        if (!exchange(fd, request, response, plan->bytes, i)) return fail("warm-up");

    /* The caller reads the other parties' counters between the two lines. */
    puts("ready");
    fflush(stdout);
    char line[16];
    if (fgets(line, sizeof line, stdin) == NULL) return 1;

    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    uint64_t cpu = cpu_ns(), begin = now_ns(), last = begin;
    uint32_t count = 0;
    while (count < plan->requests && last - begin < plan->limit_ns) {
        if (!exchange(fd, request, response, plan->bytes, count)) return fail("request");
        uint64_t end = now_ns();
        samples[count++] = end - last;
        last = end;
    }
    cpu = cpu_ns() - cpu;
    getrusage(RUSAGE_SELF, &after);

    qsort(samples, count, sizeof *samples, compare);
    printf("{\"requests\":%u,\"elapsed_ns\":%llu,\"cpu_ns\":%llu,\"sleeps\":%ld,\"min_ns\":%llu,\"p50_ns\":%llu,\"p90_"
           "ns\":%llu,"
           "\"p99_ns\":%llu,\"p999_ns\":%llu,\"max_ns\":%llu}\n",
           count, (unsigned long long)(last - begin), (unsigned long long)cpu, after.ru_nvcsw - before.ru_nvcsw,
           (unsigned long long)samples[0], (unsigned long long)percentile(samples, count, 500),
           (unsigned long long)percentile(samples, count, 900), (unsigned long long)percentile(samples, count, 990),
           (unsigned long long)percentile(samples, count, 999), (unsigned long long)samples[count - 1]);
    fflush(stdout);

    /* Still there while the caller reads the counters again. */
    return fgets(line, sizeof line, stdin) == NULL ? 1 : 0;
}

int run_client(const struct client_plan *plan) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail("socket");
    set_no_delay(fd);
    if (connect(fd, (const struct sockaddr *)&plan->address, sizeof plan->address) < 0) return fail("connect");
    uint32_t length = htonl(plan->bytes);
    if (!write_all(fd, &length, sizeof length)) return fail("greeting");

    uint8_t *request = malloc(plan->bytes), *response = malloc(plan->bytes);
    uint64_t *samples = calloc(plan->requests, sizeof *samples);
    if (request == NULL || response == NULL || samples == NULL) return fail("memory");
    /* Touched before the clock runs: page faults are not the network's. */
    memset(request, 'x', plan->bytes);
    memset(samples, 1, plan->requests * sizeof *samples);
    int code = measure(fd, plan, request, response, samples);
    free(request);
    free(response);
    free(samples);
    close(fd);
    return code;
}
