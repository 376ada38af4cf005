#include "engine/viseme.h"

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

/* Learn: "Get facial position with viseme" (Azure AI Speech) has the pictures. */
static const struct {
	char phone[4];
	unsigned viseme;
} visemes[] = {
	{ "pau", 0 }, { "ae", 1 },  { "ah", 1 },  { "ax", 1 },	{ "aa", 2 },  { "ao", 3 },
	{ "eh", 4 },  { "ey", 4 },  { "uh", 4 },  { "er", 5 },	{ "axr", 5 }, { "ih", 6 },
	{ "iy", 6 },  { "y", 6 },   { "w", 7 },	  { "uw", 7 },	{ "ow", 8 },  { "aw", 9 },
	{ "oy", 10 }, { "ay", 11 }, { "hh", 12 }, { "r", 13 },	{ "l", 14 },  { "s", 15 },
	{ "z", 15 },  { "sh", 16 }, { "zh", 16 }, { "ch", 16 }, { "jh", 16 }, { "dh", 17 },
	{ "f", 18 },  { "v", 18 },  { "d", 19 },  { "t", 19 },	{ "n", 19 },  { "th", 19 },
	{ "k", 20 },  { "g", 20 },  { "ng", 20 }, { "p", 21 },	{ "b", 21 },  { "m", 21 },
};

unsigned viseme_of(const char *phone)
{
	for (size_t i = 0; i < ARRAY_LEN(visemes); i++)
		if (strncmp(visemes[i].phone, phone, sizeof(visemes[i].phone)) == 0)
			return visemes[i].viseme;
	return VISEME_SILENCE;
}
