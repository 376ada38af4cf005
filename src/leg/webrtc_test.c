#include "leg/webrtc.h"

#include "base/json.h"
#include "base/loop.h"
#include "base/test.h"
#include "leg/call_rig.h"

static bool dump_says(const struct call *c, const char *what)
{
	AUTO(buf) struct buf text = { 0 };
	char why[160];

	webrtc_dump(c->webrtc, &text);
	AUTO(json) json_t *v = text.failed ? NULL : json_parse(buf_bytes(&text), why);
	return v && memmem(text.p, text.n, what, strlen(what)) != NULL;
}

/* Without a data channel the session has its leg as soon as there are keys, not before, and
 * not inside the call that brought them. */
static void a_call_without_events_is_attached_when_it_is_up(void)
{
	AUTO(call) struct call c = { 0 };
	AUTO(buf) struct buf dump = { 0 };

	json_init();
	CHECK(call_init(&c, 0));
	CHECK(dump_says(&c, "\"attached\":false"));
	CHECK(call_connect(&c));
	call_turn(&c);
	CHECK(dump_says(&c, "\"attached\":true"));
	session_dump(c.session, &dump);
	CHECK(dump.n && memmem(dump.p, dump.n, "\"legs\":[\"webrtc\"]", 17));
	CHECK(c.n_gone == 0 && c.n_over == 0);
}

static void a_goodbye_ends_leg_and_session(void)
{
	AUTO(call) struct call c = { 0 };

	json_init();
	CHECK(call_init(&c, 0) && call_connect(&c));
	call_turn(&c);
	dtls_close(c.browser.dtls);
	pump(&c.browser);
	CHECK_EQ(c.n_gone, 0);
	call_turn(&c);
	CHECK_EQ(c.n_gone, 1);
	CHECK_STR(c.why, peer_end_name(PEER_END_GOODBYE));
	CHECK_EQ(c.n_over, 1); /* detached before its owner heard of it */
	check(&c.browser, &c.browser.addr); /* what comes late */
	call_turn(&c);
	CHECK_EQ(c.n_gone, 1);
}

static void the_session_hangs_up(void)
{
	AUTO(call) struct call c = { 0 };

	json_init();
	CHECK(call_init(&c, 0) && call_connect(&c));
	call_turn(&c);
	c.inside = true;
	session_close(c.session, 1001, "enough", c.browser.f.now_us);
	c.inside = false;
	CHECK_EQ(c.n_gone, 0);
	pump(&c.browser);
	CHECK(c.browser.sees_goodbye);
	call_turn(&c);
	CHECK_EQ(c.n_gone, 1);
	CHECK_STR(c.why, "enough");
	CHECK_EQ(c.n_over, 1);
}

static void the_owner_hangs_up_once(void)
{
	AUTO(call) struct call c = { 0 };

	json_init();
	CHECK(call_init(&c, 0));
	c.inside = true;
	webrtc_hangup(c.webrtc, "first");
	webrtc_hangup(c.webrtc, "second");
	c.inside = false;
	call_turn(&c);
	CHECK_EQ(c.n_gone, 1);
	CHECK_STR(c.why, "first");
	CHECK_EQ(c.n_over, 0); /* it never was attached */
	CHECK(offer(&c.browser, &(struct offer){ 0 }) == SDP_NOT_POSSIBLE);
}

static void freeing_detaches(void)
{
	AUTO(call) struct call c = { 0 };

	json_init();
	CHECK(call_init(&c, 0) && call_connect(&c));
	call_turn(&c);
	call_hang_up(&c);
	CHECK_EQ(c.n_over, 1);
	CHECK_EQ(c.n_gone, 0);
	call_turn(&c); /* no timer is left */
}

static void an_offer_that_cannot_be_taken_changes_nothing(void)
{
	AUTO(call) struct call c = { 0 };
	AUTO(buf) struct buf answer = { 0 };
	const char *why = NULL;

	json_init();
	CHECK(call_init(&c, 0));
	CHECK(webrtc_offer(c.webrtc, bytes_str("nonsense"), &answer, &why) != SDP_OK);
	CHECK(why && why[0] && answer.n == 0);
	CHECK(call_connect(&c));
	CHECK(webrtc_offer(c.webrtc, bytes_str("v=0\r\n"), &answer, &why) != SDP_OK);
	call_turn(&c);
	CHECK(dump_says(&c, "\"attached\":true") && c.n_gone == 0);
}

/* A session that is over takes no leg: the call ends. */
static void the_session_may_be_over_already(void)
{
	AUTO(call) struct call c = { 0 };

	json_init();
	CHECK(call_init(&c, 0));
	session_close(c.session, 1000, "enough", c.browser.f.now_us);
	CHECK(call_connect(&c));
	call_turn(&c);
	call_turn(&c);
	CHECK_EQ(c.n_gone, 1);
	CHECK_STR(c.why, "the session is over");
}

TESTS({ "a_call_without_events_is_attached_when_it_is_up",
	a_call_without_events_is_attached_when_it_is_up },
      { "a_goodbye_ends_leg_and_session", a_goodbye_ends_leg_and_session },
      { "the_session_hangs_up", the_session_hangs_up },
      { "the_owner_hangs_up_once", the_owner_hangs_up_once },
      { "freeing_detaches", freeing_detaches },
      { "an_offer_that_cannot_be_taken_changes_nothing",
	an_offer_that_cannot_be_taken_changes_nothing },
      { "the_session_may_be_over_already", the_session_may_be_over_already })
