/* Requests, whole and in pieces: both ways must come to the same end. Then the policy.
 * Octet 0 is the size of a piece. */
#include <stdlib.h>

#include "net/http.h"
#include "net/http_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static enum http_progress feed(struct http_reader *r, struct bytes in, size_t piece, size_t *used)
{
	enum http_progress v = READ_MORE;

	*used = 0;
	while (v == READ_HEAD || (v == READ_MORE && *used < in.n)) {
		size_t took = 0;

		v = http_reader_input(r, bytes_sub(in, *used, MIN(piece, in.n - *used)), &took);
		if (took > MIN(piece, in.n - *used))
			abort();
		*used += took;
	}
	return v;
}

static void look(const struct http_request *q)
{
	static const char *const hosts[] = { "voice.example", "box:8443" };
	static const char *const origins[] = { "https://app.example" };
	const struct http_policy policy = { hosts, 2, origins, 1 };
	struct http_seen seen = { q->host, http_header(q, "Origin"),
				  { ADDR_V4, { 192, 0, 2, 1 }, 8080 }, false };
	char value[64];

	if (http_query(q, "model", value, sizeof(value)) && strlen(value) >= sizeof(value))
		abort();
	(void)http_header_lists(q, "Connection", "upgrade");
	(void)(http_policy_check(&policy, &seen) == ACCESS_OWN);
	if (q->path[0] != '/' && strcmp(q->path, "*") != 0)
		abort();
}

static void compare(struct bytes in, size_t piece)
{
	AUTO(http_reader) struct http_reader *a = http_reader_new();
	AUTO(http_reader) struct http_reader *b = http_reader_new();
	size_t used_a, used_b;
	enum http_progress va = feed(a, in, SIZE_MAX, &used_a), vb = feed(b, in, piece, &used_b);
	const struct http_request *qa = http_reader_request(a), *qb = http_reader_request(b);

	if (va != vb)
		abort();
	if (va == READ_BAD && (http_reader_refusal(a)->status < 400 ||
			       http_reader_refusal(a)->status > 505))
		abort();
	if (va != READ_DONE)
		return;
	if (used_a != used_b || !bytes_eq(qa->body, qb->body) || qa->n_headers != qb->n_headers ||
	    qa->verb != qb->verb || strcmp(qa->path, qb->path) != 0)
		abort();
	look(qa);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n > 0)
		compare(bytes_of(p + 1, n - 1), p[0] ? p[0] : 1);
	return 0;
}
