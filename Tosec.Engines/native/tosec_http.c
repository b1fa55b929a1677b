#include "tosec_http_translate.h"

#include <stdlib.h>

#define FIELD_MAX 256u

struct tosec_http_config {
    htp_cfg_t *cfg;
    tosec_http_callbacks callbacks;
    uint32_t field_limit;
    uint32_t flags;
};

struct tosec_http {
    htp_connp_t *connp;
    const tosec_http_config *config;
    void *context;
    uint64_t exchanges;
    uint64_t skip_response_body_of;
    tosec_raw_state raw[2];
    tosec_raw_text raw_text[2];
    int32_t stopped;
};

static tosec_http *owner_of(const htp_tx_t *tx)
{
    return htp_connp_get_user_data(tx->connp);
}

static uint64_t exchange_of(const htp_tx_t *tx)
{
    return (uint64_t)(uintptr_t)htp_tx_get_user_data(tx);
}

static int answered(tosec_http *http, int32_t answer)
{
    if (answer != TOSEC_HTTP_STOP)
        return HTP_OK;
    http->stopped = 1;
    return HTP_STOP;
}

static int request_started(htp_tx_t *tx)
{
    tosec_http *http = owner_of(tx);
    htp_tx_set_user_data(tx, (void *)(uintptr_t)++http->exchanges);
    http->raw[TOSEC_HTTP_REQUEST] = (tosec_raw_state){0, 0};
    http->raw_text[TOSEC_HTTP_REQUEST].length = 0;
    /* The parser does not look at this hook's answer, and starts the request again and again: the next hook stops it. */
    (void)answered(http, http->config->callbacks.on_request_start(http->context, http->exchanges,
                                                                  htp_connp_req_data_consumed(http->connp)));
    return HTP_OK;
}

static int response_started(htp_tx_t *tx)
{
    owner_of(tx)->raw[TOSEC_HTTP_RESPONSE] = (tosec_raw_state){0, 0};
    owner_of(tx)->raw_text[TOSEC_HTTP_RESPONSE].length = 0;
    return HTP_OK;
}

static int look_at_raw(const htp_tx_data_t *part, uint32_t direction)
{
    tosec_http *http = owner_of(part->tx);
    tosec_look_at_raw(&http->raw[direction], part->data, part->len);
    if (http->config->flags & TOSEC_HTTP_NORMALIZE)
        tosec_keep_raw(&http->raw_text[direction], part->data, part->len);
    return HTP_OK;
}

static int raw_request(htp_tx_data_t *part)
{
    return look_at_raw(part, TOSEC_HTTP_REQUEST);
}

static int raw_response(htp_tx_data_t *part)
{
    return look_at_raw(part, TOSEC_HTTP_RESPONSE);
}

/* Gives what NORMALIZE asks for. The query is the caller's to free. */
static bstr *normalize(const tosec_http *http, const htp_tx_t *tx, uint32_t direction, tosec_http_message *message)
{
    if (!(http->config->flags & TOSEC_HTTP_NORMALIZE))
        return NULL;
    message->raw_fields.data = http->raw_text[direction].data;
    message->raw_fields.length = http->raw_text[direction].length;
    if (direction == TOSEC_HTTP_RESPONSE) {
        message->line = tosec_bytes_of(tx->response_line);
        message->reason = tosec_bytes_of(tx->response_message);
        return NULL;
    }
    message->line = tosec_bytes_of(tx->request_line);
    message->path = tosec_bytes_of(tx->parsed_uri == NULL ? NULL : tx->parsed_uri->path);
    bstr *query = tosec_decoded_query(http->config->cfg, tx->parsed_uri);
    message->query = tosec_bytes_of(query);
    return query;
}

static tosec_http_message request_of(const htp_tx_t *tx)
{
    tosec_http_message message = {0};
    message.exchange = exchange_of(tx);
    message.content_length = -1;
    message.method = tosec_bytes_of(tx->request_method);
    message.target = tosec_bytes_of(tx->request_uri);
    message.protocol = tosec_bytes_of(tx->request_protocol);
    message.flags = tosec_flags_of(tx->flags);
    return message;
}

static int request_line(htp_tx_t *tx)
{
    tosec_http *http = owner_of(tx);
    if (http->stopped)
        return HTP_STOP;
    tosec_http_message message = request_of(tx);
    tosec_raw_state line = {0, 0};
    tosec_look_at_raw(&line, tosec_bytes_of(tx->request_line).data, tosec_bytes_of(tx->request_line).length);
    message.flags |= line.flags;
    message.body_offset = htp_connp_req_data_consumed(http->connp);
    bstr *query = normalize(http, tx, TOSEC_HTTP_REQUEST, &message);
    int32_t answer = http->config->callbacks.on_request_line(http->context, &message);
    bstr_free(query);
    return answered(http, answer);
}

