#include "session/audio_in.h"

#include "session/rig.h"

static const char manual[] =
	"{'type':'session.update','session':{'type':'realtime','audio':{'input':{"
	"'turn_detection':null,'format':{'type':'audio/%s'},'transcription':{}}}}}";

static void set_format(struct rig *r, const char *format)
{
	char text[300];
	const char *at = strstr(manual, "%s");

	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - manual), manual, format, at + 2);
	rig_say(r, text);
}

static void append(struct rig *r, const uint8_t *p, size_t n)
{
	AUTO(buf) struct buf text = { 0 };

	buf_puts(&text, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
	b64_append(&text, p, n);
	buf_puts(&text, "\"}");
	buf_putc(&text, 0);
	if (!text.failed)
		rig_message(r, (const char *)text.p);
}

static bool commit_is_refused_at(struct rig *r, const char *ms)
{
	rig_forget(r);
	rig_say(r, "{'type':'input_audio_buffer.commit'}");
	const json_t *e = rig_find(r, "error");
	const char *message = json_str(json_object_get(e, "error"), "message", "");
	return strstr(message, ms) != NULL;
}

/* 100 ms are the least that can be committed; the complaint counts what there is. */
static void the_buffer_counts_time_in_any_format(void)
{
	static const struct {
		const char *format;
		size_t octets;	    /* of 60 ms */
		const char *little; /* one octet (pcm: one sample) less than 100 ms */
	} formats[] = { { "pcm", 2880, " 99.96ms" }, { "pcmu", 480, " 99.88ms" }, { "pcma", 480, " 99.88ms" } };
	static const uint8_t silence[4800];

	for (size_t i = 0; i < rig_cases(ARRAY_LEN(formats)); i++) {
		RIG(r, NULL, 0);
		set_format(&r, formats[i].format);
		CHECK(commit_is_refused_at(&r, " 0.00ms"));
		append(&r, silence, formats[i].octets);
		CHECK(commit_is_refused_at(&r, " 60.00ms"));
		append(&r, silence, formats[i].octets);
		rig_say(&r, "{'type':'input_audio_buffer.commit'}");
		CHECK(rig_expect(&r, "input_audio_buffer.committed", "{}"));
		/* What the converter holds back until its future is known counts where it came. */
		size_t sample = i == 0 ? 2 : 1, all = formats[i].octets * 10 / 6;
		CHECK(commit_is_refused_at(&r, " 0.00ms"));
		append(&r, silence, all - sample);
		CHECK(commit_is_refused_at(&r, formats[i].little));
		append(&r, silence, sample);
		rig_say(&r, "{'type':'input_audio_buffer.commit'}");
		CHECK(rig_until(&r, "input_audio_buffer.committed", "{}"));
		append(&r, silence, all / 2);
		rig_say(&r, "{'type':'input_audio_buffer.clear'}");
		CHECK(commit_is_refused_at(&r, " 0.00ms"));
	}
}

/* The mean of the middle half of what an item's audio is: base64 of pcm16. */
static int mean_of(const json_t *retrieved, size_t *samples)
{
	const json_t *part =
		json_array_get(json_object_get(json_object_get(retrieved, "item"), "content"), 0);
	const char *audio = json_str(part, "audio", "");
	AUTO(mem) uint8_t *p = mem_alloc(strlen(audio) + 1);
	ptrdiff_t octets = p ? b64_decode(audio, strlen(audio), p) : -1;
	long sum = 0, n = 0;

	*samples = octets > 0 ? (size_t)octets / 2 : 0;
	for (size_t i = *samples / 4; i < *samples * 3 / 4; i++, n++)
		sum += (int16_t)(p[2 * i] | p[2 * i + 1] << 8);
	return n ? (int)(sum / n) : 0;
}

static bool retrieve_mean(struct rig *r, const char *id, int *mean, size_t *samples)
{
	char text[128];

	snprintf(text, sizeof(text), "{'type':'conversation.item.retrieve','item_id':'%s'}", id);
	rig_say(r, text);
	const json_t *e = rig_find(r, "conversation.item.retrieved");
	*mean = mean_of(e, samples);
	return e != NULL;
}

static void steady(uint8_t *p, size_t octets, int level)
{
	for (size_t i = 0; i < octets; i++)
		p[i] = (uint8_t)(i % 2 ? level >> 8 : level);
}

/* pcm16 may be cut inside a sample, but not across a clear. */
static void samples_may_be_cut_anywhere(void)
{
	uint8_t pcm[7200];
	char id[64];
	int mean;
	size_t n;

	steady(pcm, sizeof(pcm), 1000);
	RIG(r, NULL, 0);
	set_format(&r, "pcm");
	append(&r, pcm, 1);
	append(&r, pcm + 1, 2400);
	append(&r, pcm + 2401, 0);
	append(&r, pcm + 2401, 4799);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	const json_t *e = rig_find(&r, "input_audio_buffer.committed");
	snprintf(id, sizeof(id), "%s", json_str(e, "item_id", ""));
	CHECK(retrieve_mean(&r, id, &mean, &n));
	CHECK(mean > 950 && mean < 1050);
	CHECK(n > 3500 && n <= 3600);

	append(&r, pcm, 1);
	rig_say(&r, "{'type':'input_audio_buffer.clear'}");
	append(&r, pcm, sizeof(pcm));
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	e = rig_find(&r, "input_audio_buffer.committed");
	snprintf(id, sizeof(id), "%s", json_str(e, "item_id", ""));
	CHECK(retrieve_mean(&r, id, &mean, &n));
	CHECK(mean > 950 && mean < 1050);
}

static void what_is_not_base64_changes_nothing(void)
{
	static const uint8_t silence[2640]; /* 55 ms */
	static const char *const wrong[] = { "A", "AA=A", "%%%%", "AAAA AAA\\n=" };

	RIG(r, NULL, 0);
	set_format(&r, "pcm");
	append(&r, silence, sizeof(silence));
	rig_forget(&r);
	for (size_t i = 0; i < rig_cases(ARRAY_LEN(wrong)); i++) {
		char text[128];

		snprintf(text, sizeof(text), "{'type':'input_audio_buffer.append','audio':'%s'}",
			 wrong[i]);
		rig_say(&r, text);
		CHECK(rig_expect(&r, "error", "{'error':{'code':'invalid_value','param':'audio'}}"));
	}
	rig_say(&r, "{'type':'input_audio_buffer.append','audio':''}");
	CHECK(rig_quiet(&r));
	append(&r, silence, sizeof(silence));
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	CHECK(rig_expect(&r, "input_audio_buffer.committed", "{}"));
}

/* SESSION_INPUT_S of it are kept, the newest; positions go on counting. */
static void the_oldest_is_dropped(void)
{
	static uint8_t quiet[80000]; /* 10 s of G.711 */

	if (getenv("VOICED_TEST_OOM"))
		return; /* long, and nothing in it that the others do not allocate */
	memset(quiet, 0xFF, sizeof(quiet));
	RIG(r, NULL, 0);
	set_format(&r, "pcmu");
	for (size_t s = 0; s < SESSION_INPUT_S + 10; s += 10)
		append(&r, quiet, sizeof(quiet));
	CHECK_EQ(fake_hear(r.fake, "long"), 0);
	rig_say(&r, "{'type':'input_audio_buffer.commit'}");
	rig_wait(&r, 20000);
	CHECK(rig_until(&r, "conversation.item.input_audio_transcription.completed",
			"{'usage':{'seconds':300.0}}"));
	CHECK_EQ(fake_heard(r.fake), (size_t)SESSION_INPUT_S * STT_RATE_HZ);
	set_format(&r, "pcm");
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','audio':{'input':{"
		    "'turn_detection':{'type':'server_vad'}}}}}");
	rig_audio(&r, 1000, 0);
	rig_audio(&r, 200, RIG_LOUD);
	const json_t *e = rig_find(&r, "input_audio_buffer.speech_started");
	int64_t start = json_int(e, "audio_start_ms", 0);
	CHECK(start > 310650 && start < 310750);
}

