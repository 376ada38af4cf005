#include "base/ring.h"
#include "base/test.h"

#include <pthread.h>

enum { TOTAL = 200000 };

static void *produce(void *r)
{
	int16_t v[37];
	for (int i = 0; i < TOTAL;) {
		int n = MIN(37, TOTAL - i);
		for (int k = 0; k < n; k++)
			v[k] = (int16_t)(i + k);
		i += (int)ring_push(r, v, (size_t)n);
	}
	return NULL;
}

static void order_survives_two_threads(void)
{
	AUTO(ring) struct ring *r = ring_new(8);
	pthread_t th;
	int16_t v[53];
	CHECK(r);
	CHECK_EQ(pthread_create(&th, NULL, produce, r), 0);
	bool same = true;
	for (int i = 0; i < TOTAL;) {
		size_t n = ring_pull(r, v, 53);
		for (size_t k = 0; k < n; k++)
			same &= v[k] == (int16_t)(i + (int)k);
		i += (int)n;
	}
	pthread_join(th, NULL);
	CHECK(same);
	CHECK_EQ(ring_fill(r), 0);
}

static void full_takes_no_more(void)
{
	AUTO(ring) struct ring *r = ring_new(4);
	int16_t v[20] = { 0 };
	CHECK(r);
	CHECK_EQ(ring_push(r, v, 20), 16);
	CHECK_EQ(ring_push(r, v, 1), 0);
	CHECK_EQ(ring_pull(r, v, 5), 5);
	CHECK_EQ(ring_push(r, v, 20), 5);
}

TESTS({ "order_survives_two_threads", order_survives_two_threads },
      { "full_takes_no_more", full_takes_no_more })
