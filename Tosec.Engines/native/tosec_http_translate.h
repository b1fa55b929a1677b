/* From libhtp's structs to ours. Pure functions over what they are given; internal to the library. */
#ifndef TOSEC_HTTP_TRANSLATE_H
#define TOSEC_HTTP_TRANSLATE_H

#include "tosec_http.h"

#include <htp/htp.h>

/* Raw header bytes of one direction, looked at before the parser folds, trims or joins them. */
typedef struct {
    uint32_t flags;
    uint8_t last;
} tosec_raw_state;

void tosec_look_at_raw(tosec_raw_state *state, const uint8_t *data, size_t length);

/* Raw header bytes that are kept for rules; data is malloc'ed, and its owner frees it. */
typedef struct {
    uint8_t *data;
    size_t length;
    size_t capacity;
} tosec_raw_text;

/* Appends up to TOSEC_HTTP_RAW_LIMIT bytes in all; what is more, or finds no memory, is left out. */
void tosec_keep_raw(tosec_raw_text *text, const uint8_t *data, size_t length);

/* The query, percent-decoded; NULL when there is none or no memory. The caller frees it. */
bstr *tosec_decoded_query(htp_cfg_t *cfg, const htp_uri_t *uri);

tosec_http_bytes tosec_bytes_of(const bstr *text);

/* TOSEC_HTTP_* of libhtp's flags; of a transaction or of a field. */
uint32_t tosec_flags_of(uint64_t flags);

/* TOSEC_HTTP_BODY_*. */
uint32_t tosec_framing_of(enum htp_transfer_coding_t coding, int64_t content_length);

/* Fills at most limit fields and returns how many; adds to flags what is wrong with them. */
uint32_t tosec_fields_of(const htp_table_t *table, tosec_http_field *fields, uint32_t limit, uint32_t *flags);

#endif