static void positions_go_on_after_a_clear(void)
{
	RIG(r, NULL, 24000); /* the leg brings 16 kHz: nothing is held back */
	rig_audio(&r, 400, 0);
	rig_say(&r, "{'type':'input_audio_buffer.clear'}");
	rig_audio(&r, 400, 0);
	rig_audio(&r, 200, RIG_LOUD);
	CHECK(rig_until(&r, "input_audio_buffer.speech_started", "{'audio_start_ms':500}"));
	rig_audio(&r, 200, 0);
	CHECK(rig_expect(&r, "input_audio_buffer.speech_stopped", "{'audio_end_ms':1200}"));
}

static void samples_become_wire_octets(void)
{
	static const int16_t pcm[] = { 0, 1, -1, 256, -32768, 32767 };
	static const uint8_t little[] = { 0, 0, 1, 0, 255, 255, 0, 1, 0, 128, 255, 127 };
	uint8_t wire[12];

	CHECK_EQ(audio_out_encode(AUDIO_PCM_24K, pcm, 6, wire), 12);
	CHECK(memcmp(wire, little, sizeof(wire)) == 0);
	CHECK_EQ(audio_out_encode(AUDIO_ULAW, pcm, 6, wire), 6);
	CHECK_EQ(wire[0], 0xFF); /* G.711: silence */
	CHECK_EQ(wire[4], 0x00);
	CHECK_EQ(audio_out_encode(AUDIO_ALAW, pcm, 6, wire), 6);
	CHECK_EQ(wire[0], 0xD5);
	CHECK_EQ(audio_out_encode(AUDIO_ALAW, pcm, 0, wire), 0);
}

