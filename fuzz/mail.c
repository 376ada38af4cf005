/* mail.c - any octets as an e-mail, attachments and all: what comes out is valid UTF-8, its
 * blocks lie in order inside the text, and it can be cut into passages. Links: the knowledge
 * layer. */
#include "base/json.h"
#include "document/mail.h"
#include "fuzz/outline.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(outline) struct outline o = { 0 };
	struct bytes raw = bytes_of(p, n);

	json_init();
	(void)!mail_looks(raw);
	if (mail_read(&o, raw) == EXTRACT_OK)
		outline_check(&o);
	return 0;
}
