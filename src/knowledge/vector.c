#include "knowledge/vector.h"

#include <immintrin.h>
#include <string.h>

/* --- plain ---------------------------------------------------------------------------------- */

static int32_t dot_plain(const int8_t *a, const int8_t *b, size_t n)
{
	int32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static unsigned distance_plain(const uint64_t *a, const uint64_t *b, size_t words)
{
	int sum = 0;

	for (size_t w = 0; w < words; w++)
		sum += __builtin_popcountll(a[w] ^ b[w]);
	return (unsigned)sum;
}

static void differ_plain(const uint64_t *heads, size_t n, const uint64_t *code, uint8_t *to)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)distance_plain(heads + VECTOR_HEAD * i, code, VECTOR_HEAD);
}

static const struct vector_ops plain = { "plain", dot_plain, differ_plain, distance_plain };

#ifdef __x86_64__

/* --- AVX2 ------------------------------------------------------------------------------------ */

#define AVX2 __attribute__((target("avx2,popcnt")))

AVX2 static int32_t dot_avx2(const int8_t *a, const int8_t *b, size_t n)
{
	__m256i sum = _mm256_setzero_si256();

	for (size_t i = 0; i < n; i += 16) {
		__m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)(a + i)));
		__m256i y = _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)(b + i)));

		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x, y));
	}
	__m128i s = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
	return _mm_cvtsi128_si32(s);
}

AVX2 static unsigned distance_avx2(const uint64_t *a, const uint64_t *b, size_t words)
{
	long long sum = 0;

	for (size_t w = 0; w < words; w++)
		sum += _mm_popcnt_u64(a[w] ^ b[w]);
	return (unsigned)sum;
}

AVX2 static void differ_avx2(const uint64_t *heads, size_t n, const uint64_t *code, uint8_t *to)
{
	for (size_t i = 0; i < n; i++, heads += VECTOR_HEAD)
		to[i] = (uint8_t)(_mm_popcnt_u64(heads[0] ^ code[0]) + _mm_popcnt_u64(heads[1] ^ code[1]));
}

static const struct vector_ops avx2 = { "AVX2", dot_avx2, differ_avx2, distance_avx2 };

/* --- AVX-512 with VNNI and VPOPCNTDQ ------------------------------------------------------------ */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vpopcntdq,avx2,popcnt")))

AVX512 static int32_t dot_avx512(const int8_t *a, const int8_t *b, size_t n)
{
	__m512i sum = _mm512_setzero_si512();
	size_t i = 0;

	for (; i + 32 <= n; i += 32) {
		__m512i x = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)(a + i)));
		__m512i y = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)(b + i)));

		sum = _mm512_dpwssd_epi32(sum, x, y);
	}
	int32_t total = _mm512_reduce_add_epi32(sum);
	return i < n ? total + dot_avx2(a + i, b + i, n - i) : total;
}

/* Eight heads at a time: their counts are added in pairs and put beside each other. */
AVX512 static void differ_avx512(const uint64_t *heads, size_t n, const uint64_t *code, uint8_t *to)
{
	const __m512i c = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)code));
	const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
	const __m512i odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		const uint64_t *at = heads + VECTOR_HEAD * i;
		__m512i a = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(at), c));
		__m512i b = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(at + 8), c));
		__m512i sum = _mm512_add_epi64(_mm512_permutex2var_epi64(a, even, b),
					       _mm512_permutex2var_epi64(a, odd, b));

		_mm_storel_epi64((void *)(to + i), _mm512_cvtepi64_epi8(sum));
	}
	differ_avx2(heads + VECTOR_HEAD * i, n - i, code, to + i);
}

static const struct vector_ops avx512 = { "AVX-512", dot_avx512, differ_avx512, distance_avx2 };

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}

static bool has_avx512(void)
{
	return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
	       __builtin_cpu_supports("avx512vpopcntdq");
}
#endif

const struct vector_ops *const *vector_ops_all(void)
{
	static const struct vector_ops *all[4];

	all[0] = &plain;
#ifdef __x86_64__
	all[1] = has_avx2() ? &avx2 : NULL;
	all[2] = has_avx512() ? &avx512 : NULL;
#endif
	return all;
}

const struct vector_ops *vector_ops(void)
{
	const struct vector_ops *const *all = vector_ops_all(), *best = all[0];

	for (; *all; all++)
		best = *all;
	return best;
}

/* --- codes ------------------------------------------------------------------------------------- */

static size_t code_bits(unsigned dim)
{
	size_t bits = 256;

	while (bits < dim)
		bits *= 2;
	return dim ? bits : 0;
}

size_t vector_code_words(unsigned dim)
{
	return code_bits(dim) / 64;
}

/* Always the same signs: splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t i)
{
	uint64_t z = i * 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void turn_signs(float *f, size_t n, uint64_t round)
{
	for (size_t i = 0; i < n; i += 64) {
		uint64_t signs = mix(round * 1000 + i / 64 + 1);

		for (size_t k = 0; k < 64; k++)
			f[i + k] = signs >> k & 1 ? -f[i + k] : f[i + k];
	}
}

static void hadamard(float *f, size_t n)
{
	for (size_t h = 1; h < n; h *= 2)
		for (size_t i = 0; i < n; i += 2 * h)
			for (size_t k = i; k < i + h; k++) {
				float a = f[k], b = f[k + h];

				f[k] = a + b;
				f[k + h] = a - b;
			}
}

void vector_code(const int8_t *v, unsigned dim, uint64_t *code)
{
	float f[64 * VECTOR_CODE_MAX];
	size_t n = code_bits(dim);

	for (size_t i = 0; i < n; i++)
		f[i] = i < dim ? v[i] : 0;
	for (uint64_t round = 0; round < 2; round++) {
		turn_signs(f, n, round);
		hadamard(f, n);
	}
	for (size_t w = 0; w < n / 64; w++) {
		code[w] = 0;
		for (size_t k = 0; k < 64; k++)
			code[w] |= (uint64_t)(f[64 * w + k] > 0) << k;
	}
}
