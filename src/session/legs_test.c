/* Who is attached, who hears what, and how it ends. */
#include "session/rig.h"

static size_t n_over;
static uint64_t told_next;

static void over(void *ctx, struct session *s)
{
	(void)ctx, (void)s;
	n_over++;
}

static void next(void *ctx, struct session *s, uint64_t next_us)
{
	(void)ctx, (void)s;
	told_next = next_us;
}

/* A second leg of which only the types of events are kept. */
struct side {
	struct leg leg;
	char types[64][64];
	size_t n;
	unsigned closed;
};

static void side_send(struct leg *l, struct bytes json)
{
	struct side *s = CONTAINER_OF(l, struct side, leg);
	char why[160];
	AUTO(json) json_t *v = json_parse(json, why);

	if (s->n < ARRAY_LEN(s->types))
		snprintf(s->types[s->n++], sizeof(s->types[0]), "%.63s", json_str(v, "type", ""));
}

static void side_close(struct leg *l, unsigned code, const char *reason)
{
	(void)reason;
	CONTAINER_OF(l, struct side, leg)->closed = code;
}

static const struct leg_ops side_ops = { .name = "side",
					 .send_event = side_send,
					 .close = side_close };

static bool heard(const struct side *s, const char *type)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->types[i], type) == 0)
			return true;
	return false;
}

static void a_sideband_hears_events_but_no_audio(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct side side = { .leg = { &side_ops } }, second = { .leg = { &side_ops } };
	const struct session_params p = { .host = { NULL, next, over } };

	n_over = 0;
	CHECK(rig_init(&r));
	CHECK(rig_start(&r, &p, 0));
	CHECK_EQ(session_attach(r.s, &second.leg, LEG_MAIN, r.env.now_us), -EBUSY);
	CHECK_EQ(session_attach(r.s, &side.leg, LEG_SIDEBAND, r.env.now_us), 0);
	CHECK(side.n == 1 && heard(&side, "session.created"));
	rig_message(&r, "{\"type\":\"nonsense\"}");
	CHECK(!heard(&side, "error")); /* it did not ask */
	session_on_message(r.s, &side.leg, bytes_str("{\"type\":\"response.create\"}"),
			   r.env.now_us);
	rig_wait(&r, 100000);
	CHECK(heard(&side, "response.created") && heard(&side, "response.done"));
	CHECK(!heard(&side, "response.output_audio.delta"));
	CHECK(told_next < UINT64_MAX);
	session_detach(r.s, &r.legs[0].leg, r.env.now_us);
	CHECK_EQ(side.closed, 1000);
	CHECK_EQ(n_over, 0);
	session_detach(r.s, &side.leg, r.env.now_us);
	CHECK_EQ(n_over, 1);
	CHECK_EQ(session_attach(r.s, &side.leg, LEG_MAIN, r.env.now_us), -ESHUTDOWN);
}

static void session_update(struct session *s, struct leg *l, const char *session, uint64_t now_us)
{
	AUTO(buf) struct buf text = { 0 };

	buf_printf(&text, "{\"type\":\"session.update\",\"session\":%s}", session);
	if (!text.failed)
		session_on_message(s, l, buf_bytes(&text), now_us);
}

/* What of a Voice Live call goes to the control socket, and what to the data channel. */
static const struct {
	const char *type;
	bool control, data;
} shares[] = {
	{ "session.created", true, false },
	{ "session.updated", true, false },
	{ "response.created", false, true },
	{ "response.text.delta", false, true },
	{ "response.function_call_arguments.done", true, false },
	{ "response.output_item.added", true, true }, /* a message's; a call's */
	{ "conversation.item.created", true, true },
	{ "response.done", false, true },
};

