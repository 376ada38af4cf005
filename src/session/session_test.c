/* Plays test/scenarios/: each line is an input, the passing of time, or the event expected
 * next. The words are in the table commands[]; docs/session.md shows them. */
#include <dirent.h>

#include "session/rig.h"
#include "session/rig_purse.h"

enum { NAMES_MAX = 32, STEPS_MAX = 16, LINE_MAX_OCTETS = 8192 };

struct play {
	struct rig rig;
	const char *file;
	unsigned line;
	bool failed, started, skipping;
	unsigned paced_hz;
	struct session_params params;
	struct rig_purse purse;
	struct fake_delays delays;
	struct fake_step steps[STEPS_MAX];
	size_t n_steps;
	char texts[2 * STEPS_MAX][512];
	struct {
		char name[32], value[64];
	} names[NAMES_MAX]; /* $x: what it stood for */
	size_t n_names;
};

static void play_auto_(struct play *p)
{
	rig_auto_(&p->rig);
}

static void complain(struct play *p, const char *what, const json_t *got)
{
	char *text = json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT);

	if (!p->failed && !mem_failed())
		fprintf(stderr, "%s:%u: %s: %.400s\n", p->file, p->line, what, text ? text : "");
	mem_free(text);
	p->failed = true;
}

/* --- matching ---------------------------------------------------------------------------- */

static bool name_matches(struct play *p, const char *name, const json_t *v)
{
	const char *value = json_is_string(v) ? json_string_value(v) : "(not a string)";

	for (size_t i = 0; i < p->n_names; i++)
		if (strcmp(p->names[i].name, name) == 0)
			return strcmp(p->names[i].value, value) == 0;
	if (p->n_names == NAMES_MAX || !json_is_string(v))
		return false;
	snprintf(p->names[p->n_names].name, 32, "%s", name);
	snprintf(p->names[p->n_names++].value, 64, "%s", value);
	return true;
}

static bool matches(struct play *p, const json_t *want, const json_t *got)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_string(want) && json_string_value(want)[0] == '$')
		return name_matches(p, json_string_value(want), got);
	if (json_is_object(want)) {
		json_object_foreach ((json_t *)(uintptr_t)want, key, v)
			if (!matches(p, v, json_object_get(got, key)))
				return false;
		return json_is_object(got);
	}
	if (json_is_array(want)) {
		if (json_array_size(want) != json_array_size(got))
			return false;
		json_array_foreach (want, i, v)
			if (!matches(p, v, json_array_get(got, i)))
				return false;
		return true;
	}
	return json_equal(want, got);
}

/* --- commands ---------------------------------------------------------------------------- */

static bool begin(struct play *p)
{
	if (p->started)
		return p->rig.s;
	p->started = true;
	fake_delays(p->rig.fake, &p->delays);
	if (!rig_start(&p->rig, &p->params, p->paced_hz) && !mem_failed())
		complain(p, "the session does not start", NULL);
	return p->rig.s;
}

static void do_paced(struct play *p, char *arg)
{
	p->paced_hz = (unsigned)strtoul(arg, NULL, 10);
}

static void do_kind(struct play *p, char *arg)
{
	p->params.kind =
		strcmp(arg, "transcription") == 0 ? SESSION_TRANSCRIPTION : SESSION_REALTIME;
}

static const char *const dialects[N_DIALECTS] = { "ga", "beta", "voice_live" };

static void do_dialect(struct play *p, char *arg)
{
	for (size_t i = 0; i < N_DIALECTS; i++)
		if (strcmp(dialects[i], arg) == 0)
			p->params.dialect = (enum dialect)i;
}

static void do_enforced(struct play *p, char *arg)
{
	(void)arg;
	p->params.enforced = true;
}

/* budget TOKENS: of the session, where a million tokens cost 1000 EUR, and of speech a minute 1. */
static void do_budget(struct play *p, char *arg)
{
	static const struct price price = { .text_in = 1000, .text_out = 1000, .minute = 1 };

	p->purse.tokens = strtoul(arg, NULL, 10);
	p->params.payers = (struct payers){ &purse_ops, &p->purse, 0, "EUR" };
	p->rig.engines.llm_price = p->rig.engines.stt_price = &price;
}

