#include "base/alloc.h"
#include "base/test.h"

static void an_array_grows_and_keeps_what_it_holds(void)
{
	AUTO(mem) uint32_t *a = NULL;
	size_t cap = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		CHECK(mem_grow(&a, &cap, i, sizeof(*a)));
		CHECK(cap > i);
		a[i] = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		CHECK_EQ(a[i], i);
}

static void what_cannot_grow_stays(void)
{
	AUTO(mem) char *a = NULL;
	char *before;
	size_t cap = 0;

	CHECK(mem_grow(&a, &cap, 0, 1));
	before = a;
	cap = SIZE_MAX / 4; /* as if it were so large */
	CHECK(!mem_grow(&a, &cap, cap, 3));
	CHECK(a == before && cap == SIZE_MAX / 4);
}

TESTS({ "an_array_grows_and_keeps_what_it_holds", an_array_grows_and_keeps_what_it_holds },
      { "what_cannot_grow_stays", what_cannot_grow_stays })
