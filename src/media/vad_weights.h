/* vad_weights.h - fitted by bench/vad_fit.py; see docs/media.md. Order: enum feature in vad.c. */
#pragma once

/* clang-format off */
static const float weights[VAD_FEATURES] = { -4.40f, 4.26f, -2.92f, 2.66f, 7.07f, 10.76f, 1.44f, 1.88f };
static const float bias = -4.86f;
/* clang-format on */
