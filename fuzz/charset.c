/* charset.c - any octets in any character set, which the text before the first newline names:
 * what comes out is UTF-8 without CR and NUL, and not much longer. Links: the knowledge layer. */
#include <stdlib.h>

#include "document/charset.h"
#include "document/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static bool warm;
	AUTO(buf) struct buf b = { 0 };
	const uint8_t *nl = memchr(p, '\n', n);
	size_t name = nl ? (size_t)(nl - p) : 0;
	struct bytes raw = bytes_of(p + name, n - name);

	if (!warm)
		charset_warm();
	warm = true;
	(void)!charset_is_text(raw);
	struct bytes declared = charset_declared(raw);
	if (declared.n && (declared.p < raw.p || declared.p + declared.n > raw.p + raw.n))
		abort();
	charset_import(&b, raw, bytes_of(p, name));
	if (!utf8_valid(buf_bytes(&b)) || (b.n && memchr(b.p, '\r', b.n)) || b.n > raw.n * 6 + 16)
		abort();
	return 0;
}
