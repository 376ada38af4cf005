#include "engine/shape.h"

#include <ctype.h>

void said_make(struct said *s, struct bytes text)
{
	s->text = text;
	s->n = 0;
	for (size_t pos = 0; s->n < SAID_WORDS && word_next(text, &pos, &s->words[s->n]);)
		s->n++;
}

static bool listed(const char *list, const char *word, size_t n)
{
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, " ");

		if (len == n && memcmp(p, word, n) == 0)
			return true;
		p += len + strspn(p + len, " ");
	}
	return false;
}

bool shape_listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	return n && (listed(list, word, n) || (n > 2 && word[n - 1] == 's' && listed(list, word, n - 1)));
}

static bool any(const struct said *s, const char *list)
{
	for (size_t i = 0; i < s->n; i++)
		if (shape_listed(list, s->words[i].s))
			return true;
	return false;
}

static bool upper(const struct said *s, size_t i)
{
	return isupper(s->text.p[s->words[i].start]);
}

/* Capitals there say nothing: it begins the sentence, or what a colon or a dot cuts off. */
static bool begins(const struct said *s, size_t i)
{
	if (i == 0)
		return true;
	for (size_t at = s->words[i - 1].end; at < s->words[i].start; at++)
		if (strchr(".:;!?", s->text.p[at]))
			return true;
	return false;
}

/* --- numbers and quantities ----------------------------------------------------------------- */

#define SMALL "two three four five six seven eight nine ten eleven twelve"
#define TEENS "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
#define TENS  "twenty thirty forty fifty sixty seventy eighty ninety"
#define NUMBERS                                                                                    \
	SMALL " " TEENS " " TENS " one zero hundred thousand million billion half quarter third "  \
	      "dozen twice once both couple"

static bool is_number(const struct word *w)
{
	return isdigit((unsigned char)w->s[0]) || shape_listed(NUMBERS, w->s);
}

static bool number(const struct said *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_number(&s->words[i]))
			return true;
	return any(s, "none free daily weekly every");
}

/* "5kg", "20cm". */
static bool has_unit(const struct word *w, const char *units)
{
	size_t n = strspn(w->s, "0123456789.");

	return n && w->s[n] && shape_listed(units, w->s + n);
}

/* A number and, at most two words behind it, a unit, with none of `unless` behind that. */
static bool quantity_unless(const struct said *s, const char *units, const char *unless)
{
	enum { REACH = 3 };

	for (size_t i = 0; i < s->n; i++) {
		size_t k = i, to = MIN(i + REACH, s->n - 1);

		if (!has_unit(&s->words[i], units)) {
			if (!is_number(&s->words[i]))
				continue;
			for (k = i + 1; k <= to && !shape_listed(units, s->words[k].s); k++)
				;
			if (k > to)
				continue;
		}
		if (k + 1 >= s->n || begins(s, k + 1) || !shape_listed(unless, s->words[k + 1].s))
			return true;
	}
	return false;
}

static bool quantity(const struct said *s, const char *units)
{
	return quantity_unless(s, units, "");
}

/* "an hour", "every week". */
static bool one_of(const struct said *s, const char *before, const char *units)
{
	for (size_t i = 0; i + 1 < s->n; i++)
		if (shape_listed(before, s->words[i].s) && shape_listed(units, s->words[i + 1].s))
			return true;
	return false;
}

#define U_MASS	 "kg kilogram kilogramme kilo gram gramme tonne ton mg milligram ounce lb lbs stone"
#define U_LENGTH                                                                                   \
	"m metre meter cm centimetre centimeter mm millimetre millimeter km kilometre kilometer "  \
	"mile foot feet inch inches yard fathom light-year"
#define U_TEXT	 "character column line word page letter bit byte digit"
#define U_AREA	 "hectare acre litre liter gallon"
#define U_TIME                                                                                     \
	"second minute hour day week month year decade century centuries night ms millisecond "    \
	"fortnight weekend s h"
#define U_SPEED	 "knot mph kmh megabit gigabit kilobit mbit gbit mbps gbps hertz"
#define U_MONEY                                                                                    \
	"pound pence penny euro dollar cent franc crown krona kronor kroner yen rupee usd eur gbp " \
	"pounds quid"
#define U_MEMORY                                                                                   \
	"b kb mb gb tb kib mib gib tib byte kilobyte megabyte gigabyte terabyte kibibyte mebibyte "  \
	"gibibyte bit megabit gigabit"
#define U_DEGREE "degree celsius fahrenheit kelvin"

