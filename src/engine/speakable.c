#include "engine/speakable.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* --- signs and letters ----------------------------------------------------------- */

/* One row per character beyond ASCII that is not simply a letter with a mark. */
static const struct {
	uint32_t code;
	const char *say; /* spaces make it a word of its own */
} signs[] = {
	{ 0xa0, " " },	       { 0xa2, " cents " },	    { 0xa3, " pounds " },
	{ 0xa5, " yen " },     { 0xa7, " section " },	    { 0xa9, " copyright " },
	{ 0xab, "" },	       { 0xae, "" },		    { 0xb0, " degrees " },
	{ 0xb1, " plus or minus " }, { 0xb2, " squared " }, { 0xb3, " cubed " },
	{ 0xb5, "micro" },     { 0xb6, " paragraph " },	    { 0xb7, " " },
	{ 0xbb, "" },	       { 0xbc, " one quarter " },   { 0xbd, " one half " },
	{ 0xbe, " three quarters " }, { 0xd7, " by " },	    { 0xf7, " divided by " },
	{ 0x3a9, "ohm" },      { 0x3b1, "alpha" },	    { 0x3b2, "beta" },
	{ 0x3b3, "gamma" },    { 0x3b4, "delta" },	    { 0x3bb, "lambda" },
	{ 0x3bc, "micro" },    { 0x3c0, "pi" },		    { 0x2010, "-" },
	{ 0x2011, "-" },       { 0x2012, "-" },		    { 0x2013, "-" },
	{ 0x2014, ", " },      { 0x2018, "'" },		    { 0x2019, "'" },
	{ 0x201c, "\"" },      { 0x201d, "\"" },	    { 0x2022, " " },
	{ 0x2026, ". " },      { 0x202f, " " },		    { 0x2032, " minutes " },
	{ 0x2033, " seconds " }, { 0x20ac, " euros " },	    { 0x2103, " degrees celsius " },
	{ 0x2109, " degrees fahrenheit " }, { 0x2122, "" }, { 0x2190, " " },
	{ 0x2192, " to " },    { 0x2212, " minus " },	    { 0x2248, " about " },
	{ 0x2260, " is not " }, { 0x2264, " at most " },    { 0x2265, " at least " },
};

/* U+00C0..U+017F without their marks; '?' where there is none. */
static const char *const latin[] = {
	"A", "A", "A", "A",  "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I",	 "I", "I",
	"D", "N", "O", "O",  "O", "O", "O",  "",  "O", "U", "U", "U", "U", "Y",	 "Th", "ss",
	"a", "a", "a", "a",  "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i",	 "i", "i",
	"d", "n", "o", "o",  "o", "o", "o",  "",  "o", "u", "u", "u", "u", "y",	 "th", "y",
	"A", "a", "A", "a",  "A", "a", "C",  "c", "C", "c", "C", "c", "C", "c",	 "D", "d",
	"D", "d", "E", "e",  "E", "e", "E",  "e", "E", "e", "E", "e", "G", "g",	 "G", "g",
	"G", "g", "G", "g",  "H", "h", "H",  "h", "I", "i", "I", "i", "I", "i",	 "I", "i",
	"I", "i", "IJ", "ij", "J", "j", "K", "k", "k", "L", "l", "L", "l", "L",	 "l", "L",
	"l", "L", "l", "N",  "n", "N", "n",  "N", "n", "n", "N", "n", "O", "o",	 "O", "o",
	"O", "o", "OE", "oe", "R", "r", "R", "r", "R", "r", "S", "s", "S", "s",	 "S", "s",
	"S", "s", "T", "t",  "T", "t", "T",  "t", "U", "u", "U", "u", "U", "u",	 "U", "u",
	"U", "u", "U", "u",  "W", "w", "Y",  "y", "Y", "Z", "z", "Z", "z", "Z",	 "z", "s",
};

