#include "engine/stt_pocketsphinx.h"

#include <errno.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/test.h"
#include "engine/adapt.h"
#include "base/testdir.h"

#define SPEECH "/usr/share/pocketsphinx/test/data/goforward.raw"

struct rig {
	struct loop *loop;
	struct stt *stt;
	int n_partials, n_settled, n_ended;
	char text[200], error[200];
};

static void on_partial(void *owner, uint64_t ticket, const char *text)
{
	(void)ticket, (void)text;
	((struct rig *)owner)->n_partials++;
}

static void on_settled(void *owner, uint64_t ticket, const char *text)
{
	(void)ticket, (void)text;
	((struct rig *)owner)->n_settled++;
}

static void on_final(void *owner, uint64_t ticket, const char *text)
{
	struct rig *r = owner;

	(void)ticket;
	snprintf(r->text, sizeof(r->text), "%s", text);
	r->n_ended++;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct rig *r = owner;

	(void)ticket;
	snprintf(r->error, sizeof(r->error), "%s: %s", e->code, e->message);
	r->n_ended++;
}

static const struct stt_sink sink = { on_partial, on_settled, on_final, on_error };

static inline void rig_auto_(struct rig *r)
{
	stt_pocketsphinx_ops.free(r->stt);
	loop_free(r->loop);
}

static bool ready(struct rig *r)
{
	for (int i = 0; i < 20000 && stt_pocketsphinx_ready(r->stt) == 0; i++)
		loop_once(r->loop, 1);
	return stt_pocketsphinx_ready(r->stt) > 0;
}

static int rig_make(struct rig *r, const char *model_dir)
{
	int err = loop_new(&r->loop, 0);

	if (err == 0)
		err = stt_pocketsphinx_new(&r->stt, &(struct stt_pocketsphinx_params){
							    .n_decoders = 1, .model_dir = model_dir });
	return err;
}

static int begin(struct rig *r, struct stt_turn **t)
{
	r->n_partials = r->n_settled = r->n_ended = 0;
	return stt_pocketsphinx_ops.begin(r->stt, t, &(struct stt_params){ 0 }, r->loop, &sink, r, 1);
}

static void wait_for(struct rig *r, const int *n)
{
	for (int i = 0; i < 20000 && !*n; i++)
		loop_once(r->loop, 1);
}

static int16_t speech[16000 * 5];

static size_t read_speech(void)
{
	FILE *f = fopen(SPEECH, "rb");
	size_t n = f ? fread(speech, sizeof(*speech), ARRAY_LEN(speech), f) : 0;

	if (f)
		fclose(f);
	return n;
}

static void settles_then_ends(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct stt_turn *t, *u;
	size_t n = read_speech();

	CHECK_EQ(rig_make(&r, NULL), 0);
	CHECK(ready(&r));
	CHECK_EQ(begin(&r, &t), 0);
	CHECK_EQ(begin(&r, &u), -EAGAIN);
	stt_pocketsphinx_ops.push(t, speech, n);
	stt_pocketsphinx_ops.settle(t);
	wait_for(&r, &r.n_settled);
	CHECK_EQ(r.n_settled, 1);
	CHECK_EQ(r.n_ended, 0);
	CHECK(n == 0 || r.n_partials > 1);
	stt_pocketsphinx_ops.end(t);
	wait_for(&r, &r.n_ended);
	CHECK(n == 0 || strcmp(r.text, "go forward ten meters") == 0);
	/* Its decoder is free by then. */
	CHECK_EQ(begin(&r, &t), 0);
	stt_pocketsphinx_ops.cancel(t);
}

static void more_than_the_ring_is_an_error(void)
{
	static int16_t much[16000 * 40];
	AUTO(rig) struct rig r = { 0 };
	struct stt_turn *t;

	CHECK_EQ(rig_make(&r, NULL), 0);
	CHECK(ready(&r));
	CHECK_EQ(begin(&r, &t), 0);
	size_t room = stt_pocketsphinx_ops.room(t);
	CHECK(room >= 16000 * 30 && room < ARRAY_LEN(much));
	stt_pocketsphinx_ops.push(t, much, ARRAY_LEN(much));
	wait_for(&r, &r.n_ended);
	CHECK(strstr(r.error, "engine_busy: "));
}

