#include "engine/fake.h"

#include <errno.h>

#include "base/loop.h"
#include "base/test.h"

/* Writes what the sinks hear as lines of text. */
static struct buf heard;
static struct stt_turn *cancel_me;

static void on_partial(void *owner, uint64_t ticket, const char *text)
{
	(void)owner;
	buf_printf(&heard, "%d partial %s\n", (int)ticket, text);
}

static void on_settled(void *owner, uint64_t ticket, const char *text)
{
	(void)owner;
	buf_printf(&heard, "%d settled %s\n", (int)ticket, text);
	if (cancel_me)
		fake_stt_ops.cancel(cancel_me);
	cancel_me = NULL;
}

static void on_final(void *owner, uint64_t ticket, const char *text)
{
	(void)owner;
	buf_printf(&heard, "%d final %s\n", (int)ticket, text);
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	(void)owner;
	buf_printf(&heard, "%d error %s\n", (int)ticket, e->code);
}

static void on_cite(void *owner, uint64_t ticket, json_t *source)
{
	(void)owner;
	buf_printf(&heard, "%d cite %s\n", (int)ticket, json_str(source, "title", "?"));
}

static void on_call(void *owner, uint64_t ticket, const char *name, const char *arguments)
{
	(void)owner;
	buf_printf(&heard, "%d call %s %s\n", (int)ticket, name, arguments);
}

static void on_answered(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u)
{
	(void)owner;
	(void)u;
	buf_printf(&heard, "%d done %d\n", (int)ticket, f);
}

static void on_audio(void *owner, uint64_t ticket, const int16_t *pcm, size_t n)
{
	(void)owner;
	(void)pcm;
	buf_printf(&heard, "%d audio %zu\n", (int)ticket, n);
}

static void on_word(void *owner, uint64_t ticket, const char *word, size_t sample, size_t n)
{
	(void)owner;
	buf_printf(&heard, "%d word %s %zu %zu\n", (int)ticket, word, sample, n);
}

static void on_spoken(void *owner, uint64_t ticket)
{
	(void)owner;
	buf_printf(&heard, "%d spoken\n", (int)ticket);
}

static const struct stt_sink stt_sink = { on_partial, on_settled, on_final, on_error };
static const struct llm_sink llm_sink = { on_partial, on_cite, on_call, on_answered, on_error, NULL };
static const struct tts_sink tts_sink = { on_audio, on_word, on_spoken, on_error, NULL };

static void buf_clear(struct buf **b)
{
	buf_done(*b);
}

#define HEARD struct buf *heard_ __attribute__((cleanup(buf_clear), unused)) = &heard

static const char *said(void)
{
	return heard.p ? (const char *)heard.p : "";
}

static void hears_in_virtual_time(void)
{
	HEARD;
	AUTO(fake) struct fake *f = NULL;
	struct engines e = { 0 };
	struct stt_turn *t;
	int16_t pcm[8000] = { 0 };

	CHECK_EQ(fake_new(&f), 0);
	fake_engines(f, &e);
	fake_delays(f, &(struct fake_delays){ .word_us = 250000, .settle_us = 10, .final_us = 20 });
	CHECK_EQ(fake_hear(f, "how many days"), 0);
	CHECK_EQ(e.stt_ops->begin(e.stt, &t, NULL, NULL, &stt_sink, NULL, 7), 0);
	e.stt_ops->push(t, pcm, ARRAY_LEN(pcm));
	e.stt_ops->settle(t);
	CHECK_STR(said(), "");
	CHECK_EQ(fake_run(f, 9), 2);
	CHECK_EQ(fake_next_us(f), 10);
	CHECK_EQ(fake_run(f, 10), 1);
	e.stt_ops->end(t);
	CHECK_EQ(fake_run(f, 29), 0);
	CHECK_EQ(fake_run(f, 30), 1);
	CHECK_STR(said(), "7 partial how\n7 partial how many\n7 settled how many days\n"
			  "7 final how many days\n");
	CHECK_EQ(fake_running(f), 0);
	CHECK_EQ(fake_heard(f), 8000);
}

static void cancels_from_inside_a_sink(void)
{
	HEARD;
	AUTO(fake) struct fake *f = NULL;
	struct engines e = { 0 };
	struct stt_turn *t;

	CHECK_EQ(fake_new(&f), 0);
	fake_engines(f, &e);
	CHECK_EQ(fake_hear_always(f, "yes"), 0);
	CHECK_EQ(e.stt_ops->begin(e.stt, &t, NULL, NULL, &stt_sink, NULL, 1), 0);
	e.stt_ops->settle(t);
	e.stt_ops->settle(t);
	cancel_me = t;
	CHECK_EQ(fake_run(f, 5), 1);
	cancel_me = NULL;
	CHECK_STR(said(), "1 settled yes\n");
	fake_stt_busy(f, true);
	CHECK_EQ(e.stt_ops->begin(e.stt, &t, NULL, NULL, &stt_sink, NULL, 2), -EAGAIN);
}

