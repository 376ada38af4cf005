/* Random interleavings of valid and invalid events, audio, engine results and time, in virtual
 * time, in all dialects and arrangements of legs. Each event that leaves is held against
 * invariants.h; what comes in is counted in the cells of cells.def, and must be answered
 * as they say. The seed of a session says which cells it is led to; between them it acts at random.
 *
 * PROPERTY_RUNS sessions (default 150), seeds from PROPERTY_SEED (default 1). With PROPERTY_CELLS
 * the counts are printed, and each cell must have been hit that often. */
#include "session/property_says.h"

/* --- one session ------------------------------------------------------------------------- */

static void wire_engines(struct chance *c)
{
	struct rig *r = &c->rig;

	r->stt_ops.begin = stt_begin;
	c->llm_ops = fake_llm_ops;
	c->llm_ops.start = llm_start;
	c->tts_ops = fake_tts_ops;
	c->tts_ops.start = tts_start;
	c->tool_ops = rig_tool_ops;
	c->tool_ops.start = tool_start;
	r->engines.llm_ops = &c->llm_ops;
	r->engines.tts_ops = &c->tts_ops;
	r->defs[0].ops = &c->tool_ops;
}

static bool start(struct chance *c)
{
	struct rig *r = &c->rig;
	struct session_params p = { .env = &r->env.env,
				    .engines = &r->engines,
				    .dialect = c->dialect,
				    .config_dialect = c->dialect,
				    .kind = c->kind,
				    .enforced = c->enforced };
	struct api_error e;

	wire_engines(c);
	if (c->relayed) {
		fake_realtime(r->fake, &r->engines);
		r->engines.service_turns = !dice(c, 3);
	}
	c->log = json_array();
	if (session_new(&r->s, &p, &e) != 0 || !model_init(&c->model, r->s))
		return false;
	rig_leg_init(r, 0, c->paced ? 48000 : 0);
	r->legs[0].ops.send_event = main_send;
	r->legs[0].ops.close = main_close;
	r->legs[0].attached = true;
	r->legs[0].leg.view = c->legs == FILTERED ? VIEW_FILTERED
			      : c->legs == CALL   ? VIEW_DATA
						  : VIEW_ALL;
	if (session_attach(r->s, &r->legs[0].leg, LEG_MAIN, r->env.now_us) != 0)
		return false;
	return (c->legs == SOLO || side_attach(c, WITNESS, VIEW_ALL)) &&
	       (c->legs != CALL || side_attach(c, CONTROLLER, VIEW_CONTROL));
}

/* What of the cell's event and state must be so from the start. */
static void plan(struct chance *c, enum in in, unsigned state)
{
	unsigned d = dice(c, N_DIALECTS);

	c->dialect = in >= IN_TURN_START && in <= IN_SDP ? DIALECT_VOICE_LIVE
		     : in == IN_T_UPDATE                 ? DIALECT_BETA
		     : in == IN_GRACE || in == IN_VIEW   ? DIALECT_VOICE_LIVE
		     : in == IN_IDLE                     ? DIALECT_GA
							 : (enum dialect)d;
	bool wordless = (enum doing)(state % N_DOING) == NONE &&
			(in <= IN_DELETE || (in >= IN_UNKNOWN && in <= IN_STT_RETRY));
	c->kind = in == IN_T_UPDATE ||
				  (wordless && dice(c, 6) == 0 && c->dialect != DIALECT_VOICE_LIVE)
			  ? SESSION_TRANSCRIPTION
			  : SESSION_REALTIME;
	c->paced = dice(c, 2) || (enum doing)(state % N_DOING) == DRAINING || in == IN_GRACE ||
		   in == IN_VIEW || in == IN_PLAY_STARTED || in == IN_PLAY_DRAINED;
	c->enforced = c->dialect == DIALECT_BETA && c->kind == SESSION_REALTIME && !dice(c, 4);
	c->queue = c->dialect != DIALECT_BETA && !dice(c, 3);
	c->legs = in == IN_GRACE || in == IN_VIEW ? CALL : (enum arrangement)dice(c, 2);
	if (c->paced && c->dialect == DIALECT_VOICE_LIVE && dice(c, 2))
		c->legs = CALL;
	else if (c->paced && dice(c, 4) == 0 && c->dialect == DIALECT_GA)
		c->legs = FILTERED;
}

static void tell(const struct chance *c, uint64_t seed)
{
	fprintf(stderr, "seed %" PRIu64 ", %s, event %zu: %s: %s\n", seed,
		event_name(c->dialect, EV_ITEM_ADDED), c->model.n, c->why, c->what);
	for (size_t i = 0; getenv("SCENARIO_EVENTS") && i < json_array_size(c->log); i++) {
		char *text = json_dumps(json_array_get(c->log, i), JSON_COMPACT);

		fprintf(stderr, "%.400s\n", text);
		mem_free(text);
	}
	AUTO(buf) struct buf dump = { 0 };
	session_dump(c->rig.s, &dump);
	fprintf(stderr, "%s\n", (const char *)dump.p);
}

/* The k-th cell that can happen. */
static void nth_cell(uint64_t k, enum in *in, unsigned *state)
{
	static unsigned list[N_INS * N_STATES], n;

	if (n == 0)
		for (unsigned i = 0; i < N_INS * N_STATES; i++)
			if (letter(i / N_STATES, i % N_STATES) != '.')
				list[n++] = i;
	/* A stride without a common divisor: sessions beside each other are unlike. */
	unsigned at = list[k * 7919 % n];
	*in = at / N_STATES;
	*state = at % N_STATES;
}

