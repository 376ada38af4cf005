#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "document/utf8.h"
#include "knowledge/tokenizer_inner.h"

/* --- reading ------------------------------------------------------------------------------------ */

static const struct {
	const char *type;
	enum split_kind kind;
} kinds[] = {
	{ "BertPreTokenizer", SPLIT_BERT }, { "Whitespace", SPLIT_WORDS }, { "WhitespaceSplit", SPLIT_SPACES },
	{ "Punctuation", SPLIT_PUNCTUATION }, { "Digits", SPLIT_DIGITS }, { "Metaspace", SPLIT_METASPACE },
	{ "ByteLevel", SPLIT_BYTES }, { "Split", SPLIT_AT },
};

static const struct {
	const char *name;
	enum behavior behavior;
} behaviors[] = {
	{ "Removed", BEHAVIOR_REMOVED }, { "Isolated", BEHAVIOR_ISOLATED },
	{ "MergedWithPrevious", BEHAVIOR_WITH_PREVIOUS }, { "MergedWithNext", BEHAVIOR_WITH_NEXT },
};

static int unknown(const char *what, const char *name, char why[static TOKENIZER_WHY])
{
	snprintf(why, TOKENIZER_WHY, "the %s '%.80s' is not known here", what, name);
	return -EBADMSG;
}

static int read_behavior(struct split_step *s, const json_t *o, const char *fallback,
			 char why[static TOKENIZER_WHY])
{
	const char *name = json_str(o, "behavior", fallback);

	for (size_t i = 0; i < ARRAY_LEN(behaviors); i++)
		if (strcmp(name, behaviors[i].name) == 0) {
			s->behavior = behaviors[i].behavior;
			return 0;
		}
	return unknown("way to split", name, why);
}

static enum metaspace prepend_scheme(const json_t *o)
{
	const char *scheme = json_str(o, "prepend_scheme", json_flag(o, "add_prefix_space", true) ?
								  "always" :
								  "never");

	return strcmp(scheme, "first") == 0 ? METASPACE_FIRST :
	       strcmp(scheme, "never") == 0 ? METASPACE_NEVER :
					      METASPACE_ALWAYS;
}

static int read_step(struct splitter *to, enum split_kind kind, const json_t *o,
		     char why[static TOKENIZER_WHY])
{
	struct split_step *s = &to->steps[to->n++];
	const json_t *pattern = json_object_get(o, "pattern");

	*s = (struct split_step){ .kind = kind };
	switch (kind) {
	case SPLIT_METASPACE:
		s->prepend = prepend_scheme(o);
		s->cut = json_flag(o, "split", true);
		s->at = json_str(o, "replacement", "\xe2\x96\x81");
		break;
	case SPLIT_BYTES:
		s->prefix = json_flag(o, "add_prefix_space", true);
		s->cut = json_flag(o, "use_regex", true);
		break;
	case SPLIT_AT:
		s->at = json_str(pattern, "String", "");
		if (!*s->at)
			return unknown("expression", json_str(pattern, "Regex", ""), why);
		if (json_flag(o, "invert", false))
			return unknown("way to split", "invert", why);
		return read_behavior(s, o, "Isolated", why);
	case SPLIT_PUNCTUATION:
		return read_behavior(s, o, "Isolated", why);
	case SPLIT_DIGITS:
		s->kind = json_flag(o, "individual_digits", false) ? SPLIT_DIGITS : SPLIT_DIGIT_RUNS;
		break;
	case SPLIT_BERT:
	case SPLIT_WORDS:
	case SPLIT_SPACES:
	case SPLIT_DIGIT_RUNS:
		break;
	}
	return 0;
}

int splitter_read(struct splitter *s, const json_t *o, char why[static TOKENIZER_WHY])
{
	const char *type = json_str(o, "type", "");
	const json_t *list = json_object_get(o, "pretokenizers");
	int r = 0;

	if (!o || json_is_null(o))
		return 0;
	if (strcmp(type, "Sequence") == 0) {
		for (size_t i = 0; i < json_array_size(list) && r == 0; i++)
			r = splitter_read(s, json_array_get(list, i), why);
		return r;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds) && s->n < STEPS_MAX; i++)
		if (strcmp(type, kinds[i].type) == 0)
			return read_step(s, kinds[i].kind, o, why);
	return unknown("pre-tokeniser", type, why);
}

/* --- by classes of characters ----------------------------------------------------------------------- */

static bool add(struct pieces *to, struct bytes p)
{
	if (!p.n)
		return true;
	if (!mem_grow(&to->p, &to->cap, to->n, sizeof(*to->p)))
		return false;
	to->p[to->n++] = p;
	return true;
}

/* What a character does to the piece around it. */
enum role { ROLE_INSIDE, ROLE_GAP, ROLE_ALONE, ROLE_OTHER_RUN, ROLE_WITH_PREVIOUS, ROLE_WITH_NEXT };

