#include "knowledge/labels.h"

#include <string.h>

#include "document/utf8.h"

bool label_valid(struct bytes word)
{
	if (word.n == 0 || word.n > LABEL_MAX || word.p[0] == ' ' || word.p[word.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] < ' ' || word.p[i] == 0x7f || word.p[i] == ',')
			return false;
	return utf8_valid(word);
}

bool labels_next(const char *set, size_t *pos, struct bytes *word)
{
	const char *at = set + *pos;

	if (at[0] != '\n' || !at[1])
		return false;
	*word = bytes_of(at + 1, strcspn(at + 1, "\n"));
	*pos += 1 + word->n;
	return true;
}

bool labels_have(const char *set, struct bytes word)
{
	struct bytes one;

	for (size_t pos = 0; labels_next(set, &pos, &one);)
		if (one.n == word.n && memcmp(one.p, word.p, word.n) == 0)
			return true;
	return false;
}

bool labels_add(char set[static LABELS_SIZE], struct bytes word)
{
	struct bytes one;
	size_t n = strlen(set), count = 0;

	if (labels_have(set, word))
		return true;
	for (size_t pos = 0; labels_next(set, &pos, &one);)
		count++;
	if (count == LABELS_MAX)
		return false;
	if (n == 0)
		set[n++] = '\n';
	memcpy(set + n, word.p, word.n);
	memcpy(set + n + word.n, "\n", 2);
	return true;
}

bool labels_within(const char *part, const char *set)
{
	struct bytes one;

	for (size_t pos = 0; labels_next(part, &pos, &one);)
		if (!labels_have(set, one))
			return false;
	return true;
}

bool labels_admit(const char *labels, const char *groups)
{
	struct bytes one;

	if (!groups || !*labels)
		return true;
	for (size_t pos = 0; labels_next(labels, &pos, &one);)
		if (labels_have(groups, one))
			return true;
	return false;
}
