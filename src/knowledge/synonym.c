#include "knowledge/synonym.h"

#include <string.h>

#include "knowledge/words.h"

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

static void to_term(const char *s, struct word *w)
{
	*w = (struct word){ .n = strlen(s) };
	memcpy(w->s, s, w->n + 1);
	word_to_term(w);
}

void synonyms_foreach(const char *term, void (*each)(void *ctx, const char *term), void *ctx)
{
	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		struct word w[GROUP_MAX];
		size_t n = 0;
		bool mine = false;

		for (; n < GROUP_MAX && groups[g][n]; n++) {
			to_term(groups[g][n], &w[n]);
			mine |= strcmp(w[n].s, term) == 0;
		}
		for (size_t i = 0; mine && i < n; i++)
			if (strcmp(w[i].s, term) != 0)
				each(ctx, w[i].s);
	}
}
