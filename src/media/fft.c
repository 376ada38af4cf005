#include "media/fft.h"

#include <math.h>
#include <threads.h>

enum { HALF = FFT_N / 2, LOG2_HALF = 8 };

/* Written once by make_tables(), then read only. */
static struct {
	float c[HALF], s[HALF]; /* cos and -sin of 2 pi k / FFT_N */
	uint8_t reversed[HALF];
} tables;
static once_flag tables_once = ONCE_FLAG_INIT;

static void make_tables(void)
{
	for (unsigned k = 0; k < HALF; k++) {
		unsigned r = 0;

		tables.c[k] = (float)cos(2 * M_PI * k / FFT_N);
		tables.s[k] = (float)-sin(2 * M_PI * k / FFT_N);
		for (unsigned b = 0; b < LOG2_HALF; b++)
			r |= (k >> b & 1) << (LOG2_HALF - 1 - b);
		tables.reversed[k] = (uint8_t)r;
	}
}

/* 256 complex values, already in bit-reversed order; two radix-2 passes at a time. */
static void transform(float *re, float *im)
{
	for (unsigned q = 1; q < HALF; q *= 4) {
		unsigned step = FFT_N / (4 * q); /* of the angle 2 pi / 4q */

		for (unsigned j = 0; j < q; j++) {
			float c1 = tables.c[j * step], s1 = tables.s[j * step];
			float c2 = tables.c[2 * j * step % HALF], s2 = tables.s[2 * j * step % HALF];
			float c3 = c1 * c2 - s1 * s2, s3 = c1 * s2 + s1 * c2;

			for (unsigned i = j; i < HALF; i += 4 * q) {
				unsigned a = i, b = i + q, c = i + 2 * q, d = i + 3 * q;
				/* bit reversal leaves the odd quarter second */
				float br = re[b] * c2 - im[b] * s2, bi = re[b] * s2 + im[b] * c2;
				float cr = re[c] * c1 - im[c] * s1, ci = re[c] * s1 + im[c] * c1;
				float dr = re[d] * c3 - im[d] * s3, di = re[d] * s3 + im[d] * c3;
				float pr = re[a] + br, pi = im[a] + bi;
				float mr = re[a] - br, mi = im[a] - bi;
				float ur = cr + dr, ui = ci + di;
				float vr = cr - dr, vi = ci - di;

				re[a] = pr + ur, im[a] = pi + ui;
				re[b] = mr + vi, im[b] = mi - vr;
				re[c] = pr - ur, im[c] = pi - ui;
				re[d] = mr - vi, im[d] = mi + vr;
			}
		}
	}
}

void fft_real(const float x[FFT_N], float re[FFT_BINS], float im[FFT_BINS])
{
	float zr[HALF], zi[HALF];

	call_once(&tables_once, make_tables);
	/* even samples as real, odd ones as imaginary parts of one half as long */
	for (unsigned k = 0; k < HALF; k++) {
		zr[tables.reversed[k]] = x[2 * k];
		zi[tables.reversed[k]] = x[2 * k + 1];
	}
	transform(zr, zi);
	re[0] = zr[0] + zi[0];
	re[HALF] = zr[0] - zi[0];
	im[0] = im[HALF] = 0;
	for (unsigned k = 1; k < HALF; k++) {
		float er = (zr[k] + zr[HALF - k]) / 2, ei = (zi[k] - zi[HALF - k]) / 2;
		float odd = (zi[k] + zi[HALF - k]) / 2, oi = (zr[HALF - k] - zr[k]) / 2;

		re[k] = er + tables.c[k] * odd - tables.s[k] * oi;
		im[k] = ei + tables.c[k] * oi + tables.s[k] * odd;
	}
}
