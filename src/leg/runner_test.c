#include "leg/runner.h"

#include <errno.h>

#include "base/json.h"
#include "base/test.h"
#include "engine/fake.h"

struct host {
	struct loop *loop;
	struct fake *fake;
	struct engines engines;
	struct runner runner;
	struct leg leg;
	unsigned closed, n_events, n_over;
};

static void host_auto_(struct host *h)
{
	runner_stop(&h->runner);
	fake_free(h->fake);
	loop_free(h->loop);
}

static void on_event(struct leg *l, struct bytes json)
{
	(void)json;
	CONTAINER_OF(l, struct host, leg)->n_events++;
}

static void on_close(struct leg *l, unsigned code, const char *reason)
{
	(void)reason;
	CONTAINER_OF(l, struct host, leg)->closed = code;
}

static const struct leg_ops leg_ops = { .name = "test", .send_event = on_event, .close = on_close };

static void over(struct runner *r)
{
	CONTAINER_OF(r, struct host, runner)->n_over++;
	runner_stop(r); /* as its contract allows */
}

static bool host_open(struct host *h)
{
	json_init();
	h->leg.ops = &leg_ops;
	if (loop_new(&h->loop, 0) != 0 || fake_new(&h->fake) != 0)
		return false;
	fake_engines(h->fake, &h->engines);
	return true;
}

static int start(struct host *h, uint64_t max_us, json_t *config)
{
	struct session_params p = { .env = &env_system,
				    .engines = &h->engines,
				    .max_us = max_us,
				    .config = config };
	struct api_error e;

	int err = runner_start(&h->runner, h->loop, &p, over, &e);
	return err ? err
		   : session_attach(h->runner.session, &h->leg, LEG_MAIN, env_now(&env_system));
}

/* The session's deadlines are the loop's timers: nobody else calls it here. */
static void deadlines_are_met(void)
{
	AUTO(host) struct host h = { 0 };

	CHECK(host_open(&h));
	CHECK_EQ(start(&h, 1, NULL), 0);
	CHECK_EQ(h.n_events, 1);
	for (int i = 0; i < 100 && !h.closed && !mem_failed(); i++)
		loop_once(h.loop, 0);
	CHECK_EQ(h.closed, 1001);
	CHECK_EQ(h.n_over, 0);
	session_detach(h.runner.session, &h.leg, env_now(&env_system));
	CHECK_EQ(h.n_over, 1);
	CHECK(!h.runner.session && !h.runner.due.slot);
	runner_stop(&h.runner);
	loop_once(h.loop, 0);
}

static void it_stops_with_its_timer(void)
{
	AUTO(host) struct host h = { 0 };

	CHECK(host_open(&h));
	CHECK_EQ(start(&h, 0, NULL), 0);
	CHECK(h.runner.due.slot); /* the session will expire some day */
	runner_stop(&h.runner);
	CHECK(!h.runner.session && !h.runner.due.slot);
	runner_stop(&h.runner);
	CHECK_EQ(h.n_over, 0); /* only a last leg that goes is told */
	CHECK_EQ(h.closed, 0);
}

static void the_engines_work_on_its_loop(void)
{
	AUTO(host) struct host h = { 0 };

	CHECK(host_open(&h));
	CHECK_EQ(start(&h, 0, NULL), 0);
	session_on_message(h.runner.session, &h.leg,
			   bytes_str("{\"type\":\"response.create\",\"response\":"
				     "{\"output_modalities\":[\"text\"]}}"),
			   env_now(&env_system));
	unsigned before = h.n_events;
	for (int i = 0; i < 100 && fake_running(h.fake) && !mem_failed(); i++)
		loop_once(h.loop, 0);
	CHECK(h.n_events > before + 5);
}

static void what_cannot_start_leaves_nothing(void)
{
	AUTO(host) struct host h = { 0 };
	AUTO(json) json_t *wrong = json_pack("{s:i}", "instructions", 7);

	CHECK(host_open(&h) && wrong);
	CHECK_EQ(start(&h, 0, wrong), -EINVAL);
	CHECK(!h.runner.session && !h.runner.due.slot);
	runner_stop(&h.runner);
}

TESTS({ "deadlines_are_met", deadlines_are_met },
      { "it_stops_with_its_timer", it_stops_with_its_timer },
      { "the_engines_work_on_its_loop", the_engines_work_on_its_loop },
      { "what_cannot_start_leaves_nothing", what_cannot_start_leaves_nothing })
