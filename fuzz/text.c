/* text.c - any octets as a file that its first octet names: in
 * any character set, as CSV, JSON, JSON Lines, e-mail. What comes out is valid UTF-8, its blocks
 * lie in order inside the text, and it can be cut into passages. Links: the knowledge layer. */
#include "base/json.h"
#include "document/extract.h"
#include "fuzz/outline.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const names[] = { "a.txt", "a.csv", "a.json", "a.jsonl", "a.eml", "a.md" };
	AUTO(outline) struct outline o = { 0 };
	const char *type;
	char why[EXTRACT_WHY];

	json_init();
	/* A PDF would start a process for each input. */
	if (n < 2 || memmem(p, n < 1025 ? n : 1025, "%PDF", 4))
		return 0;
	enum extract_verdict v = extract(bytes_of(p + 1, n - 1), names[p[0] % ARRAY_LEN(names)], &o, &type, why);
	if (v == EXTRACT_OK)
		outline_check(&o);
	return 0;
}
