#include "engine/psdecoder.h"

#include "base/test.h"

#define SPEECH "/usr/share/pocketsphinx/test/data/goforward.raw"

static size_t read_speech(int16_t *pcm, size_t max)
{
	FILE *f = fopen(SPEECH, "rb");
	size_t n = f ? fread(pcm, sizeof(*pcm), max, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static int16_t speech[16000 * 5];

/* Without the recording (package pocketsphinx-testdata) there is nothing to hear. */
static bool no_speech(void)
{
	return read_speech(speech, ARRAY_LEN(speech)) == 0;
}

static void psdecoder_auto_(struct psdecoder **d)
{
	psdecoder_free(*d);
}

static void hears_the_same_each_time(void)
{
	AUTO(psdecoder) struct psdecoder *d = psdecoder_new(NULL, NULL, NULL);
	size_t n = read_speech(speech, ARRAY_LEN(speech));

	if (no_speech())
		return;
	CHECK(d);
	CHECK_STR(psdecoder_text(d), "");
	/* The first utterance of a fresh decoder is as good as the later ones. */
	for (int i = 0; i < 3; i++) {
		psdecoder_begin(d);
		for (size_t at = 0; at < n; at += 320)
			psdecoder_push(d, speech + at, MIN(n - at, (size_t)320));
		CHECK(strstr(psdecoder_text(d), "forward"));
		CHECK_STR(psdecoder_end(d, PSDECODER_FINAL), "go forward ten meters");
		CHECK_STR(psdecoder_end(d, PSDECODER_FINAL), "");
	}
	psdecoder_begin(d);
	psdecoder_push(d, speech, MIN(n, (size_t)8000));
	CHECK_STR(psdecoder_end(d, PSDECODER_DROP), "");
}

static void refuses_what_is_not_there(void)
{
	CHECK(!psdecoder_new("/nowhere", NULL, NULL));
	CHECK(!psdecoder_new(NULL, "/nowhere", NULL));
	CHECK(!psdecoder_new(NULL, NULL, "/nowhere"));
	CHECK(!psdecoder_new(NULL, NULL, "/dev/null"));
	CHECK(!psdecoder_new(NULL, NULL, "/etc/passwd"));
}

TESTS({ "hears_the_same_each_time", hears_the_same_each_time },
      { "refuses_what_is_not_there", refuses_what_is_not_there })
