#include "base/loop.h"
#include "base/test.h"

#include <pthread.h>

#include "base/env.h"

struct clocked {
	struct timer t;
	int *order, id;
};

static int seen[8], n_seen;

static void note(struct timer *t)
{
	seen[n_seen++] = CONTAINER_OF(t, struct clocked, t)->id;
}

static void timers_fire_in_order_and_stop(void)
{
	AUTO(loop) struct loop *l = NULL;
	struct clocked c[5] = { 0 };
	CHECK_EQ(loop_new(&l, 0), 0);
	uint64_t now = loop_now_us(l);

	n_seen = 0;
	for (int i = 0; i < 5; i++) {
		c[i].t.on_due = note;
		c[i].id = i;
		CHECK_EQ(timer_set(l, &c[i].t, now + (uint64_t)(5 - i) * 2000), 0);
	}
	CHECK_EQ(timer_set(l, &c[0].t, now + 500), 0); /* moved to the front */
	timer_stop(l, &c[2].t);
	for (int i = 0; i < 200 && n_seen < 4; i++)
		loop_once(l, 2);
	CHECK_EQ(n_seen, 4);
	CHECK(seen[0] == 0 && seen[1] == 4 && seen[2] == 3 && seen[3] == 1);
}

static int sum;

static void add(void *payload)
{
	int v;
	memcpy(&v, payload, sizeof(v));
	sum += v;
}

static void *poster(void *l)
{
	for (int i = 1; i <= 1000; i++)
		loop_post_wait(l, add, &i, sizeof(i));
	loop_stop(l);
	return NULL;
}

static void posts_arrive_from_another_thread(void)
{
	AUTO(loop) struct loop *l = NULL;
	pthread_t th;
	CHECK_EQ(loop_new(&l, 0), 0);

	sum = 0;
	CHECK_EQ(pthread_create(&th, NULL, poster, l), 0);
	CHECK_EQ(loop_run(l), 0);
	pthread_join(th, NULL);
	CHECK_EQ(sum, 500500);
}

static void fake_env_repeats(void)
{
	struct env_fake a, b;
	char x[32], y[32];

	env_fake_init(&a, 7);
	env_fake_init(&b, 7);
	env_id(&a.env, "item_", x, 21);
	env_id(&b.env, "item_", y, 21);
	CHECK_STR(x, y);
	CHECK_EQ(strlen(x), 26);
	env_fake_advance(&a, 20 * US_PER_MS);
	CHECK_EQ(env_now(&a.env) - env_now(&b.env), 20000);
}

TESTS({ "timers_fire_in_order_and_stop", timers_fire_in_order_and_stop },
      { "posts_arrive_from_another_thread", posts_arrive_from_another_thread },
      { "fake_env_repeats", fake_env_repeats })