/* Let everything come to its end. */
static void finish(struct chance *c)
{
	struct rig *r = &c->rig;

	fake_hang(r->fake, false);
	/* What recognition still owes may begin a response, and that another one. */
	for (unsigned n = 0; n < 3 && !c->over; n++) {
		calm(c);
		take_turns_away(c);
		rig_wait(r, 62000000);
	}
	if (!c->over && !c->why && !mem_failed() && !r->s->broken) {
		const char *why = invariants_end(&c->model);
		if (why)
			blame(c, why, "");
	}
	for (size_t i = 0; i < N_SIDES; i++)
		side_detach(c, i);
	if (r->legs[0].attached)
		session_detach(r->s, &r->legs[0].leg, r->env.now_us);
	r->legs[0].attached = false;
}

static bool one(uint64_t seed, bool relayed)
{
	enum { ROUNDS = 3 };
	__attribute__((cleanup(chance_auto_))) struct chance c = { .seed = seed, .relayed = relayed };
	enum in in;
	unsigned state;

	now = &c;
	if (!rig_init(&c.rig))
		return false;
	for (unsigned k = 0; k < ROUNDS && !c.over; k++) {
		nth_cell(seed * ROUNDS + k, &in, &state);
		if (k == 0) {
			plan(&c, in, state);
			if (!start(&c))
				return false;
			if (c.queue)
				configure(&c, true, true);
		}
		direct(&c, in, state);
		for (unsigned n = dice(&c, 10); n > 0 && !c.over && !c.why; n--)
			act(&c);
	}
	finish(&c);
	if (c.why && !mem_failed())
		tell(&c, seed);
	return !c.why || mem_failed();
}

static uint64_t number(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : fallback;
}

/* The counts, and whether each cell was hit `least` times. */
static bool print_cells(uint64_t least)
{
	static const char *const turns[] = { "quiet", "speech", "pause" };
	uint64_t total = 0, fewest = UINT64_MAX;
	unsigned n = 0, missed = 0;

	fprintf(stderr, "%-30s      none    aside     held   active draining\n", "");
	for (unsigned in = 0; in < N_INS; in++)
		for (unsigned t = 0; t < N_TURNS; t++) {
			fprintf(stderr, "%-30s %-6s", t ? "" : cells[in].name, turns[t]);
			for (unsigned d = 0; d < N_DOING; d++) {
				uint64_t v = hits[in][t * N_DOING + d];

				if (cells[in].letters[t][d] == '.') {
					fprintf(stderr, "        -");
					continue;
				}
				fprintf(stderr, "%8" PRIu64 "%c", v, v < least ? '!' : ' ');
				n++;
				missed += v < least;
				total += v;
				fewest = MIN(fewest, v);
			}
			fprintf(stderr, "\n");
		}
	fprintf(stderr,
		"%u cells, %u hit less than %" PRIu64 " times, fewest %" PRIu64 ", %" PRIu64
		" events in all\n",
		n, missed, least, fewest, total);
	return missed == 0;
}

static void invariants_hold(void)
{
	uint64_t runs = number("PROPERTY_RUNS", 150), first = number("PROPERTY_SEED", 1);

	if (getenv("VOICED_TEST_OOM"))
		return; /* memory_runs_out_anywhere */
	for (uint64_t i = 0; i < runs; i++) {
		size_t live = mem_live();

		CHECK(one(first + i, false));
		CHECK_EQ(mem_live(), live);
	}
	if (getenv("PROPERTY_CELLS"))
		CHECK(print_cells(number("PROPERTY_CELLS", 0)));
}

/* The same where a realtime service carries the conversation, and is lost now and then. */
static void invariants_hold_with_a_service(void)
{
	uint64_t runs = number("PROPERTY_RUNS", 150), first = number("PROPERTY_SEED", 1);

	if (getenv("VOICED_TEST_OOM"))
		return;
	for (uint64_t i = 0; i < runs; i++) {
		size_t live = mem_live();

		CHECK(one(first + i, true));
		CHECK_EQ(mem_live(), live);
	}
}

/* An allocation somewhere in the middle fails: the session ends, and nothing is left behind. */
static void memory_runs_out_anywhere(void)
{
	uint64_t runs = MIN(number("PROPERTY_RUNS", 150), (uint64_t)5000),
		 first = number("PROPERTY_SEED", 1);

	if (getenv("VOICED_TEST_OOM"))
		return;
	for (uint64_t i = 0; i < runs; i++) {
		size_t live = mem_live();

		mem_fail_at((first + i) * 7919 % 20000 + 1);
		bool ok = one(first + i, i % 3 == 0), failed = mem_failed();
		mem_fail_at(0);
		CHECK(ok || failed);
		if (mem_live() != live)
			fprintf(stderr, "seed %" PRIu64 "\n", first + i);
		CHECK_EQ(mem_live(), live);
	}
}

TESTS({ "invariants_hold", invariants_hold },
      { "invariants_hold_with_a_service", invariants_hold_with_a_service },
      { "memory_runs_out_anywhere", memory_runs_out_anywhere })
