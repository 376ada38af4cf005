#include "net/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

enum { KEPT = 8, CONNECT_MS = 5000, TIME_MS = 60000, ANSWER_MAX = 16 << 20 };

struct http_client {
	_Atomic(CURL *) kept[KEPT]; /* each with its connections; NULL: in use, or none yet */
};

int http_client_init(void)
{
	static atomic_flag done = ATOMIC_FLAG_INIT;

	if (atomic_flag_test_and_set(&done))
		return 0;
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free, mem_realloc, mem_strdup,
				    mem_calloc) == CURLE_OK ?
		       0 :
		       -ENOMEM;
}

int http_client_new(struct http_client **out)
{
	*out = mem_zalloc(sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void http_client_free(struct http_client *c)
{
	for (size_t i = 0; c && i < KEPT; i++)
		if (c->kept[i])
			curl_easy_cleanup(c->kept[i]);
	mem_free(c);
}

static CURL *take(struct http_client *c)
{
	for (size_t i = 0; i < KEPT; i++) {
		CURL *e = atomic_exchange(&c->kept[i], NULL);

		if (e)
			return e;
	}
	return curl_easy_init();
}

static void put_back(struct http_client *c, CURL *e)
{
	curl_easy_reset(e);
	for (size_t i = 0; i < KEPT; i++) {
		CURL *none = NULL;

		if (atomic_compare_exchange_strong(&c->kept[i], &none, e))
			return;
	}
	curl_easy_cleanup(e);
}

/* --- one request ------------------------------------------------------------------------------ */

struct exchange {
	const struct http_client_request *r;
	struct http_client_answer *out;
	size_t max;
	bool too_long;
};

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;

	n *= size;
	x->too_long = n > x->max - MIN(x->max, x->out->body.n);
	if (!x->too_long)
		buf_put(&x->out->body, p, n);
	return x->too_long || x->out->body.failed ? 0 : n;
}

static size_t on_field(char *p, size_t size, size_t n, void *ctx)
{
	static const char name[] = "retry-after-ms:";
	struct exchange *x = ctx;
	char number[24] = "";

	n *= size;
	if (n > sizeof(name) && strncasecmp(p, name, sizeof(name) - 1) == 0) {
		memcpy(number, p + sizeof(name) - 1, MIN(n - sizeof(name) + 1, sizeof(number) - 1));
		x->out->retry_after_ms = strtoul(number, NULL, 10);
	}
	return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct exchange *x = ctx;

	(void)a, (void)b, (void)c, (void)d;
	return x->r->stop && atomic_load(x->r->stop);
}

static bool set_up(CURL *e, struct exchange *x, struct curl_slist **fields, char *error)
{
	const struct http_client_request *r = x->r;
	bool ok = true;

	for (size_t i = 0; i < HTTP_CLIENT_FIELDS && r->fields[i] && ok; i++) {
		struct curl_slist *more = curl_slist_append(*fields, r->fields[i]);

		ok = more != NULL;
		*fields = more ? more : *fields;
	}
#define SET(option, value) ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK
	SET(CURLOPT_URL, r->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, "voiced/" VERSION);
	SET(CURLOPT_HTTPHEADER, *fields);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(r->connect_ms ? r->connect_ms : CONNECT_MS));
	SET(CURLOPT_TIMEOUT_MS, (long)(r->time_ms ? r->time_ms : TIME_MS));
	SET(CURLOPT_ERRORBUFFER, error);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, x);
	SET(CURLOPT_HEADERFUNCTION, on_field);
	SET(CURLOPT_HEADERDATA, x);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, x);
	if (r->body.p) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, (const char *)r->body.p);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
	}
#undef SET
	return ok;
}

static int verdict(CURLcode code, const struct exchange *x)
{
	static const struct {
		CURLcode code;
		int error;
	} table[] = {
		{ CURLE_OPERATION_TIMEDOUT, ETIMEDOUT },	{ CURLE_COULDNT_CONNECT, ECONNREFUSED },
		{ CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH },	{ CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH },
		{ CURLE_URL_MALFORMAT, EINVAL },		{ CURLE_UNSUPPORTED_PROTOCOL, EINVAL },
		{ CURLE_PEER_FAILED_VERIFICATION, EPROTO },	{ CURLE_SSL_CONNECT_ERROR, EPROTO },
		{ CURLE_SSL_CACERT_BADFILE, EPROTO },		{ CURLE_WEIRD_SERVER_REPLY, EPROTO },
		{ CURLE_ABORTED_BY_CALLBACK, ECANCELED },	{ CURLE_OUT_OF_MEMORY, ENOMEM },
	};

	if (x->too_long)
		return -EMSGSIZE;
	if (x->out->body.failed)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].code == code)
			return -table[i].error;
	return -ECONNRESET;
}

static void read_answer(CURL *e, struct http_client_answer *out)
{
	curl_off_t after = 0;
	long status = 0;

	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(e, CURLINFO_RETRY_AFTER, &after);
	out->status = (unsigned)status;
	if (!out->retry_after_ms && after > 0)
		out->retry_after_ms = (uint64_t)MIN(after, (curl_off_t)86400) * 1000;
}

int http_client_do(struct http_client *c, const struct http_client_request *r,
		   struct http_client_answer *out)
{
	struct exchange x = { r, out, r->answer_max ? r->answer_max : (size_t)ANSWER_MAX, false };
	struct curl_slist *fields = NULL;
	char error[CURL_ERROR_SIZE] = "";
	CURL *e = take(c);
	CURLcode code = CURLE_OUT_OF_MEMORY;

	*out = (struct http_client_answer){ 0 };
	if (e && set_up(e, &x, &fields, error))
		code = curl_easy_perform(e);
	if (code == CURLE_OK)
		read_answer(e, out);
	int result = code == CURLE_OK ? 0 : verdict(code, &x);
	if (result < 0)
		snprintf(out->why, sizeof(out->why), "%.*s", (int)sizeof(out->why) - 1,
			 result == -EMSGSIZE ? "the answer is too long" :
			 error[0]	     ? error :
					       curl_easy_strerror(code));
	curl_slist_free_all(fields);
	if (e)
		put_back(c, e);
	return result;
}

void http_client_answer_done(struct http_client_answer *a)
{
	buf_done(&a->body);
}
