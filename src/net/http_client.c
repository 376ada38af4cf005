#include "net/http_client_inner.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"

enum { KEPT = 8, DAY_MS = 86400000 };

struct http_client {
	_Atomic(CURL *) kept[KEPT]; /* each with its connections; NULL: in use, or none yet */
};

int http_client_init(void)
{
	static atomic_flag done = ATOMIC_FLAG_INIT;

	if (atomic_flag_test_and_set(&done))
		return 0;
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free, mem_realloc,
				    mem_strdup, mem_calloc) == CURLE_OK
		       ? 0
		       : -ENOMEM;
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

/* --- shared with fetch.c ------------------------------------------------------------------------ */

static bool put_field(struct curl_slist **fields, const char *field)
{
	struct curl_slist *more = curl_slist_append(*fields, field);

	*fields = more ? more : *fields;
	return more != NULL;
}

bool http_client_set_up(CURL *e, const struct http_client_request *r, unsigned time_ms,
			struct curl_slist **fields, char *error)
{
	/* Asking for "100 Continue" would hold a long body back for up to a second. */
	bool ok = put_field(fields, "Expect:");

	for (size_t i = 0; i < HTTP_CLIENT_FIELDS && r->fields[i] && ok; i++)
		ok = put_field(fields, r->fields[i]);
#define SET(option, value) ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK
	SET(CURLOPT_URL, r->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, "voiced/" VERSION);
	SET(CURLOPT_HTTPHEADER, *fields);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(r->connect_ms ? r->connect_ms : HTTP_CLIENT_CONNECT_MS));
	SET(CURLOPT_TIMEOUT_MS, (long)time_ms);
	SET(CURLOPT_ERRORBUFFER, error);
	if (r->body.p) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, (const char *)r->body.p);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
	}
#undef SET
	return ok;
}

int http_client_error(CURLcode code)
{
	static const struct {
		CURLcode code;
		int error;
	} table[] = {
		{ CURLE_OK, 0 },
		{ CURLE_OPERATION_TIMEDOUT, ETIMEDOUT },
		{ CURLE_COULDNT_CONNECT, ECONNREFUSED },
		{ CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH },
		{ CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH },
		{ CURLE_URL_MALFORMAT, EINVAL },
		{ CURLE_UNSUPPORTED_PROTOCOL, EINVAL },
		{ CURLE_PEER_FAILED_VERIFICATION, EPROTO },
		{ CURLE_SSL_CONNECT_ERROR, EPROTO },
		{ CURLE_SSL_CACERT_BADFILE, EPROTO },
		{ CURLE_WEIRD_SERVER_REPLY, EPROTO },
		{ CURLE_ABORTED_BY_CALLBACK, ECANCELED },
		{ CURLE_OUT_OF_MEMORY, ENOMEM },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].code == code)
			return -table[i].error;
	return -ECONNRESET;
}

bool http_client_field(struct bytes line, const char *name, struct bytes *value)
{
	size_t n = strlen(name);

	if (line.n <= n || line.p[n] != ':' || strncasecmp((const char *)line.p, name, n) != 0)
		return false;
	for (line = bytes_sub(line, n + 1, line.n - n - 1); line.n && line.p[0] <= ' ';)
		line = bytes_sub(line, 1, line.n - 1);
	while (line.n && line.p[line.n - 1] <= ' ')
		line.n--;
	*value = line;
	return true;
}

uint64_t http_client_ms(struct bytes value)
{
	uint64_t ms = 0;

	for (size_t i = 0; i < value.n && value.p[i] >= '0' && value.p[i] <= '9' && ms < DAY_MS;
	     i++)
		ms = ms * 10 + (value.p[i] - '0');
	return MIN(ms, (uint64_t)DAY_MS);
}

uint64_t http_client_retry_after(CURL *e, uint64_t said_ms)
{
	curl_off_t after = 0;

	curl_easy_getinfo(e, CURLINFO_RETRY_AFTER, &after);
	return said_ms || after <= 0 ? said_ms
				     : (uint64_t)MIN(after, (curl_off_t)DAY_MS / 1000) * 1000;
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
	struct exchange *x = ctx;
	struct bytes value;

	if (http_client_field(bytes_of(p, size * n), "retry-after-ms", &value))
		x->out->retry_after_ms = http_client_ms(value);
	return size * n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct exchange *x = ctx;

	(void)a, (void)b, (void)c, (void)d;
	return x->r->stop && atomic_load(x->r->stop);
}

static bool set_up(CURL *e, struct exchange *x, struct curl_slist **fields, char *error)
{
	bool ok = http_client_set_up(e, x->r,
				     x->r->time_ms ? x->r->time_ms : (unsigned)HTTP_CLIENT_TIME_MS,
				     fields, error);

#define SET(option, value) ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, x);
	SET(CURLOPT_HEADERFUNCTION, on_field);
	SET(CURLOPT_HEADERDATA, x);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, x);
#undef SET
	return ok;
}

static int verdict(CURLcode code, const struct exchange *x)
{
	if (x->too_long)
		return -EMSGSIZE;
	return x->out->body.failed ? -ENOMEM : http_client_error(code);
}

static void read_answer(CURL *e, struct http_client_answer *out)
{
	long status = 0;

	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	out->status = (unsigned)status;
	out->retry_after_ms = http_client_retry_after(e, out->retry_after_ms);
}

int http_client_do(struct http_client *c, const struct http_client_request *r,
		   struct http_client_answer *out)
{
	struct exchange x = { r, out,
			      r->answer_max ? r->answer_max : (size_t)HTTP_CLIENT_ANSWER_MAX,
			      false };
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
			 result == -EMSGSIZE ? "the answer is too long"
			 : error[0]          ? error
					     : curl_easy_strerror(code));
	curl_slist_free_all(fields);
	if (e)
		put_back(c, e);
	return result;
}

void http_client_answer_done(struct http_client_answer *a)
{
	buf_done(&a->body);
}