static void do_delay(struct play *p, char *arg)
{
	char name[16] = "";
	unsigned us = 0;
	static const struct {
		const char *name;
		size_t at;
	} known[] = { { "word", offsetof(struct fake_delays, word_us) },
		      { "settle", offsetof(struct fake_delays, settle_us) },
		      { "final", offsetof(struct fake_delays, final_us) },
		      { "step", offsetof(struct fake_delays, step_us) },
		      { "first", offsetof(struct fake_delays, first_us) },
		      { "chunk", offsetof(struct fake_delays, chunk_us) } };

	if (sscanf(arg, "%15s %u", name, &us) != 2)
		complain(p, "delay NAME MICROSECONDS", NULL);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].name, name) == 0)
			memcpy((char *)&p->delays + known[i].at, &us, sizeof(us));
	fake_delays(p->rig.fake, &p->delays);
}

static void do_hear(struct play *p, char *arg)
{
	(void)!fake_hear(p->rig.fake, arg);
}

static void do_hear_error(struct play *p, char *arg)
{
	(void)!fake_hear_error(p->rig.fake, arg);
}

static void do_speak_error(struct play *p, char *arg)
{
	(void)!fake_speak_error(p->rig.fake, arg);
}

static void do_busy(struct play *p, char *arg)
{
	fake_stt_busy(p->rig.fake, strcmp(arg, "on") == 0);
}

static void do_settled_is_final(struct play *p, char *arg)
{
	(void)arg;
	p->rig.stt_ops.caps |= STT_SETTLED_IS_FINAL;
}

static void do_answer(struct play *p, char *arg)
{
	(void)arg;
	(void)!fake_answer(p->rig.fake, p->steps, p->n_steps);
	p->n_steps = 0;
}

static void add_step(struct play *p, enum fake_say say, char *arg)
{
	static char none[1];
	char *more = none;

	if (p->n_steps == STEPS_MAX)
		return;
	if (say == FAKE_CALL && (more = strchr(arg, ' ')))
		*more++ = 0;
	char *text = p->texts[2 * p->n_steps], *second = p->texts[2 * p->n_steps + 1];
	snprintf(text, sizeof(p->texts[0]), "%s", arg);
	snprintf(second, sizeof(p->texts[0]), "%s", more ? more : "{}");
	p->steps[p->n_steps++] = (struct fake_step){ say, text, second };
}

static void do_text(struct play *p, char *arg)
{
	add_step(p, FAKE_TEXT, arg);
}
static void do_cite(struct play *p, char *arg)
{
	add_step(p, FAKE_CITE, arg);
}
static void do_call(struct play *p, char *arg)
{
	add_step(p, FAKE_CALL, arg);
}
static void do_error(struct play *p, char *arg)
{
	add_step(p, FAKE_ERROR, arg);
}
static void do_max(struct play *p, char *arg)
{
	add_step(p, FAKE_MAX_TOKENS, arg);
}

/* $x in a message becomes what it stood for. */
static void do_message(struct play *p, char *arg)
{
	AUTO(buf) struct buf text = { 0 };

	if (!begin(p))
		return;
	while (*arg) {
		bool found = false;

		for (size_t i = 0; *arg == '$' && !found && i < p->n_names; i++) {
			size_t n = strlen(p->names[i].name);

			found = strncmp(arg, p->names[i].name, n) == 0 && arg[n] == '"';
			if (found) {
				buf_puts(&text, p->names[i].value);
				arg += n;
			}
		}
		if (!found)
			buf_putc(&text, *arg++);
	}
	if (!text.failed)
		rig_message(&p->rig, text.p ? (const char *)text.p : "");
	rig_run_due(&p->rig);
}

static void do_wait(struct play *p, char *arg)
{
	if (!begin(p))
		return;
	rig_wait(&p->rig, strtoull(arg, NULL, 10) * US_PER_MS);
}

static void do_speech(struct play *p, char *arg)
{
	if (!begin(p))
		return;
	rig_audio(&p->rig, (unsigned)strtoul(arg, NULL, 10), RIG_LOUD);
}

static void do_silence(struct play *p, char *arg)
{
	if (!begin(p))
		return;
	rig_audio(&p->rig, (unsigned)strtoul(arg, NULL, 10), 0);
}

