#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "document/utf8.h"
#include "knowledge/tokenizer_inner.h"

enum { ID_MAX = 1 << 24, SYMBOLS_MAX = 4096 /* of a piece: longer ones are cut there */ };
#define UNKNOWN_PENALTY 10.0

/* --- reading: the vocabulary -------------------------------------------------------------------------- */

static int bad(char why[static TOKENIZER_WHY], const char *what)
{
	snprintf(why, TOKENIZER_WHY, "the model's %s make no sense", what);
	return -EBADMSG;
}

static int add_piece(struct model *m, const char *s, size_t len, int64_t id, double score)
{
	size_t n = m->pieces.n;
	int32_t at = vocab_add(&m->pieces, s, len);

	if (at == VOCAB_NO_MEMORY || !mem_grow(&m->ids, &m->cap_ids, n, sizeof(*m->ids)) ||
	    !mem_grow(&m->scores, &m->cap_scores, n, sizeof(*m->scores)))
		return -ENOMEM;
	m->ids[at] = (uint32_t)id;
	m->scores[at] = (float)score;
	m->longest = MAX(m->longest, len);
	m->size = MAX(m->size, (uint32_t)id + 1);
	m->worst = MIN(m->worst, score);
	return 0;
}

static int read_vocab(struct model *m, json_t *vocab, char why[static TOKENIZER_WHY])
{
	const char *piece;
	json_t *v;

	json_object_foreach(vocab, piece, v) {
		int64_t id = json_integer_value(v);

		if (!json_is_integer(v) || id < 0 || id >= ID_MAX)
			return bad(why, "numbers");
		if (add_piece(m, piece, strlen(piece), id, 0) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_scored(struct model *m, const json_t *vocab, char why[static TOKENIZER_WHY])
{
	size_t n = json_array_size(vocab);

	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(vocab, i), *piece = json_array_get(row, 0);
		double score = json_number_value(json_array_get(row, 1));

		if (!json_is_string(piece) || !json_is_number(json_array_get(row, 1)) || i >= ID_MAX)
			return bad(why, "pieces");
		if (add_piece(m, json_string_value(piece), json_string_length(piece), (int64_t)i, score) < 0)
			return -ENOMEM;
	}
	return 0;
}

int32_t model_find(const struct model *m, const char *s, size_t n)
{
	int32_t at = memchr(s, 0, n) ? VOCAB_NONE : vocab_find(&m->pieces, s, n);

	return at < 0 ? -1 : (int32_t)m->ids[at];
}

/* --- reading: merges -------------------------------------------------------------------------------- */

static size_t place_of(const struct model *m, uint32_t left, uint32_t right)
{
	uint64_t h = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(h >> 32) & (m->n_merges - 1);

	while (m->merges[i].rank && (m->merges[i].left != left || m->merges[i].right != right))
		i = (i + 1) & (m->n_merges - 1);
	return i;
}

/* "a b", or ["a", "b"] */
static bool merge_sides(const json_t *row, struct bytes *left, struct bytes *right)
{
	const char *text = json_string_value(row);

	if (text) {
		const char *blank = *text ? strchr(text + 1, ' ') : NULL;

		if (!blank)
			return false;
		*left = bytes_of(text, (size_t)(blank - text));
		*right = bytes_str(blank + 1);
		return true;
	}
	const char *a = json_string_value(json_array_get(row, 0)), *b = json_string_value(json_array_get(row, 1));
	*left = bytes_str(a);
	*right = bytes_str(b);
	return a && b;
}

static int add_merge(struct model *m, const json_t *row, uint32_t rank, char why[static TOKENIZER_WHY])
{
	AUTO(buf) struct buf made = { 0 };
	struct bytes left, right;
	size_t cut = strlen(m->prefix);

	if (!merge_sides(row, &left, &right) || right.n < cut)
		return bad(why, "merges");
	int32_t l = model_find(m, (const char *)left.p, left.n);
	int32_t r = model_find(m, (const char *)right.p, right.n);
	buf_put(&made, left.p, left.n);
	buf_put(&made, right.p + cut, right.n - cut);
	if (made.failed)
		return -ENOMEM;
	int32_t whole = made.p ? model_find(m, (const char *)made.p, made.n) : -1;
	if (l < 0 || r < 0 || whole < 0)
		return bad(why, "merges");
	struct merge *to = &m->merges[place_of(m, (uint32_t)l, (uint32_t)r)];
	if (!to->rank)
		*to = (struct merge){ (uint32_t)l, (uint32_t)r, rank, (uint32_t)whole };
	return 0;
}

static int read_merges(struct model *m, const json_t *list, char why[static TOKENIZER_WHY])
{
	size_t n = json_array_size(list);
	int r = 0;

	for (m->n_merges = 16; m->n_merges < 2 * n;)
		m->n_merges *= 2;
	m->merges = mem_calloc(m->n_merges, sizeof(*m->merges));
	if (!m->merges)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_merge(m, json_array_get(list, i), (uint32_t)i + 1, why);
	return r;
}

/* --- reading: the model -------------------------------------------------------------------------------- */

static int kind_of(struct model *m, const json_t *o, char why[static TOKENIZER_WHY])
{
	static const char *const names[] = { [MODEL_WORDPIECE] = "WordPiece", [MODEL_UNIGRAM] = "Unigram",
					     [MODEL_BPE] = "BPE" };
	const char *fallback = json_object_get(o, "merges")			 ? "BPE" :
			       json_is_array(json_object_get(o, "vocab")) ? "Unigram" :
									     "WordPiece";
	const char *type = json_str(o, "type", fallback);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(type, names[i]) == 0) {
			m->kind = (enum model_kind)i;
			return 0;
		}
	snprintf(why, TOKENIZER_WHY, "the model '%.60s' is not known here", type);
	return -EBADMSG;
}

int model_read(struct model *m, const json_t *o, char why[static TOKENIZER_WHY])
{
	json_t *vocab = json_object_get(o, "vocab");
	int r = kind_of(m, o, why);

	if (r < 0)
		return r;
	m->prefix = json_str(o, "continuing_subword_prefix", m->kind == MODEL_WORDPIECE ? "##" : "");
	m->suffix = json_str(o, "end_of_word_suffix", "");
	m->word_max = (size_t)MAX(json_int(o, "max_input_chars_per_word", 100), (int64_t)1);
	m->fuse_unknown = json_flag(o, "fuse_unk", m->kind == MODEL_UNIGRAM);
	m->byte_fallback = json_flag(o, "byte_fallback", false);
	m->whole_first = json_flag(o, "ignore_merges", false);
	r = m->kind == MODEL_UNIGRAM ? read_scored(m, vocab, why) : read_vocab(m, vocab, why);
	if (r == 0 && !m->pieces.n)
		r = bad(why, "pieces");
	if (r == 0 && m->kind == MODEL_BPE)
		r = read_merges(m, json_object_get(o, "merges"), why);
	if (r < 0)
		return r;
	const char *unknown = json_str(o, "unk_token", m->kind == MODEL_WORDPIECE ? "[UNK]" : "");
	int64_t id = json_int(o, "unk_id", -1);
	m->unknown = m->kind != MODEL_UNIGRAM ? model_find(m, unknown, strlen(unknown)) :
		     id >= 0 && id < m->size  ? (int32_t)id :
						-1;
	return 0;
}

void model_done(struct model *m)
{
	vocab_done(&m->pieces);
	mem_free(m->ids);
	mem_free(m->scores);
	mem_free(m->merges);
}

/* --- what is unknown --------------------------------------------------------------------------------------- */

static int add_unknown(const struct model *m, struct bytes s, bool *fused, struct token_ids *out)
{
	char name[8];
	uint32_t octets[8];
	size_t n = 0;

	for (; m->byte_fallback && n < s.n && n < ARRAY_LEN(octets); n++) {
		snprintf(name, sizeof(name), "<0x%02X>", s.p[n]);
		int32_t id = model_find(m, name, 6);
		if (id < 0)
			break;
		octets[n] = (uint32_t)id;
	}
	if (n && n == s.n) {
		for (size_t i = 0; i < n; i++)
			if (!token_ids_add(out, octets[i]))
				return -ENOMEM;
		return 0;
	}
	if (m->unknown < 0 || (m->fuse_unknown && *fused))
		return 0;
	*fused = true;
	return token_ids_add(out, (uint32_t)m->unknown) ? 0 : -ENOMEM;
}

/* --- WordPiece: the longest piece first ------------------------------------------------------------------- */

static int32_t longest_piece(const struct model *m, struct bytes word, size_t from, size_t *end)
{
	char s[512];
	size_t n = from ? strlen(m->prefix) : 0;
	size_t most = MIN(word.n - from, MIN(m->longest, sizeof(s) - MIN(n, sizeof(s))));

	if (n)
		memcpy(s, m->prefix, MIN(n, sizeof(s)));
	memcpy(s + n, word.p + from, most);
	for (size_t len = utf8_floor(word, from + most) - from; len > 0;
	     len = utf8_floor(word, from + len - 1) - from) {
		int32_t id = model_find(m, s, n + len);

		if (id >= 0) {
			*end = from + len;
			return id;
		}
	}
	return -1;
}

static size_t count_chars(struct bytes s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

static int encode_wordpiece(const struct model *m, struct bytes word, struct token_ids *out)
{
	size_t before = out->n, end = 0;
	bool fused = false, known = count_chars(word) <= m->word_max;

	for (size_t from = 0; from < word.n && known; from = end) {
		int32_t id = longest_piece(m, word, from, &end);

		known = id >= 0;
		if (known && !token_ids_add(out, (uint32_t)id))
			return -ENOMEM;
	}
	if (known)
		return 0;
	out->n = before; /* one piece that is unknown, and the whole word is */
	return add_unknown(m, word, &fused, out);
}

/* --- Unigram: the likeliest pieces (Viterbi) ----------------------------------------------------------------- */

struct best {
	double score;
	int32_t piece; /* of the vocabulary, or -1: unknown */
	uint32_t from; /* UINT32_MAX: not reached           */
};

static void reach(struct best *b, size_t from, size_t to, double score, int32_t piece)
{
	if (b[to].from == UINT32_MAX || score > b[to].score)
		b[to] = (struct best){ score, piece, (uint32_t)from };
}

static void reach_from(const struct model *m, struct bytes s, struct best *b, size_t from)
{
	uint32_t c;
	size_t one = utf8_decode(s.p + from, s.n - from, &c), most = MIN(s.n - from, m->longest);
	bool alone = false;

	for (size_t n = one; n <= most;) {
		int32_t piece = vocab_find(&m->pieces, (const char *)s.p + from, n);

		if (piece >= 0) {
			reach(b, from, from + n, b[from].score + (double)m->scores[piece], piece);
			alone |= n == one;
		}
		if (from + n >= s.n)
			break;
		n += utf8_decode(s.p + from + n, s.n - from - n, &c);
	}
	if (!alone)
		reach(b, from, from + one, b[from].score + m->worst - UNKNOWN_PENALTY, -1);
}

static int encode_unigram(const struct model *m, struct bytes s, struct token_ids *out)
{
	AUTO(mem) struct best *b = mem_calloc(s.n + 1, sizeof(*b));
	AUTO(mem) uint32_t *ends = mem_calloc(s.n + 1, sizeof(*ends));
	size_t n = 0;
	uint32_t c;

	if (!b || !ends)
		return -ENOMEM;
	for (size_t i = 1; i <= s.n; i++)
		b[i].from = UINT32_MAX;
	for (size_t i = 0; i < s.n; i += utf8_decode(s.p + i, s.n - i, &c))
		reach_from(m, s, b, i);
	for (size_t i = s.n; i > 0; i = b[i].from)
		ends[n++] = (uint32_t)i;
	for (size_t k = n; k-- > 0;) {
		struct best *at = &b[ends[k]];
		size_t end = ends[k];

		if (at->piece >= 0 && (int32_t)m->ids[at->piece] != m->unknown) {
			if (!token_ids_add(out, m->ids[at->piece]))
				return -ENOMEM;
			continue;
		}
		while (m->fuse_unknown && k > 0 && b[ends[k - 1]].piece < 0)
			end = ends[--k];
		/* One piece after all, or octets, or unknown. */
		bool fused = false;
		for (size_t i = at->from; i < end;) {
			size_t len = m->byte_fallback ? utf8_decode(s.p + i, s.n - i, &c) : end - i;
			if (add_unknown(m, bytes_sub(s, i, len), &fused, out) < 0)
				return -ENOMEM;
			i += len;
		}
	}
	return 0;
}

/* --- BPE: the earliest merge first ----------------------------------------------------------------------------- */

struct symbols {
	uint32_t *id;
	size_t n;
};

static const struct merge *merge_of(const struct model *m, uint32_t left, uint32_t right)
{
	const struct merge *g = &m->merges[place_of(m, left, right)];

	return g->rank ? g : NULL;
}

static void merge_all(const struct model *m, struct symbols *y)
{
	for (;;) {
		const struct merge *first = NULL;
		size_t at = 0;

		for (size_t i = 0; i + 1 < y->n; i++) {
			const struct merge *g = merge_of(m, y->id[i], y->id[i + 1]);

			if (g && (!first || g->rank < first->rank)) {
				first = g;
				at = i;
			}
		}
		if (!first)
			return;
		y->id[at] = first->made;
		memmove(y->id + at + 1, y->id + at + 2, (y->n - at - 2) * sizeof(*y->id));
		y->n--;
	}
}

/* The number of one character of a word, with what marks its place in it. */
static int32_t find_char(const struct model *m, struct bytes word, size_t at, size_t n)
{
	char s[128];
	int len = snprintf(s, sizeof(s), "%s%.*s%s", at ? m->prefix : "", (int)n, (const char *)word.p + at,
			   at + n == word.n ? m->suffix : "");

	return len > 0 && (size_t)len < sizeof(s) ? model_find(m, s, (size_t)len) : -1;
}

static int encode_bpe(const struct model *m, struct bytes word, struct token_ids *out)
{
	AUTO(token_ids) struct token_ids chars = { 0 };
	bool fused = false;
	uint32_t c;
	int32_t whole = m->whole_first ? model_find(m, (const char *)word.p, word.n) : -1;

	if (whole >= 0)
		return token_ids_add(out, (uint32_t)whole) ? 0 : -ENOMEM;
	for (size_t i = 0, n; i < word.n; i += n) {
		n = utf8_decode(word.p + i, word.n - i, &c);
		int32_t id = find_char(m, word, i, n);

		if (id >= 0) {
			fused = false;
			if (!token_ids_add(&chars, (uint32_t)id))
				return -ENOMEM;
		} else if (add_unknown(m, bytes_sub(word, i, n), &fused, &chars) < 0) {
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < chars.n; i += SYMBOLS_MAX) {
		struct symbols y = { chars.id + i, MIN(chars.n - i, (size_t)SYMBOLS_MAX) };

		merge_all(m, &y);
		for (size_t k = 0; k < y.n; k++)
			if (!token_ids_add(out, y.id[k]))
				return -ENOMEM;
	}
	return 0;
}

int model_encode(const struct model *m, struct bytes piece, struct token_ids *out)
{
	switch (m->kind) {
	case MODEL_WORDPIECE:
		return encode_wordpiece(m, piece, out);
	case MODEL_UNIGRAM:
		return encode_unigram(m, piece, out);
	case MODEL_BPE:
		return encode_bpe(m, piece, out);
	}
	return 0;
}
