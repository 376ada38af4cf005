/* outline.h - what every reader of documents must make: valid UTF-8, blocks in order inside
 * it, and passages cut between characters. */
#pragma once

#include <stdlib.h>

#include "document/outline.h"
#include "document/passages.h"
#include "document/utf8.h"

static inline void outline_check(const struct outline *o)
{
	AUTO(passages) struct passages cut = { 0 };
	struct bytes text = buf_bytes(&o->text);

	if (!utf8_valid(text))
		abort();
	for (size_t i = 0, at = 0; i < o->n_blocks; at = o->blocks[i++].end)
		if (o->blocks[i].start < at || o->blocks[i].end <= o->blocks[i].start ||
		    o->blocks[i].end > text.n)
			abort();
	if (passages_cut(o, &cut) < 0)
		abort();
	for (size_t i = 0; i < cut.n; i++)
		if (cut.p[i].end > text.n || cut.p[i].end <= cut.p[i].start ||
		    utf8_floor(text, cut.p[i].start) != cut.p[i].start ||
		    utf8_floor(text, cut.p[i].end) != cut.p[i].end)
			abort();
}
