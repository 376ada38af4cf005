#include <errno.h>
#include <stdio.h>
#include <utf8proc.h>

#include "base/alloc.h"
#include "base/b64.h"
#include "document/utf8.h"
#include "knowledge/tokenizer_inner.h"

/* --- reading -------------------------------------------------------------------------------- */

static int read_replace(struct normal_step *s, const json_t *o, char why[static TOKENIZER_WHY])
{
	const json_t *pattern = json_object_get(o, "pattern");
	const char *regex = json_str(pattern, "Regex", NULL);

	s->from = json_str(pattern, "String", NULL);
	s->to = json_str(o, "content", "");
	if (regex && (strcmp(regex, " {2,}") == 0 || strcmp(regex, " +") == 0)) {
		s->kind = NORMAL_REPLACE_RUN;
		return 0;
	}
	if (s->from && *s->from)
		return 0;
	snprintf(why, TOKENIZER_WHY, "the normaliser Replace by the expression '%.60s' is not known here",
		 regex ? regex : "");
	return -EBADMSG;
}

static int read_precompiled(struct normal_step *s, const json_t *o, char why[static TOKENIZER_WHY])
{
	const char *text = json_str(o, "precompiled_charsmap", "");
	size_t n = strlen(text);

	s->blob = mem_alloc(n / 4 * 3 + 1);
	if (!s->blob)
		return -ENOMEM;
	ptrdiff_t octets = b64_decode(text, n, s->blob);
	if (octets < 4) {
		snprintf(why, TOKENIZER_WHY, "the normaliser's precompiled_charsmap is damaged");
		return -EBADMSG;
	}
	s->n_blob = (size_t)octets;
	return 0;
}

static const struct {
	const char *type;
	enum normal_kind kind;
} kinds[] = {
	{ "BertNormalizer", NORMAL_BERT }, { "Lowercase", NORMAL_LOWERCASE }, { "NFC", NORMAL_NFC },
	{ "NFD", NORMAL_NFD }, { "NFKC", NORMAL_NFKC }, { "NFKD", NORMAL_NFKD },
	{ "StripAccents", NORMAL_STRIP_ACCENTS }, { "Strip", NORMAL_STRIP }, { "Replace", NORMAL_REPLACE },
	{ "Prepend", NORMAL_PREPEND }, { "Precompiled", NORMAL_PRECOMPILED },
};

static int read_step(struct normaliser *n, enum normal_kind kind, const json_t *o,
		     char why[static TOKENIZER_WHY])
{
	struct normal_step *s = &n->steps[n->n++];
	bool lower = json_flag(o, "lowercase", true);

	*s = (struct normal_step){ .kind = kind,
				   .clean = json_flag(o, "clean_text", true),
				   .chinese = json_flag(o, "handle_chinese_chars", true),
				   .lowercase = lower,
				   .accents = json_flag(o, "strip_accents", lower),
				   .left = json_flag(o, "strip_left", true),
				   .right = json_flag(o, "strip_right", true),
				   .to = json_str(o, "prepend", "") };
	if (kind == NORMAL_REPLACE)
		return read_replace(s, o, why);
	return kind == NORMAL_PRECOMPILED ? read_precompiled(s, o, why) : 0;
}

int normaliser_read(struct normaliser *n, const json_t *o, char why[static TOKENIZER_WHY])
{
	const char *type = json_str(o, "type", "");
	const json_t *list = json_object_get(o, "normalizers");
	int r = 0;

	if (!o || json_is_null(o))
		return 0;
	if (strcmp(type, "Sequence") == 0) {
		for (size_t i = 0; i < json_array_size(list) && r == 0; i++)
			r = normaliser_read(n, json_array_get(list, i), why);
		return r;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds) && n->n < STEPS_MAX; i++)
		if (strcmp(type, kinds[i].type) == 0)
			return read_step(n, kinds[i].kind, o, why);
	snprintf(why, TOKENIZER_WHY, "the normaliser '%.60s' is not known here", type);
	return -EBADMSG;
}

void normaliser_done(struct normaliser *n)
{
	for (size_t i = 0; i < n->n; i++)
		mem_free(n->steps[i].blob);
}

/* --- by character ---------------------------------------------------------------------------- */