static void do_room(struct play *p, char *arg)
{
	if (!begin(p))
		return;
	p->rig.legs[0].room = strtoull(arg, NULL, 10);
	session_on_writable(p->rig.s, &p->rig.legs[0].leg, p->rig.env.now_us);
	rig_run_due(&p->rig);
}

static bool is_type(const json_t *event, const char *type)
{
	return strcmp(json_str(event, "type", ""), type) == 0;
}

/* < TYPE [JSON]: the next event is of this type and holds these members. */
static void do_expect(struct play *p, char *arg)
{
	char *json = strchr(arg, ' '), why[160];

	if (!begin(p))
		return;
	if (json)
		*json++ = 0;
	AUTO(json) json_t *want = json ? json_parse(bytes_str(json), why) : NULL;
	if (json && !want)
		complain(p, "wrong JSON in the scenario", NULL);
	json_t *got = rig_take(&p->rig);
	while (p->skipping && got && !(is_type(got, arg) && (!want || matches(p, want, got))))
		got = rig_take(&p->rig);
	if (!got || !is_type(got, arg))
		complain(p, "another event than expected", got);
	else if (want && !p->skipping && !matches(p, want, got))
		complain(p, "the event has other members", got);
	p->skipping = false;
}

/* <+ TYPE: one or more of these. */
static void do_expect_some(struct play *p, char *arg)
{
	struct rig *r = &p->rig;

	do_expect(p, arg);
	while (r->taken < json_array_size(r->events) &&
	       is_type(json_array_get(r->events, r->taken), arg))
		r->taken++;
}

static void do_none(struct play *p, char *arg)
{
	json_t *got = rig_take(&p->rig);

	(void)arg;
	for (size_t i = 0; getenv("SCENARIO_EVENTS") && i < json_array_size(p->rig.events); i++) {
		char *text = json_dumps(json_array_get(p->rig.events, i), JSON_COMPACT);
		fprintf(stderr, "%.240s\n", text);
		mem_free(text);
	}
	if (got)
		complain(p, "no event was expected", got);
}

static void do_skip(struct play *p, char *arg)
{
	(void)arg;
	p->skipping = true;
}

static void do_closed(struct play *p, char *arg)
{
	if (p->rig.legs[0].closed != strtoul(arg, NULL, 10))
		complain(p, "the leg was not closed so", NULL);
}

static const struct {
	const char *word;
	void (*run)(struct play *, char *);
} commands[] = {
	{ "paced", do_paced },
	{ "kind", do_kind },
	{ "dialect", do_dialect },
	{ "enforced", do_enforced },
	{ "budget", do_budget },
	{ "delay", do_delay },
	{ "hear", do_hear },
	{ "hear-error", do_hear_error },
	{ "busy", do_busy },
	{ "settled-is-final", do_settled_is_final },
	{ "speak-error", do_speak_error },
	{ "text", do_text },
	{ "cite", do_cite },
	{ "call", do_call },
	{ "error", do_error },
	{ "max", do_max },
	{ "answer", do_answer },
	{ ">", do_message },
	{ "+", do_wait },
	{ "speech", do_speech },
	{ "silence", do_silence },
	{ "room", do_room },
	{ "<", do_expect },
	{ "<+", do_expect_some },
	{ "none", do_none },
	{ "...", do_skip },
	{ "closed", do_closed },
};

static void play_line(struct play *p, char *line)
{
	size_t n = strcspn(line, " \n");
	char *arg = line + n + (line[n] == ' ');

	arg[strcspn(arg, "\n")] = 0;
	line[n] = 0;
	if (!line[0] || line[0] == '#')
		return;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].word, line) == 0) {
			commands[i].run(p, arg);
			return;
		}
	complain(p, "unknown word in the scenario", NULL);
}

/* --- golden events: test/events/<dialect>/<type>.json has the same members in order -------- */

static json_t *seen; /* "dialect/type": the first event of it */

