/* Sources of answers whose engine names none. */
#include <errno.h>

#include "base/log.h"
#include "service/chain_llm.h"
#include "session/rig.h"

static const char found[] =
	"{\"results\":[{\"document\":1,\"file\":\"t.md\",\"title\":\"Telescopes\",\"heading\":\"Mirrors\",\"start\":100,"
	"\"end\":230,\"text\":\"The mirror is one hundred and twenty centimetres wide. It was built by Anders Holm in "
	"1974.\"}]}";

static const struct fake_step search = { FAKE_CALL, "search", "{\"query\":\"mirror\"}" };

static bool start(struct rig *r, bool audio)
{
	if (!rig_init(r))
		return false;
	r->found = found;
	if (!rig_start(r, NULL, 0))
		return false;
	rig_say(r, audio ? "{'type':'session.update','session':{'type':'realtime','include':['voiced.sources']}}"
			 : "{'type':'session.update','session':{'type':'realtime','output_modalities':['text'],"
			   "'include':['voiced.sources']}}");
	rig_forget(r);
	return fake_answer(r->fake, &search, 1) == 0;
}

/* With the words of each sentence, as soon as the next has begun. */
static void sentences_are_held_against_what_was_found(void)
{
	static const struct fake_step steps[] = {
		{ FAKE_TEXT, "Sure. ", NULL },
		{ FAKE_TEXT, "The mirror is 120 centi", NULL },
		{ FAKE_TEXT, "metres wide. ", NULL },
		{ FAKE_TEXT, "\xe2\x82\xac Nobody knows what it cost. Anders", NULL },
		{ FAKE_TEXT, " Holm built it in 1974.", NULL },
	};

	for (int audio = 0; audio < (getenv("VOICED_TEST_OOM") ? 1 : 2); audio++) {
		AUTO(rig) struct rig r = { 0 };

		CHECK(start(&r, audio));
		CHECK_EQ(fake_answer(r.fake, steps, ARRAY_LEN(steps)), 0);
		rig_say(&r, "{'type':'response.create'}");
		rig_wait(&r, audio ? 20 * US_PER_S : 100000);
		CHECK(rig_until(&r, "voiced.response.sources",
				"{'sources':[{'document':1,'title':'Telescopes','start':100,'end':154,"
				"'transcript_start':6,'transcript_end':41,"
				"'quote':'The mirror is one hundred and twenty centimetres wide.'}]}"));
		CHECK(rig_until(&r, "voiced.response.sources",
				"{'sources':[{'start':155,'transcript_start':71,'transcript_end':100}]}"));
		CHECK(rig_until(&r, "response.done", "{}"));
		CHECK_EQ(rig_count(&r, "voiced.response.sources"), 2);
	}
}

/* An engine that cites knows better. */
static void the_engines_own_sources_come_first(void)
{
	static const struct fake_step steps[] = { { FAKE_TEXT, "The mirror is 120 centimetres wide.", NULL },
						  { FAKE_CITE, "{\"title\":\"A\"}", NULL },
						  { FAKE_TEXT, " Anders Holm built it in 1974. So it is.", NULL } };
	AUTO(rig) struct rig r = { 0 };

	CHECK(start(&r, false));
	CHECK_EQ(fake_answer(r.fake, steps, ARRAY_LEN(steps)), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, US_PER_S);
	CHECK(rig_until(&r, "voiced.response.sources", "{'sources':[{'title':'A'}]}"));
	CHECK_EQ(rig_count(&r, "voiced.response.sources"), 1);
}

/* A service that is down, and behind it one that cites, as the embedded engine does. */
struct behind {
	struct llm_ops down, citing;
	struct health healths[2];
	struct llm *chain;
};

static int cannot_start(struct llm *e, struct llm_job **out, const struct llm_request *r, struct loop *loop,
			const struct llm_sink *sink, void *owner, uint64_t ticket)
{
	(void)e, (void)out, (void)r, (void)loop, (void)sink, (void)owner, (void)ticket;
	return -EIO;
}

static void keep(struct llm *e)
{
	(void)e;
}

static void behind_auto_(struct behind *b)
{
	chain_llm_ops.free(b->chain);
	for (size_t i = 0; i < ARRAY_LEN(b->healths); i++)
		health_done(&b->healths[i]);
}

static bool stand_behind(struct behind *b, struct rig *r)
{
	struct chain_llm_part parts[2] = { { .name = "down", .ops = &b->down, .health = &b->healths[0] },
					   { .name = "citing", .ops = &b->citing, .health = &b->healths[1] } };

	for (size_t i = 0; i < ARRAY_LEN(b->healths); i++)
		health_init(&b->healths[i]);
	if (!rig_init(r))
		return false;
	b->down = (struct llm_ops){ .start = cannot_start, .free = keep };
	b->citing = *r->engines.llm_ops;
	b->citing.cites = true;
	b->citing.free = keep;
	parts[1].llm = r->engines.llm;
	r->engines.llm_ops = &chain_llm_ops;
	r->found = found;
	return chain_llm_new(&b->chain, parts, 2) == 0 && (r->engines.llm = b->chain, rig_start(r, NULL, 0));
}

/* It says two sentences, then on what both rest: nothing is looked for besides. */
static void what_stands_in_for_a_service_cites_once(void)
{
	static const struct fake_step steps[] = {
		{ FAKE_TEXT, "The mirror is one hundred and twenty centimetres wide. It was built by Anders Holm in 1974.", NULL },
		{ FAKE_CITE, "{\"document\":1,\"title\":\"Telescopes\",\"start\":100,\"end\":230}", NULL },
		{ FAKE_TEXT, " That is in Telescopes.", NULL } };
	AUTO(behind) struct behind b = { 0 };
	AUTO(rig) struct rig r = { 0 };

	log_set_level(LOG_ERROR);
	CHECK(stand_behind(&b, &r));
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','output_modalities':['text'],"
		    "'include':['voiced.sources']}}");
	rig_forget(&r);
	CHECK_EQ(fake_answer(r.fake, &search, 1), 0);
	CHECK_EQ(fake_answer(r.fake, steps, ARRAY_LEN(steps)), 0);
	rig_say(&r, "{'type':'response.create'}");
	rig_wait(&r, US_PER_S);
	CHECK(rig_until(&r, "voiced.response.sources",
			"{'sources':[{'document':1,'start':100,'end':230,'transcript_start':0,'transcript_end':91}]}"));
	CHECK(rig_until(&r, "response.done", "{}"));
	CHECK_EQ(rig_count(&r, "voiced.response.sources"), 1);
}

TESTS({ "sentences_are_held_against_what_was_found", sentences_are_held_against_what_was_found },
      { "the_engines_own_sources_come_first", the_engines_own_sources_come_first },
      { "what_stands_in_for_a_service_cites_once", what_stands_in_for_a_service_cites_once })
