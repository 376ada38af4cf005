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
	uint16_t plain[64], other[64];

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
	for (size_t words = 4; words <= VECTOR_CODE_MAX; words *= 2)
		for (size_t k = 1; all[k]; k++) {
			size_t n = ARRAY_LEN(codes) / words - 1;

			n = MIN(n, ARRAY_LEN(plain));
			all[0]->differ(codes + words, n, words, codes, plain);
			all[k]->differ(codes + words, n, words, codes, other);
			CHECK(memcmp(plain, other, n * sizeof(*plain)) == 0);
		}
}

/* The nearer two vectors, the more of their codes is the same. */
static void codes_tell_the_angle(void)
{
	int8_t v[160], near[160], far[160];
	uint64_t code[4], near_code[4], far_code[4], state = 9;
	uint16_t d_near, d_far, d_self;

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
	vector_ops()->differ(code, 1, 4, code, &d_self);
	vector_ops()->differ(near_code, 1, 4, code, &d_near);
	vector_ops()->differ(far_code, 1, 4, code, &d_far);
	CHECK_EQ(d_self, 0);
	CHECK(d_near > 0 && d_near < 60);
	CHECK(d_far > 90 && d_far < 166); /* half of 256, give or take */
}

TESTS({ "all_give_the_same", all_give_the_same }, { "codes_tell_the_angle", codes_tell_the_angle })