/* One character of at most four octets; 0 octets taken never happens. U+FFFD for a bad one. */
static uint32_t utf8_next(struct bytes b, size_t *at)
{
	uint8_t c = b.p[(*at)++];
	unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
	uint32_t code = more == 3 ? c & 7u : more == 2 ? c & 15u : more == 1 ? c & 31u : c;

	if (c >= 0x80 && !more)
		return 0xfffd;
	for (; more > 0; more--) {
		if (*at >= b.n || (b.p[*at] & 0xc0) != 0x80)
			return 0xfffd;
		code = code << 6 | (b.p[(*at)++] & 0x3fu);
	}
	return code;
}

static const char *sign_of(uint32_t code)
{
	if (code >= 0xc0 && code < 0xc0 + ARRAY_LEN(latin) && code != 0xd7 && code != 0xf7)
		return latin[code - 0xc0];
	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (signs[i].code == code)
			return signs[i].say;
	return "";
}

static bool is_currency(uint32_t c)
{
	return c == 0xa3 || c == 0xa5 || c == 0x20ac;
}

/* The word in ASCII. A dash between digits stays '-', to be read as "to" later. A currency's
 * name is said after its number. */
static void to_ascii(struct buf *out, struct bytes word)
{
	const char *currency = NULL;

	for (size_t at = 0; at < word.n;) {
		uint32_t c = utf8_next(word, &at);

		/* The number ends before a final stop or comma. */
		if (currency && !isdigit((int)(c & 0x7f)) &&
		    !((c == '.' || c == ',') && at < word.n && isdigit(word.p[at]))) {
			buf_puts(out, currency);
			currency = NULL;
		}
		if (is_currency(c) && at < word.n && isdigit(word.p[at]))
			currency = sign_of(c);
		else if (c < 0x80)
			buf_putc(out, c >= 0x20 && c != 0x7f ? (char)c : ' ');
		else if (c == 0xb0 && at < word.n && (word.p[at] == 'C' || word.p[at] == 'F'))
			buf_puts(out, word.p[at++] == 'C' ? " degrees celsius" : " degrees fahrenheit");
		else
			buf_puts(out, sign_of(c));
	}
	if (currency)
		buf_puts(out, currency);
}

/* --- words ------------------------------------------------------------------------- */

/* Whole words, compared without case and without the final stop or comma. */
static const struct {
	const char *written, *say;
	bool before_digit; /* only when the next word starts with a digit */
} abbreviations[] = {
	{ "e.g", "for example", false }, { "eg", "for example", false },
	{ "i.e", "that is", false },	 { "etc", "et cetera", false },
	{ "vs", "versus", false },	 { "approx", "approximately", false },
	{ "ca", "about", true },	 { "no", "number", true },
	{ "nos", "numbers", true },	 { "p", "page", true },
	{ "pp", "pages", true },	 { "fig", "figure", true },
	{ "sec", "section", true },	 { "ch", "chapter", true },
	{ "vol", "volume", true },	 { "ext", "extension", true },
	{ "tel", "telephone", false },	 { "dept", "department", false },
	{ "w/o", "without", false },	 { "w/", "with", false },
	{ "a/c", "air conditioning", false }, { "24/7", "twenty four seven", false },
	{ "&", "and", false },		 { "+", "plus", false },
	{ "=", "equals", false },	 { "<", "less than", false },
	{ ">", "more than", false },	 { "@", "at", false },
	{ "%", "percent", false },	 { "#", "number", true },
};

