/* topic.h - what a question is about, in the asker's own words: for "I found nothing about …".
 *
 * "Who is the emperor of Japan?" is about 'the emperor of Japan'; what has no such name is
 * quoted: '"which bank holds the leave"'. Pure.
 */
#pragma once

#include "base/defs.h"

/* "": there is no short name for it that could be said. The caller frees; NULL: no memory. */
MUST_USE char *topic_of(const char *question);
/* Does the question go on from the one before: "and on weekends?", "what about dogs"? */
MUST_USE bool topic_goes_on(const char *question);
