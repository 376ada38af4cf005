#include "knowledge/embed_static.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crypto.h"
#include "knowledge/embed_inner.h"
#include "knowledge/safetensors.h"
#include "knowledge/tokenizer.h"

enum {
	MAGIC = 0x31747376,        /* "vst1", little endian                               */
	TOKENS_MAX = 512,          /* of a text, as model2vec has it                      */
	SIZE_LIMIT = INT_MAX,      /* octets of a model                                   */
	TOKENIZER_LIMIT = 64 << 20,
};

struct static_model {
	struct embedder base;
	char *folder;
	struct buf file;
	struct tensor rows, weights, mapping; /* weights, mapping: .rows 0 where there are none */
	bool skip_unknown;                    /* model2vec leaves out what it does not know     */
	struct tokenizer *tokenizer;
};

static const struct static_model *model_of(const struct embedder *e)
{
	return (const struct static_model *)(const void *)e;
}

static void static_free(struct embedder *e)
{
	struct static_model *m = CONTAINER_OF(e, struct static_model, base);

	mem_free(m->folder);
	buf_done(&m->file);
	tokenizer_free(m->tokenizer);
	mem_free(m);
}

/* --- files ------------------------------------------------------------------------------------ */

static int read_fd(int fd, size_t limit, struct buf *to)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > limit)
		return -EFBIG;
	size_t want = (size_t)st.st_size;
	uint8_t *p = buf_reserve(to, want + 1);
	while (p && to->n < want) {
		ssize_t n = read(fd, p + to->n, want - to->n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		to->n += (size_t)n;
	}
	return p ? 0 : -ENOMEM;
}

static int read_file(const char *folder, const char *name, size_t limit, struct buf *to,
		     char why[static EMBED_WHY])
{
	static const char *const places[] = { "", "0_StaticEmbedding/" };
	char path[PATH_MAX];
	int fd = -1;

	for (size_t i = 0; i < ARRAY_LEN(places) && fd < 0; i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s%s", folder, places[i], name) < sizeof(path))
			fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 && errno != ENOENT)
			break;
	}
	int r = fd < 0 ? -errno : read_fd(fd, limit, to);
	if (r < 0)
		snprintf(why, EMBED_WHY, "%.120s/%s cannot be read: %.60s", folder, name, strerror(-r));
	if (fd >= 0)
		close(fd);
	return r;
}

/* --- opening ------------------------------------------------------------------------------------- */

static int wrong(const struct static_model *m, const char *name, const char *what,
		 char why[static EMBED_WHY])
{
	snprintf(why, EMBED_WHY, "%.80s/%s: %.120s", m->folder, name, what);
	return -EBADMSG;
}

static int find_optional(struct static_model *m, const char *name, struct tensor *out,
			 char why[static SAFETENSORS_WHY])
{
	int r = safetensors_find(buf_bytes(&m->file), name, out, why);

	return r == -ENOENT ? 0 : r;
}

static int read_tensors(struct static_model *m, char why[static EMBED_WHY])
{
	char reason[SAFETENSORS_WHY] = "it has no tensor 'embeddings' or 'embedding.weight'";
	struct bytes file = buf_bytes(&m->file);
	int r = safetensors_find(file, "embeddings", &m->rows, reason);

	m->skip_unknown = r == 0;
	if (r == -ENOENT)
		r = safetensors_find(file, "embedding.weight", &m->rows, reason);
	if (r == 0)
		r = find_optional(m, "weights", &m->weights, reason);
	if (r == 0)
		r = find_optional(m, "mapping", &m->mapping, reason);
	if (r == 0 && (m->rows.cols < 2 || m->rows.cols > EMBED_DIM_MAX)) {
		snprintf(reason, sizeof(reason), "it has %zu dimensions; from 2 to %d can be used", m->rows.cols,
			 EMBED_DIM_MAX);
		r = -EBADMSG;
	}
	if (r == 0 && (m->weights.cols > 1 || m->mapping.cols > 1)) {
		snprintf(reason, sizeof(reason), "its weights or mapping are no vector");
		r = -EBADMSG;
	}
	return r < 0 && r != -ENOMEM ? wrong(m, "model.safetensors", reason, why) : r;
}

static int read_tokenizer(struct static_model *m, struct bytes json, char why[static EMBED_WHY])
{
	char reason[TOKENIZER_WHY];
	int r = tokenizer_new(&m->tokenizer, json, reason);

	return r == -EBADMSG ? wrong(m, "tokenizer.json", reason, why) : r;
}

/* Two hashes: which numbers, and which tokens they are of. */
static int name_model(struct static_model *m, struct bytes json)
{
	char name[EMBED_NAME_MAX], hexed[33];
	uint8_t both[2 * SHA256_LEN], sha[SHA256_LEN];
	const char *slash = strrchr(m->folder, '/'), *last = slash ? slash + 1 : m->folder;
	int r = sha256(buf_bytes(&m->file), both);

	if (r == 0)
		r = sha256(json, both + SHA256_LEN);
	if (r == 0)
		r = sha256(bytes_of(both, sizeof(both)), sha);
	hex(sha, 8, hexed);
	snprintf(name, sizeof(name), "static-%.80s-%s", last, hexed);
	embedder_init(&m->base, m->base.ops, (unsigned)m->rows.cols, name);
	return r;
}