static void a_missing_model_is_explained(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct stt_turn *t;

	CHECK_EQ(rig_make(&r, "/nowhere"), 0);
	CHECK(ready(&r));
	CHECK_EQ(begin(&r, &t), 0);
	stt_pocketsphinx_ops.push(t, speech, 1000);
	stt_pocketsphinx_ops.end(t);
	wait_for(&r, &r.n_ended);
	CHECK_EQ(r.n_ended, 1);
	CHECK(strstr(r.error, "apt-get install pocketsphinx-en-us"));
}

/* Nothing is built within a microsecond: the turn waits, and loses nothing. */
static void a_turn_may_come_before_its_decoder(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct stt_turn *t, *u;
	size_t n = read_speech();

	CHECK_EQ(rig_make(&r, NULL), 0);
	CHECK_EQ(begin(&r, &t), 0);
	CHECK_EQ(begin(&r, &u), -EAGAIN);
	stt_pocketsphinx_ops.cancel(t);
	for (int i = 0; i < 1000 && begin(&r, &t) == -EAGAIN; i++)
		loop_once(r.loop, 1);
	CHECK_EQ(stt_pocketsphinx_ready(r.stt), 0);
	stt_pocketsphinx_ops.push(t, speech, n);
	stt_pocketsphinx_ops.end(t);
	wait_for(&r, &r.n_ended);
	CHECK_STR(r.error, "");
	CHECK(n == 0 || strcmp(r.text, "go forward ten meters") == 0);
}

static void takes_a_new_vocabulary_between_turns(void)
{
	AUTO(testdir) struct testdir dir = testdir_new();
	char dict[96], lm[96];
	AUTO(rig) struct rig r = { 0 };
	AUTO(adapt) struct adapt *a = NULL;
	struct stt_turn *t;

	snprintf(dict, sizeof(dict), "%s/dict", dir.path);
	snprintf(lm, sizeof(lm), "%s/lm", dir.path);
	CHECK_EQ(adapt_new(&a, NULL), 0);
	CHECK_EQ(adapt_add(a, bytes_str("Gomforwad tenmeters is quillmere. Go forward ten meters.")), 0);
	CHECK_EQ(adapt_write(a, dict, lm, NULL), 0);
	CHECK_EQ(rig_make(&r, NULL), 0);
	CHECK(ready(&r));
	CHECK_EQ(begin(&r, &t), 0);
	CHECK_EQ(stt_pocketsphinx_adapt(r.stt, dict, lm), 0);
	CHECK_EQ(stt_pocketsphinx_ready(r.stt), 0);
	stt_pocketsphinx_ops.push(t, speech, read_speech());
	stt_pocketsphinx_ops.end(t);
	wait_for(&r, &r.n_ended);
	CHECK(ready(&r));
	unlink(dict);
	unlink(lm);
	for (int i = 0; i < 1000 && begin(&r, &t) == -EAGAIN; i++)
		loop_once(r.loop, 1);
	stt_pocketsphinx_ops.push(t, speech, read_speech());
	stt_pocketsphinx_ops.end(t);
	wait_for(&r, &r.n_ended);
	CHECK_EQ(r.n_ended, 1);
	CHECK_STR(r.error, "");
}

TESTS({ "settles_then_ends", settles_then_ends },
      { "more_than_the_ring_is_an_error", more_than_the_ring_is_an_error },
      { "a_missing_model_is_explained", a_missing_model_is_explained },
      { "a_turn_may_come_before_its_decoder", a_turn_may_come_before_its_decoder },
      { "takes_a_new_vocabulary_between_turns", takes_a_new_vocabulary_between_turns })
