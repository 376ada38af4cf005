#include "service/health.h"

#include "base/test.h"

#define S(n) ((uint64_t)(n) * US_PER_S)

static void health_auto_(struct health *h)
{
	health_done(h);
}

static void rests_longer_and_longer(void)
{
	AUTO(health) struct health h;
	static const unsigned pauses_s[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	uint64_t now = S(100);

	health_init(&h);
	CHECK(health_ask(&h, now));
	for (size_t i = 0; i < ARRAY_LEN(pauses_s); i++) {
		health_failed(&h, now, 0);
		CHECK(!health_ask(&h, now + S(pauses_s[i]) - 1));
		now += S(pauses_s[i]);
		CHECK(health_ask(&h, now));
		CHECK(!health_ask(&h, now)); /* the others wait for the one that was let through */
	}
	health_well(&h);
	CHECK(health_ask(&h, now) && health_ask(&h, now));
	health_failed(&h, now, 0);
	CHECK(!health_ask(&h, now + S(1) - 1) && health_ask(&h, now + S(1)));
}

static void rests_as_long_as_it_asked_for(void)
{
	AUTO(health) struct health h;
	struct health_view v;

	health_init(&h);
	CHECK(health_ask(&h, S(1)));
	health_failed(&h, S(1), 7000);
	health_failed(&h, S(1), 0); /* another one that was under way: neither shorter nor twice */
	CHECK(!health_ask(&h, S(8) - 1));
	health_view(&h, S(2), &v);
	CHECK(v.resting && v.rest_ms == 6000 && v.n_asked == 1 && v.n_failed == 2);
	CHECK(health_ask(&h, S(8)));
	health_ask_anyway(&h);
	health_failed(&h, S(8), 0);
	CHECK(health_ask(&h, S(10)));
}

static void one_that_never_tells_holds_nobody_for_long(void)
{
	AUTO(health) struct health h;

	health_init(&h);
	CHECK(health_ask(&h, S(1)));
	health_failed(&h, S(1), 0);
	CHECK(health_ask(&h, S(3)) && !health_ask(&h, S(3)));
	CHECK(health_ask(&h, S(4)));
}

TESTS({ "rests_longer_and_longer", rests_longer_and_longer },
      { "rests_as_long_as_it_asked_for", rests_as_long_as_it_asked_for },
      { "one_that_never_tells_holds_nobody_for_long", one_that_never_tells_holds_nobody_for_long })
