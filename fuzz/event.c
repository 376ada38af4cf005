/* Client events, as octets from a stranger: each line of the input is one message to a
 * session whose engines are fakes; between them some time passes. All that it sends is JSON. */
#include "session/rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Short: to speak takes most of the time. */
static const struct fake_step answers[][1] = {
	{ { FAKE_TEXT, "Oh.", NULL } },
	{ { FAKE_CALL, "search", "{\"query\":\"x\"}" } },
	{ { FAKE_TEXT, "A b.", NULL } },
	{ { FAKE_CALL, "weather", "{}" } },
	{ { FAKE_MAX_TOKENS, NULL, NULL } },
	{ { FAKE_ERROR, "server_error", NULL } },
	{ { FAKE_TEXT, "I.", NULL } },
};

/* Audio is most of what is sent, and always the same: looked at now and then. */
static void on_event(struct leg *l, struct bytes json)
{
	static unsigned n_audio;
	char why[160];

	(void)l;
	if (memmem(json.p, MIN(json.n, 200), "audio.delta", 11) && n_audio++ % 64)
		return;
	AUTO(json) json_t *v = json_parse(json, why);
	if (!json_is_object(v))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(rig) struct rig r = { 0 };

	if (n < 1 || !rig_init(&r))
		return 0;
	if (!rig_start(&r, NULL, p[0] & 1 ? 48000 : 0))
		return 0;
	r.legs[0].ops.send_event = on_event;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (fake_answer(r.fake, answers[i], 1) != 0)
			return 0;
	for (size_t at = 1, end; at < n; at = end + 1) {
		for (end = at; end < n && p[end] != '\n'; end++)
			;
		session_on_message(r.s, &r.legs[0].leg, bytes_of(p + at, end - at), r.env.now_us);
		rig_wait(&r, 30000);
	}
	rig_audio(&r, 40, RIG_LOUD);
	return 0;
}