static void answers_by_script_then_echoes(void)
{
	HEARD;
	static const struct fake_step call[] = { { FAKE_CALL, "search", "{}" } };
	static const struct fake_step say[] = { { FAKE_TEXT, "Twenty", NULL },
						{ FAKE_CITE, "{\"title\":\"Leave\"}", NULL },
						{ FAKE_MAX_TOKENS, NULL, NULL } };
	static const struct fake_step bad[] = { { FAKE_TEXT, "Er", NULL },
						{ FAKE_ERROR, "engine_busy", NULL } };
	AUTO(fake) struct fake *f = NULL;
	AUTO(json) json_t *items = json_pack("[{s:s,s:[{s:s}]}]", "role", "user", "content", "text",
					     "hello there");
	struct llm_request r = { .items = items };
	struct engines e = { 0 };
	struct llm_job *j;

	CHECK_EQ(fake_new(&f), 0);
	fake_engines(f, &e);
	CHECK_EQ(fake_answer(f, call, ARRAY_LEN(call)), 0);
	CHECK_EQ(fake_answer(f, say, ARRAY_LEN(say)), 0);
	CHECK_EQ(fake_answer(f, bad, ARRAY_LEN(bad)), 0);
	for (uint64_t i = 1; i <= 4; i++) {
		CHECK_EQ(e.llm_ops->start(e.llm, &j, &r, NULL, &llm_sink, NULL, i), 0);
		fake_run(f, i);
	}
	CHECK_STR(said(), "1 call search {}\n1 done 1\n2 partial Twenty\n2 cite Leave\n2 done 2\n"
			  "3 partial Er\n3 error engine_busy\n"
			  "4 partial You said: hello there\n4 done 0\n");
	CHECK(json_array_size(json_object_get(fake_last_request(f), "items")) == 1);
}

static void speaks_words_before_their_audio(void)
{
	HEARD;
	AUTO(fake) struct fake *f = NULL;
	struct engines e = { 0 };
	struct tts_job *j, *k;

	CHECK_EQ(fake_new(&f), 0);
	fake_engines(f, &e);
	fake_delays(f, &(struct fake_delays){ .first_us = 5, .chunk_us = 3 });
	CHECK_EQ(e.tts_ops->start(e.tts, &j, "Hi there.", NULL, NULL, &tts_sink, NULL, 1), 0);
	CHECK_EQ(e.tts_ops->start(e.tts, &k, "No.", NULL, NULL, &tts_sink, NULL, 2), 0);
	e.tts_ops->cancel(k);
	fake_run(f, 100);
	CHECK_STR(said(), "1 word Hi 0 1920\n1 word there. 1920 4800\n1 audio 1600\n1 audio 1600\n"
			  "1 audio 1600\n1 audio 1600\n1 audio 320\n1 spoken\n");
	CHECK_STR(fake_last_clause(f), "No.");
	CHECK_EQ(fake_speak_error(f, "engine_unavailable"), 0);
	CHECK_EQ(e.tts_ops->start(e.tts, &j, "Bad.", NULL, NULL, &tts_sink, NULL, 3), 0);
	CHECK_EQ(fake_run(f, 200), 1);
	CHECK(strstr(said(), "3 error engine_unavailable\n"));
	/* Freed with work running. */
	CHECK_EQ(e.tts_ops->start(e.tts, &j, "Never.", NULL, NULL, &tts_sink, NULL, 4), 0);
}

static void a_loop_drives_it(void)
{
	HEARD;
	AUTO(loop) struct loop *l = NULL;
	struct engines e = { 0 };
	struct stt_turn *t;
	struct tts_job *j;

	CHECK_EQ(loop_new(&l, 0), 0);
	AUTO(fake) struct fake *f = NULL;
	CHECK_EQ(fake_new(&f), 0);
	fake_engines(f, &e);
	CHECK_EQ(fake_hear(f, "go"), 0);
	CHECK_EQ(e.stt_ops->begin(e.stt, &t, NULL, l, &stt_sink, NULL, 1), 0);
	CHECK_EQ(e.tts_ops->start(e.tts, &j, "a", NULL, l, &tts_sink, NULL, 2), 0);
	e.stt_ops->end(t);
	CHECK_STR(said(), "");
	for (int i = 0; i < 1000 && fake_running(f) > 0; i++)
		loop_once(l, 1);
	CHECK(strstr(said(), "1 final go\n"));
	CHECK(strstr(said(), "2 word a 0 1920\n2 audio 1600\n2 audio 320\n2 spoken\n"));
}

TESTS({ "hears_in_virtual_time", hears_in_virtual_time },
      { "cancels_from_inside_a_sink", cancels_from_inside_a_sink },
      { "answers_by_script_then_echoes", answers_by_script_then_echoes },
      { "speaks_words_before_their_audio", speaks_words_before_their_audio },
      { "a_loop_drives_it", a_loop_drives_it })
