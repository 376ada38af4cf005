/* What a realtime service may say, a message in each line, to a link in the midst of a conversation: asked
 * answers, commits, an answer cancelled. Octet 0: bit 0 the service finds the turns, bit 1 the link is
 * still being opened. */
#include <stdlib.h>

#include "service/realtime_inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static uint64_t last_ref;
static unsigned n_ended[8];

static void of(uint64_t ref)
{
	if (ref < 1 || ref > 5 || n_ended[ref])
		abort();
}

static void on_link(void *owner, uint64_t link)
{
	(void)owner;
	(void)link;
}

static void on_speech(void *owner, uint64_t link, bool started, uint64_t ms)
{
	(void)owner, (void)link, (void)started;
	if (ms > INT64_MAX)
		abort();
}

static void on_words(void *owner, uint64_t link, const char *text)
{
	(void)owner, (void)link;
	if (!text)
		abort();
}

static void on_deaf(void *owner, uint64_t link, const struct engine_error *e)
{
	(void)owner, (void)link;
	if (!e->code || !e->message)
		abort();
}

static void on_begun(void *owner, uint64_t link)
{
	(void)link;
	if (!n_ended[5] && last_ref++ == 0)
		realtime_ws_ops.adopt(*(struct realtime_link **)owner, 5);
}

static void on_text(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	(void)link;
	of(ref);
	if (!text || !*text)
		abort();
	realtime_ws_ops.name_item(*(struct realtime_link **)owner, ref, "item_ours");
}

static void on_audio(void *owner, uint64_t link, uint64_t ref, const int16_t *pcm, size_t n)
{
	uint64_t sum = 0;

	(void)owner, (void)link;
	of(ref);
	for (size_t i = 0; i < n; i++)
		sum += (uint64_t)pcm[i];
	if (n == 0)
		abort();
	last_ref += sum & 0; /* the samples have been read */
}

static void on_call(void *owner, uint64_t link, uint64_t ref, const char *id, const char *name,
		    const char *arguments)
{
	(void)owner, (void)link;
	of(ref);
	if (!id || !name || !arguments)
		abort();
}

static void on_done(void *owner, uint64_t link, uint64_t ref, enum llm_finish f,
		    const struct llm_usage *u)
{
	(void)owner, (void)link, (void)f;
	of(ref);
	n_ended[ref]++;
	if (u->input_tokens < 0 || u->cached_tokens < 0)
		abort();
}

static void on_failed(void *owner, uint64_t link, uint64_t ref, const struct engine_error *e)
{
	on_deaf(owner, link, e);
	of(ref);
	n_ended[ref]++;
}

static void on_lost(void *owner, uint64_t link, const struct engine_error *e, uint64_t again_us)
{
	(void)again_us;
	on_deaf(owner, link, e);
	*(struct realtime_link **)owner = NULL;
}

static const struct realtime_sink sink = {
	.on_open = on_link, .on_speech = on_speech, .on_commit = on_link,
	.on_words_delta = on_words, .on_words = on_words, .on_deaf = on_deaf, .on_begun = on_begun,
	.on_text = on_text, .on_transcript = on_text, .on_audio = on_audio, .on_call = on_call,
	.on_done = on_done, .on_failed = on_failed, .on_lost = on_lost,
};

static struct realtime_link *begin(struct realtime *e, struct loop *loop, struct realtime_link **owner,
				   bool service_turns, enum rt_state state)
{
	AUTO(json) json_t *session = json_object();
	const struct realtime_start start = { .session = session, .service_turns = service_turns };

	if (realtime_ws_ops.open(e, owner, &start, loop, &sink, owner, 1) != 0)
		abort();
	(*owner)->state = state; /* as if it were connected: nothing is sent */
	for (uint64_t ref = 1; ref <= 4; ref++)
		if (realtime_ws_ops.ask(*owner, NULL, ref) != 0)
			abort();
	realtime_ws_ops.cancel(*owner, 4);
	realtime_ws_ops.commit(*owner);
	realtime_ws_ops.name_item(*owner, 0, "item_heard");
	realtime_ws_ops.commit(*owner);
	return *owner;
}

static void play(struct realtime_link **l, struct bytes in)
{
	while (in.n && *l) {
		const uint8_t *end = memchr(in.p, '\n', in.n);
		size_t n = end ? (size_t)(end - in.p) : in.n;

		rt_enter(*l);
		if ((*l)->state != RT_BROKEN)
			rt_message(*l, bytes_sub(in, 0, n));
		(void)rt_leave(*l);
		n += end != NULL;
		in = bytes_sub(in, n, in.n - n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct service service;
	static struct loop *loop;
	struct realtime_ws_params params = { .services = &service, .n_services = 1 };
	struct realtime_link *link = NULL;
	struct realtime *e;
	char why[256];

	if (n < 1)
		return 0;
	json_init();
	if (!loop && (loop_new(&loop, 0) != 0 ||
		      service_parse(&service, "ws://127.0.0.1:1 model=m key=k", why) != 0))
		abort();
	memset(n_ended, 0, sizeof(n_ended));
	last_ref = 0;
	if (realtime_ws_new(&e, &params, why) != 0)
		abort();
	begin(e, loop, &link, p[0] & 1, p[0] & 2 ? RT_GREETING : RT_OPEN);
	play(&link, bytes_of(p + 1, n - 1));
	if (link && link->state == RT_OPEN)
		realtime_ws_ops.truncate(link, 1, 100);
	if (link)
		realtime_ws_ops.close(link);
	realtime_ws_ops.free(e);
	return 0;
}
