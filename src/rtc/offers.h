/* offers.h - for tests: offers as real clients wrote them, and small changes to them.
 *
 * They are files of fuzz/corpus/sdp, which the fuzzer shares.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "rtc/sdp.h"

static inline void load(const char *name, struct buf *to)
{
	char path[512];
	uint8_t *p = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", SDP_CORPUS, name);
	f = fopen(path, "rb");
	if (f && (p = buf_reserve(to, SDP_MAX)) != NULL)
		to->n = fread(p, 1, SDP_MAX, f);
	if (p)
		p[to->n] = 0;
	if (f)
		fclose(f);
}

/* `from` replaced by `with`, once, wherever it first stands. */
static inline void change(struct buf *b, const char *from, const char *with)
{
	AUTO(buf) struct buf old = { 0 };
	char *at = b->p ? strstr((char *)b->p, from) : NULL;

	if (!at)
		return;
	buf_put(&old, b->p, b->n);
	size_t n = (size_t)(at - (char *)b->p);
	buf_reset(b);
	if (old.failed)
		return;
	buf_put(b, old.p, n);
	buf_puts(b, with);
	buf_puts(b, (char *)old.p + n + strlen(from));
}

static inline enum sdp_verdict parse(const struct buf *b, struct sdp_offer *o)
{
	const char *why = NULL;
	enum sdp_verdict v = sdp_parse(buf_bytes(b), o, &why);

	/* A verdict always comes with a whole sentence. */
	return v == SDP_OK || (why && why[0] && why[strlen(why) - 1] != ' ') ? v : SDP_NO_MEMORY;
}
