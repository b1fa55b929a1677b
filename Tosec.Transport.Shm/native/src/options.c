#include "core.h"
#include "debug.h"
#include "real.h"
#include "rpc.h"
#include "session.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum { VALUE_BYTES = 128 };

/* Timeouts are honoured by the kernel, because waiting is the kernel's own waiting on end A. */
static bool belongs_to_end_a(int level, int name) {
    if (level != SOL_SOCKET) return false;
    return name == SO_RCVTIMEO || name == SO_SNDTIMEO || name == 66 /* SO_RCVTIMEO_NEW */ ||
           name == 67 /* SO_SNDTIMEO_NEW */;
}

/* Values that are pointers into the application, which no other party can follow; and what would be answered through an
 * error queue, which there is none of. */
static bool cannot_travel(int level, int name) {
    return level == SOL_SOCKET &&
           (name == SO_ATTACH_FILTER || name == 51 /* SO_ATTACH_REUSEPORT_CBPF */ || name == 60 /* SO_ZEROCOPY */);
}

/* 0 and *value, or 1: not one of those known here. */
static int local_option(struct stream *stream, int name, int *value) {
    uint32_t status = stream_status(stream);
    switch (name) {
    case SO_ERROR:
        *value = stream_take_error(stream);
        return 0;
    case SO_TYPE:
        *value = SOCK_STREAM;
        return 0;
    case SO_DOMAIN:
        *value = stream->state->family == 6 ? AF_INET6 : AF_INET;
        return 0;
    case SO_PROTOCOL:
        *value = IPPROTO_TCP;
        return 0;
    case SO_ACCEPTCONN:
        *value = status == TOSEC_STREAM_LISTENING;
        return 0;
    default:
        return 1;
    }
}

static void give_value(const void *from, socklen_t have, void *to, socklen_t *length) {
    if (have > *length) have = *length;
    memcpy(to, from, have);
    *length = have;
}

int core_getsockopt(struct stream_ref ref, int level, int name, void *value, socklen_t *length) {
    if (value == NULL || length == NULL) return -EFAULT;
    if (belongs_to_end_a(level, name)) return real.getsockopt(ref.fd, level, name, value, length) == 0 ? 0 : -errno;
    if ((int)*length < 0) return -EINVAL;
    signal_mask mask;
    struct stream stream;
    int number = 0;
    signals_block(&mask);
    int r = stream_enter(&stream, &ref);
    if (r == 0) {
        r = level == SOL_SOCKET ? local_option(&stream, name, &number) : 1;
        if (r == 0) {
            give_value(&number, sizeof number, value, length);
        } else {
            struct tosec_rpc_option wanted = {level, name, *length > VALUE_BYTES ? VALUE_BYTES : *length, 0};
            struct rpc_request request = {TOSEC_RPC_GET_OPTION, ref.slot, ref.id, 0, &wanted, sizeof wanted};
            struct rpc_reply reply;
            r = rpc_call(stream.s, &request, &reply);
            if (r > VALUE_BYTES) r = -EPROTO;
            if (r >= 0) {
                give_value(reply.bytes, (socklen_t)r, value, length);
                r = 0;
            }
        }
        stream_leave(&stream);
    }
    signals_restore(&mask);
    return r;
}

int core_setsockopt(struct stream_ref ref, int level, int name, const void *value, socklen_t length) {
    if (belongs_to_end_a(level, name)) return real.setsockopt(ref.fd, level, name, value, length) == 0 ? 0 : -errno;
    if (cannot_travel(level, name)) {
        debug_line("setsockopt", "filters and zero copy are not served; option", name);
        return -ENOPROTOOPT;
    }
    if (value == NULL && length != 0) return -EFAULT;
    if (length > VALUE_BYTES) return -EINVAL;
    struct {
        struct tosec_rpc_option head;
        uint8_t bytes[VALUE_BYTES];
    } wanted = {.head = {level, name, length, 0}};
    if (length != 0) memcpy(wanted.bytes, value, length);
    signal_mask mask;
    struct stream stream;
    signals_block(&mask);
    int r = stream_enter(&stream, &ref);
    if (r == 0) {
        struct rpc_request request = {
            TOSEC_RPC_SET_OPTION, ref.slot, ref.id, 0, &wanted, (uint32_t)(sizeof wanted.head + length)};
        struct rpc_reply reply;
        r = rpc_call(stream.s, &request, &reply);
        if (r > 0) r = 0;
        stream_leave(&stream);
    }
    signals_restore(&mask);
    return r;
}
