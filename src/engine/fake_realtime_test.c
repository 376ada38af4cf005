#include "engine/fake_realtime.h"

#include "base/loop.h"
#include "base/test.h"

/* Writes what the sink hears as lines of text. */
static struct buf heard;
static struct fake *fake;
static struct realtime_link *link_of_test;
static enum { LET, ADOPT, CANCEL, CLOSE } when_begun;
static bool close_on_words;

static void on_open(void *owner, uint64_t link)
{
	(void)owner;
	buf_printf(&heard, "%d open\n", (int)link);
}

static void on_speech(void *owner, uint64_t link, bool started, uint64_t audio_ms)
{
	(void)owner;
	buf_printf(&heard, "%d speech %s %d\n", (int)link, started ? "on" : "off", (int)audio_ms);
}

static void on_commit(void *owner, uint64_t link)
{
	(void)owner;
	buf_printf(&heard, "%d commit\n", (int)link);
	fake_realtime_ops.name_item(link_of_test, 0, "item_user");
}

static void on_words_delta(void *owner, uint64_t link, const char *text)
{
	(void)owner;
	buf_printf(&heard, "%d delta %s\n", (int)link, text);
	if (close_on_words)
		fake_realtime_ops.close(link_of_test);
	close_on_words = false;
}

static void on_words(void *owner, uint64_t link, const char *text)
{
	(void)owner;
	buf_printf(&heard, "%d words %s\n", (int)link, text);
}

static void on_deaf(void *owner, uint64_t link, const struct engine_error *e)
{
	(void)owner;
	buf_printf(&heard, "%d deaf %s\n", (int)link, e->code);
}

static void on_begun(void *owner, uint64_t link)
{
	(void)owner;
	buf_printf(&heard, "%d begun\n", (int)link);
	if (when_begun == ADOPT)
		fake_realtime_ops.adopt(link_of_test, 50);
	else if (when_begun == CANCEL)
		fake_realtime_ops.cancel(link_of_test, 0);
	else if (when_begun == CLOSE)
		fake_realtime_ops.close(link_of_test);
}

static void on_text(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	(void)owner;
	buf_printf(&heard, "%d/%d text %s\n", (int)link, (int)ref, text);
}

static void on_transcript(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	(void)owner;
	buf_printf(&heard, "%d/%d said %s\n", (int)link, (int)ref, text);
	fake_realtime_ops.name_item(link_of_test, ref, "item_answer");
}

static void on_audio(void *owner, uint64_t link, uint64_t ref, const int16_t *pcm, size_t n)
{
	(void)owner;
	(void)pcm;
	buf_printf(&heard, "%d/%d audio %zu\n", (int)link, (int)ref, n);
}

static void on_call(void *owner, uint64_t link, uint64_t ref, const char *call_id, const char *name,
		    const char *arguments)
{
	(void)owner;
	(void)call_id;
	buf_printf(&heard, "%d/%d call %s %s\n", (int)link, (int)ref, name, arguments);
	fake_realtime_ops.name_item(link_of_test, ref, "item_call");
}

static void on_done(void *owner, uint64_t link, uint64_t ref, enum llm_finish f,
		    const struct llm_usage *u)
{
	(void)owner;
	(void)u;
	buf_printf(&heard, "%d/%d done %d\n", (int)link, (int)ref, f);
}

static void on_failed(void *owner, uint64_t link, uint64_t ref, const struct engine_error *e)
{
	(void)owner;
	buf_printf(&heard, "%d/%d failed %s\n", (int)link, (int)ref, e->code);
}

static void on_lost(void *owner, uint64_t link, const struct engine_error *e, uint64_t again_us)
{
	(void)owner;
	buf_printf(&heard, "%d lost %s %d\n", (int)link, e->code, (int)again_us);
	link_of_test = NULL;
}

static const struct realtime_sink sink = {
	.on_open = on_open,
	.on_speech = on_speech,
	.on_commit = on_commit,
	.on_words_delta = on_words_delta,
	.on_words = on_words,
	.on_deaf = on_deaf,
	.on_begun = on_begun,
	.on_text = on_text,
	.on_transcript = on_transcript,
	.on_audio = on_audio,
	.on_call = on_call,
	.on_done = on_done,
	.on_failed = on_failed,
	.on_lost = on_lost,
};

static void rig_done(struct fake **f)
{
	fake_free(*f);
	fake = NULL;
	buf_done(&heard);
	when_begun = LET;
	close_on_words = false;
}

#define RIG struct fake *rig_ __attribute__((cleanup(rig_done), unused)) = fake

static int open_link(uint64_t link, struct loop *loop)
{
	struct engines e = { 0 };
	AUTO(json) json_t *session = json_pack("{s:[s]}", "output_modalities", "audio");
	struct realtime_start s = { .session = session };

	fake_realtime(fake, &e);
	return session ? e.realtime_ops->open(e.realtime, &link_of_test, &s, loop, &sink, NULL, link) :
			 -1;
}

static bool make(void)
{
	json_init();
	return fake_new(&fake) == 0;
}

static const char *said(void)
{
	return heard.p ? (const char *)heard.p : "";
}

