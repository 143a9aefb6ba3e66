/* lazy_ws.h - libwebsockets, loaded at its first use as lazy.h says; apart, because its header is large. */
#ifndef RUNPLAN_LAZY_WS_H
#define RUNPLAN_LAZY_WS_H

#include <libwebsockets.h>

#define WS_FUNCTIONS(X)                                                                                      \
	X(lws_set_log_level)                                                                                 \
	X(lws_create_context)                                                                                \
	X(lws_context_destroy)                                                                               \
	X(lws_create_vhost)                                                                                  \
	X(lws_client_connect_via_info)                                                                       \
	X(lws_callback_on_writable)                                                                          \
	X(lws_write)                                                                                         \
	X(lws_is_final_fragment)                                                                             \
	X(lws_remaining_packet_payload)                                                                      \
	X(lws_close_reason)                                                                                  \
	X(lws_set_timeout)                                                                                   \
	X(lws_wsi_user)                                                                                      \
	X(lws_hdr_total_length)                                                                              \
	X(lws_hdr_copy)                                                                                      \
	X(lws_token_to_string)                                                                               \
	X(lws_http_client_http_response)

struct ws_api {
#define X(name) __typeof__(name) *name;
	WS_FUNCTIONS(X)
#undef X
};

struct ws_api;
const struct ws_api *ws_load(char *error, size_t size);

#endif
