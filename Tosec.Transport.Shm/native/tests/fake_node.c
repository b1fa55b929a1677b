#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

uint8_t *edge, *receive;
struct tosec_segment_header geometry;
int epoll;
uint64_t window = 256 * 1024;

static struct {
    int control, event;
    bool used;
    uint64_t session;
    uint64_t reply_tail;
    uint64_t heads[TOSEC_PARTIES];
} channels[FAKE_CHANNELS];
static int bell, edge_fd, receive_fd;
static volatile sig_atomic_t stop, frozen;

static void on_signal(int number) {
    if (number == SIGUSR1)
        frozen = !frozen; /* the TOE's heart stands still */
    else
        stop = 1;
}

void watch(int fd, uint32_t events, uint64_t key, bool change) {
    struct epoll_event e = {.events = events, .data.u64 = key};
    CHECK(epoll_ctl(epoll, change ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) == 0);
}

static int segment(const char *name, uint32_t kind, uint64_t bytes, uint8_t **at) {
    uint64_t total = TOSEC_PAGE;
    while (total < bytes)
        total *= 2;
    int fd = memfd_create(name, MFD_CLOEXEC);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)total) == 0);
    *at = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(*at != MAP_FAILED);
    struct tosec_segment_header *header = (struct tosec_segment_header *)*at;
    *header = geometry;
    header->magic = 0;
    header->kind = kind;
    header->total_bytes = total;
    __atomic_store_n(&header->magic, TOSEC_MAGIC, __ATOMIC_RELEASE);
    return fd;
}

static uint32_t setting(const char *name, uint32_t otherwise) {
    const char *value = getenv(name);
    return value != NULL ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

static void make_segments(void) {
    geometry = (struct tosec_segment_header){
        .layout_version = TOSEC_LAYOUT_VERSION,
        .epoch = 0x1234567,
        .channels = FAKE_CHANNELS,
        .streams = FAKE_STREAMS,
        .send_small = setting("FAKE_SMALL", 64),
        .send_large = setting("FAKE_LARGE", 8),
        .receive_small = RECEIVE_BUFFERS,
        .vectors = FAKE_CHANNELS,
    };
    window = setting("FAKE_WINDOW", 256 * 1024);
    edge_fd = segment("edge", TOSEC_EDGE, tosec_edge_end(&geometry), &edge);
    int fd = segment("receive", TOSEC_RECEIVE, tosec_receive_end(&geometry), &receive);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    receive_fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(receive_fd >= 0);
    close(fd);
    party_of(TOSEC_PARTY_TOVM)->incarnation = 1;
}

/* ---- agent ------------------------------------------------------------------------------------------------------- */

static void attach(uint32_t c, const struct tosec_agent_packet *request) {
    CHECK(request->version == TOSEC_AGENT_VERSION);
    struct tosec_channel_header *header = (struct tosec_channel_header *)(edge + tosec_edge_channel(c));
    header->pid = request->pid;
    header->session = channels[c].session;
    channels[c].event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct tosec_agent_packet answer = {.type = TOSEC_AGENT_ATTACHED,
                                        .version = TOSEC_AGENT_VERSION,
                                        .channel = c,
                                        .session = channels[c].session,
                                        .parties = 1u << TOSEC_PARTY_GUEST | 1u << TOSEC_PARTY_TOVM};
    int fds[5] = {edge_fd, receive_fd, channels[c].event, bell, bell};
    union {
        char bytes[CMSG_SPACE(sizeof fds)];
        struct cmsghdr aligned;
    } ancillary = {0};
    struct iovec iov = {&answer, sizeof answer};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(h), fds, sizeof fds);
    if (sendmsg(channels[c].control, &m, MSG_NOSIGNAL) != sizeof answer && errno != EPIPE) perror("fake node: attach");
}

static void drain_lanes(uint32_t c) {
    for (uint32_t p = 1; p < TOSEC_PARTIES; p++) {
        uint8_t *at = edge + tosec_edge_lane(c, p);
        struct tosec_lane_header *lane = (struct tosec_lane_header *)at;
        uint64_t tail = __atomic_load_n(&lane->tail, __ATOMIC_ACQUIRE);
        CHECK(tail - channels[c].heads[p] <= TOSEC_EDGE_LANE_SLOTS);
        while (channels[c].heads[p] < tail) {
            struct tosec_descriptor d;
            memcpy(&d, at + TOSEC_LANE_HEADER + channels[c].heads[p] % TOSEC_EDGE_LANE_SLOTS * 64, sizeof d);
            if (d.opcode == TOSEC_OP_RPC)
                toe_rpc(c, &d);
            else
                toe_descriptor(&d);
            __atomic_store_n(&lane->head, ++channels[c].heads[p], __ATOMIC_RELEASE);
        }
    }
}

static void detach(uint32_t c) {
    repair_after(c);
    drain_lanes(c);
    toe_channel_gone(c);
    memset(edge + tosec_edge_channel(c), 0, TOSEC_CHANNEL_BYTES);
    memset(channels[c].heads, 0, sizeof channels[c].heads);
    channels[c].reply_tail = 0;
    close(channels[c].control);
    if (channels[c].event >= 0) close(channels[c].event);
    channels[c].used = false;
}

static void control_event(uint32_t c) {
    for (;;) {
        struct tosec_agent_packet packet;
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr aligned;
        } ancillary;
        struct iovec iov = {&packet, sizeof packet};
        struct msghdr m = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes};
        ssize_t got = recvmsg(channels[c].control, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            detach(c);
            return;
        }
        CHECK(got == sizeof packet);
        if (packet.type == TOSEC_AGENT_ATTACH) attach(c, &packet);
        if (packet.type == TOSEC_AGENT_REGISTER) {
            int fd;
            CHECK(CMSG_FIRSTHDR(&m) != NULL);
            memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
            toe_registered(packet.slot, packet.connection_id, fd);
        }
    }
}