static enum role role_of(const struct split_step *s, uint32_t c)
{
	static const enum role by_behavior[] = { [BEHAVIOR_REMOVED] = ROLE_GAP,
						 [BEHAVIOR_ISOLATED] = ROLE_ALONE,
						 [BEHAVIOR_WITH_PREVIOUS] = ROLE_WITH_PREVIOUS,
						 [BEHAVIOR_WITH_NEXT] = ROLE_WITH_NEXT };
	unsigned is = char_classes(c);
	bool ascii_sign = c < 0x80 && c > ' ' && c != 0x7f && !(is & (CHAR_LETTER | CHAR_NUMBER));
	bool sign = ascii_sign || (is & CHAR_PUNCT) != 0;

	switch (s->kind) {
	case SPLIT_BERT:
		return is & CHAR_SPACE ? ROLE_GAP : sign ? ROLE_ALONE : ROLE_INSIDE;
	case SPLIT_WORDS:
		return is & CHAR_SPACE ? ROLE_GAP : is & CHAR_WORD ? ROLE_INSIDE : ROLE_OTHER_RUN;
	case SPLIT_SPACES:
		return is & CHAR_SPACE ? ROLE_GAP : ROLE_INSIDE;
	case SPLIT_PUNCTUATION:
		return sign ? by_behavior[s->behavior] : ROLE_INSIDE;
	case SPLIT_DIGITS:
		return is & CHAR_NUMBER ? ROLE_ALONE : ROLE_INSIDE;
	case SPLIT_DIGIT_RUNS:
		return is & CHAR_NUMBER ? ROLE_OTHER_RUN : ROLE_INSIDE;
	case SPLIT_METASPACE:
	case SPLIT_BYTES:
	case SPLIT_AT:
		break;
	}
	return ROLE_INSIDE;
}

static bool split_classes(const struct split_step *s, struct bytes t, struct pieces *out)
{
	enum role before = ROLE_GAP;
	size_t from = 0;
	uint32_t c;

	for (size_t i = 0, n; i < t.n; i += n) {
		n = utf8_decode(t.p + i, t.n - i, &c);
		enum role role = role_of(s, c);
		bool cut = role != before || role == ROLE_ALONE || role == ROLE_WITH_NEXT;

		if (role == ROLE_WITH_PREVIOUS)
			cut = false;
		else if (before == ROLE_WITH_PREVIOUS)
			cut = true;
		if (before == ROLE_WITH_NEXT && role == ROLE_INSIDE)
			cut = false;
		if (cut) {
			if (before != ROLE_GAP && !add(out, bytes_sub(t, from, i - from)))
				return false;
			from = i;
		} else if (before == ROLE_GAP && role != ROLE_GAP) {
			from = i;
		}
		before = role;
	}
	return before == ROLE_GAP || add(out, bytes_sub(t, from, t.n - from));
}

static bool split_at(const struct split_step *s, struct bytes t, struct pieces *out)
{
	size_t from = 0, n = strlen(s->at);

	for (size_t i = 0; i + n <= t.n;) {
		if (memcmp(t.p + i, s->at, n) != 0) {
			i++;
			continue;
		}
		size_t end = s->behavior == BEHAVIOR_WITH_PREVIOUS ? i + n : i;
		if (!add(out, bytes_sub(t, from, end - from)))
			return false;
		if (s->behavior == BEHAVIOR_ISOLATED && !add(out, bytes_sub(t, i, n)))
			return false;
		from = s->behavior == BEHAVIOR_WITH_NEXT ? i : i + n;
		i += n;
	}
	return add(out, bytes_sub(t, from, t.n - from));
}

/* --- SentencePiece's way: blanks become signs ------------------------------------------------------- */

static bool split_metaspace(const struct split_step *s, struct bytes t, bool first,
			    struct arena *strings, struct pieces *out)
{
	size_t n = strlen(s->at), at = 0;
	char *to = arena_alloc(strings, (t.n + 1) * MAX(n, (size_t)1) + 1);
	bool has = t.n >= n && memcmp(t.p, s->at, n) == 0;

	if (!to)
		return false;
	has |= t.n > 0 && t.p[0] == ' ';
	if (!has && (s->prepend == METASPACE_ALWAYS || (s->prepend == METASPACE_FIRST && first))) {
		memcpy(to, s->at, n);
		at = n;
	}
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == ' ') {
			memcpy(to + at, s->at, n);
			at += n;
		} else {
			to[at++] = (char)t.p[i];
		}
	}
	if (!s->cut || !n)
		return add(out, bytes_of(to, at));
	const struct split_step by = { .at = s->at, .behavior = BEHAVIOR_WITH_NEXT };
	return split_at(&by, bytes_of(to, at), out);
}