static bool same_shape(const json_t *want, const json_t *got)
{
	void *a, *b;

	if (json_is_null(want) || json_is_null(got))
		return true; /* a member that may be null */
	if (json_is_number(want))
		return json_is_number(got);
	if (json_is_boolean(want))
		return json_is_boolean(got);
	if (json_typeof(want) != json_typeof(got))
		return json_is_string(want) && json_is_integer(got); /* "inf" */
	if (json_is_array(want))
		return !json_array_size(want) || !json_array_size(got) ||
		       same_shape(json_array_get(want, 0), json_array_get(got, 0));
	if (!json_is_object(want))
		return true;
	a = json_object_iter((json_t *)(uintptr_t)want);
	b = json_object_iter((json_t *)(uintptr_t)got);
	for (; a && b; a = json_object_iter_next((json_t *)(uintptr_t)want, a),
		       b = json_object_iter_next((json_t *)(uintptr_t)got, b))
		if (strcmp(json_object_iter_key(a), json_object_iter_key(b)) != 0 ||
		    !same_shape(json_object_iter_value(a), json_object_iter_value(b)))
			return false;
	return !a && !b;
}

static void note_seen(const struct rig *r, enum dialect d)
{
	for (size_t i = 0; i < json_array_size(r->events); i++) {
		json_t *e = json_array_get(r->events, i);
		char key[128];

		snprintf(key, sizeof(key), "%s/%s", dialects[d], json_str(e, "type", ""));
		if (!json_object_get(seen, key))
			(void)!json_object_set(seen, key, e);
	}
}

static const char *const event_names[][N_DIALECTS] = {
#define EVENT(word, flags, channel, ga, beta, voice_live) { ga, beta, voice_live },
#include "session/event.def"
#undef EVENT
};

static bool golden(enum dialect d, const char *type)
{
	char path[512], key[128];

	snprintf(key, sizeof(key), "%s/%s", dialects[d], type);
	snprintf(path, sizeof(path), "%s/%s.json", EVENTS, key);
	json_t *got = json_object_get(seen, key);
	if (!got) {
		fprintf(stderr, "no scenario shows %s\n", key);
		return false;
	}
	if (getenv("GOLDEN_WRITE"))
		(void)!json_dump_file(got, path, JSON_INDENT(2));
	AUTO(json) json_t *want = json_load_file(path, 0, NULL);
	if (want && same_shape(want, got))
		return true;
	fprintf(stderr, "%s is not as %s\n", key, path);
	return false;
}

static bool play_file(const char *path)
{
	__attribute__((cleanup(play_auto_))) struct play p = { .file = path };
	char line[LINE_MAX_OCTETS];
	FILE *f = fopen(path, "r");

	if (!f)
		return false;
	if (!rig_init(&p.rig))
		p.failed = true;
	while (!p.failed && !mem_failed() && fgets(line, sizeof(line), f)) {
		char *start = line + strspn(line, " \t");

		p.line++;
		play_line(&p, start);
	}
	fclose(f);
	if (!p.failed && !mem_failed() && !p.skipping)
		do_none(&p, NULL);
	note_seen(&p.rig, p.params.dialect);
	return !p.failed;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void all_scenarios(void)
{
	const char *only = getenv("SCENARIO");
	char names[64][64], *sorted[64];
	size_t n = 0;
	DIR *d = opendir(SCENARIOS);

	CHECK(d);
	for (struct dirent *e; n < 64 && (e = readdir(d));)
		if (strstr(e->d_name, ".txt") && (!only || strcmp(only, e->d_name) == 0)) {
			snprintf(names[n], sizeof(names[n]), "%.63s", e->d_name);
			sorted[n] = names[n];
			n++;
		}
	closedir(d);
	CHECK(n > 0);
	json_init();
	AUTO(json) json_t *events = json_object();
	seen = events;
	qsort(sorted, n, sizeof(sorted[0]), by_name);
	/* With memory running out at each allocation in turn one short scenario says enough here;
	 * oom_test.c takes the others. */
	size_t run = getenv("VOICED_TEST_OOM") ? 1 : n;
	for (size_t i = 0; i < run; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", SCENARIOS, sorted[i]);
		CHECK(play_file(path));
	}
	bool all = true;
	for (size_t i = 0; run == n && !only && i < ARRAY_LEN(event_names); i++)
		for (size_t k = 0; k < N_DIALECTS; k++)
			all = (!event_names[i][k] || golden((enum dialect)k, event_names[i][k])) && all;
	CHECK(all);
}

TESTS({ "all_scenarios", all_scenarios })