static int request_headers(htp_tx_t *tx)
{
    tosec_http *http = owner_of(tx);
    if (http->stopped)
        return HTP_STOP;
    tosec_http_field fields[FIELD_MAX];
    tosec_http_message message = request_of(tx);
    message.content_length = tx->request_content_length;
    message.body_offset = htp_connp_req_data_consumed(http->connp);
    message.flags |= http->raw[TOSEC_HTTP_REQUEST].flags;
    message.framing = tosec_framing_of(tx->request_transfer_coding, tx->request_content_length);
    message.fields = fields;
    message.field_count = tosec_fields_of(tx->request_headers, fields, http->config->field_limit, &message.flags);
    bstr *query = normalize(http, tx, TOSEC_HTTP_REQUEST, &message);
    int32_t answer = http->config->callbacks.on_headers(http->context, TOSEC_HTTP_REQUEST, &message);
    bstr_free(query);
    return answered(http, answer);
}

static int response_headers(htp_tx_t *tx)
{
    tosec_http *http = owner_of(tx);
    if (http->stopped)
        return HTP_STOP;
    tosec_http_field fields[FIELD_MAX];
    tosec_http_message message = {0};
    message.exchange = exchange_of(tx);
    message.content_length = tx->response_content_length;
    message.body_offset = htp_connp_res_data_consumed(http->connp);
    message.protocol = tosec_bytes_of(tx->response_protocol);
    message.status = tx->response_status_number;
    message.flags = tosec_flags_of(tx->flags) | http->raw[TOSEC_HTTP_RESPONSE].flags;
    if (message.exchange == 0)
        message.flags |= TOSEC_HTTP_UNMATCHED;
    message.framing = tosec_framing_of(tx->response_transfer_coding, tx->response_content_length);
    message.fields = fields;
    message.field_count = tosec_fields_of(tx->response_headers, fields, http->config->field_limit, &message.flags);
    (void)normalize(http, tx, TOSEC_HTTP_RESPONSE, &message);

    int32_t answer = http->config->callbacks.on_headers(http->context, TOSEC_HTTP_RESPONSE, &message);
    if (answer == TOSEC_HTTP_SKIP_BODY) {
        http->skip_response_body_of = message.exchange;
        tx->response_content_encoding_processing = HTP_COMPRESSION_NONE;
    }
    /* "deflate" is zlib's format (RFC 9110, 8.4.1.2). The parser begins with raw deflate, and finds out too late when the first
       bytes come alone; its reader of gzip reads zlib too. */
    if (tx->response_content_encoding_processing == HTP_COMPRESSION_DEFLATE)
        tx->response_content_encoding_processing = HTP_COMPRESSION_GZIP;
    return answered(http, answer);
}

static int request_body(htp_tx_data_t *part)
{
    tosec_http *http = owner_of(part->tx);
    if (http->stopped)
        return HTP_STOP;
    if (part->len == 0 || part->data == NULL)
        return HTP_OK;
    return answered(http, http->config->callbacks.on_body(http->context, TOSEC_HTTP_REQUEST, exchange_of(part->tx),
                                                          part->data, part->len));
}

static int response_body(htp_tx_data_t *part)
{
    tosec_http *http = owner_of(part->tx);
    if (http->stopped)
        return HTP_STOP;
    uint64_t exchange = exchange_of(part->tx);
    if (part->len == 0 || part->data == NULL || (exchange != 0 && exchange == http->skip_response_body_of))
        return HTP_OK;
    int32_t answer = http->config->callbacks.on_body(http->context, TOSEC_HTTP_RESPONSE, exchange, part->data, part->len);
    if (answer == TOSEC_HTTP_SKIP_BODY)
        http->skip_response_body_of = exchange;
    return answered(http, answer);
}

static int request_complete(htp_tx_t *tx)
{
    tosec_http *http = owner_of(tx);
    if (http->stopped)
        return HTP_STOP;
    return answered(http, http->config->callbacks.on_complete(http->context, TOSEC_HTTP_REQUEST, exchange_of(tx)));
}

static int response_complete(htp_tx_t *tx)
{
    tosec_http *http = owner_of(tx);
    if (http->stopped)
        return HTP_STOP;
    return answered(http, http->config->callbacks.on_complete(http->context, TOSEC_HTTP_RESPONSE, exchange_of(tx)));
}

/* As servers of all makes do together; letters keep their case, because rules say themselves when it does not matter. */
static void decode_as_any_server(htp_cfg_t *cfg)
{
    htp_config_set_backslash_convert_slashes(cfg, HTP_DECODER_URL_PATH, 1);
    htp_config_set_path_separators_decode(cfg, HTP_DECODER_URL_PATH, 1);
    htp_config_set_path_separators_compress(cfg, HTP_DECODER_URL_PATH, 1);
    htp_config_set_u_encoding_decode(cfg, HTP_DECODER_DEFAULTS, 1);
    htp_config_set_convert_lowercase(cfg, HTP_DECODER_DEFAULTS, 0);
    htp_config_set_plusspace_decode(cfg, HTP_DECODER_URLENCODED, 0);
    htp_config_set_url_encoding_invalid_handling(cfg, HTP_DECODER_DEFAULTS, HTP_URL_DECODE_PRESERVE_PERCENT);
}

