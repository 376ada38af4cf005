/* An event stream whole and in pieces: both ways must tell the same. Octet 0 is the size of a piece. */
#include <stdlib.h>

#include "net/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { LONGEST = 200 };

static bool on_event(void *owner, const struct sse_event *e)
{
	if (e->n > LONGEST || strlen(e->type) >= SSE_NAME || strlen(e->id) >= SSE_ID)
		abort();
	buf_printf(owner, "%s\n%s\n%zu\n", e->type, e->id, e->n);
	buf_put(owner, e->data, e->n);
	return e->n != 4;
}

static enum sse_verdict read_all(struct bytes in, size_t piece, struct buf *told)
{
	AUTO(sse) struct sse s;
	enum sse_verdict v = SSE_OK;

	sse_init(&s, LONGEST);
	for (size_t at = 0; at < in.n && v == SSE_OK; at += piece)
		v = sse_push(&s, bytes_sub(in, at, MIN(piece, in.n - at)), on_event, told);
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf) struct buf whole = { 0 }, pieces = { 0 };

	if (n < 2)
		return 0;
	struct bytes in = bytes_of(p + 1, n - 1);
	enum sse_verdict a = read_all(in, in.n, &whole), b = read_all(in, p[0] ? p[0] : 1, &pieces);
	if (a != b || !bytes_eq(buf_bytes(&whole), buf_bytes(&pieces)))
		abort();
	return 0;
}