static void hears_and_answers(void)
{
	static const struct fake_step steps[] = { { FAKE_TEXT, "Hi a", NULL },
						  { FAKE_CALL, "search", "{}" } };
	static const int16_t pcm[480];
	bool made = make();
	RIG;
	CHECK(made);

	CHECK_EQ(open_link(1, NULL), 0);
	fake_realtime_delays(fake, &(struct fake_realtime_delays){ .words_us = 100, .first_us = 10 });
	fake_keep_audio(fake);
	CHECK_EQ(fake_hear(fake, "hello you"), 0);
	CHECK_EQ(fake_answer(fake, steps, ARRAY_LEN(steps)), 0);
	fake_realtime_ops.push(link_of_test, pcm, ARRAY_LEN(pcm));
	fake_realtime_ops.commit(link_of_test);
	CHECK_EQ(fake_realtime_ops.ask(link_of_test, NULL, 7), 0);
	CHECK_STR(said(), "");
	fake_run(fake, 1000);
	CHECK(link_of_test);
	CHECK_STR(said(), "1 open\n1/7 said Hi a\n1/7 audio 2400\n1/7 audio 2400\n1/7 audio 960\n"
			  "1/7 call search {}\n1/7 done 1\n1 delta hello you\n1 words hello you\n");
	CHECK_STR(fake_log(fake), "open 1\ncommit\nask 7\nname 7 item_answer\nname 7 item_call\n");
	size_t n;
	CHECK(fake_kept_audio(fake, &n) && n == 480);
	CHECK_EQ(json_array_size(fake_items(fake)), 3);
	CHECK_STR(json_str(json_array_get(fake_items(fake), 2), "id", ""), "item_call");
	fake_realtime_ops.remove(link_of_test, "item_answer");
	CHECK_EQ(json_array_size(fake_items(fake)), 2);
	fake_realtime_ops.close(link_of_test);
	CHECK_EQ(fake_running(fake), 0);
}

static void begins_by_itself(void)
{
	bool made = make();
	RIG;
	CHECK(made);

	CHECK_EQ(open_link(2, NULL), 0);
	fake_run(fake, 1);
	CHECK(link_of_test);
	for (when_begun = LET; when_begun <= CLOSE; when_begun++) {
		buf_reset(&heard);
		CHECK_EQ(fake_hear(fake, "a"), 0);
		fake_speech(fake, true);
		fake_speech(fake, false);
		fake_turn(fake, FAKE_ANSWERS);
		fake_run(fake, 10 + when_begun);
		CHECK(link_of_test);
		CHECK(strstr(said(), "2 speech on 0\n2 speech off 0\n2 commit\n2 delta a\n2 words a\n"
				     "2 begun\n"));
		CHECK((strstr(said(), "2/50 said You said: a") != NULL) == (when_begun == ADOPT));
	}
	CHECK_EQ(fake_running(fake), 0);
}

static void is_lost_and_refuses(void)
{
	bool made = make();
	RIG;
	CHECK(made);

	CHECK_EQ(open_link(1, NULL), 0);
	fake_run(fake, 1);
	CHECK(link_of_test);
	CHECK_EQ(fake_hear_error(fake, "bad"), 0);
	CHECK_EQ(fake_realtime_ops.ask(link_of_test, NULL, 3), 0);
	fake_realtime_ops.commit(link_of_test);
	fake_lose(fake, "gone", 99);
	fake_run(fake, 2);
	CHECK_STR(said(), "1 open\n1 lost gone 99\n");
	CHECK_EQ(fake_running(fake), 0);
	CHECK_EQ(fake_refuse(fake, 1, "rate_limit_exceeded", 12), 0);
	CHECK_EQ(open_link(2, NULL), 0);
	fake_run(fake, 3);
	CHECK_EQ(open_link(3, NULL), 0);
	fake_run(fake, 4);
	CHECK(link_of_test);
	CHECK_STR(said(), "1 open\n1 lost gone 99\n2 lost rate_limit_exceeded 12\n3 open\n");
	fake_hang(fake, true);
	CHECK_EQ(fake_realtime_ops.ask(link_of_test, NULL, 4), 0);
	fake_run(fake, 5000);
	CHECK(link_of_test);
	fake_realtime_ops.cancel(link_of_test, 4);
	CHECK(!strstr(said(), "3/4"));
	fake_hang(fake, false);
	CHECK_EQ(fake_hear(fake, "x"), 0);
	close_on_words = true;
	fake_realtime_ops.commit(link_of_test);
	fake_run(fake, 6000);
	CHECK(!strstr(said(), "words x"));
	CHECK_EQ(fake_running(fake), 0);
}

static void a_loop_drives_it(void)
{
	AUTO(loop) struct loop *l = NULL;
	CHECK_EQ(loop_new(&l, 0), 0);
	bool made = make();
	RIG;
	CHECK(made);

	CHECK_EQ(open_link(1, l), 0);
	CHECK_EQ(fake_realtime_ops.ask(link_of_test, NULL, 8), 0);
	for (int i = 0; i < 100 && !strstr(said(), "1/8 done 0\n"); i++)
		loop_once(l, 1);
	CHECK(strstr(said(), "1/8 done 0\n"));
}

TESTS({ "hears_and_answers", hears_and_answers }, { "begins_by_itself", begins_by_itself },
      { "is_lost_and_refuses", is_lost_and_refuses }, { "a_loop_drives_it", a_loop_drives_it })
