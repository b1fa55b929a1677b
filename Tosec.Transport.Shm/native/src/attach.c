#include "attach.h"
#include "debug.h"
#include "real.h"
#include "../include/tosec_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 10, MAX_DESCRIPTORS = 3 + TOSEC_PARTIES + 1 };

struct answer {
    struct tosec_agent_packet packet;
    int fds[MAX_DESCRIPTORS];
    int count;
};

static int move_high(int fd) {
    struct rlimit limit;
    int floor = 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        /* Not at the very top of a huge limit: the kernel's table grows to the highest number in use. */
        rlim_t top = limit.rlim_cur > 8192 ? 8192 : limit.rlim_cur;
        if (top > 128) floor = (int)top - 48;
    }
    int high = real.fcntl(fd, F_DUPFD_CLOEXEC, floor);
    if (high < 0) return fd;
    real.close(fd);
    return high;
}

static int dial(const char *path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof name.sun_path) return -ENAMETOOLONG;
    memcpy(name.sun_path, path, length);
    if (path[0] == '@') name.sun_path[0] = 0;
    int fd = real.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct timeval patience = {ANSWER_SECONDS, 0};
    real.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    real.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (real.connect(fd, (struct sockaddr *)&name, size) != 0) {
        int r = -errno;
        real.close(fd);
        return r;
    }
    return move_high(fd);
}

static int ask(int control, struct answer *answer) {
    struct tosec_agent_packet request = {
        .type = TOSEC_AGENT_ATTACH, .version = TOSEC_AGENT_VERSION, .pid = (uint32_t)getpid()};
    if (real.send(control, &request, sizeof request, MSG_NOSIGNAL) != sizeof request) return -errno;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
        struct cmsghdr aligned;
    } ancillary;
    struct iovec iov = {&answer->packet, sizeof answer->packet};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes};
    ssize_t got = real.recvmsg(control, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) return -errno;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        int n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < n && answer->count < MAX_DESCRIPTORS; i++)
            memcpy(&answer->fds[answer->count++], CMSG_DATA(c) + (size_t)i * sizeof(int), sizeof(int));
    }
    if (got != sizeof answer->packet) return -EPROTO;
    if (answer->packet.type == TOSEC_AGENT_REFUSED)
        return answer->packet.error != 0 ? -(int)answer->packet.error : -EACCES;
    if (answer->packet.type != TOSEC_AGENT_ATTACHED || answer->packet.version != TOSEC_AGENT_VERSION) return -EPROTO;
    uint32_t parties = answer->packet.parties, by_register = answer->packet.by_register;
    if (((parties | by_register) & ~0xffu) != 0 || (parties & by_register) != 0 || answer->packet.link > 0xffff ||
        answer->count != 3 + __builtin_popcount(parties) + (by_register != 0))
        return -EPROTO;
    return 0;
}

static bool power_of_two(uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

/* Copies the header once, then believes only the copy. */
static int map_segment(int fd, uint32_t kind, int protection, void **at, uint64_t *bytes,
                       struct tosec_segment_header *copy) {
    struct stat file;
    if (fstat(fd, &file) != 0) return -errno;
    uint64_t size = file.st_size > 0 ? (uint64_t)file.st_size : 0;
    if (size < TOSEC_PAGE) return -EPROTO;
    void *memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return -errno;
    *at = memory;
    *bytes = size;
    const struct tosec_segment_header *header = memory;
    if (__atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) != TOSEC_MAGIC) return -EPROTO;
    memcpy(copy, header, sizeof *copy);
    bool sane = copy->layout_version >> 16 == TOSEC_LAYOUT_VERSION >> 16 && copy->kind == kind &&
                copy->total_bytes <= size && copy->channels >= 1 && copy->channels <= TOSEC_MAX_CHANNELS &&
                power_of_two(copy->streams) && copy->streams >= TOSEC_MIN_STREAMS &&
                copy->streams <= TOSEC_MAX_STREAMS && copy->send_small <= 1u << 20 && copy->send_large <= 1u << 16 &&
                copy->receive_small <= 1u << 24 && copy->receive_large <= 1u << 20;
    if (!sane) return -EPROTO;
    uint64_t end = kind == TOSEC_EDGE ? tosec_edge_end(copy) : tosec_receive_end(copy);
    return end <= copy->total_bytes ? 0 : -EPROTO;
}