static void a_call_is_shared_by_control_socket_and_data_channel(void)
{
	static const struct fake_step steps[] = { { FAKE_TEXT, "Yes.", NULL },
						  { FAKE_CALL, "weather", "{}" } };
	AUTO(rig) struct rig r = { 0 };
	struct side control = { .leg = { &side_ops, VIEW_CONTROL } };
	struct side data = { .leg = { &side_ops, VIEW_DATA } };
	const struct session_params p = { .dialect = DIALECT_VOICE_LIVE };

	CHECK(rig_init(&r));
	CHECK(fake_answer(r.fake, steps, ARRAY_LEN(steps)) == 0);
	CHECK(rig_start(&r, &p, 0));
	CHECK_EQ(session_attach(r.s, &control.leg, LEG_SIDEBAND, r.env.now_us), 0);
	CHECK_EQ(session_attach(r.s, &data.leg, LEG_SIDEBAND, r.env.now_us), 0);
	session_update(r.s, &control.leg,
		       "{\"modalities\":[\"text\"],\"tools\":[{\"type\":\"function\",\"name\":\"weather\"}]}",
		       r.env.now_us);
	session_on_message(r.s, &data.leg, bytes_str("{\"type\":\"response.create\"}"),
			   r.env.now_us);
	rig_wait(&r, 100000);
	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		CHECK_EQ(heard(&control, shares[i].type), shares[i].control);
		CHECK_EQ(heard(&data, shares[i].type), shares[i].data);
	}
	session_on_message(r.s, &data.leg, bytes_str("{\"type\":\"x\"}"), r.env.now_us);
	CHECK(heard(&control, "error") && heard(&data, "error"));

	/* Without a data channel all of it is the control socket's. */
	session_set_view(r.s, &data.leg, VIEW_NONE, r.env.now_us);
	session_on_message(r.s, &control.leg, bytes_str("{\"type\":\"response.create\"}"),
			   r.env.now_us);
	size_t n = data.n;
	rig_wait(&r, 100000);
	CHECK(heard(&control, "response.created") && heard(&control, "response.done"));
	CHECK_EQ(data.n, n);
}

static void a_call_outlives_its_control_socket_for_a_while(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct side control = { .leg = { &side_ops, VIEW_CONTROL } }, again = control;
	const struct session_params p = { .dialect = DIALECT_VOICE_LIVE, .grace_us = 5 * US_PER_S };

	CHECK(rig_init(&r));
	CHECK(rig_start(&r, &p, 48000));
	CHECK_EQ(session_attach(r.s, &control.leg, LEG_SIDEBAND, r.env.now_us), 0);
	session_detach(r.s, &control.leg, r.env.now_us);
	rig_wait(&r, 4 * US_PER_S);
	CHECK_EQ(session_attach(r.s, &again.leg, LEG_SIDEBAND, r.env.now_us), 0);
	rig_wait(&r, 4 * US_PER_S);
	CHECK_EQ(r.legs[0].closed, 0);
	session_detach(r.s, &again.leg, r.env.now_us);
	rig_wait(&r, 5 * US_PER_S);
	CHECK_EQ(r.legs[0].closed, 1000);
}

/* The control socket asks before the media are connected: the answer waits for them. */
static void an_answer_waits_for_the_media(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct side control = { .leg = { &side_ops, VIEW_CONTROL } };
	const struct session_params more = { .dialect = DIALECT_VOICE_LIVE, .paced_hz = 48000 };
	struct session_params p = more;
	struct api_error e;

	CHECK(rig_init(&r));
	p.env = &r.env.env;
	p.engines = &r.engines;
	CHECK_EQ(session_new(&r.s, &p, &e), 0);
	CHECK_EQ(session_attach(r.s, &control.leg, LEG_SIDEBAND, r.env.now_us), 0);
	session_on_message(r.s, &control.leg, bytes_str("{\"type\":\"response.create\"}"),
			   r.env.now_us);
	rig_wait(&r, 2 * US_PER_S);
	CHECK(heard(&control, "response.created") && !heard(&control, "response.done"));
	rig_leg_init(&r, 0, 48000);
	r.legs[0].attached = true;
	r.legs[0].leg.view = VIEW_NONE;
	CHECK_EQ(session_attach(r.s, &r.legs[0].leg, LEG_MAIN, r.env.now_us), 0);
	rig_wait(&r, 5 * US_PER_S);
	CHECK(heard(&control, "response.done") && heard(&control, "output_audio_buffer.stopped"));
	CHECK(r.legs[0].audio_total > 0);
}

/* webrtcfilter=on: the documented list, and nothing else, goes to the data channel. */
static void a_filtered_leg_hears_the_documented_events_only(void)
{
	AUTO(rig) struct rig r = { 0 };
	struct side data = { .leg = { &side_ops, VIEW_FILTERED } };
	struct side observer = { .leg = { &side_ops } };

	CHECK(rig_init(&r));
	CHECK(rig_start(&r, NULL, 48000));
	CHECK_EQ(session_attach(r.s, &data.leg, LEG_SIDEBAND, r.env.now_us), 0);
	CHECK_EQ(session_attach(r.s, &observer.leg, LEG_SIDEBAND, r.env.now_us), 0);
	session_on_message(r.s, &data.leg, bytes_str("{\"type\":\"response.create\"}"),
			   r.env.now_us);
	rig_wait(&r, 500000);
	CHECK(heard(&observer, "response.done") && heard(&observer, "response.created"));
	CHECK(heard(&data, "conversation.item.added"));
	CHECK(heard(&data, "response.output_audio_transcript.delta"));
	for (size_t i = 0; i < data.n; i++)
		CHECK(strcmp(data.types[i], "response.done") != 0 &&
		      strcmp(data.types[i], "session.created") != 0 &&
		      strcmp(data.types[i], "response.output_item.added") != 0 &&
		      strcmp(data.types[i], "rate_limits.updated") != 0);
}

