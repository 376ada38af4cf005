#include "base/test.h"
#include "document/vocab.h"
#include "knowledge/sound.h"

static void sounds_auto_(struct sounds **p)
{
	sounds_unref(*p);
}

static void vocab_auto_(struct vocab *v)
{
	vocab_done(v);
}

static void makes_keys(void)
{
	static const char *const same[][2] = { { "phone", "fone" }, { "night", "nite" },
					       { "knot", "not" },   { "quick", "kwik" },
					       { "cheese", "cheez" } };
	char a[SOUND_KEY], b[SOUND_KEY];

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		/* a silent e at the end may remain */
		size_t n = sound_key(same[i][0], strlen(same[i][0]), a);
		size_t m = sound_key(same[i][1], strlen(same[i][1]), b);
		CHECK(n && m && strncmp(a, b, MIN(n, m)) == 0);
	}
	CHECK_EQ(sound_key("", 0, a), 0);
}

static void finds(void)
{
	static const char *const words[] = { "debconf", "postinst", "maintain", "licens", "oakley",
					     "quillmer", "packag", "dunvarra" };
	AUTO(vocab) struct vocab v = { 0 };
	AUTO(sounds) struct sounds *s = NULL;
	struct sound_match m[SOUND_MATCHES];

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		CHECK(vocab_add(&v, words[i], strlen(words[i])) >= 0);
	CHECK_EQ(sounds_new(&s, &v, 0, v.n), 0);
	CHECK(sound_find(s, "debkonf", 7, NULL, 0, m, 0) >= 1 && m[0].term == 0 && m[0].likeness > 0.9f);
	CHECK(sound_find(s, "postinstant", 11, NULL, 0, m, 0) >= 1 && m[0].term == 1);
	CHECK(sound_find(s, "okely", 5, NULL, 0, m, 0) >= 1 && m[0].term == 4);
	CHECK(sound_find(s, "dunvara", 7, NULL, 0, m, 0) >= 1 && m[0].term == 7);
	CHECK_EQ(sound_find(s, "zebra", 5, NULL, 0, m, 0), 0);
	CHECK_EQ(sound_find(s, "abc", 3, NULL, 0, m, 0), 0);
}

TESTS({ "makes_keys", makes_keys }, { "finds", finds })