static void open_channel(struct session *s) {
    const struct tosec_segment_header *g = &s->geometry;
    for (uint32_t p = 0; p < TOSEC_PARTIES; p++)
        lane_out_open(&s->lanes[p], s->edge + tosec_edge_lane(s->channel, p));
    lane_in_open(&s->replies, s->edge + tosec_edge_reply_lane(s->channel));
    s->small_stack = (uint32_t *)(s + 1);
    s->large_stack = s->small_stack + g->send_small;
    for (uint32_t i = g->send_small; i > 0; i--)
        s->small_stack[s->small_free++] = i;
    for (uint32_t i = g->send_large; i > 0; i--)
        s->large_stack[s->large_free++] = i | 1u << 31;
    s->receive_pool = tosec_receive_pool(g);
    s->receive_pool_end = tosec_receive_end(g);
}

static int build(const struct answer *answer, int control, struct session **made) {
    struct tosec_segment_header edge_header, receive_header;
    void *edge = NULL, *receive = NULL, *registers = NULL;
    uint64_t edge_bytes = 0, receive_bytes = 0, own_bytes = 0;
    struct session *s = MAP_FAILED;
    int r = map_segment(answer->fds[0], TOSEC_EDGE, PROT_READ | PROT_WRITE, &edge, &edge_bytes, &edge_header);
    if (r == 0) r = map_segment(answer->fds[1], TOSEC_RECEIVE, PROT_READ, &receive, &receive_bytes, &receive_header);
    if (r == 0 && (edge_header.epoch != receive_header.epoch || edge_header.streams != receive_header.streams ||
                   answer->packet.channel == 0 || answer->packet.channel >= edge_header.channels))
        r = -EPROTO;
    if (r == 0 && answer->packet.by_register != 0) {
        int page = answer->fds[answer->count - 1];
        registers = mmap(NULL, TOSEC_REGISTER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
        if (registers == MAP_FAILED) {
            r = -errno;
            registers = NULL;
        }
    }
    if (r == 0) {
        own_bytes =
            tosec_page_up(sizeof *s + ((uint64_t)edge_header.send_small + edge_header.send_large) * sizeof(uint32_t));
        s = mmap(NULL, own_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (s == MAP_FAILED) r = -errno;
    }
    if (r < 0) {
        if (edge != NULL) munmap(edge, edge_bytes);
        if (receive != NULL) munmap(receive, receive_bytes);
        if (registers != NULL) munmap(registers, TOSEC_REGISTER_BYTES);
        return r;
    }
    s->geometry = edge_header;
    /* The receive pool's counts are taken from the segment that the guest cannot write. */
    s->geometry.receive_small = receive_header.receive_small;
    s->geometry.receive_large = receive_header.receive_large;
    s->edge = edge;
    s->receive = receive;
    s->edge_bytes = edge_bytes;
    s->receive_bytes = receive_bytes;
    s->own_bytes = own_bytes;
    s->channel = answer->packet.channel;
    s->parties = answer->packet.parties;
    s->registers = registers;
    s->by_register = answer->packet.by_register;
    s->link = answer->packet.link;
    s->control = control;
    s->correlation = answer->packet.session << 24; /* replies to the channel's former process match nothing */
    open_channel(s);
    *made = s;
    return 0;
}

int attach_session(const char *path, struct session **made) {
    int control = dial(path);
    if (control < 0) return control;
    struct answer answer = {.count = 0};
    int r = ask(control, &answer);
    if (r == 0) r = build(&answer, control, made);
    if (r < 0) {
        for (int i = 0; i < answer.count; i++)
            real.close(answer.fds[i]);
        real.close(control);
        return r;
    }
    struct session *s = *made;
    real.close(answer.fds[0]);
    real.close(answer.fds[1]);
    s->event = move_high(answer.fds[2]);
    for (int p = 0, next = 3; p < TOSEC_PARTIES; p++)
        s->doorbell[p] = (s->parties >> p & 1) != 0 ? move_high(answer.fds[next++]) : -1;
    /* Its mapping is all that is needed of it. */
    if (s->by_register != 0) real.close(answer.fds[answer.count - 1]);
    return 0;
}
