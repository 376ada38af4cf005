#include <math.h>

#include "base/test.h"
#include "knowledge/svd.h"

/* Two groups of columns that never meet: the two strongest directions are theirs. */
static void finds_directions(void)
{
	static const size_t first[] = { 0, 2, 4, 6, 8, 10 };
	static const uint32_t col[] = { 0, 1, 0, 1, 0, 1, 2, 3, 2, 3 };
	static const float value[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	const struct sparse a = { 5, 4, first, col, value };
	float v[4 * 2], s[2];

	CHECK_EQ(svd_right(&a, 2, v, s), 0);
	CHECK(fabsf(s[0] - sqrtf(6)) < 1e-3f);
	CHECK(fabsf(s[1] - 2) < 1e-3f);
	CHECK(fabsf(fabsf(v[0]) - sqrtf(0.5f)) < 1e-3f && fabsf(v[0] - v[2]) < 1e-3f);
	CHECK(fabsf(v[4]) < 1e-3f && fabsf(v[1]) < 1e-3f);
}

static void is_deterministic(void)
{
	static const size_t first[] = { 0, 2, 3, 5 };
	static const uint32_t col[] = { 0, 2, 1, 0, 1 };
	static const float value[] = { 1, 2, 3, 4, 5 };
	const struct sparse a = { 3, 3, first, col, value };
	float v[2][9], s[2][3];

	CHECK_EQ(svd_right(&a, 3, v[0], s[0]), 0);
	CHECK_EQ(svd_right(&a, 3, v[1], s[1]), 0);
	CHECK(memcmp(v[0], v[1], sizeof(v[0])) == 0 && memcmp(s[0], s[1], sizeof(s[0])) == 0);
	CHECK(s[0][0] >= s[0][1] && s[0][1] >= s[0][2]);
}

TESTS({ "finds_directions", finds_directions }, { "is_deterministic", is_deterministic })