static void a_minted_config_counts(void)
{
	AUTO(rig) struct rig r = { 0 };
	CHECK(rig_init(&r));
	AUTO(json)
	json_t *config = json_pack("{s:s,s:s,s:{s:{s:s}}}", "type", "realtime", "instructions",
				   "minted", "audio", "output", "voice", "echo");
	AUTO(json) json_t *wrong = json_pack("{s:i}", "instructions", 7);
	AUTO(json) json_t *shown = NULL;
	struct session_params p = { .config = config };
	struct session *s = NULL;
	struct api_error e;

	CHECK(config && wrong);
	CHECK(rig_start(&r, &p, 0));
	const json_t *made = json_object_get(json_array_get(r.events, 0), "session");
	CHECK_STR(json_str(made, "instructions", ""), "minted");
	p.env = &r.env.env;
	p.engines = &r.engines;
	CHECK_EQ(session_config_preview(&p, &shown, &e), 0);
	CHECK_EQ(json_int(shown, "expires_at", -1), 0);
	CHECK_STR(json_str(shown, "instructions", ""), "minted");
	p.config = wrong;
	CHECK_EQ(session_new(&s, &p, &e), -EINVAL);
	CHECK_STR(e.param, "session.instructions");
}

static void an_idle_session_is_small(void)
{
	AUTO(rig) struct rig r = { 0 };
	AUTO(buf) struct buf dump = { 0 };

	CHECK(rig_init(&r));
	CHECK(rig_start(&r, NULL, 0));
	session_dump(r.s, &dump);
	CHECK(!dump.failed && dump.n > 50);
}

/* Its place is another's by the time its turn comes: who came later has not asked. */
static void what_a_leg_asked_for_outlives_it(void)
{
	const struct fake_delays slow = { .step_us = 1000000 };
	struct side first = { .leg = { &side_ops } }, later = first;

	RIG(r, NULL, 0);
	fake_delays(r.fake, &slow);
	rig_say(&r, "{'type':'session.update','session':{'type':'realtime','include':['voiced.queue']}}");
	rig_say(&r, "{'type':'conversation.item.create','item':{'id':'u','type':'message',"
		    "'role':'user','content':[{'type':'input_text','text':'x'}]}}");
	CHECK_EQ(session_attach(r.s, &first.leg, LEG_SIDEBAND, r.env.now_us), 0);
	session_on_message(r.s, &first.leg, bytes_str("{\"type\":\"response.create\"}"), r.env.now_us);
	session_on_message(r.s, &first.leg, bytes_str("{\"type\":\"response.create\"}"), r.env.now_us);
	session_on_message(r.s, &first.leg,
			   bytes_str("{\"type\":\"response.create\",\"event_id\":\"mine\",\"response\":"
				     "{\"input\":[{\"type\":\"item_reference\",\"id\":\"u\"}]}}"),
			   r.env.now_us);
	rig_say(&r, "{'type':'conversation.item.delete','item_id':'u'}");
	CHECK(!heard(&first, "error"));
	session_detach(r.s, &first.leg, r.env.now_us);
	CHECK_EQ(session_attach(r.s, &later.leg, LEG_SIDEBAND, r.env.now_us), 0);
	rig_wait(&r, 30000000);
	CHECK_EQ(rig_count(&r, "response.done"), 2);
	CHECK(heard(&later, "error"));
	CHECK(rig_until(&r, "error", "{'error':{'param':'response.input','event_id':null}}"));
	session_detach(r.s, &later.leg, r.env.now_us);
}

TESTS({ "what_a_leg_asked_for_outlives_it", what_a_leg_asked_for_outlives_it },
      { "a_sideband_hears_events_but_no_audio", a_sideband_hears_events_but_no_audio },
      { "a_call_is_shared_by_control_socket_and_data_channel",
	a_call_is_shared_by_control_socket_and_data_channel },
      { "a_call_outlives_its_control_socket_for_a_while",
	a_call_outlives_its_control_socket_for_a_while },
      { "an_answer_waits_for_the_media", an_answer_waits_for_the_media },
      { "a_filtered_leg_hears_the_documented_events_only",
	a_filtered_leg_hears_the_documented_events_only },
      { "a_minted_config_counts", a_minted_config_counts },
      { "an_idle_session_is_small", an_idle_session_is_small })