static bool mass(const struct said *s)
{
	return quantity(s, U_MASS);
}

static bool span(const struct said *s, const char *unless)
{
	return quantity_unless(s, U_TIME, unless) ||
	       one_of(s, "a an whole entire", "hour day week month year night") ||
	       any(s, "forever indefinitely permanent permanently overnight");
}

static bool duration(const struct said *s)
{
	return span(s, "") || any(s, "until");
}

static bool speed(const struct said *s)
{
	if (quantity(s, U_SPEED))
		return true;
	return (quantity(s, U_LENGTH) || quantity(s, U_MEMORY) || quantity(s, U_DEGREE)) &&
	       one_of(s, "per a an each every one", "second minute hour day");
}

/* "free", "free of charge"; not "free software", "free of steps". */
static bool costs_nothing(const struct said *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct word *next = i + 1 < s->n ? &s->words[i + 1] : NULL;

		if (!shape_listed("free", s->words[i].s) ||
		    (i && shape_listed("kept keep keeps left set feel", s->words[i - 1].s)))
			continue;
		if (!next || begins(s, i + 1) || shape_listed("and or but", next->s))
			return true;
		if (strcmp(next->s, "of") != 0 && word_is_stop(next))
			return true;
		if (strcmp(next->s, "of") == 0 && i + 2 < s->n &&
		    shape_listed("charge cost", s->words[i + 2].s))
			return true;
	}
	return false;
}

static bool money(const struct said *s)
{
	static const char *const signs[] = { "$", "\xc2\xa3", "\xe2\x82\xac" };

	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < ARRAY_LEN(signs); k++) {
			size_t n = strlen(signs[k]), at = s->words[i].start;

			if (isdigit((unsigned char)s->words[i].s[0]) && at >= n &&
			    memcmp(s->text.p + at - n, signs[k], n) == 0)
				return true;
		}
	return quantity(s, U_MONEY) || costs_nothing(s);
}

static bool memory(const struct said *s)
{
	return quantity(s, U_MEMORY);
}

static bool temperature(const struct said *s)
{
	return quantity(s, U_DEGREE) || any(s, "freezing");
}

static bool size(const struct said *s)
{
	return quantity(s, U_LENGTH) || quantity(s, U_AREA) || quantity(s, U_MASS) ||
	       quantity(s, U_MEMORY);
}

static bool often(const struct said *s)
{
	return any(s, "every each daily weekly monthly yearly hourly annually nightly once twice always "
		      "never") ||
	       one_of(s, "a per", "second minute hour day week month year night") ||
	       quantity(s, "times");
}

static const struct {
	const char *words;
	bool said; /* a sentence about it says so; a length or a distance may stand alone */
} dimensions[] = {
	{ "tall high height higher highest altitude above elevation", true },
	{ "wide width wider broad across diameter breadth aperture lens", true },
	{ "deep depth deeper deepest below", true },
	{ "thick thickness", true },
	{ "long length longer longest", false },
	{ "far distance away farther further within from", false },
	{ "accurate accuracy precise", false },
};

static size_t dimension_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(dimensions); i++)
		if (shape_listed(dimensions[i].words, word))
			return i;
	return SIZE_MAX;
}

/* "How deep" is not answered by what is said to be wide. */
static bool other_dimension(const struct said *s, const char *asked)
{
	size_t mine = asked ? dimension_of(asked) : SIZE_MAX;
	bool other = false;

	for (size_t i = 0; i < s->n && mine != SIZE_MAX; i++) {
		size_t d = dimension_of(s->words[i].s);

		if (d == mine)
			return false;
		other = other || (d != SIZE_MAX && !word_is_stop(&s->words[i]));
	}
	return other || (mine != SIZE_MAX && dimensions[mine].said);
}

static bool length(const struct said *s, const struct shape_of *of)
{
	return quantity_unless(s, U_LENGTH, "per an each") && !other_dimension(s, of->dimension);
}

static bool extent(const struct said *s, const struct shape_of *of)
{
	return span(s, "before after ago ahead later late early") || length(s, of) || quantity(s, U_TEXT);
}

