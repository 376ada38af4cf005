/* fft.h - the spectrum of 512 real samples, for the voice activity detector.
 *
 * Its own few lines because nothing else here needs one: no plan, no heap; tables
 * are made once per process (thread-safe).
 */
#pragma once

#include "base/defs.h"

enum { FFT_N = 512, FFT_BINS = FFT_N / 2 + 1 };

/* re[k] + i im[k] = sum of x[n] exp(-2 pi i k n / FFT_N), k = 0..FFT_N/2. */
void fft_real(const float x[FFT_N], float re[FFT_BINS], float im[FFT_BINS]); /* RT */
