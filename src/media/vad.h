/* vad.h - is somebody speaking in these 20 ms? A probability, 0..1.
 *
 * Mono int16 at 16 kHz, one frame of 320 samples per call; no allocation. Looks back
 * 12 ms beyond the frame and never ahead. Scale of the probability: 0.5 balances
 * missed against false frames; endpoint.h makes turns of it.
 *
 * What it goes by (docs/media.md has the reasons and the figures): how far each of 20
 * frequency bands stands above its own noise floor, which is the lowest it has been for
 * two seconds; how harmonic the frame is, and was lately, since noise is loud but seldom
 * has a pitch; and how the level compares with the talker's own. The weights were
 * fitted on recordings and synthetic voices in noise: vad_weights.inc.
 */
#pragma once

#include "media/level.h"

enum { VAD_RATE_HZ = 16000, VAD_N = 320 };

struct vad;

MUST_USE struct vad *vad_new(void); /* NULL: no memory */
void vad_free(struct vad *v);
AUTO_DEF(vad)

MUST_USE float vad_push(struct vad *v, const int16_t pcm[VAD_N]); /* RT */
void vad_reset(struct vad *v);

/* What the last frame looked like: for meters, logs and for fitting the weights. */
enum { VAD_FEATURES = 13 };

struct vad_view {
	struct level level;
	float noise_db;   /* the floor, all bands, dBFS */
	float probability;
	float features[VAD_FEATURES];
};

struct vad_view vad_view(const struct vad *v);
