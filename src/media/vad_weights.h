/* vad_weights.h - fitted by bench/vad_fit.py; see docs/media.md. Order: enum feature in vad.c. */
#pragma once

/* clang-format off */
static const float weights[VAD_FEATURES] = { -0.42f, 5.70f, -0.57f, 0.77f, 4.42f, 6.34f, 2.04f, 3.53f };
static const float bias = -4.77f;
/* clang-format on */