/* --- GPT-2's way: octets as letters ------------------------------------------------------------------- */

static unsigned class_at(struct bytes t, size_t i, size_t *n)
{
	uint32_t c;

	*n = utf8_decode(t.p + i, t.n - i, &c);
	unsigned is = char_classes(c);
	return is & CHAR_SPACE ? (unsigned)CHAR_SPACE : is & (CHAR_LETTER | CHAR_NUMBER);
}

static size_t run_of(struct bytes t, size_t i, unsigned class)
{
	size_t n;

	while (i < t.n && class_at(t, i, &n) == class)
		i += n;
	return i;
}

/* 's|'t|'re|'ve|'m|'ll|'d: where it ends, or i. */
static size_t contraction(struct bytes t, size_t i)
{
	static const char *const ends[] = { "'s", "'t", "'re", "'ve", "'m", "'ll", "'d" };

	for (size_t k = 0; k < ARRAY_LEN(ends); k++) {
		size_t n = strlen(ends[k]);

		if (t.n - i >= n && memcmp(t.p + i, ends[k], n) == 0)
			return i + n;
	}
	return i;
}

/* '…| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ : where the next match ends. */
static size_t next_gpt2(struct bytes t, size_t i)
{
	size_t n, end = contraction(t, i), last = i;

	if (end > i)
		return end;
	size_t from = t.p[i] == ' ' && i + 1 < t.n ? i + 1 : i;
	unsigned class = class_at(t, from, &n);
	if (class != CHAR_SPACE)
		return run_of(t, from, class);
	for (end = i; end < t.n && class_at(t, end, &n) == CHAR_SPACE; end += n)
		last = end;
	/* The last blank belongs to what follows, unless it is the only one. */
	return end < t.n && last > i ? last : end;
}

/* The sign that stands for an octet (GPT-2's bytes_to_unicode): itself if it can be printed. */
static uint32_t sign_of(uint8_t octet)
{
	uint32_t next = 256;

	for (unsigned b = 0; b < 256; b++) {
		bool printed = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;

		if (b == octet)
			return printed ? b : next;
		next += !printed;
	}
	return next;
}

static bool add_signs(struct bytes p, struct arena *strings, struct pieces *out)
{
	char *to = arena_alloc(strings, 2 * p.n + 1);
	size_t at = 0;

	if (!to)
		return false;
	for (size_t i = 0; i < p.n; i++) {
		uint32_t c = p.p[i] > ' ' && p.p[i] < 0x7f ? p.p[i] : sign_of(p.p[i]);

		if (c >= 0x80)
			to[at++] = (char)(0xc0 | c >> 6);
		to[at++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
	}
	return add(out, bytes_of(to, at));
}

static bool split_bytes(const struct split_step *s, struct bytes t, struct arena *strings,
			struct pieces *out)
{
	if (s->prefix && t.n && t.p[0] != ' ') {
		char *with = arena_alloc(strings, t.n + 1);

		if (!with)
			return false;
		with[0] = ' ';
		memcpy(with + 1, t.p, t.n);
		t = bytes_of(with, t.n + 1);
	}
	for (size_t i = 0, end; i < t.n; i = end) {
		end = s->cut ? next_gpt2(t, i) : t.n;
		if (!add_signs(bytes_sub(t, i, end - i), strings, out))
			return false;
	}
	return true;
}

/* --- all steps ------------------------------------------------------------------------------------------- */

static bool take_step(const struct split_step *s, struct bytes t, bool first, struct arena *strings,
		      struct pieces *out)
{
	switch (s->kind) {
	case SPLIT_METASPACE:
		return split_metaspace(s, t, first, strings, out);
	case SPLIT_BYTES:
		return split_bytes(s, t, strings, out);
	case SPLIT_AT:
		return split_at(s, t, out);
	case SPLIT_BERT:
	case SPLIT_WORDS:
	case SPLIT_SPACES:
	case SPLIT_PUNCTUATION:
	case SPLIT_DIGITS:
	case SPLIT_DIGIT_RUNS:
		break;
	}
	return split_classes(s, t, out);
}

bool split_text(const struct splitter *s, struct bytes text, bool first, struct arena *strings,
		struct pieces *out)
{
	struct pieces now = { 0 }, next;
	bool ok = add(&now, text);

	for (size_t i = 0; i < s->n && ok; i++) {
		next = (struct pieces){ 0 };
		for (size_t k = 0; k < now.n && ok; k++)
			ok = take_step(&s->steps[i], now.p[k], first && k == 0, strings, &next);
		mem_free(now.p);
		now = next;
	}
	for (size_t k = 0; k < now.n && ok; k++)
		ok = add(out, now.p[k]);
	mem_free(now.p);
	return ok;
}
