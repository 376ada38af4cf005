/* price.h - what an engine's work costs. Nothing, where nobody says. */
#pragma once

/* In the operator's money (any currency, the same for all). */
struct price {
	double text_in, text_out;   /* a million tokens  */
	double audio_in, audio_out; /* a million tokens  */
	double cached_in;           /* a million tokens; 0: as text_in */
	double minute;              /* of audio heard    */
	double characters;          /* a million, spoken */
};
