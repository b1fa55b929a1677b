/*
 * HTTP/1.x framing for the engines: a flat, fixed-width face of libhtp, so that no struct of libhtp is known to a caller.
 *
 * Ownership: the caller owns a tosec_http_config and every tosec_http opened from it, and frees the config last. Every
 * pointer handed to a callback is valid during that callback only. A config is read-only once created and may be shared
 * between threads; one tosec_http is used by one thread at a time. Nothing here blocks; nothing here touches errno.
 */
#ifndef TOSEC_HTTP_H
#define TOSEC_HTTP_H

#include <stdint.h>

#define TOSEC_HTTP_API __attribute__((visibility("default")))

/* Directions. */
#define TOSEC_HTTP_REQUEST 0u
#define TOSEC_HTTP_RESPONSE 1u

/* tosec_http_message.framing */
#define TOSEC_HTTP_BODY_NONE 0u
#define TOSEC_HTTP_BODY_LENGTH 1u
#define TOSEC_HTTP_BODY_CHUNKED 2u
#define TOSEC_HTTP_BODY_UNTIL_CLOSE 3u
#define TOSEC_HTTP_BODY_INVALID 4u

/* tosec_http_message.flags: what is wrong with the message. */
#define TOSEC_HTTP_SMUGGLING 0x0001u
#define TOSEC_HTTP_BAD_TRANSFER_ENCODING 0x0002u
#define TOSEC_HTTP_BAD_CONTENT_LENGTH 0x0004u
#define TOSEC_HTTP_FOLDED 0x0008u
#define TOSEC_HTTP_NUL 0x0010u
#define TOSEC_HTTP_BARE_CR 0x0020u
#define TOSEC_HTTP_BARE_LF 0x0040u
#define TOSEC_HTTP_BAD_HOST 0x0080u
#define TOSEC_HTTP_BAD_FIELD 0x0100u
#define TOSEC_HTTP_TOO_MANY_FIELDS 0x0200u
#define TOSEC_HTTP_BAD_STATUS_LINE 0x0400u
#define TOSEC_HTTP_UNMATCHED 0x0800u
#define TOSEC_HTTP_BAD_REQUEST 0x1000u
#define TOSEC_HTTP_CONTROL 0x2000u

/* tosec_http_config_create's flags. NORMALIZE: messages have path, query, line, reason and raw_fields; without it they are empty. */
#define TOSEC_HTTP_NORMALIZE 0x1u

/* tosec_http_field.flags */
#define TOSEC_HTTP_FIELD_REPEATED 0x1u

/* What a callback returns. SKIP_BODY is for a response's on_headers (the body is framed, but
 * neither inflated nor reported) and on_body (the rest of it is not reported). */
#define TOSEC_HTTP_GO_ON 0
#define TOSEC_HTTP_STOP 1
#define TOSEC_HTTP_SKIP_BODY 2

/* What tosec_http_feed returns. */
#define TOSEC_HTTP_FED 0
#define TOSEC_HTTP_OTHER_FIRST 1
#define TOSEC_HTTP_TUNNEL 2
#define TOSEC_HTTP_NOT_HTTP 3
#define TOSEC_HTTP_STOPPED 4

/*
 * offset  size  field
 *      0     8  data
 *      8     8  length   bytes
 */
typedef struct {
    const uint8_t *data;
    uint64_t length;
} tosec_http_bytes;

/*
 * offset  size  field
 *      0    16  name
 *     16    16  value    repeated fields are joined with ", "
 *     32     4  flags    TOSEC_HTTP_FIELD_*
 *     36     4  reserved
 */
typedef struct {
    tosec_http_bytes name;
    tosec_http_bytes value;
    uint32_t flags;
    uint32_t reserved;
} tosec_http_field;

/*
 * offset  size  field
 *      0     8  exchange        1 for the first request of the connection, and so on; 0: a response without a request
 *      8     8  content_length  bytes, -1 when not given
 *     16     8  body_offset     where the body begins in the bytes being fed
 *     24     8  fields          field_count of tosec_http_field
 *     32    16  method
 *     48    16  target
 *     64    16  protocol        "HTTP/1.1", of the message's own first line
 *     80     4  field_count
 *     84     4  flags           TOSEC_HTTP_*
 *     88     4  framing         TOSEC_HTTP_BODY_*
 *     92     4  status          0 in a request
 *     96    16  path            decoded, separators made plain, dots resolved
 *    112    16  query           decoded once, a plus left as it is; NULL: there is none
 *    128    16  line            the message's first line, without its end
 *    144    16  reason          the text behind a response's status
 *    160    16  raw_fields      the fields as they were sent, at most TOSEC_HTTP_RAW_LIMIT bytes
 */
typedef struct {
    uint64_t exchange;
    int64_t content_length;
    uint64_t body_offset;
    const tosec_http_field *fields;
    tosec_http_bytes method;
    tosec_http_bytes target;
    tosec_http_bytes protocol;
    uint32_t field_count;
    uint32_t flags;
    uint32_t framing;
    int32_t status;
    tosec_http_bytes path;
    tosec_http_bytes query;
    tosec_http_bytes line;
    tosec_http_bytes reason;
    tosec_http_bytes raw_fields;
} tosec_http_message;

#define TOSEC_HTTP_RAW_LIMIT 65536u

typedef struct {
    /* The first byte of a request, perhaps of empty lines before it; offset is its place in the bytes being fed. */
    int32_t (*on_request_start)(void *context, uint64_t exchange, uint64_t offset);
    /* The request line is complete; fields, framing and content length are not yet known. body_offset: behind the line. */
    int32_t (*on_request_line)(void *context, const tosec_http_message *message);
    int32_t (*on_headers)(void *context, uint32_t direction, const tosec_http_message *message);
    int32_t (*on_body)(void *context, uint32_t direction, uint64_t exchange, const uint8_t *data, uint64_t length);
    int32_t (*on_complete)(void *context, uint32_t direction, uint64_t exchange);
} tosec_http_callbacks;

typedef struct tosec_http_config tosec_http_config;
typedef struct tosec_http tosec_http;

/*
 * Line limit in bytes; field limit in fields (at most 256); an inflate limit of 0 leaves bodies as they were sent; flags:
 * TOSEC_HTTP_NORMALIZE or 0. NULL when memory is short. The callbacks are copied.
 */
TOSEC_HTTP_API tosec_http_config *tosec_http_config_create(const tosec_http_callbacks *callbacks, uint64_t line_limit,
                                                           uint32_t field_limit, uint32_t inflate_limit, uint32_t flags);
TOSEC_HTTP_API void tosec_http_config_free(tosec_http_config *config);

/* NULL when memory is short. The context is given to every callback and never looked at. */
TOSEC_HTTP_API tosec_http *tosec_http_open(const tosec_http_config *config, void *context);
TOSEC_HTTP_API void tosec_http_free(tosec_http *http);

/* Parses the next bytes (length > 0) of one direction. TOSEC_HTTP_OTHER_FIRST: only *consumed bytes were taken. */
TOSEC_HTTP_API int32_t tosec_http_feed(tosec_http *http, uint32_t direction, const uint8_t *data, uint64_t length,
                                       uint64_t *consumed);

/* Version of the parser, for people. */
TOSEC_HTTP_API const char *tosec_http_version(void);

#endif