tosec_http_config *tosec_http_config_create(const tosec_http_callbacks *callbacks, uint64_t line_limit,
                                            uint32_t field_limit, uint32_t inflate_limit, uint32_t flags)
{
    tosec_http_config *config = calloc(1, sizeof(*config));
    if (config == NULL)
        return NULL;
    config->cfg = htp_config_create();
    if (config->cfg == NULL) {
        free(config);
        return NULL;
    }
    config->callbacks = *callbacks;
    config->field_limit = field_limit < FIELD_MAX ? field_limit : FIELD_MAX;

    config->flags = flags;

    htp_cfg_t *cfg = config->cfg;
    htp_config_set_server_personality(cfg, HTP_SERVER_MINIMAL);
    htp_config_set_tx_auto_destroy(cfg, 1);
    htp_config_set_parse_request_cookies(cfg, 0);
    htp_config_set_parse_request_auth(cfg, 0);
    /* Log entries live as long as the connection: without them its memory stays bounded. */
    htp_config_set_log_level(cfg, HTP_LOG_NONE);
    htp_config_set_field_limits(cfg, line_limit, line_limit);
    htp_config_set_number_headers_limit(cfg, config->field_limit);
    htp_config_set_request_decompression(cfg, inflate_limit > 0);
    htp_config_set_response_decompression(cfg, inflate_limit > 0);
    htp_config_set_response_decompression_layer_limit(cfg, 2);
    htp_config_set_lzma_layers(cfg, 0);
    htp_config_set_compression_bomb_limit(cfg, inflate_limit);
    if (flags & TOSEC_HTTP_NORMALIZE)
        decode_as_any_server(cfg);

    htp_config_register_request_start(cfg, request_started);
    htp_config_register_request_line(cfg, request_line);
    htp_config_register_request_header_data(cfg, raw_request);
    htp_config_register_request_headers(cfg, request_headers);
    htp_config_register_request_body_data(cfg, request_body);
    htp_config_register_request_complete(cfg, request_complete);
    htp_config_register_response_start(cfg, response_started);
    htp_config_register_response_header_data(cfg, raw_response);
    htp_config_register_response_headers(cfg, response_headers);
    htp_config_register_response_body_data(cfg, response_body);
    htp_config_register_response_complete(cfg, response_complete);
    return config;
}

void tosec_http_config_free(tosec_http_config *config)
{
    if (config == NULL)
        return;
    htp_config_destroy(config->cfg);
    free(config);
}

tosec_http *tosec_http_open(const tosec_http_config *config, void *context)
{
    tosec_http *http = calloc(1, sizeof(*http));
    if (http == NULL)
        return NULL;
    http->connp = htp_connp_create(config->cfg);
    if (http->connp == NULL) {
        free(http);
        return NULL;
    }
    http->config = config;
    http->context = context;
    htp_connp_set_user_data(http->connp, http);
    htp_connp_open(http->connp, NULL, 0, NULL, 0, NULL);
    return http;
}

void tosec_http_free(tosec_http *http)
{
    if (http == NULL)
        return;
    htp_connp_destroy_all(http->connp);
    free(http->raw_text[TOSEC_HTTP_REQUEST].data);
    free(http->raw_text[TOSEC_HTTP_RESPONSE].data);
    free(http);
}

int32_t tosec_http_feed(tosec_http *http, uint32_t direction, const uint8_t *data, uint64_t length, uint64_t *consumed)
{
    if (http->stopped)
        return TOSEC_HTTP_STOPPED;
    int state;
    if (direction == TOSEC_HTTP_REQUEST) {
        state = htp_connp_req_data(http->connp, NULL, data, length);
        *consumed = htp_connp_req_data_consumed(http->connp);
    } else {
        state = htp_connp_res_data(http->connp, NULL, data, length);
        *consumed = htp_connp_res_data_consumed(http->connp);
    }
    if (http->stopped)
        return TOSEC_HTTP_STOPPED;
    switch (state) {
    case HTP_STREAM_DATA:
        *consumed = length;
        return TOSEC_HTTP_FED;
    case HTP_STREAM_DATA_OTHER:
        return TOSEC_HTTP_OTHER_FIRST;
    case HTP_STREAM_TUNNEL:
        return TOSEC_HTTP_TUNNEL;
    default:
        return TOSEC_HTTP_NOT_HTTP;
    }
}

const char *tosec_http_version(void)
{
    return htp_get_version();
}
