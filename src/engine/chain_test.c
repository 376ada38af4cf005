#include "engine/chain.h"

#include "base/test.h"

static void the_first_that_is_well(void)
{
	struct env_fake f;
	struct chain c;

	env_fake_init(&f, 1);
	chain_init(&c, &f.env, 3);
	CHECK_EQ(chain_pick(&c, 0), 0);
	CHECK_EQ(chain_pick(&c, BIT(0)), 1);
	CHECK_EQ(chain_pick(&c, BIT(0) | BIT(1) | BIT(2)), 3);
	chain_failed(&c, 0, 0);
	CHECK(chain_rests(&c, 0));
	CHECK_EQ(chain_pick(&c, 0), 1);
	env_fake_advance(&f, US_PER_S);
	CHECK(!chain_rests(&c, 0));
	/* One tries it; the next one does not wait for how that ends. */
	CHECK_EQ(chain_pick(&c, 0), 0);
	CHECK_EQ(chain_pick(&c, 0), 1);
	chain_worked(&c, 0);
	CHECK_EQ(chain_pick(&c, 0), 0);
	chain_failed(&c, 0, f.now_us + 10 * US_PER_S); /* as long as it asked for */
	env_fake_advance(&f, 9 * US_PER_S);
	CHECK(chain_rests(&c, 0));
	env_fake_advance(&f, US_PER_S);
	CHECK(!chain_rests(&c, 0));
	chain_done(&c);
}

static void when_all_rest_the_one_that_is_over_first(void)
{
	struct env_fake f;
	struct chain c;

	env_fake_init(&f, 1);
	chain_init(&c, &f.env, 2);
	chain_failed(&c, 0, f.now_us + 7 * US_PER_S);
	chain_failed(&c, 1, 0);
	CHECK_EQ(chain_pick(&c, 0), 1);
	CHECK_EQ(chain_pick(&c, BIT(1)), 0);
	CHECK_EQ(chain_pick(&c, BIT(0) | BIT(1)), 2);
	chain_done(&c);
}

TESTS({ "the_first_that_is_well", the_first_that_is_well },
      { "when_all_rest_the_one_that_is_over_first", when_all_rest_the_one_that_is_over_first })
