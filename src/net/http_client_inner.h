/* http_client_inner.h - what http_client.c (one request, its thread waits) and fetch.c (many, on one
 * thread) share of libcurl. Nobody else includes it.
 */
#pragma once

#include <curl/curl.h>

#include "net/http_client.h"

enum {
	HTTP_CLIENT_CONNECT_MS = 5000,
	HTTP_CLIENT_TIME_MS = 60000,
	HTTP_CLIENT_ANSWER_MAX = 16 << 20
};

/* The request, and what holds for every one: no redirects, no other protocols, certificates checked.
 * *fields is the caller's to free, also on false (no memory, or a URL that libcurl refuses); body and
 * error (CURL_ERROR_SIZE) are borrowed until the request is over. time_ms 0: no limit. */
MUST_USE bool http_client_set_up(CURL *e, const struct http_client_request *r, unsigned time_ms,
				 struct curl_slist **fields, char *error);
/* 0 or one of http_client_do()'s errors. */
int http_client_error(CURLcode code);
/* If a header line as libcurl hands it is "NAME: value": the value without spaces around it. */
MUST_USE bool http_client_field(struct bytes line, const char *name, struct bytes *value);
/* What retry-after-ms said, if that is not 0, else Retry-After; 0: neither. */
uint64_t http_client_retry_after(CURL *e, uint64_t said_ms);
/* A retry-after-ms field's value, a day at most. */
uint64_t http_client_ms(struct bytes value);
