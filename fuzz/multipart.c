/* A Content-Type line, then a body. Parts must lie inside the body, in order. */
#include <stdlib.h>

#include "net/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const uint8_t *lf = n ? memchr(p, '\n', n) : NULL;
	struct multipart m;
	char text[64];

	if (!lf)
		return 0;
	struct bytes type = bytes_of(p, (size_t)(lf - p));
	struct bytes body = bytes_of(lf + 1, n - type.n - 1);
	if (multipart_parse(type, body, &m) != MULTIPART_OK)
		return 0;
	const uint8_t *at = body.p;
	if (m.n > MULTIPART_PARTS_MAX)
		abort();
	for (size_t i = 0; i < m.n; i++) {
		const struct multipart_part *part = &m.parts[i];

		if (!part->name.p || part->body.p < at ||
		    part->body.p + part->body.n > body.p + body.n)
			abort();
		at = part->body.p + part->body.n;
		if (multipart_text(part->filename, text, sizeof(text)) &&
		    strlen(text) >= sizeof(text))
			abort();
	}
	return 0;
}
