/* office.h - an office file around what is fuzzed: the input's first octet says which part it
 * is, the rest is that part; the other parts are sound. One that is a whole ZIP is read as it is.
 */
#pragma once

#include "document/extract.h"
#include "document/testzip.h"
#include "fuzz/outline.h"

struct office_part {
	const char *name, *sound; /* in the order they are chosen by */
};

static inline void office_fuzz(enum extract_verdict (*read)(struct outline *, struct bytes),
			       const struct office_part *parts, size_t n_parts, struct bytes in)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(testzip) struct testzip z = { 0 };
	struct bytes zip = in;

	if (in.n < 2)
		return;
	if (!bytes_starts(in, "PK\3\4")) {
		for (size_t i = 0; i < n_parts; i++)
			testzip_add(&z, parts[i].name, i == in.p[0] % n_parts ? bytes_sub(in, 1, in.n - 1)
									    : bytes_str(parts[i].sound));
		zip = testzip_end(&z);
	}
	if (read(&o, zip) == EXTRACT_OK)
		outline_check(&o);
}
