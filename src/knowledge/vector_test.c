#include "knowledge/vector.h"

#include "base/test.h"

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* Every kind of processor gives what the plain one gives. */
static void all_give_the_same(void)
{
	static int8_t a[VECTOR_DIM_MAX], b[VECTOR_DIM_MAX];
	static uint64_t codes[64 * VECTOR_CODE_MAX];
	const struct vector_ops *const *all = vector_ops_all();
	uint64_t state = 5;
	uint8_t plain[64], other[64];

	CHECK_STR(all[0]->name, "plain");
	for (size_t n = 16; n <= VECTOR_DIM_MAX; n += n < 512 ? 16 : 512) {
		for (size_t i = 0; i < n; i++) {
			a[i] = (int8_t)(next_random(&state) % 255 - 127);
			b[i] = (int8_t)(next_random(&state) % 255 - 127);
		}
		for (size_t k = 1; all[k]; k++)
			CHECK_EQ(all[k]->dot(a, b, n), all[0]->dot(a, b, n));
	}
	memset(a, -127, sizeof(a)); /* the largest sum there is */
	for (size_t k = 0; all[k]; k++)
		CHECK_EQ(all[k]->dot(a, a, VECTOR_DIM_MAX), 127 * 127 * VECTOR_DIM_MAX);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		codes[i] = next_random(&state) << 33 ^ next_random(&state);
	for (size_t n = 0; n <= ARRAY_LEN(plain); n++)
		for (size_t k = 1; all[k]; k++) {
			all[0]->differ(codes + VECTOR_HEAD, n, codes, plain);
			all[k]->differ(codes + VECTOR_HEAD, n, codes, other);
			CHECK(memcmp(plain, other, n) == 0);
			CHECK_EQ(all[k]->distance(codes, codes + 64, n), all[0]->distance(codes, codes + 64, n));
		}
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		CHECK_EQ(plain[i], all[0]->distance(codes + VECTOR_HEAD * (i + 1), codes, VECTOR_HEAD));
}

/* The nearer two vectors, the more of their codes is the same. */
static void codes_tell_the_angle(void)
{
	int8_t v[160], near[160], far[160];
	uint64_t code[4], near_code[4], far_code[4], state = 9;
	unsigned d_near, d_far;

	CHECK_EQ(vector_code_words(160), 4);
	CHECK_EQ(vector_code_words(0), 0);
	CHECK_EQ(vector_code_words(1536), 32);
	for (size_t i = 0; i < 160; i++) {
		v[i] = (int8_t)(next_random(&state) % 41 - 20);
		near[i] = (int8_t)(v[i] + (int)(next_random(&state) % 9) - 4);
		far[i] = (int8_t)(next_random(&state) % 41 - 20);
	}
	vector_code(v, 160, code);
	vector_code(near, 160, near_code);
	vector_code(far, 160, far_code);
	CHECK_EQ(vector_ops()->distance(code, code, 4), 0);
	d_near = vector_ops()->distance(near_code, code, 4);
	d_far = vector_ops()->distance(far_code, code, 4);
	CHECK(d_near > 0 && d_near < 60);
	CHECK(d_far > 90 && d_far < 166); /* half of 256, give or take */
}

TESTS({ "all_give_the_same", all_give_the_same }, { "codes_tell_the_angle", codes_tell_the_angle })
