/* g711.h - ITU-T G.711: the telephone's 8 bits, µ-law (PCMU) and A-law (PCMA).
 *
 * One octet per sample, 8 kHz, no state. int16 is the 14 (13) bit value of the
 * recommendation, left-aligned. `to` holds as many elements as `from`.
 */
#pragma once

#include "base/defs.h"

enum g711_law { G711_ULAW, G711_ALAW };

/* What silence is on the wire. */
enum { G711_ULAW_SILENCE = 0xFF, G711_ALAW_SILENCE = 0xD5 };

void g711_decode(enum g711_law law, const uint8_t *from, size_t n, int16_t *pcm); /* RT */
void g711_encode(enum g711_law law, const int16_t *pcm, size_t n, uint8_t *to);   /* RT */
