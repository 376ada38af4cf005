#include "knowledge/tokenizer.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "document/utf8.h"
#include "knowledge/tokenizer_inner.h"

/* A string that is a token wherever it stands in a text. */
struct added {
	char *s;
	size_t n;
	uint32_t id;
	bool normalised; /* looked for after the normalisers */
	bool left, right; /* takes blanks beside it            */
	bool word;       /* not inside a word                 */
};

struct tokenizer {
	json_t *normal, *split, *model_names; /* hold strings that the stages borrow */
	struct normaliser normaliser;
	struct splitter splitter;
	struct model model;
	struct added *added;
	size_t n_added, cap_added;
	bool begins[2][256]; /* octets with which one begins, by .normalised */
	uint32_t size;
};

/* --- reading --------------------------------------------------------------------------------- */

static int read_added_one(struct tokenizer *t, const json_t *o, char why[static TOKENIZER_WHY])
{
	AUTO(buf) struct buf text = { 0 };
	const char *content = json_str(o, "content", "");
	int64_t id = json_int(o, "id", -1);
	struct added a = { .id = (uint32_t)id,
			   .normalised = json_flag(o, "normalized", !json_flag(o, "special", false)),
			   .left = json_flag(o, "lstrip", false),
			   .right = json_flag(o, "rstrip", false),
			   .word = json_flag(o, "single_word", false) };

	if (!*content || id < 0 || id >= 1 << 24) {
		snprintf(why, TOKENIZER_WHY, "an added token makes no sense");
		return -EBADMSG;
	}
	buf_puts(&text, content);
	if (text.failed || (a.normalised && !normalise_text(&t->normaliser, &text)) ||
	    !mem_grow(&t->added, &t->cap_added, t->n_added, sizeof(*t->added)))
		return -ENOMEM;
	if (!text.n)
		return 0;
	a.n = text.n;
	a.s = buf_take(&text);
	if (!a.s)
		return -ENOMEM;
	t->begins[a.normalised][(uint8_t)a.s[0]] = true;
	t->size = MAX(t->size, a.id + 1);
	t->added[t->n_added++] = a;
	return 0;
}

/* The model's few strings, without its vocabulary. */
static json_t *model_names(const json_t *model)
{
	json_t *o = json_object();
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)model, key, v)
		if (!json_is_object(v) && !json_is_array(v) && json_object_set(o, key, v) != 0) {
			json_decref(o);
			return NULL;
		}
	return o;
}

static int read_all(struct tokenizer *t, json_t *root, char why[static TOKENIZER_WHY])
{
	json_t *model = json_object_get(root, "model"), *added = json_object_get(root, "added_tokens");

	if (!json_is_object(model)) {
		snprintf(why, TOKENIZER_WHY, "it holds no model");
		return -EBADMSG;
	}
	t->normal = json_incref(json_object_get(root, "normalizer"));
	t->split = json_incref(json_object_get(root, "pre_tokenizer"));
	t->model_names = model_names(model);
	if (!t->model_names)
		return -ENOMEM;
	int r = normaliser_read(&t->normaliser, t->normal, why);
	if (r == 0)
		r = splitter_read(&t->splitter, t->split, why);
	if (r == 0)
		r = model_read(&t->model, model, why);
	t->model.prefix = json_str(t->model_names, "continuing_subword_prefix",
				   t->model.kind == MODEL_WORDPIECE ? "##" : "");
	t->model.suffix = json_str(t->model_names, "end_of_word_suffix", "");
	t->size = t->model.size;
	for (size_t i = 0; r == 0 && i < json_array_size(added); i++)
		r = read_added_one(t, json_array_get(added, i), why);
	return r;
}

int tokenizer_new(struct tokenizer **out, struct bytes json, char why[static TOKENIZER_WHY])
{
	char reason[160] = "";
	AUTO(json) json_t *root = json_parse(json, reason);
	struct tokenizer *t = mem_zalloc(sizeof(*t));
	int r = t ? -EBADMSG : -ENOMEM;

	snprintf(why, TOKENIZER_WHY, "it is not JSON (%.120s)", reason);
	if (t && json_is_object(root))
		r = read_all(t, root, why);
	if (r < 0) {
		tokenizer_free(t);
		return r;
	}
	*out = t;
	return 0;
}

void tokenizer_free(struct tokenizer *t)
{
	if (!t)
		return;
	normaliser_done(&t->normaliser);
	model_done(&t->model);
	for (size_t i = 0; i < t->n_added; i++)
		mem_free(t->added[i].s);
	mem_free(t->added);
	json_decref(t->normal);
	json_decref(t->split);
	json_decref(t->model_names);
	mem_free(t);
}

size_t tokenizer_size(const struct tokenizer *t)
{
	return t->size;
}

int32_t tokenizer_unknown(const struct tokenizer *t)
{
	return t->model.unknown;
}