/* Units after a number; case counts. */
static const struct {
	const char *written, *say;
} units[] = {
	{ "%", "percent" },	    { "km", "kilometers" },  { "m", "meters" },
	{ "cm", "centimeters" },    { "mm", "millimeters" }, { "kg", "kilograms" },
	{ "g", "grams" },	    { "mg", "milligrams" },  { "l", "liters" },
	{ "L", "liters" },	    { "ml", "milliliters" }, { "h", "hours" },
	{ "min", "minutes" },	    { "s", "seconds" },	     { "ms", "milliseconds" },
	{ "Hz", "hertz" },	    { "kHz", "kilohertz" },  { "MHz", "megahertz" },
	{ "GHz", "gigahertz" },	    { "V", "volts" },	     { "W", "watts" },
	{ "kW", "kilowatts" },	    { "A", "amps" },	     { "mA", "milliamps" },
	{ "GB", "gigabytes" },	    { "MB", "megabytes" },   { "KB", "kilobytes" },
	{ "TB", "terabytes" },	    { "kB", "kilobytes" },   { "Mbit/s", "megabits per second" },
	{ "Gbit/s", "gigabits per second" }, { "km/h", "kilometers per hour" },
	{ "m/s", "meters per second" }, { "dB", "decibels" }, { "ft", "feet" },
	{ "lb", "pounds" },	    { "lbs", "pounds" },     { "mph", "miles per hour" },
	{ "C", "celsius" },	    { "F", "fahrenheit" },   { "K", "kelvin" },
	{ "hrs", "hours" },	    { "mins", "minutes" },   { "x", "times" },
};

static bool starts_with_digit(const char *s)
{
	return isdigit((unsigned char)*s) != 0;
}

static const char *find_unit(const char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strlen(units[i].written) == n && memcmp(units[i].written, s, n) == 0)
			return units[i].say;
	return NULL;
}

static const char *find_abbreviation(const char *s, size_t n, bool digit_follows)
{
	for (size_t i = 0; i < ARRAY_LEN(abbreviations); i++)
		if (strlen(abbreviations[i].written) == n &&
		    strncasecmp(abbreviations[i].written, s, n) == 0 &&
		    (digit_follows || !abbreviations[i].before_digit))
			return abbreviations[i].say;
	return NULL;
}

/* Octets at the end that are punctuation for Flite. */
static size_t tail_of(const char *s, size_t n)
{
	size_t keep = n;

	while (keep > 0 && strchr(".,;:!?)]}\"'", s[keep - 1]))
		keep--;
	return n - keep;
}

/* The one mark of a tail that is worth a pause. */
static char pause_of(const char *tail, size_t n)
{
	for (const char *mark = "?!.;:,"; *mark; mark++)
		if (memchr(tail, *mark, n))
			return *mark;
	return '\0';
}

/* --- addresses and paths ---------------------------------------------------------------- */

/* "https://www.example.org/a/b?c" is said "example dot org": a path is for eyes. */
static bool say_url(struct buf *out, const char *s, size_t n)
{
	size_t skip = 0;

	if (n > 8 && strncasecmp(s, "https://", 8) == 0)
		skip = 8;
	else if (n > 7 && strncasecmp(s, "http://", 7) == 0)
		skip = 7;
	if (n > skip + 4 && strncasecmp(s + skip, "www.", 4) == 0)
		skip += 4;
	if (!skip)
		return false;
	for (size_t i = skip; i < n && !strchr("/?#", s[i]); i++) {
		if (s[i] == '.')
			buf_puts(out, " dot ");
		else if (s[i] == ':')
			buf_puts(out, " port ");
		else
			buf_putc(out, s[i]);
	}
	return true;
}

static bool looks_like_path(const char *s, size_t n)
{
	const char *dot = memrchr(s, '.', n);
	size_t ext = dot ? n - (size_t)(dot - s) - 1 : 0;
	size_t slashes = 0, letters = 0;

	if (memchr(s, ' ', n))
		return false;
	for (size_t i = 0; i < n; i++) {
		slashes += s[i] == '/' || s[i] == '\\';
		letters += isalpha((unsigned char)s[i]) != 0;
	}
	if (memchr(s, '@', n))
		return letters > 2 && ext >= 2;
	if (dot && dot > s && ext >= 2 && ext <= 4 && isalnum((unsigned char)dot[-1]) && letters > ext) {
		/* "setup.md", "data.tar"; not "end.The" and not "a.m". */
		for (size_t i = 1; i <= ext; i++)
			if (!islower((unsigned char)dot[i]) && !isdigit((unsigned char)dot[i]))
				return slashes >= 2;
		return true;
	}
	return slashes >= 2 && letters > 1;
}

