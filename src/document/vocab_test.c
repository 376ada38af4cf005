#include "base/test.h"
#include "document/vocab.h"

static void vocab_auto_(struct vocab *v)
{
	vocab_done(v);
}

static void numbers(void)
{
	AUTO(vocab) struct vocab v = { 0 };

	CHECK_EQ(vocab_find(&v, "a", 1), VOCAB_NONE);
	for (int i = 0; i < 3000; i++) {
		char s[16];
		int n = snprintf(s, sizeof(s), "w%d", i);
		CHECK_EQ(vocab_add(&v, s, (size_t)n), i);
	}
	CHECK_EQ(vocab_add(&v, "w17", 3), 17);
	CHECK_EQ(vocab_find(&v, "w2999x", 5), 2999);
	CHECK_EQ(vocab_find(&v, "w3000", 5), VOCAB_NONE);
	CHECK_EQ(v.n, 3000);
	CHECK_STR(v.s[5], "w5");
}

TESTS({ "numbers", numbers })
