#include "tosec_http_translate.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(tosec_http_bytes) == 16, "tosec_http_bytes");
_Static_assert(sizeof(tosec_http_field) == 40, "tosec_http_field");
_Static_assert(sizeof(tosec_http_message) == 176, "tosec_http_message");
_Static_assert(offsetof(tosec_http_message, fields) == 24, "tosec_http_message.fields");
_Static_assert(offsetof(tosec_http_message, method) == 32, "tosec_http_message.method");
_Static_assert(offsetof(tosec_http_message, target) == 48, "tosec_http_message.target");
_Static_assert(offsetof(tosec_http_message, protocol) == 64, "tosec_http_message.protocol");
_Static_assert(offsetof(tosec_http_message, field_count) == 80, "tosec_http_message.field_count");
_Static_assert(offsetof(tosec_http_message, status) == 92, "tosec_http_message.status");
_Static_assert(offsetof(tosec_http_message, path) == 96, "tosec_http_message.path");
_Static_assert(offsetof(tosec_http_message, raw_fields) == 160, "tosec_http_message.raw_fields");
_Static_assert(offsetof(tosec_http_field, flags) == 32, "tosec_http_field.flags");
_Static_assert(sizeof(tosec_http_callbacks) == 40, "tosec_http_callbacks");

tosec_http_bytes tosec_bytes_of(const bstr *text)
{
    tosec_http_bytes bytes = {NULL, 0};
    if (text != NULL) {
        bytes.data = bstr_ptr(text);
        bytes.length = bstr_len(text);
    }
    return bytes;
}

uint32_t tosec_flags_of(uint64_t flags)
{
    static const struct {
        uint64_t theirs;
        uint32_t ours;
    } map[] = {
        {HTP_REQUEST_SMUGGLING, TOSEC_HTTP_SMUGGLING},
        {HTP_REQUEST_INVALID_T_E, TOSEC_HTTP_BAD_TRANSFER_ENCODING},
        {HTP_REQUEST_INVALID_C_L, TOSEC_HTTP_BAD_CONTENT_LENGTH},
        {HTP_FIELD_FOLDED | HTP_INVALID_FOLDING, TOSEC_HTTP_FOLDED},
        {HTP_FIELD_RAW_NUL | HTP_PATH_RAW_NUL | HTP_URLEN_RAW_NUL, TOSEC_HTTP_NUL},
        {HTP_HOST_AMBIGUOUS | HTP_HOST_INVALID, TOSEC_HTTP_BAD_HOST},
        {HTP_FIELD_UNPARSEABLE | HTP_FIELD_INVALID, TOSEC_HTTP_BAD_FIELD},
        {HTP_HEADERS_TOO_MANY, TOSEC_HTTP_TOO_MANY_FIELDS},
        {HTP_STATUS_LINE_INVALID, TOSEC_HTTP_BAD_STATUS_LINE},
        {HTP_REQUEST_INVALID, TOSEC_HTTP_BAD_REQUEST},
    };
    uint32_t found = 0;
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        if (flags & map[i].theirs)
            found |= map[i].ours;
    return found;
}

uint32_t tosec_framing_of(enum htp_transfer_coding_t coding, int64_t content_length)
{
    switch (coding) {
    case HTP_CODING_IDENTITY:
        return content_length >= 0 ? TOSEC_HTTP_BODY_LENGTH : TOSEC_HTTP_BODY_UNTIL_CLOSE;
    case HTP_CODING_CHUNKED:
        return TOSEC_HTTP_BODY_CHUNKED;
    case HTP_CODING_INVALID:
        return TOSEC_HTTP_BODY_INVALID;
    case HTP_CODING_UNKNOWN:
    case HTP_CODING_NO_BODY:
    default:
        return TOSEC_HTTP_BODY_NONE;
    }
}

uint32_t tosec_fields_of(const htp_table_t *table, tosec_http_field *fields, uint32_t limit, uint32_t *flags)
{
    size_t count = table == NULL ? 0 : htp_table_size(table);
    if (count > limit) {
        *flags |= TOSEC_HTTP_TOO_MANY_FIELDS;
        count = limit;
    }
    for (size_t i = 0; i < count; i++) {
        const htp_header_t *header = htp_table_get_index(table, i, NULL);
        fields[i].name = tosec_bytes_of(header->name);
        fields[i].value = tosec_bytes_of(header->value);
        fields[i].flags = (header->flags & HTP_FIELD_REPEATED) ? TOSEC_HTTP_FIELD_REPEATED : 0;
        fields[i].reserved = 0;
        *flags |= tosec_flags_of(header->flags);
    }
    return (uint32_t)count;
}

void tosec_keep_raw(tosec_raw_text *text, const uint8_t *data, size_t length)
{
    if (data == NULL || length == 0 || text->length >= TOSEC_HTTP_RAW_LIMIT)
        return;
    if (length > TOSEC_HTTP_RAW_LIMIT - text->length)
        length = TOSEC_HTTP_RAW_LIMIT - text->length;
    if (text->length + length > text->capacity) {
        size_t capacity = text->capacity == 0 ? 1024 : text->capacity;
        while (capacity < text->length + length)
            capacity *= 2;
        uint8_t *larger = realloc(text->data, capacity);
        if (larger == NULL)
            return;
        text->data = larger;
        text->capacity = capacity;
    }
    memcpy(text->data + text->length, data, length);
    text->length += length;
}

bstr *tosec_decoded_query(htp_cfg_t *cfg, const htp_uri_t *uri)
{
    if (uri == NULL || uri->query == NULL)
        return NULL;
    bstr *query = bstr_dup(uri->query);
    uint64_t flags = 0;
    if (query != NULL)
        (void)htp_urldecode_inplace(cfg, HTP_DECODER_URLENCODED, query, &flags);
    return query;
}

void tosec_look_at_raw(tosec_raw_state *state, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (state->last == '\r' && data[i] != '\n')
            state->flags |= TOSEC_HTTP_BARE_CR;
        if (data[i] == '\n' && state->last != '\r')
            state->flags |= TOSEC_HTTP_BARE_LF;
        if ((data[i] == ' ' || data[i] == '\t') && (state->last == '\n' || state->last == 0))
            state->flags |= TOSEC_HTTP_FOLDED;
        if (data[i] == 0)
            state->flags |= TOSEC_HTTP_NUL;
        else if ((data[i] < 0x20 && data[i] != '\t' && data[i] != '\r' && data[i] != '\n') || data[i] == 0x7f)
            state->flags |= TOSEC_HTTP_CONTROL;
        state->last = data[i];
    }
}
