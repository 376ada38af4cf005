#include "engine/topic.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "engine/question.h"

/* As many words can be listened to. */
enum { TOPIC_WORDS_MAX = 10 };

/* Said before the question itself. The longest that fits is dropped, again and again. */
static const char *const openings[] = {
	"please", "and", "so", "but", "also", "then", "or", "ok", "okay", "well", "hey", "hello", "hi",
	"what about", "how about", "tell me", "tell me about", "tell us", "tell us about", "do you know",
	"can you tell me", "can you tell me about", "could you tell me", "could you tell me about",
	"i want to know", "i would like to know", "i want to know about", "say something about",
};

#define ASKING	     "who what where when which why how whom whose whats whos wheres whens hows"
#define IS	     "is are was were"
#define VERBS                                                                                      \
	"is are was were am be been do does did have has had can could may might must shall should " \
	"will would"
#define PREPOSITIONS "on in at for with without during after before by from under to since until"
/* "What is it *called*", "where is it *kept*": says how it is asked, not about what. */
#define TRAILING                                                                                   \
	"called named used made kept located situated stored for of like about from to in at on with " \
	"there open now today"

/* How many words of the phrase stand at `at`; 0: not all. */
static size_t meets(const struct said *s, size_t at, const char *phrase)
{
	size_t n = 0, len;

	for (; *phrase; phrase += len, phrase += *phrase == ' ', n++) {
		len = strcspn(phrase, " ");
		if (at + n >= s->n || s->words[at + n].n != len || memcmp(s->words[at + n].s, phrase, len) != 0)
			return 0;
	}
	return n;
}

static size_t skip_openings(const struct said *s)
{
	for (size_t at = 0;;) {
		size_t longest = 0;

		for (size_t i = 0; i < ARRAY_LEN(openings); i++)
			longest = MAX(longest, meets(s, at, openings[i]));
		if (!longest)
			return at;
		at += longest;
	}
}

static bool any_listed(const struct said *s, size_t from, size_t to, const char *list)
{
	for (size_t i = from; i < to; i++)
		if (shape_listed(list, s->words[i].s))
			return true;
	return false;
}

static bool says_something(const struct said *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!word_is_stop(&s->words[i]) && !question_is_asking(&s->words[i]))
			return true;
	return false;
}

/* "who is the emperor of Japan": from where the name of it stands; SIZE_MAX: not such a question. */
static size_t name_begins(const struct said *s, size_t at)
{
	const char *first = s->words[at].s;

	if (!shape_listed(ASKING, first))
		return shape_listed(VERBS, first) || shape_listed(PREPOSITIONS, first) ? SIZE_MAX : at;
	if (shape_listed("whats whos wheres whens", first))
		return at + 1;
	return shape_listed("who what where when", first) && at + 1 < s->n &&
			       shape_listed(IS, s->words[at + 1].s)
		       ? at + 2
		       : SIZE_MAX;
}

/* Nothing that a voice would stumble over, or that would end a quotation. */
static bool can_be_said(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!isalnum(text.p[i]) && text.p[i] < 0x80 && !strchr(" ,'-.&/", text.p[i]))
			return false;
	return true;
}

static char *quote(const struct said *s, size_t from, size_t to, const char *mark)
{
	AUTO(buf) struct buf b = { 0 };
	size_t start = s->words[from].start;
	struct bytes text = bytes_sub(s->text, start, s->words[to - 1].end - start);

	if (to - from > TOPIC_WORDS_MAX || !can_be_said(text))
		return mem_strdup("");
	buf_puts(&b, mark);
	buf_put(&b, text.p, text.n);
	buf_puts(&b, mark);
	return buf_take(&b);
}

char *topic_of(const char *question)
{
	struct said s;

	said_make(&s, bytes_str(question));
	size_t at = skip_openings(&s), end = s.n;
	if (at >= s.n)
		return mem_strdup("");
	size_t from = name_begins(&s, at);
	while (from < end && shape_listed(TRAILING, s.words[end - 1].s))
		end--;
	if (from < end && says_something(&s, from, end) && !any_listed(&s, from, end, VERBS))
		return quote(&s, from, end, "");
	return says_something(&s, at, s.n) ? quote(&s, at, s.n, "\"") : mem_strdup("");
}

bool topic_goes_on(const char *question)
{
	struct said s;

	said_make(&s, bytes_str(question));
	if (meets(&s, 0, "what about") || meets(&s, 0, "how about"))
		return true;
	if (!s.n || shape_listed("and but or also then", s.words[0].s))
		return s.n > 0;
	return shape_listed(PREPOSITIONS, s.words[0].s) && !any_listed(&s, 0, s.n, VERBS);
}
