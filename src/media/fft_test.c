#include "media/fft.h"

#include <math.h>

#include "base/test.h"

static void is_the_sum_of_the_book(void)
{
	float x[FFT_N], re[FFT_BINS], im[FFT_BINS];
	uint32_t dice = 1;

	for (int i = 0; i < FFT_N; i++) {
		dice = dice * 1664525 + 1013904223;
		x[i] = (float)(int32_t)dice / 2147483648.0f;
	}
	fft_real(x, re, im);
	for (int k = 0; k < FFT_BINS; k++) {
		double r = 0, i = 0;

		for (int n = 0; n < FFT_N; n++) {
			r += x[n] * cos(2 * M_PI * k * n / FFT_N);
			i -= x[n] * sin(2 * M_PI * k * n / FFT_N);
		}
		CHECK(fabs(r - re[k]) < 1e-3 && fabs(i - im[k]) < 1e-3);
	}
}

TESTS({ "is_the_sum_of_the_book", is_the_sum_of_the_book })
