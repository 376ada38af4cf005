#include "base/test.h"
#include "document/stem.h"

/* Examples from the paper, step by step. */
static void follows_the_paper(void)
{
	static const char *const rows[][2] = {
		{ "caresses", "caress" }, { "ponies", "poni" },     { "cats", "cat" },
		{ "agreed", "agre" },     { "plastered", "plaster" }, { "motoring", "motor" },
		{ "sing", "sing" },       { "conflated", "conflat" }, { "sized", "size" },
		{ "hopping", "hop" },     { "falling", "fall" },    { "filing", "file" },
		{ "happy", "happi" },     { "sky", "sky" },         { "relational", "relat" },
		{ "conditional", "condit" }, { "digitizer", "digit" }, { "vietnamization", "vietnam" },
		{ "predication", "predic" }, { "formaliti", "formal" }, { "triplicate", "triplic" },
		{ "electrical", "electr" }, { "hopefulness", "hope" }, { "revival", "reviv" },
		{ "adjustment", "adjust" }, { "adoption", "adopt" }, { "effective", "effect" },
		{ "probate", "probat" },  { "rate", "rate" },       { "cease", "ceas" },
		{ "controll", "control" }, { "roll", "roll" },      { "generalizations", "gener" },
		{ "oscillators", "oscil" }, { "is", "is" },         { "y", "y" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char s[40];
		snprintf(s, sizeof(s), "%s", rows[i][0]);
		s[stem(s, strlen(s))] = 0;
		CHECK_STR(s, rows[i][1]);
	}
}

TESTS({ "follows_the_paper", follows_the_paper })