static void say_path(struct buf *out, const char *s, size_t n)
{
	static const char *const names[128] = {
		['/'] = " slash ", ['\\'] = " backslash ", ['.'] = " dot ", ['@'] = " at ",
		['_'] = " ",	   ['-'] = " ",		   ['~'] = " home ", ['*'] = " star ",
	};

	for (size_t i = 0; i < n; i++) {
		const char *name = (unsigned char)s[i] < 128 ? names[(unsigned char)s[i]] : NULL;

		if (i == 0 && s[i] == '/')
			continue;
		if (name)
			buf_puts(out, name);
		else
			buf_putc(out, s[i]);
	}
}

/* --- numbers ------------------------------------------------------------------------------ */

/* Octets of a number such as 12, 1,000, 9:30 or 2.5 at s. */
static size_t number_at(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (isdigit((unsigned char)s[i]) ||
			 (i > 0 && i + 1 < n && strchr(".,:", s[i]) &&
			  isdigit((unsigned char)s[i + 1]))))
		i++;
	return i;
}

/* "5-10", "5-10km", "20mm", "50%", "10x": number, range, unit. False: not of that shape. */
static bool say_number(struct buf *out, const char *s, size_t n)
{
	size_t a = number_at(s, n), b = 0, rest;

	if (!a)
		return false;
	rest = a;
	if (a + 1 < n && s[a] == '-' && (b = number_at(s + a + 1, n - a - 1)))
		rest = a + 1 + b;
	/* 555-0100-22 is no range, and 2024-05-01 is a date: leave both alone. */
	if (rest < n && s[rest] == '-')
		return false;
	const char *unit = rest < n ? find_unit(s + rest, n - rest) : NULL;
	if (rest < n && !unit)
		return false;
	if (!b && !unit)
		return false;
	buf_put(out, s, a);
	if (b) {
		buf_puts(out, " to ");
		buf_put(out, s + a + 1, b);
	}
	if (unit) {
		buf_putc(out, ' ');
		buf_puts(out, unit);
	}
	return true;
}

/* --- one word ------------------------------------------------------------------------------- */

static void say_plain(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool inner = i > 0 && i + 1 < n && isalnum((unsigned char)s[i - 1]) &&
			     isalnum((unsigned char)s[i + 1]);

		if (s[i] == '/' && inner && !isdigit((unsigned char)s[i - 1]))
			buf_puts(out, " or ");
		else if (s[i] == '&' && inner && islower((unsigned char)s[i - 1]))
			buf_puts(out, " and ");
		else if (s[i] == '%')
			buf_puts(out, " percent ");
		else if (s[i] == '+' && i + 1 < n)
			buf_puts(out, " plus ");
		else if (strchr("*_`#|~^<>=\\{}[]()\"/+", s[i]))
			buf_putc(out, ' ');
		else
			buf_putc(out, s[i]);
	}
}

/* What the stop behind a word is. */
enum stop { STOP_PAUSES, STOP_IS_ABBREVIATION };

static enum stop say_core(struct buf *out, const char *s, size_t n, const char *prev,
			  const char *next)
{
	const char *as;

	if (starts_with_digit(prev) && !tail_of(prev, strcspn(prev, " ")) && (as = find_unit(s, n))) {
		buf_puts(out, as);
	} else if ((as = find_abbreviation(s, n, starts_with_digit(next)))) {
		buf_puts(out, as);
		return *next ? STOP_IS_ABBREVIATION : STOP_PAUSES;
	} else if (!say_number(out, s, n) && !say_url(out, s, n)) {
		if (looks_like_path(s, n))
			say_path(out, s, n);
		else
			say_plain(out, s, n);
	}
	return STOP_PAUSES;
}