/* "eight tanks", "two hundred sea charts", "the number of tanks is 8", "Beds: 11". */
static bool count(const struct said *s, const struct shape_of *of)
{
	enum { BEFORE = 4, AFTER = 3 };

	for (size_t i = 0; i < s->n; i++) {
		if (!of->is_counted(of->ctx, &s->words[i]))
			continue;
		for (size_t k = 1; k <= BEFORE && k <= i && !begins(s, i - k + 1); k++) {
			if (is_number(&s->words[i - k]))
				return true;
			if (shape_listed("the by in with from at to", s->words[i - k].s))
				break;
		}
		for (size_t k = i + 1; k < s->n && k <= i + AFTER; k++)
			if (is_number(&s->words[k]) &&
			    (k == i + 1 || shape_listed("is are was were exactly about", s->words[k - 1].s)))
				return true;
		if (i > 0 && shape_listed("no", s->words[i - 1].s))
			return true;
	}
	return false;
}

/* --- time ---------------------------------------------------------------------------------------- */

#define DAYS   "monday tuesday wednesday thursday friday saturday sunday weekend weekday"
#define MONTHS "january february april june july august september october november december"

/* "14:30", "9.30". */
static bool is_clock_time(const struct said *s, size_t i)
{
	const struct word *w = &s->words[i];

	return isdigit((unsigned char)w->s[0]) && w->n <= 2 && w->end + 2 < s->text.n &&
	       s->text.p[w->end] == ':' && isdigit(s->text.p[w->end + 1]);
}

static bool clock_time(const struct said *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *before = i ? s->words[i - 1].s : "";

		if (is_clock_time(s, i) ||
		    shape_listed("oclock o'clock noon midnight sunset sunrise dusk dawn", s->words[i].s))
			return true;
		if (shape_listed("am pm", s->words[i].s) && i && is_number(&s->words[i - 1]))
			return true;
		if (shape_listed("past", s->words[i].s) &&
		    (shape_listed("half quarter", before) || (i && is_number(&s->words[i - 1]))))
			return true;
		/* "from ten in the morning" */
		if (shape_listed("morning afternoon evening", s->words[i].s) && i >= 3 &&
		    is_number(&s->words[i - 3]))
			return true;
		/* "from seven until nine" */
		if (shape_listed("from until at before", before) && is_number(&s->words[i]) &&
		    i + 1 < s->n && shape_listed("until to in", s->words[i + 1].s))
			return true;
	}
	return false;
}

/* May and March are months with a capital only, and not where a sentence begins. */
static bool is_month(const struct said *s, size_t i)
{
	return shape_listed(MONTHS, s->words[i].s) ||
	       (shape_listed("may march", s->words[i].s) && upper(s, i) && !begins(s, i));
}

static bool is_year(const struct said *s, size_t i)
{
	const struct word *w = &s->words[i];

	if (w->n == 4 && strspn(w->s, "0123456789") == 4)
		return w->s[0] == '1' || w->s[0] == '2';
	/* "nineteen thirty-four", "twenty twenty-one", "two thousand and five" */
	if (i + 1 < s->n && shape_listed("sixteen seventeen eighteen nineteen twenty", w->s))
		return shape_listed(TEENS " " TENS " ten eleven twelve hundred", s->words[i + 1].s);
	return i + 1 < s->n && strcmp(w->s, "two") == 0 && strcmp(s->words[i + 1].s, "thousand") == 0;
}

static bool day(const struct said *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_month(s, i) || shape_listed(DAYS " daily day", s->words[i].s))
			return true;
	return false;
}

static bool date(const struct said *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_month(s, i) || is_year(s, i))
			return true;
	return any(s, DAYS " ago century yesterday");
}

static bool time_stated(const struct said *s)
{
	return date(s) || clock_time(s) || duration(s) ||
	       any(s, "spring summer autumn winter night evening morning afternoon before after when "
		      "until during once while if dark daily weekly every soon immediately unless day first second "
		      "third");
}

static bool age(const struct said *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_year(s, i))
			return true;
	return quantity(s, "year month day week century centuries") && any(s, "old age aged ago since for");
}

/* --- names and places ----------------------------------------------------------------------------- */

#define ROLES                                                                                      \
	"manager officer director doctor leader master skipper technician scientist head staff "   \
	"people person anyone everyone nobody team member student supervisor visitor engineer "    \
	"crew observer founder owner administrator admin user guide volunteer teacher composer "   \
	"fisherman fishermen committee group maintainer developer sponsor uploader porter author " \
	"translator secretary delegate assistant chair president inspector nurse captain driver "  \
	"keeper company contractor friend mentor body somebody someone anybody child children "    \
	"parent guest passenger diver searcher adult cook baker cleaner professor mother father "  \
	"navy army charity village school reviewer applicant advocate customer employee"

