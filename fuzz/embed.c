/* Any octets as a learned model: it is refused, or it can be used and is written the same.
 * Links: the knowledge layer. */
#include <stdlib.h>

#include "knowledge/embed.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(embedder) struct embedder *e = NULL;
	AUTO(embedder) struct embedder *again = NULL;
	AUTO(buf) struct buf b = { 0 };
	struct embed_sum sum = { { 0 } };
	int8_t v[EMBED_DIM_MAX];

	if (embedder_load(&e, bytes_of(p, n)) != 0)
		return 0;
	if (embedder_dim(e) == 0 || embedder_dim(e) > EMBED_DIM_MAX || embedder_dim(e) % EMBED_BLOCK)
		abort();
	(void)embed_add(e, &sum, "a", 1);
	(void)embed_add(e, &sum, "boat", 0.5f);
	(void)embed_finish(e, &sum, v);
	embedder_save(e, &b);
	if (b.failed || embedder_load(&again, buf_bytes(&b)) != 0 ||
	    embedder_dim(again) != embedder_dim(e))
		abort();
	return 0;
}
