/* nearest.h - the passages whose vectors are nearest to a question's: all codes are compared,
 * then the nearest of them exactly (vector.h). Where there are few passages, all exactly.
 */
#pragma once

#include "knowledge/top.h"
#include "knowledge/view.h"

/* The best rows of what the view shows, by cosine; only those above 0. 0 or -ENOMEM. */
MUST_USE int nearest_top(const int8_t *question, const struct view *v, struct top *top);
/* All of them, exactly, into cosine[index_n()]; below 0 is 0. */
void nearest_all(const int8_t *question, const struct index *x, float *cosine);
