#include "service/chain.h"

#include "base/test.h"

enum { N = 3 };

struct rig {
	struct health healths[N];
	struct chain c;
};

static void rig_auto_(struct rig *r)
{
	for (size_t i = 0; i < N; i++)
		health_done(&r->healths[i]);
}

static void rig_begin(struct rig *r, size_t n)
{
	r->c.n = n;
	for (size_t i = 0; i < N; i++) {
		health_init(&r->healths[i]);
		r->c.of[i] = &r->healths[i];
	}
}

static void the_first_that_is_well(void)
{
	AUTO(rig) struct rig r = { 0 };
	uint64_t now = US_PER_S;

	rig_begin(&r, 3);
	CHECK_EQ(chain_pick(&r.c, 0, now), 0);
	CHECK_EQ(chain_pick(&r.c, BIT(0), now), 1);
	CHECK_EQ(chain_pick(&r.c, BIT(0) | BIT(1) | BIT(2), now), 3);
	health_failed(&r.healths[0], now, 0);
	CHECK_EQ(chain_pick(&r.c, 0, now), 1);
	now += US_PER_S;
	/* One tries it; the next one does not wait for how that ends. */
	CHECK_EQ(chain_pick(&r.c, 0, now), 0);
	CHECK_EQ(chain_pick(&r.c, 0, now), 1);
	health_well(&r.healths[0]);
	CHECK_EQ(chain_pick(&r.c, 0, now), 0);
}

static void when_all_rest_the_one_that_is_over_first(void)
{
	AUTO(rig) struct rig r = { 0 };
	uint64_t now = US_PER_S;

	rig_begin(&r, 2);
	CHECK_EQ(chain_rest_ms(&r.c, now), 0);
	health_failed(&r.healths[0], now, 7000);
	health_failed(&r.healths[1], now, 0);
	CHECK_EQ(chain_rest_ms(&r.c, now), 1000);
	CHECK_EQ(chain_pick_well(&r.c, 0, now), 2);
	CHECK_EQ(chain_pick(&r.c, 0, now), 1);
	CHECK_EQ(chain_pick(&r.c, BIT(1), now), 0);
	CHECK_EQ(chain_pick(&r.c, BIT(0) | BIT(1), now), 2);
}

/* What one chain has learnt of a service, the other knows. */
static void chains_share_what_they_know(void)
{
	AUTO(rig) struct rig r = { 0 };

	rig_begin(&r, 3);
	struct chain cheaper = { 2, { &r.healths[1], &r.healths[2] } };
	health_failed(&r.healths[1], US_PER_S, 0);
	CHECK_EQ(chain_pick(&cheaper, 0, US_PER_S), 1);
	CHECK_EQ(chain_pick(&r.c, BIT(0), US_PER_S), 2);
}

TESTS({ "the_first_that_is_well", the_first_that_is_well },
      { "when_all_rest_the_one_that_is_over_first", when_all_rest_the_one_that_is_over_first },
      { "chains_share_what_they_know", chains_share_what_they_know })
