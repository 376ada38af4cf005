/* records.c - any octets as JSON and as JSON Lines: what is no JSON adds nothing; what is gives
 * blocks in order, that can be cut into passages. Links: the knowledge layer. */
#include <stdlib.h>

#include "base/json.h"
#include "document/records.h"
#include "fuzz/outline.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void read_by(enum extract_verdict (*read)(struct outline *, struct bytes), struct bytes text)
{
	AUTO(outline) struct outline o = { 0 };

	if (read(&o, text) == EXTRACT_OK)
		outline_check(&o);
	else if (o.n_blocks)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes text = bytes_of(p, n);

	json_init();
	(void)!records_look_json(text);
	read_by(records_read_json, text);
	read_by(records_read_lines, text);
	return 0;
}
