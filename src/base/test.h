/* test.h - the whole of our unit test harness.
 *
 * A test file lists its tests in TESTS(...) and nothing else: main() is here.
 * CHECK leaves the test at the first failure, so objects in tests are AUTO(x).
 * With VOICED_TEST_OOM=1 every test runs again and again, the n-th allocation
 * failing in the n-th run, until a run needs fewer: it may then fail its checks,
 * but must not crash, and must leave no block behind.
 */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"

static bool test_failed_;

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			if (!mem_failed())                                                         \
				fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);         \
			test_failed_ = true;                                                       \
			return;                                                                    \
		}                                                                                  \
	} while (0)

#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		intmax_t a_ = (intmax_t)(a), b_ = (intmax_t)(b);                                   \
		if (a_ != b_) {                                                                    \
			if (!mem_failed())                                                         \
				fprintf(stderr, "%s:%d: %s is %jd, not %s (%jd)\n", __FILE__,      \
					__LINE__, #a, a_, #b, b_);                                 \
			test_failed_ = true;                                                       \
			return;                                                                    \
		}                                                                                  \
	} while (0)

#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *a_ = (a), *b_ = (b);                                                   \
		if (!a_ || strcmp(a_, b_) != 0) {                                                  \
			if (!mem_failed())                                                         \
				fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__,     \
					__LINE__, #a, a_ ? a_ : "(null)", b_);                     \
			test_failed_ = true;                                                       \
			return;                                                                    \
		}                                                                                  \
	} while (0)

/* What a test only stands on: here no allocation fails, as each of them does in another test. With
 * failing allocations the whole test is run again for every one that is left. */
#define GIVEN(cond)                                                                                \
	do {                                                                                       \
		unsigned long left_ = mem_fail_hold();                                             \
		bool given_ = (cond);                                                              \
		mem_fail_resume(left_);                                                            \
		CHECK(given_);                                                                     \
	} while (0)

struct test {
	const char *name;
	void (*run)(void);
};

/* false: failed. A leak is a failure in either mode. */
static bool test_once_(const struct test *t, unsigned long fail_at)
{
	size_t live = mem_live();

	test_failed_ = false;
	mem_fail_at(fail_at);
	t->run();
	bool excused = mem_failed();
	mem_fail_at(0);
	if (mem_live() != live) {
		fprintf(stderr, "%s: %zd blocks left behind (failing allocation: %lu)\n", t->name,
			(ssize_t)(mem_live() - live), fail_at);
		return false;
	}
	return !test_failed_ || excused;
}

static bool test_oom_(const struct test *t)
{
	for (unsigned long n = 1; n < 100000; n++) {
		size_t live = mem_live();

		test_failed_ = false;
		mem_fail_at(n);
		t->run();
		bool reached = mem_failed();
		mem_fail_at(0);
		if (mem_live() != live) {
			fprintf(stderr, "%s: %zd blocks left behind when allocation %lu failed\n",
				t->name, (ssize_t)(mem_live() - live), n);
			return false;
		}
		if (!reached)
			return !test_failed_;
	}
	return true;
}

static int test_main_(const struct test *tests, size_t n, const char *only)
{
	const char *oom = getenv("VOICED_TEST_OOM");
	size_t ran = 0, bad = 0;

	for (size_t i = 0; i < n; i++) {
		if (only && strcmp(only, tests[i].name) != 0)
			continue;
		ran++;
		if (oom ? !test_oom_(&tests[i]) : !test_once_(&tests[i], 0)) {
			fprintf(stderr, "FAILED %s\n", tests[i].name);
			bad++;
		}
	}
	printf("%zu passed, %zu failed\n", ran - bad, bad);
	return bad || !ran ? 1 : 0;
}

/* TESTS({ "name", function }, …) once per file, last. */
#define TESTS(...)                                                                                 \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		static const struct test tests_[] = { __VA_ARGS__ };                               \
		return test_main_(tests_, ARRAY_LEN(tests_), argc > 1 ? argv[1] : NULL);           \
	}
