#include "session/append.h"

#include "base/test.h"

static const struct {
	const char *text, *audio; /* NULL: goes the way of all events */
} rows[] = {
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\"}", "AAAA" },
	{ " {\"audio\" : \"AAA=\" ,\n\"event_id\":\"e 1\",\"type\":\"input_audio_buffer.append\"}\r\n ", "AAA=" },
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"\"}", "" },
	/* What the audio holds is for base64 to say: then the long way tells what is wrong. */
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"A\\/\"}", "A\\/" },
	{ "{\"type\":\"input_audio_buffer.append\"}", NULL },
	{ "{\"type\":\"input_audio_buffer.commit\",\"audio\":\"AAAA\"}", NULL },
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":7}", NULL },
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\",\"x\":\"y\"}", NULL },
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"A\",\"audio\":\"B\"}", NULL },
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\",\"event_id\":\"\\n\"}", NULL },
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\",\"event_id\":\"\xc3\xa9\"}", NULL },
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\"}}", NULL },
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\",}", NULL },
	{ "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA", NULL },
	{ "{}", NULL },
	{ "", NULL },
	{ "[]", NULL },
};

static void plain_ones_are_read_in_place(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes audio = { 0 };
		bool read = append_scan(bytes_str(rows[i].text), &audio);

		CHECK_EQ(read, rows[i].audio != NULL);
		if (read)
			CHECK(audio.n == strlen(rows[i].audio) &&
			      memcmp(audio.p, rows[i].audio, audio.n) == 0);
	}
}

TESTS({ "plain_ones_are_read_in_place", plain_ones_are_read_in_place })
