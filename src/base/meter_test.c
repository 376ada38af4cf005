#include "base/meter.h"

#include <pthread.h>

#include "base/test.h"

static bool shown(const char *line)
{
	AUTO(buf) struct buf b = { 0 };
	unsigned long held = mem_fail_hold();

	meter_write(&b);
	buf_putc(&b, 0);
	mem_fail_resume(held);
	return !b.failed && strstr((const char *)b.p, line);
}

static void the_same_name_is_the_same_meter(void)
{
	struct meter *a = meter_of("llm", "api.openai.com");

	CHECK(a == meter_of("llm", "api.openai.com"));
	CHECK(a != meter_of("stt", "api.openai.com"));
	CHECK(a != meter_of("llm", "127.0.0.1:11434"));
	meter_add(a, METER_REQUESTS, 2);
	meter_add(NULL, METER_REQUESTS, 2);
	CHECK(meter_get(a, METER_REQUESTS) >= 2);
}

static void what_counted_is_shown(void)
{
	struct meter *a = meter_of("tts", "first"), *b = meter_of("tts", "second \"\\\n");

	a->rows[METER_BUSY_US] = 1500000;
	a->rows[METER_MONEY] = 1002003000;
	b->rows[METER_BUSY_US] = 20;
	CHECK(shown("# TYPE voiced_tts_work_seconds_total counter\n"
		    "voiced_tts_work_seconds_total{name=\"first\"} 1.500000\n"
		    "voiced_tts_work_seconds_total{name=\"second ___\"} 0.000020\n"));
	CHECK(shown("voiced_tts_money_total{name=\"first\"} 1.002003\n"));
	CHECK(!shown("voiced_tts_errors_total"));
}

static void long_names_are_cut_between_characters(void)
{
	char name[120] = "";

	for (size_t i = 0; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "\xC3\xA4", 3);
	const struct meter *m = meter_of("a kind that is long 7", name);
	CHECK_STR(m->kind, "akindthatislong");
	CHECK_EQ(strlen(m->name), METER_NAME - 2);
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *count(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "t%d", i % 7);
		meter_add(meter_of("tool", name), METER_REQUESTS, 1);
	}
	return NULL;
}

static void threads_find_the_same_meters_and_lose_nothing(void)
{
	pthread_t t[THREADS];
	uint64_t sum = 0, before = 0;

	for (int i = 0; i < 7; i++)
		before += meter_get(meter_of("tool", (char[]){ 't', (char)('0' + i), 0 }), METER_REQUESTS);
	for (size_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, count, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 7; i++)
		sum += meter_get(meter_of("tool", (char[]){ 't', (char)('0' + i), 0 }), METER_REQUESTS);
	CHECK_EQ(sum - before, THREADS * ROUNDS);
}

/* Last: it leaves no room. */
static void too_many_share_one(void)
{
	struct meter *m = NULL;

	for (int i = 0; i < METERS + 2; i++) {
		char name[24];

		snprintf(name, sizeof(name), "service%d", i);
		m = meter_of("llm", name);
	}
	CHECK_STR(m->name, "others");
	CHECK(m == meter_of("stt", "one more"));
}

TESTS({ "the_same_name_is_the_same_meter", the_same_name_is_the_same_meter },
      { "what_counted_is_shown", what_counted_is_shown },
      { "long_names_are_cut_between_characters", long_names_are_cut_between_characters },
      { "threads_find_the_same_meters_and_lose_nothing", threads_find_the_same_meters_and_lose_nothing },
      { "too_many_share_one", too_many_share_one })