static bool is_chinese(uint32_t c)
{
	return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
	       (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
	       (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
	       (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

static void put_clean(struct buf *to, uint32_t c)
{
	unsigned is = char_classes(c);

	if (c == '\t' || c == '\n' || c == '\r' || (is & CHAR_SPACE && !(is & CHAR_OTHER)))
		buf_putc(to, ' ');
	else if (c != 0 && c != 0xfffd && !(is & CHAR_OTHER))
		utf8_put(to, c);
}

static void put_apart(struct buf *to, uint32_t c)
{
	if (is_chinese(c))
		buf_putc(to, ' ');
	utf8_put(to, c);
	if (is_chinese(c))
		buf_putc(to, ' ');
}

static void put_unaccented(struct buf *to, uint32_t c)
{
	if (!(char_classes(c) & CHAR_ACCENT))
		utf8_put(to, c);
}

static void put_unmarked(struct buf *to, uint32_t c)
{
	if (!(char_classes(c) & CHAR_MARK))
		utf8_put(to, c);
}

static void put_lower(struct buf *to, uint32_t c)
{
	if (c < 0x80) {
		buf_putc(to, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
		return;
	}
	utf8_put(to, c == 0x130 ? 'i' : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
	if (c == 0x130) /* the one letter whose lower case is two */
		utf8_put(to, 0x307);
}

static bool each_char(struct buf *text, void (*put)(struct buf *to, uint32_t c))
{
	struct buf to = { 0 };
	uint32_t c;

	for (size_t i = 0; i < text->n;) {
		i += utf8_decode(text->p + i, text->n - i, &c);
		put(&to, c);
	}
	buf_puts(&to, "");
	bool ok = !to.failed;
	buf_done(text);
	*text = to;
	return ok;
}

static bool is_ascii(const struct buf *text)
{
	uint8_t all = 0;

	for (size_t i = 0; i < text->n; i++)
		all |= text->p[i];
	return all < 0x80;
}

/* --- Unicode's normal forms ------------------------------------------------------------------ */

static bool decompose(const struct buf *text, int32_t **out, size_t *n, utf8proc_option_t how)
{
	size_t cap = 0, at = 0;
	uint32_t c;
	int last = 0;

	*n = 0;
	for (size_t i = 0; i < text->n;) {
		i += utf8_decode(text->p + i, text->n - i, &c);
		for (;;) {
			if (!mem_grow(out, &cap, at, sizeof(**out)))
				return false;
			utf8proc_ssize_t m = utf8proc_decompose_char((utf8proc_int32_t)c, *out + at,
								     (utf8proc_ssize_t)(cap - at), how, &last);
			if (m >= 0 && (size_t)m <= cap - at) {
				at += (size_t)m;
				break;
			}
			if (m < 0) /* not a character: it stays */
				(*out)[at++] = (int32_t)c;
			if (m < 0)
				break;
			if (!mem_grow(out, &cap, cap, sizeof(**out)))
				return false;
		}
	}
	*n = at;
	return true;
}

/* Marks in the order of their classes (Unicode, 3.11). */
static void order_marks(int32_t *c, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		int own = utf8proc_get_property(c[i])->combining_class;

		for (size_t k = i; own && k > 0; k--) {
			if (utf8proc_get_property(c[k - 1])->combining_class <= own)
				break;
			int32_t t = c[k];
			c[k] = c[k - 1];
			c[k - 1] = t;
		}
	}
}

static bool normal_form(struct buf *text, unsigned options)
{
	AUTO(mem) int32_t *c = NULL;
	struct buf to = { 0 };
	size_t n;

	if (is_ascii(text))
		return true;
	if (!decompose(text, &c, &n, (utf8proc_option_t)(options & ~(unsigned)UTF8PROC_COMPOSE)))
		return false;
	order_marks(c, n);
	if (options & UTF8PROC_COMPOSE && n) {
		utf8proc_ssize_t m = utf8proc_normalize_utf32(
			c, (utf8proc_ssize_t)n, (utf8proc_option_t)(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
		n = m < 0 ? n : (size_t)m;
	}
	for (size_t i = 0; i < n; i++)
		utf8_put(&to, (uint32_t)c[i]);
	buf_puts(&to, "");
	bool ok = !to.failed;
	buf_done(text);
	*text = to;
	return ok;
}

/* --- SentencePiece's map: a double-array trie, then its strings ------------------------------------ */

static uint32_t le32_at(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What the shortest prefix of s that the map knows becomes; NULL: it knows none. */
static const char *map_prefix(const struct normal_step *step, struct bytes s)
{
	size_t n_trie = le32_at(step->blob) / 4, n_units = MIN(n_trie, (step->n_blob - 4) / 4);
	const uint8_t *units = step->blob + 4;
	size_t strings = 4 + 4 * n_units, at = 0;

	if (!n_units || strings >= step->n_blob)
		return NULL;
	uint32_t unit = le32_at(units);
	at ^= (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6);
	for (size_t i = 0; i < s.n; i++) {
		at ^= s.p[i];
		if (at >= n_units)
			return NULL;
		unit = le32_at(units + 4 * at);
		if ((unit & ((1u << 31) | 0xff)) != s.p[i])
			return NULL;
		at ^= (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6);
		if (!(unit >> 8 & 1))
			continue;
		size_t value = at < n_units ? le32_at(units + 4 * at) & 0x7fffffff : SIZE_MAX;
		if (value >= step->n_blob - strings ||
		    !memchr(step->blob + strings + value, 0, step->n_blob - strings - value))
			return NULL;
		return (const char *)step->blob + strings + value;
	}
	return NULL;
}

static void put_mapped(const struct normal_step *s, struct bytes grapheme, struct buf *to)
{
	const char *whole = grapheme.n < 6 ? map_prefix(s, grapheme) : NULL;
	uint32_t c;

	if (whole) {
		buf_puts(to, whole);
		return;
	}
	for (size_t i = 0, n; i < grapheme.n; i += n) {
		n = utf8_decode(grapheme.p + i, grapheme.n - i, &c);
		const char *mapped = map_prefix(s, bytes_sub(grapheme, i, n));

		if (mapped)
			buf_puts(to, mapped);
		else
			buf_put(to, grapheme.p + i, n);
	}
}

static bool precompiled(const struct normal_step *s, struct buf *text)
{
	struct buf to = { 0 };
	int32_t state = 0;
	uint32_t before = 0, c;
	size_t from = 0;

	for (size_t i = 0, n; i < text->n; i += n, before = c) {
		n = utf8_decode(text->p + i, text->n - i, &c);
		if (i > 0 && utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)c, &state)) {
			put_mapped(s, bytes_of(text->p + from, i - from), &to);
			from = i;
		}
	}
	put_mapped(s, bytes_of(text->p + from, text->n - from), &to);
	buf_puts(&to, "");
	bool ok = !to.failed;
	buf_done(text);
	*text = to;
	return ok;
}

/* --- the other steps -------------------------------------------------------------------------------- */

static bool bert(const struct normal_step *s, struct buf *text)
{
	bool ok = true;

	if (s->clean)
		ok = each_char(text, put_clean);
	if (ok && s->chinese && !is_ascii(text))
		ok = each_char(text, put_apart);
	if (ok && s->accents && !is_ascii(text))
		ok = normal_form(text, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE) && each_char(text, put_unaccented);
	return ok && s->lowercase ? each_char(text, put_lower) : ok;
}

static bool strip(const struct normal_step *s, struct buf *text)
{
	size_t from = 0, end = text->n;
	uint32_t c;

	for (size_t n; s->left && from < end; from += n) {
		n = utf8_decode(text->p + from, end - from, &c);
		if (!(char_classes(c) & CHAR_SPACE))
			break;
	}
	while (s->right && end > from) {
		size_t at = utf8_floor(buf_bytes(text), end - 1);

		utf8_decode(text->p + at, end - at, &c);
		if (!(char_classes(c) & CHAR_SPACE))
			break;
		end = at;
	}
	text->n = end;
	buf_consume(text, from);
	return true;
}

static bool replace(const struct normal_step *s, struct buf *text)
{
	struct buf to = { 0 };
	size_t n = s->kind == NORMAL_REPLACE ? strlen(s->from) : 0;

	for (size_t i = 0; i < text->n;) {
		size_t hit = n;

		if (s->kind == NORMAL_REPLACE_RUN)
			for (hit = 0; i + hit < text->n && text->p[i + hit] == ' ';)
				hit++;
		else if (text->n - i < n || memcmp(text->p + i, s->from, n) != 0)
			hit = 0;
		if (hit >= (s->kind == NORMAL_REPLACE ? 1u : 2u)) {
			buf_puts(&to, s->to);
			i += hit;
		} else {
			buf_putc(&to, (char)text->p[i++]);
		}
	}
	buf_puts(&to, "");
	bool ok = !to.failed;
	buf_done(text);
	*text = to;
	return ok;
}

static bool prepend(const struct normal_step *s, struct buf *text)
{
	struct buf to = { 0 };

	if (!text->n)
		return true;
	buf_puts(&to, s->to);
	buf_put(&to, text->p, text->n);
	bool ok = !to.failed;
	buf_done(text);
	*text = to;
	return ok;
}

static bool take_step(const struct normal_step *s, struct buf *text)
{
	switch (s->kind) {
	case NORMAL_BERT:
		return bert(s, text);
	case NORMAL_LOWERCASE:
		return each_char(text, put_lower);
	case NORMAL_NFC:
		return normal_form(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	case NORMAL_NFD:
		return normal_form(text, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
	case NORMAL_NFKC:
		return normal_form(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
						 UTF8PROC_STABLE);
	case NORMAL_NFKD:
		return normal_form(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE);
	case NORMAL_STRIP_ACCENTS:
		return each_char(text, put_unmarked);
	case NORMAL_STRIP:
		return strip(s, text);
	case NORMAL_REPLACE:
	case NORMAL_REPLACE_RUN:
		return replace(s, text);
	case NORMAL_PREPEND:
		return prepend(s, text);
	case NORMAL_PRECOMPILED:
		return precompiled(s, text);
	}
	return true;
}

bool normalise_text(const struct normaliser *n, struct buf *text)
{
	for (size_t i = 0; i < n->n; i++)
		if (!take_step(&n->steps[i], text))
			return false;
	return true;
}