/* Appends the words of `raw` to `out`, single spaces between, dropping what has neither a
 * letter nor a digit; returns their number. */
static uint32_t put_words(struct buf *out, const char *raw, size_t n, char pause)
{
	uint32_t words = 0;

	for (size_t i = 0; i < n;) {
		size_t start = i;
		bool sound = false;

		for (; i < n && raw[i] != ' '; i++)
			sound = sound || isalnum((unsigned char)raw[i]);
		if (sound) {
			if (out->n)
				buf_putc(out, ' ');
			buf_put(out, raw + start, i - start);
			words++;
		}
		i += i < n;
	}
	/* A mark, also of a word without sound, pauses what came before it. */
	if (pause && out->n && !strchr(".,;:!?", out->p[out->n - 1]))
		buf_putc(out, pause);
	return words;
}

static void say_word(struct speakable *s, struct bytes word, struct bytes prev, struct bytes next,
		     uint32_t at)
{
	AUTO(buf) struct buf a = { 0 }, p = { 0 }, x = { 0 }, said = { 0 };

	to_ascii(&a, word);
	to_ascii(&p, prev);
	to_ascii(&x, next);
	buf_puts(&a, "");
	buf_puts(&p, "");
	buf_puts(&x, "");
	const char *t = a.p ? (const char *)a.p : "", *before = p.p ? (const char *)p.p : "";
	const char *after = x.p ? (const char *)x.p : "";
	size_t n = a.n, lead = strspn(t, " (\"'[{*_`#|-");
	char pause = '\0';

	while (n > 0 && t[n - 1] == ' ')
		n--;

	if (lead < n) {
		size_t tail = tail_of(t + lead, n - lead);
		size_t mark = strcspn(t + lead, "*_`");

		pause = pause_of(t + n - tail, tail);
		/* Closing markup stands after or before the stop. */
		if (lead && mark < n - lead - tail) {
			pause = pause ? pause : pause_of(t + lead + mark, n - lead - mark);
			tail = n - lead - mark;
		}
		if (say_core(&said, t + lead, n - lead - tail, before, after) ==
			    STOP_IS_ABBREVIATION && pause == '.')
			pause = '\0';
		/* A bracket opens with a breath. */
		if (*t == '(')
			put_words(&s->text, "", 0, ',');
	}
	uint32_t words = put_words(&s->text, said.p ? (const char *)said.p : "", said.n, pause);
	struct spoken_word w = { at, (uint32_t)word.n, words };
	buf_put(&s->map, &w, sizeof(w));
	if (a.failed || p.failed || x.failed || said.failed)
		s->text.failed = true;
}

static struct bytes next_word(struct bytes b, size_t *at)
{
	while (*at < b.n && isspace(b.p[*at]))
		++*at;
	size_t start = *at;
	while (*at < b.n && !isspace(b.p[*at]))
		++*at;
	return bytes_sub(b, start, *at - start);
}

int speakable_make(struct speakable *s, struct bytes written)
{
	struct bytes prev = { 0 }, word, next;
	size_t at = 0;

	speakable_done(s);
	if (!written.n)
		return 0;
	written.n = MIN(written.n, (size_t)SPEAKABLE_MAX);
	for (word = next_word(written, &at); word.n; prev = word, word = next) {
		next = next_word(written, &at);
		say_word(s, word, prev, next, (uint32_t)(word.p - written.p));
	}
	if (s->text.failed || s->map.failed) {
		speakable_done(s);
		return -ENOMEM;
	}
	return 0;
}

size_t speakable_words(const struct speakable *s)
{
	return s->map.n / sizeof(struct spoken_word);
}

struct spoken_word speakable_word(const struct speakable *s, size_t i)
{
	struct spoken_word w;

	memcpy(&w, s->map.p + i * sizeof(w), sizeof(w));
	return w;
}

void speakable_done(struct speakable *s)
{
	buf_done(&s->text);
	buf_done(&s->map);
}