/* An item that brings audio is given back what it brought, in the session's format. */
static void an_items_audio_comes_back(void)
{
	uint8_t pcm[4801]; /* 100 ms, and half a sample too much */
	int mean;
	size_t n;

	steady(pcm, sizeof(pcm), -2000);
	RIG(r, NULL, 0);
	AUTO(buf) struct buf text = { 0 };
	buf_puts(&text, "{'type':'conversation.item.create','item':{'id':'a','type':'message',"
			"'role':'user','content':[{'type':'input_audio','audio':'");
	b64_append(&text, pcm, sizeof(pcm));
	buf_puts(&text, "'}]}}");
	buf_putc(&text, 0);
	CHECK(!text.failed);
	rig_say(&r, (const char *)text.p);
	CHECK(rig_until(&r, "conversation.item.added",
			"{'item':{'content':[{'type':'input_audio','transcript':null}]}}"));
	CHECK(retrieve_mean(&r, "a", &mean, &n));
	CHECK_EQ(n, 2400);
	CHECK(mean < -1950 && mean > -2050);
	rig_say(&r, "{'type':'conversation.item.create','item':{'id':'b','type':'message',"
		    "'role':'user','content':[{'type':'input_audio','audio':'?'}]}}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'invalid_value','param':'item.content'}}"));
	rig_say(&r, "{'type':'conversation.item.retrieve','item_id':'b'}");
	CHECK(rig_expect(&r, "error", "{'error':{'code':'item_retrieve_invalid_item_id'}}"));
}

TESTS({ "the_buffer_counts_time_in_any_format", the_buffer_counts_time_in_any_format },
      { "samples_may_be_cut_anywhere", samples_may_be_cut_anywhere },
      { "what_is_not_base64_changes_nothing", what_is_not_base64_changes_nothing },
      { "the_oldest_is_dropped", the_oldest_is_dropped },
      { "positions_go_on_after_a_clear", positions_go_on_after_a_clear },
      { "samples_become_wire_octets", samples_become_wire_octets },
      { "an_items_audio_comes_back", an_items_audio_comes_back })