static int open_model(struct static_model *m, const char *folder, char why[static EMBED_WHY])
{
	AUTO(buf) struct buf json = { 0 };
	char real[PATH_MAX];

	if (!realpath(folder, real)) {
		int e = errno;
		snprintf(why, EMBED_WHY, "the embedder %.140s cannot be read: %.60s", folder, strerror(e));
		return -e;
	}
	m->folder = mem_strdup(real);
	if (!m->folder)
		return -ENOMEM;
	int r = read_file(m->folder, "model.safetensors", SIZE_LIMIT, &m->file, why);
	if (r == 0)
		r = read_file(m->folder, "tokenizer.json", TOKENIZER_LIMIT, &json, why);
	if (r == 0)
		r = read_tensors(m, why);
	if (r == 0)
		r = read_tokenizer(m, buf_bytes(&json), why);
	return r == 0 ? name_model(m, buf_bytes(&json)) : r;
}

int embed_static_open(struct embedder **out, const char *folder, char why[static EMBED_WHY])
{
	struct static_model *m = mem_zalloc(sizeof(*m));

	snprintf(why, EMBED_WHY, "not enough memory for the embedder");
	if (!m)
		return -ENOMEM;
	m->base.ops = &embed_static_ops;
	int r = open_model(m, folder, why);
	if (r < 0) {
		static_free(&m->base);
		return r;
	}
	*out = &m->base;
	return 0;
}

/* --- octets: the folder, and the name it had --------------------------------------------------------- */

static void static_save(const struct embedder *e, struct buf *to)
{
	const struct static_model *m = model_of(e);

	put_le32(to, (uint32_t)strlen(m->folder));
	buf_puts(to, m->folder);
	buf_puts(to, e->name);
}

/* The one that was opened last is kept: indexes come and go. */
static _Atomic(struct embedder *) kept;

static void keep(struct embedder *e)
{
	embedder_free(atomic_exchange(&kept, embedder_ref(e)));
}

void embed_static_forget(void)
{
	keep(NULL);
}

static struct embedder *take_kept(struct bytes name)
{
	struct embedder *e = atomic_exchange(&kept, NULL), *mine = NULL;

	if (e && bytes_is(name, e->name))
		mine = embedder_ref(e);
	struct embedder *none = NULL;
	if (!atomic_compare_exchange_strong(&kept, &none, e))
		embedder_free(e); /* another thread has put one there meanwhile */
	return mine;
}

static int static_load(struct embedder **out, struct bytes b)
{
	const uint8_t *n, *folder;
	char path[PATH_MAX], why[EMBED_WHY];

	if (!take_octets(&b, 4, &n) || le32(n) >= sizeof(path) || !take_octets(&b, le32(n), &folder) ||
	    memchr(folder, 0, le32(n)) || le32(n) == 0 || folder[0] != '/')
		return -EBADMSG;
	snprintf(path, sizeof(path), "%.*s", (int)le32(n), (const char *)folder);
	struct embedder *e = take_kept(b);
	int r = e ? 0 : embed_static_open(&e, path, why);
	if (r == 0 && !bytes_is(b, e->name)) { /* the files are other ones now */
		embedder_free(e);
		return -EBADMSG;
	}
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	keep(e);
	*out = e;
	return 0;
}

/* --- using it -------------------------------------------------------------------------------------------- */

static void add_token(const struct static_model *m, uint32_t id, float *row, float *sum)
{
	int64_t at = m->mapping.rows ? (id < m->mapping.rows ? tensor_int(&m->mapping, id) : -1) : (int64_t)id;
	float weight = 1;

	if (at < 0 || (size_t)at >= m->rows.rows)
		return;
	if (m->weights.rows) {
		if (id >= m->weights.rows)
			return;
		tensor_row(&m->weights, id, &weight);
	}
	tensor_row(&m->rows, (size_t)at, row);
	for (size_t c = 0; c < m->rows.cols; c++)
		sum[c] += weight * row[c];
}

static int embed_one(const struct static_model *m, struct bytes text, struct token_ids *ids, float *out)
{
	float row[EMBED_DIM_MAX];
	int32_t unknown = m->skip_unknown ? tokenizer_unknown(m->tokenizer) : -1;

	ids->n = 0;
	if (tokenizer_encode(m->tokenizer, text, TOKENS_MAX, ids) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ids->n; i++)
		if (unknown < 0 || ids->id[i] != (uint32_t)unknown)
			add_token(m, ids->id[i], row, out);
	return 0;
}

static int static_texts(const struct embedder *e, const struct embed_text *t, size_t n, float *out,
			char why[static EMBED_WHY])
{
	AUTO(token_ids) struct token_ids ids = { 0 };
	AUTO(buf) struct buf b = { 0 };

	(void)why;
	for (size_t i = 0; i < n; i++) {
		buf_reset(&b);
		embed_write_text(&t[i], &b);
		if (b.failed || embed_one(model_of(e), buf_bytes(&b), &ids, out + i * e->dim) < 0)
			return -ENOMEM;
	}
	return 0;
}

const struct embed_ops embed_static_ops = { .kind = EMBED_STATIC,
					    .magic = MAGIC,
					    .free = static_free,
					    .save = static_save,
					    .load = static_load,
					    .texts = static_texts };