/* A capitalised word inside a sentence that the question does not say itself. */
static bool is_new_name(const struct said *s, size_t i, const struct shape_of *of)
{
	return upper(s, i) && !begins(s, i) && s->words[i].n > 1 &&
 !is_month(s, i) &&
	       !shape_listed(DAYS, s->words[i].s) && !word_is_stop(&s->words[i]) &&
	       !(of->is_asked && of->is_asked(of->ctx, &s->words[i]));
}

static bool name(const struct said *s, const struct shape_of *of)
{
	for (size_t i = 0; i < s->n; i++) {
		/* Behind these a capital is where, not who or what. */
		if (is_new_name(s, i, of) && !shape_listed("from in at to near on of", s->words[i - 1].s))
			return true;
		/* At the start, two make a name: "Isobel Grant is …". */
		if (i + 1 < s->n && upper(s, i) && begins(s, i) && !word_is_stop(&s->words[i]) &&
		    is_new_name(s, i + 1, of) &&
		    !(of->is_asked && of->is_asked(of->ctx, &s->words[i])))
			return true;
	}
	return any(s, "called") || (any(s, "named") && !one_of(s, "named", "after"));
}

/* A name, or a role other than the question's own. */
static bool person(const struct said *s, const struct shape_of *of)
{
	static const struct shape_of nothing = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		if (i > 0 && is_new_name(s, i, &nothing) && upper(s, i - 1) &&
		    !word_is_stop(&s->words[i - 1]) && s->words[i].start == s->words[i - 1].end + 1)
			return true;
		if (shape_listed(ROLES " he she you", s->words[i].s) &&
		    !(of->is_asked && of->is_asked(of->ctx, &s->words[i])))
			return true;
	}
	return false;
}

static bool place(const struct said *s)
{
	return memchr(s->text.p, '/', s->text.n) ||
	       any(s, "in at on under beside behind near outside above below inside between next opposite to "
			 "through from around into along here there");
}

static bool city(const struct said *s, const struct shape_of *of)
{
	for (size_t i = 1; i < s->n; i++)
		if (is_new_name(s, i, of) && shape_listed("in at near from of to", s->words[i - 1].s))
			return true;
	return false;
}

static bool colour(const struct said *s)
{
	return any(s, "red green blue yellow orange brown black white grey gray pink purple violet golden gold "
		      "silver turquoise beige colour color colourless transparent striped crimson");
}

static bool address(const struct said *s)
{
	return memchr(s->text.p, '@', s->text.n) || any(s, "http https www");
}

/* --- why and how ------------------------------------------------------------------------------------ */

static bool reason(const struct said *s)
{
	return any(s, "because since so therefore to otherwise as due reason for cause if when can could "
		      "would");
}

static bool way(const struct said *s)
{
	return any(s, "must should may can by with use press call ask wait run type first then to using "
		      "dial is are has have will via through when if send see");
}

static const struct {
	bool (*holds)(const struct said *s);
	bool (*holds_of)(const struct said *s, const struct shape_of *of);
} checks[SHAPES] = {
	[SHAPE_NUMBER] = { .holds = number },	[SHAPE_COUNT] = { .holds_of = count },
	[SHAPE_MASS] = { .holds = mass },	[SHAPE_LENGTH] = { .holds_of = length },
	[SHAPE_EXTENT] = { .holds_of = extent }, [SHAPE_SIZE] = { .holds = size },
	[SHAPE_DURATION] = { .holds = duration }, [SHAPE_SPEED] = { .holds = speed },
	[SHAPE_MONEY] = { .holds = money },	[SHAPE_MEMORY] = { .holds = memory },
	[SHAPE_TEMPERATURE] = { .holds = temperature }, [SHAPE_AGE] = { .holds = age },
	[SHAPE_OFTEN] = { .holds = often },	[SHAPE_CLOCK] = { .holds = clock_time },
	[SHAPE_DAY] = { .holds = day },		[SHAPE_DATE] = { .holds = date },
	[SHAPE_TIME] = { .holds = time_stated }, [SHAPE_PERSON] = { .holds_of = person },
	[SHAPE_NAME] = { .holds_of = name },	[SHAPE_PLACE] = { .holds = place },
	[SHAPE_CITY] = { .holds_of = city },	[SHAPE_COLOUR] = { .holds = colour },
	[SHAPE_ADDRESS] = { .holds = address }, [SHAPE_REASON] = { .holds = reason },
	[SHAPE_WAY] = { .holds = way },
};

bool shape_holds(enum shape shape, const struct said *s, const struct shape_of *of)
{
	if (checks[shape].holds)
		return checks[shape].holds(s);
	return !checks[shape].holds_of || checks[shape].holds_of(s, of);
}
