#include "base/crew.h"

#include <stdatomic.h>

#include "base/test.h"

struct sum {
	atomic_uint n;
};

static void work(void *ctx, void *item)
{
	struct sum *s = ctx;

	*(unsigned *)item *= 2;
	atomic_fetch_add(&s->n, 1);
}

static void returns_items_in_order(void)
{
	for (unsigned n_threads = 0; n_threads < 4; n_threads++) {
		struct sum s = { 0 };
		AUTO(crew) struct crew *c = NULL;
		const struct crew_params p = { .n_threads = n_threads, .ahead = 7, .priority = POOL_IDLE,
					       .work = work, .ctx = &s };
		unsigned items[100], given = 0, taken = 0;

		CHECK_EQ(crew_new(&c, &p), 0);
		CHECK(!crew_take(c, 0));
		for (unsigned i = 0; i < 100; i++)
			items[i] = i;
		while (taken < 100) {
			while (given < 100 && !crew_full(c))
				crew_give(c, &items[given++]);
			unsigned *item = crew_take(c, 1000);
			if (!item)
				continue;
			CHECK(item == &items[taken] && *item == 2 * taken);
			taken++;
		}
		CHECK(!crew_take(c, 1000)); /* at once */
		CHECK_EQ(s.n, 100);
	}
}

static void gives_back_what_is_left(void)
{
	struct sum s = { 0 };
	AUTO(crew) struct crew *c = NULL;
	const struct crew_params p = { .n_threads = 2, .ahead = 8, .work = work, .ctx = &s };
	unsigned items[8] = { 0 }, n = 0;

	CHECK_EQ(crew_new(&c, &p), 0);
	for (unsigned i = 0; i < 8; i++)
		crew_give(c, &items[i]);
	CHECK(crew_full(c));
	crew_stop(c);
	for (unsigned *item; (item = crew_drop(c)); n++)
		CHECK(item == &items[n]);
	CHECK_EQ(n, 8);
}

TESTS({ "returns_items_in_order", returns_items_in_order },
      { "gives_back_what_is_left", gives_back_what_is_left })
