/* What the session costs: CPU time of one thread per client event and per server event, by type, and
 * sessions per core. Fake engines, virtual time; no sockets. Made twice: bench_session takes loudness for speech and
 * measures the events, bench_conversation has the real voice detection (RIG_REAL_VAD) and measures sessions.
 *
 * A client event is measured from entering the session to leaving it, with all that it sends at once. A server event: from the
 * event before it, or from entering the session, to its having been handed to the leg. The clock's own cost is taken off. */
#include "session/rig.h"

#include <time.h>

#include "session/emit.h"

enum { SESSIONS = 60, ROUNDS = 25, TURNS = 20, CONVERSATION_S = 120, NAMES = 64 };

static uint64_t tick(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t clock_cost(void)
{
	enum { N = 20000 };
	uint64_t from = tick(), last = from;

	for (unsigned i = 0; i < N; i++)
		last = tick();
	return (last - from) / N;
}

static uint64_t mark, own;

/* --- server events ----------------------------------------------------------------------- */

static struct {
	char type[72];
	uint64_t ns, n, octets;
} sent[NAMES];

static void count(const char *type, size_t n, uint64_t ns, size_t octets)
{
	size_t i = 0;

	while (i < NAMES - 1 && sent[i].n &&
	       (strncmp(sent[i].type, type, n) != 0 || sent[i].type[n]))
		i++;
	snprintf(sent[i].type, sizeof(sent[i].type), "%.*s", (int)n, type);
	sent[i].ns += ns;
	sent[i].n++;
	sent[i].octets += octets;
}

static void on_event(struct leg *l, struct bytes json)
{
	uint64_t t = tick();
	const char *type = (const char *)json.p + strlen("{\"type\":\"");

	(void)l;
	count(type, strcspn(type, "\""), t - mark > own ? t - mark - own : 0, json.n);
	mark = tick();
}

static void on_event_unmeasured(struct leg *l, struct bytes json)
{
	(void)l, (void)json;
}

/* Sinks of engines ask for the time first: that is where a result enters the session. */
static uint64_t now_marked(void *ctx)
{
	mark = tick();
	return ((struct env_fake *)ctx)->now_us;
}

static const struct fake_step answer[] = {
	{ FAKE_TEXT, "The pump is bled at the upper valve, which is opened by half a turn. ",
	  NULL },
	{ FAKE_CITE,
	  "{\"document\":\"manual.pdf\",\"page\":7,\"quote\":\"bled at the upper valve\"}", NULL },
	{ FAKE_TEXT, "Close it when no more air comes. ", NULL },
	{ FAKE_CALL, "f", "{\"valve\":\"upper\"}" },
};

static const char everything[] =
	"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],"
	"\"include\":[\"voiced.sources\",\"voiced.latency\",\"voiced.partials\"],\"audio\":{\"input\":{\"transcription\":{\"model\":\"m\"}}}}}";

static bool open(struct rig *r, void (*send)(struct leg *, struct bytes), enum dialect d)
{
	const struct session_params p = { .dialect = d, .config_dialect = d };

	if (!rig_init(r) || !rig_start(r, &p, 0))
		return false;
	r->legs[0].ops.send_event = send;
	r->legs[0].ops.room = NULL;
	return true;
}

/* As rig_audio(), but marked where a frame enters. */
static void speak(struct rig *r, unsigned ms, int level)
{
	for (unsigned t = 0; t < ms; t += 20) {
		rig_wait(r, 20000);
		mark = tick();
		rig_frame(r, level);
	}
}

static void server_events(void)
{
	AUTO(rig) struct rig r = { 0 };

	mark = tick();
	if (!open(&r, on_event, DIALECT_GA))
		abort();
	r.env.env.now_us = now_marked;
	(void)!fake_hear_always(r.fake, "how is the pump bled");
	mark = tick();
	rig_message(&r, everything);
	for (unsigned i = 0; i < TURNS; i++) {
		(void)!fake_answer(r.fake, answer, ARRAY_LEN(answer));
		speak(&r, 400, RIG_LOUD);
		speak(&r, 700, 0);
		rig_wait(&r, 1000000);
		if (i % 4 == 0) {
			mark = tick();
			rig_message(&r, "{\"type\":\"input_audio_buffer.clear\"}");
			mark = tick();
			rig_message(
				&r,
				"{\"type\":\"response.create\",\"response\":{\"output_modalities\":[\"text\"]}}");
			rig_wait(&r, 1000000);
		}
	}
}

static void print_sent(void)
{
	for (size_t i = 0; i < NAMES && sent[i].n; i++)
		printf("sent  %-55s %8.2f us %7zu octets\n", sent[i].type,
		       (double)sent[i].ns / (double)sent[i].n / 1000,
		       (size_t)(sent[i].octets / sent[i].n));
}

/* --- client events ----------------------------------------------------------------------- */

/* clang-format off */
/* ' stands for ". before: not measured; after: some time passes. */
static const struct {
	enum dialect d;
	const char *what, *before, *json;
} asked[] = {
	{ DIALECT_GA, "session.update", NULL, "{'type':'session.update','session':{'type':'realtime','instructions':'Be brief.'}}" },
	{ DIALECT_BETA, "session.update (beta)", NULL, "{'type':'session.update','session':{'instructions':'Be brief.'}}" },
	{ DIALECT_GA, "input_audio_buffer.append, 20 ms", NULL, "APPEND" },
	{ DIALECT_GA, "input_audio_buffer.commit, 100 ms", "APPEND5", "{'type':'input_audio_buffer.commit'}" },
	{ DIALECT_GA, "input_audio_buffer.clear", "APPEND5", "{'type':'input_audio_buffer.clear'}" },
	{ DIALECT_GA, "conversation.item.create", NULL, "{'type':'conversation.item.create','item':{'type':'message','role':'user','content':[{'type':'input_text','text':'How is the pump bled?'}]}}" },
	{ DIALECT_GA, "conversation.item.retrieve", "ITEM", "{'type':'conversation.item.retrieve','item_id':'one'}" },
	{ DIALECT_GA, "conversation.item.delete", "ITEM", "{'type':'conversation.item.delete','item_id':'one'}" },
	{ DIALECT_GA, "conversation.item.truncate, refused", "ITEM", "{'type':'conversation.item.truncate','item_id':'one','content_index':0,'audio_end_ms':100}" },
	{ DIALECT_GA, "response.create, begun", "CANCEL", "{'type':'response.create'}" },
	{ DIALECT_GA, "response.cancel", "CREATE", "{'type':'response.cancel'}" },
	{ DIALECT_GA, "output_audio_buffer.clear, refused", NULL, "{'type':'output_audio_buffer.clear'}" },
	{ DIALECT_VOICE_LIVE, "input_audio.turn.start", NULL, "{'type':'input_audio.turn.start','turn_id':'t'}" },
	{ DIALECT_VOICE_LIVE, "input_text.delta", "DONE", "{'type':'input_text.delta','id':'x','delta':'some words '}" },
	{ DIALECT_VOICE_LIVE, "input_text.done", "DELTA", "{'type':'input_text.done','id':'x'}" },
	{ DIALECT_GA, "of a type that is not known", NULL, "{'type':'response.levitate'}" },
	{ DIALECT_GA, "not JSON", NULL, "{'type':" },
};

static const struct {
	const char *word, *json;
	unsigned times;
} befores[] = {
	{ "APPEND", NULL, 1 },
	{ "APPEND5", NULL, 5 },
	{ "ITEM", "{'type':'conversation.item.create','item':{'id':'one','type':'message','role':'user','content':[{'type':'input_text','text':'hi'}]}}", 1 },
	{ "CREATE", "{'type':'response.create'}", 1 },
	{ "CANCEL", "{'type':'response.cancel'}", 1 },
	{ "DELTA", "{'type':'input_text.delta','id':'x','delta':'some words '}", 1 },
	{ "DONE", "{'type':'input_text.done','id':'x'}", 1 },
};
/* clang-format on */

static void append_text(struct buf *to, int level)
{
	int16_t pcm[480];

	for (size_t i = 0; i < ARRAY_LEN(pcm); i++)
		pcm[i] = (int16_t)((i / 20) % 2 ? level : -level);
	buf_puts(to, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
	b64_append(to, pcm, sizeof(pcm));
	buf_puts(to, "\"}");
}

static unsigned words(const char *word, struct buf *to)
{
	for (size_t i = 0; word && i < ARRAY_LEN(befores); i++) {
		if (strcmp(befores[i].word, word) != 0)
			continue;
		if (befores[i].json)
			(void)!rig_unquote(to, befores[i].json);
		else
			append_text(to, 300);
		return befores[i].times;
	}
	if (word)
		(void)!rig_unquote(to, word);
	return word ? 1 : 0;
}

static void say(struct rig *r, const struct buf *text)
{
	size_t n = text->n - (text->p[text->n - 1] == 0);

	session_on_message(r->s, &r->legs[0].leg, bytes_of(text->p, n), r->env.now_us);
}

static uint64_t client_event(size_t i)
{
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf before = { 0 }, json = { 0 };
	uint64_t ns = 0;
	unsigned times = words(asked[i].before, &before);

	if (!open(&r, on_event_unmeasured, asked[i].d) || !words(asked[i].json, &json))
		abort();
	/* Turns are the client's, but for appends: those are detected in. */
	if (strcmp(asked[i].json, "APPEND") != 0 && asked[i].d == DIALECT_GA)
		rig_message(
			&r,
			"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"turn_detection\":null}}}}");
	for (unsigned k = 0; k < ROUNDS; k++) {
		for (unsigned t = 0; t < times; t++)
			say(&r, &before);
		rig_wait(&r, 20000);
		if (asked[i].before && strcmp(asked[i].before, "CREATE") == 0)
			say(&r, &before);
		uint64_t from = tick();
		say(&r, &json);
		uint64_t took = tick() - from;
		ns += took > own ? took - own : 0;
		rig_wait(&r, 20000);
		rig_message(&r, "{\"type\":\"conversation.item.delete\",\"item_id\":\"one\"}");
	}
	return ns;
}

/* --- a conversation ---------------------------------------------------------------------- */

/* 20 ms appends all the time, and audio of answers all the time: the thread's whole CPU time. */
static void conversation(bool detect, bool answers)
{
	static const struct fake_delays slow = { .first_us = 1, .chunk_us = 100000 };
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf frame = { 0 };
	static const struct fake_step long_text[] = {
		{ FAKE_TEXT,
		  "The pump is bled at the upper valve which is opened by half a turn and closed when no more air comes. ",
		  NULL }
	};

	if (!open(&r, on_event_unmeasured, DIALECT_GA))
		abort();
	fake_delays(r.fake, &slow);
	append_text(&frame, 300);
	if (!detect)
		rig_message(
			&r,
			"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"turn_detection\":null}}}}");
	uint64_t from = tick();
	for (unsigned k = 0; k < CONVERSATION_S * 50; k++) {
		if (answers && k % 50 == 0) {
			(void)!fake_answer(r.fake, long_text, 1);
			rig_message(&r,
				    "{\"type\":\"response.create\",\"response\":{\"input\":[]}}");
		}
		say(&r, &frame);
		rig_wait(&r, 20000);
		if (!detect && k % 500 == 499)
			rig_message(&r, "{\"type\":\"input_audio_buffer.clear\"}");
	}
	double us = (double)(tick() - from) / 1000 / CONVERSATION_S;
	printf("20 ms appends%s%s: %.0f us of CPU a second, %.0f sessions a core\n",
	       detect ? ", turns detected" : "", answers ? ", answers in audio all the time" : "",
	       us, 1e6 / us);
}

#ifdef RIG_REAL_VAD
enum { REAL_VAD = 1 };
#else
enum { REAL_VAD = 0 };
#endif

static void events(void)
{
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		uint64_t ns = 0;

		for (unsigned k = 0; k < SESSIONS; k++)
			ns += client_event(i);
		printf("asked %-55s %8.2f us\n", asked[i].what,
		       (double)ns / ROUNDS / SESSIONS / 1000);
	}
	for (unsigned k = 0; k < SESSIONS; k++)
		server_events();
	print_sent();
}

int main(void)
{
	(void)test_main_; /* this is no test */
	own = clock_cost();
	if (!REAL_VAD) {
		events();
		return 0;
	}
	conversation(false, false);
	conversation(true, false);
	conversation(true, true);
	return 0;
}