static void new_process(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    for (uint32_t c = 1; c < FAKE_CHANNELS; c++) {
        if (channels[c].used) continue;
        channels[c].used = true;
        channels[c].control = fd;
        channels[c].event = -1;
        channels[c].session++;
        watch(fd, EPOLLIN, event_key(EVENT_CONTROL, c), false);
        return;
    }
    struct tosec_agent_packet refusal = {.type = TOSEC_AGENT_REFUSED, .error = ENOSPC};
    send(fd, &refusal, sizeof refusal, MSG_NOSIGNAL);
    close(fd);
}

void reply(uint32_t c, const struct tosec_descriptor *request, int64_t result, uint64_t arg1) {
    uint8_t *at = edge + tosec_edge_reply_lane(c);
    struct tosec_lane_header *lane = (struct tosec_lane_header *)at;
    struct tosec_descriptor d = {.opcode = TOSEC_OP_RPC_REPLY,
                                 .code = request->code,
                                 .slot = request->slot,
                                 .correlation = request->correlation,
                                 .arg0 = (uint64_t)result,
                                 .arg1 = arg1};
    CHECK(channels[c].reply_tail - __atomic_load_n(&lane->head, __ATOMIC_ACQUIRE) < TOSEC_REPLY_LANE_SLOTS);
    memcpy(at + TOSEC_LANE_HEADER + channels[c].reply_tail % TOSEC_REPLY_LANE_SLOTS * 64, &d, sizeof d);
    __atomic_store_n(&lane->tail, ++channels[c].reply_tail, __ATOMIC_RELEASE);
    struct tosec_channel_header *header = (struct tosec_channel_header *)(edge + tosec_edge_channel(c));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&header->sleeping, __ATOMIC_RELAXED) != 0 &&
        __atomic_exchange_n(&header->sleeping, 0, __ATOMIC_ACQ_REL) == 1)
        CHECK(eventfd_write(channels[c].event, 1) == 0);
}

/* ---- loop -------------------------------------------------------------------------------------------------------- */

static bool take_news(void) {
    bool any = false;
    if (frozen) return false;
    for (uint32_t word = 0; word < 4; word++) {
        uint64_t bits = __atomic_exchange_n(&party_of(TOSEC_PARTY_TOVM)->pending[word], 0, __ATOMIC_ACQ_REL);
        for (; bits != 0; bits &= bits - 1) {
            uint32_t c = word * 64 + (uint32_t)__builtin_ctzll(bits);
            any = true;
            if (c < FAKE_CHANNELS && channels[c].used) drain_lanes(c);
        }
    }
    uint64_t *summary = (uint64_t *)(edge + TOSEC_EDGE_READY_SUMMARY), *ready = (uint64_t *)(edge + TOSEC_EDGE_READY);
    for (uint32_t i = 0; i < 16; i++)
        for (uint64_t words = __atomic_exchange_n(&summary[i], 0, __ATOMIC_ACQ_REL); words != 0; words &= words - 1) {
            uint32_t word = i * 64 + (uint32_t)__builtin_ctzll(words);
            for (uint64_t bits = __atomic_exchange_n(&ready[word], 0, __ATOMIC_ACQ_REL); bits != 0; bits &= bits - 1) {
                any = true;
                toe_look(word * 64 + (uint32_t)__builtin_ctzll(bits));
            }
        }
    return any;
}

static void sleep_or_not(bool asleep) {
    for (uint32_t p = 0; p < 2; p++)
        __atomic_store_n(&party_of(p)->sleeping, asleep ? 1u : 0u, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void handle(struct epoll_event *e, int listener, int beat) {
    uint32_t number = (uint32_t)e->data.u64;
    uint64_t count;
    switch ((enum event_kind)(e->data.u64 >> 32)) {
    case EVENT_ACCEPT:
        new_process(listener);
        break;
    case EVENT_CONTROL:
        if (channels[number].used) control_event(number);
        break;
    case EVENT_BELL:
        if (read(bell, &count, sizeof count) < 0) break;
        break;
    case EVENT_BEAT:
        if (read(beat, &count, sizeof count) > 0 && !frozen)
            __atomic_fetch_add(&party_of(TOSEC_PARTY_TOVM)->heartbeat, 1, __ATOMIC_RELEASE);
        break;
    case EVENT_PEER:
        take_news(); /* what was sent before the close comes before the close */
        toe_peer_closed(number);
        break;
    case EVENT_SOCKET:
        toe_socket_event(number, e->events);
        break;
    }
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGUSR1, on_signal);
    signal(SIGPIPE, SIG_IGN);
    make_segments();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch(bell, EPOLLIN, event_key(EVENT_BELL, 0), false);
    int beat = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec tenth = {{0, 100000000}, {0, 100000000}};
    timerfd_settime(beat, 0, &tenth, NULL);
    watch(beat, EPOLLIN, event_key(EVENT_BEAT, 0), false);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", arguments[1]);
    unlink(arguments[1]);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 64) == 0);
    watch(listener, EPOLLIN, event_key(EVENT_ACCEPT, 0), false);
    /* What was closed just before may still be on its way: some more beats for it. */
    for (int beats = 300; !stop || (toe_streams() > 0 && beats > 0);) {
        struct epoll_event events[64];
        sleep_or_not(true);
        int n = take_news() ? 0 : epoll_wait(epoll, events, 64, -1);
        sleep_or_not(false);
        for (int i = 0; i < n; i++)
            handle(&events[i], listener, beat);
        if (stop) beats--;
        while (take_news()) {
        }
    }
    printf("streams %d buffers %d\n", toe_streams(), toe_buffers());
    return 0;
}
