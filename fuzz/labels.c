/* Lines as names of groups: what is valid makes a set, and a set says what was put into it. The
 * first half of the lines are labels, the others groups. Links: the knowledge layer. */
#include <stdlib.h>

#include "knowledge/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(const char set[static LABELS_SIZE])
{
	char again[LABELS_SIZE] = "";
	struct bytes word;

	for (size_t pos = 0; labels_next(set, &pos, &word);)
		if (!label_valid(word) || !labels_have(set, word) || !labels_add(again, word))
			abort();
	if (strlen(set) >= LABELS_SIZE || strcmp(set, again) != 0 || !labels_within(set, again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char sets[2][LABELS_SIZE] = { "", "" };
	bool meet = false;
	struct bytes word;

	for (size_t at = 0; at < n;) {
		const uint8_t *end = memchr(p + at, '\n', n - at);
		size_t len = end ? (size_t)(end - p) - at : n - at;

		word = bytes_of(p + at, len);
		if (label_valid(word) && labels_add(sets[at >= n / 2], word) && !labels_have(sets[at >= n / 2], word))
			abort();
		at += len + 1;
	}
	check(sets[0]);
	check(sets[1]);
	for (size_t pos = 0; labels_next(sets[0], &pos, &word);)
		meet |= labels_have(sets[1], word);
	if (labels_admit(sets[0], sets[1]) != (meet || !sets[0][0]) || !labels_admit(sets[0], NULL))
		abort();
	return 0;
}
