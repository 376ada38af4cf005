/* viseme.h - what a mouth looks like with each sound: the 22 visemes of Azure's speech service.
 *
 * Pure.
 */
#pragma once

enum { VISEME_SILENCE = 0, N_VISEMES = 22 };

/* Of a phone as Flite's American voices name them ("aa", "pau"); unknown: VISEME_SILENCE. */
unsigned viseme_of(const char *phone);
