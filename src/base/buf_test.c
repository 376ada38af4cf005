#include "base/buf.h"
#include "base/test.h"

#include "base/arena.h"

static void grows_and_keeps_content_on_failure(void)
{
	AUTO(buf) struct buf b = { 0 };
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	CHECK(!b.failed);
	CHECK_EQ(b.n, 3890);
	CHECK(bytes_starts(buf_bytes(&b), "0,1,2,"));
	buf_consume(&b, 4);
	CHECK(bytes_starts(buf_bytes(&b), "2,3,"));
	buf_consume(&b, 100000);
	CHECK_EQ(b.n, 0);
}

static void arena_aligns_and_limits(void)
{
	AUTO(arena) struct arena a = { .limit = 10000 };
	char *s = arena_printf(&a, "%s-%d", "x", 7);
	CHECK(s);
	CHECK_STR(s, "x-7");
	void *p = arena_alloc(&a, 3);
	CHECK(p && (uintptr_t)p % _Alignof(max_align_t) == 0);
	void *big = arena_alloc(&a, 9000);
	CHECK(big);
	CHECK(!arena_alloc(&a, 2000));
}

TESTS({ "grows_and_keeps_content_on_failure", grows_and_keeps_content_on_failure },
      { "arena_aligns_and_limits", arena_aligns_and_limits })
