#include "knowledge/synonym.h"

#include <pthread.h>
#include <string.h>

#include "document/words.h"

enum { GROUP_MAX = 6 };

/* As written; compared by stem. */
static const char *const groups[][GROUP_MAX] = {
	{ "name", "called", "named" },
	{ "phone", "telephone" },
	{ "cost", "price", "fee", "charge", "pay" },
	{ "buy", "purchase", "order" },
	{ "begin", "start" },
	{ "end", "finish", "stop" },
	{ "holiday", "vacation", "leave" },
	{ "ill", "sick", "illness" },
	{ "car", "vehicle" },
	{ "park", "parking" },
	{ "allowed", "permitted" },
	{ "forbidden", "prohibited" },
	{ "repair", "fix", "mend" },
	{ "big", "large" },
	{ "small", "little" },
	{ "boss", "manager" },
	{ "kid", "child", "children" },
	{ "fast", "quick" },
	{ "delete", "remove", "erase" },
	{ "error", "fault", "failure" },
	{ "choose", "select", "pick", "chosen", "chose" },
	{ "photo", "picture", "image" },
	{ "wifi", "wireless" },
	{ "trash", "rubbish", "garbage", "waste" },
	{ "elevator", "lift" },
	{ "toilet", "bathroom", "restroom" },
	{ "burn", "burnt", "fire" },
	{ "old", "age" },
	{ "job", "work" },
	{ "inhabitants", "population", "residents" },
	{ "inhabitants", "people" },
	{ "inhabitants", "live" },
	{ "current", "present" },
	{ "company", "firm", "manufacturer" },
	{ "fly", "flown", "flew", "flight" },
	{ "speak", "spoken", "spoke" },
	{ "write", "written", "wrote" },
	{ "eat", "ate", "eaten" },
	{ "drive", "driven", "drove" },
	{ "give", "gave", "given" },
	{ "hold", "held" },
	{ "feed", "fed" },
	{ "meet", "met" },
	{ "hear", "heard" },
	{ "keep", "kept" },
	{ "leave", "left" },
	{ "lose", "lost" },
	{ "send", "sent" },
	{ "teach", "taught" },
	{ "swim", "swam", "swimming" },
	{ "wear", "worn", "wore" },
	{ "freeze", "froze", "frozen" },
	{ "hide", "hidden" },
	{ "ride", "rode", "ridden" },
	{ "sell", "sold" },
	{ "grow", "grown", "grew" },
	{ "die", "died", "death", "dead" },
	{ "salary", "wage" },
	{ "meal", "food", "lunch" },
	{ "built", "build", "constructed" },
	{ "founded", "established" },
	{ "broken", "damaged", "defect", "break" },
	{ "license", "licence" },
	{ "harbor", "harbour" },
	{ "color", "colour" },
	{ "center", "centre" },
	{ "program", "programme" },
	{ "meter", "metre" },
	{ "gray", "grey" },
};

/* The same, stemmed; an empty string ends a group. Written once. */
static char terms[ARRAY_LEN(groups)][GROUP_MAX][WORD_MAX + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void stem_groups(void)
{
	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		for (size_t i = 0; i < GROUP_MAX && groups[g][i]; i++) {
			struct word w = { .n = strlen(groups[g][i]) };

			memcpy(w.s, groups[g][i], w.n + 1);
			word_to_term(&w);
			memcpy(terms[g][i], w.s, w.n + 1);
		}
	}
}

static bool holds(size_t g, const char *term)
{
	for (size_t i = 0; i < GROUP_MAX && terms[g][i][0]; i++)
		if (strcmp(terms[g][i], term) == 0)
			return true;
	return false;
}

void synonyms_foreach(const char *term, void (*each)(void *ctx, const char *term), void *ctx)
{
	pthread_once(&once, stem_groups);
	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		if (!holds(g, term))
			continue;
		for (size_t i = 0; i < GROUP_MAX && terms[g][i][0]; i++)
			if (strcmp(terms[g][i], term) != 0)
				each(ctx, terms[g][i]);
	}
}