/* --- numbers ------------------------------------------------------------------------------------ */

bool token_ids_add(struct token_ids *ids, uint32_t id)
{
	if (!mem_grow(&ids->id, &ids->cap, ids->n, sizeof(*ids->id)))
		return false;
	ids->id[ids->n++] = id;
	return true;
}

void token_ids_done(struct token_ids *ids)
{
	mem_free(ids->id);
	*ids = (struct token_ids){ 0 };
}

/* --- added tokens -------------------------------------------------------------------------------- */

static bool word_at(struct bytes t, size_t i)
{
	uint32_t c;

	if (i >= t.n)
		return false;
	utf8_decode(t.p + i, t.n - i, &c);
	return (char_classes(c) & CHAR_WORD) != 0;
}

/* The longest one that begins at i, or NULL. */
static const struct added *added_at(const struct tokenizer *t, struct bytes s, size_t i, bool normalised)
{
	const struct added *best = NULL;

	if (!t->begins[normalised][s.p[i]])
		return NULL;
	for (size_t k = 0; k < t->n_added; k++) {
		const struct added *a = &t->added[k];

		if (a->normalised != normalised || a->n > s.n - i || (best && a->n <= best->n) ||
		    memcmp(a->s, s.p + i, a->n) != 0)
			continue;
		if (a->word && ((i > 0 && word_at(s, utf8_floor(s, i - 1))) || word_at(s, i + a->n)))
			continue;
		best = a;
	}
	return best;
}

static size_t blanks_before(struct bytes s, size_t from, size_t i)
{
	uint32_t c;

	while (i > from) {
		size_t at = utf8_floor(s, i - 1);

		utf8_decode(s.p + at, i - at, &c);
		if (!(char_classes(c) & CHAR_SPACE))
			break;
		i = at;
	}
	return i;
}

static size_t blanks_after(struct bytes s, size_t i)
{
	uint32_t c;

	for (size_t n; i < s.n; i += n) {
		n = utf8_decode(s.p + i, s.n - i, &c);
		if (!(char_classes(c) & CHAR_SPACE))
			break;
	}
	return i;
}

/* --- encoding ---------------------------------------------------------------------------------------- */

struct encoding {
	const struct tokenizer *t;
	struct token_ids *out;
	size_t max;
	bool first; /* nothing of the text has been passed yet */
};

static int encode_plain(struct encoding *e, struct bytes s)
{
	AUTO(arena) struct arena strings = { 0 };
	struct pieces p = { 0 };
	int r = split_text(&e->t->splitter, s, e->first, &strings, &p) ? 0 : -ENOMEM;

	for (size_t i = 0; i < p.n && r == 0 && e->out->n < e->max; i++)
		r = model_encode(&e->t->model, p.p[i], e->out);
	mem_free(p.p);
	return r;
}

static int encode_normalised(struct encoding *e, struct bytes s);

/* What lies between added tokens goes to `plain`. */
static int encode_around(struct encoding *e, struct bytes s, bool normalised,
			 int (*plain)(struct encoding *e, struct bytes s))
{
	size_t from = 0;
	int r = 0;

	for (size_t i = 0; i < s.n && r == 0 && e->out->n < e->max;) {
		const struct added *a = added_at(e->t, s, i, normalised);

		if (!a) {
			i++;
			continue;
		}
		size_t end = a->left ? blanks_before(s, from, i) : i;
		if (end > from)
			r = plain(e, bytes_sub(s, from, end - from));
		if (r == 0 && !token_ids_add(e->out, a->id))
			r = -ENOMEM;
		e->first = false;
		i += a->n;
		if (a->right)
			i = blanks_after(s, i);
		from = i;
	}
	if (r == 0 && from < s.n && e->out->n < e->max)
		r = plain(e, bytes_sub(s, from, s.n - from));
	e->first = false;
	return r;
}

static int encode_normalised(struct encoding *e, struct bytes s)
{
	AUTO(buf) struct buf text = { 0 };

	buf_put(&text, s.p, s.n);
	if (text.failed || !normalise_text(&e->t->normaliser, &text))
		return -ENOMEM;
	return text.n ? encode_around(e, buf_bytes(&text), true, encode_plain) : 0;
}

int tokenizer_encode(const struct tokenizer *t, struct bytes text, size_t max, struct token_ids *out)
{
	AUTO(buf) struct buf clean = { 0 };
	struct encoding e = { t, out, max, true };
	uint32_t c;

	for (size_t i = 0, n; i < text.n; i += n) {
		n = utf8_decode(text.p + i, text.n - i, &c);
		utf8_put(&clean, c ? c : UTF8_BAD); /* strings in here end with NUL */
	}
	if (clean.failed)
		return -ENOMEM;
	int r = clean.n ? encode_around(&e, buf_bytes(&clean), false, encode_normalised) : 0;
	out->n = MIN(out->n, MAX(max, (size_t)0));
	return r;
}
