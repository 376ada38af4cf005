/* vad_weights.h - fitted by bench/vad_fit.py; see docs/media.md. Order: enum feature in vad.c. */
#pragma once

/* clang-format off */
static const float weights[VAD_FEATURES] = { -4.24f, 5.39f, -2.39f, 2.86f, 7.85f, 9.63f, 2.07f, 1.31f };
static const float bias = -5.38f;
/* clang-format on */
