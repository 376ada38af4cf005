#include "document/archive.h"

#include <stdlib.h>
#include <zip.h>

#include "base/alloc.h"

enum { STEP = 65536, RATIO_MAX = 100, RATIO_FREE = 8 << 20 };

struct archive {
	zip_t *z;
	size_t left; /* octets that may still be unpacked */
};

enum extract_verdict archive_open(struct bytes zip, struct archive **out)
{
	AUTO(archive) struct archive *a = mem_zalloc(sizeof(*a));
	zip_error_t error;

	if (!a)
		return EXTRACT_NO_MEMORY;
	zip_error_init(&error);
	zip_source_t *s = zip_source_buffer_create(zip.p, zip.n, 0, &error);
	if (s)
		a->z = zip_open_from_source(s, ZIP_RDONLY, &error);
	if (s && !a->z)
		zip_source_free(s);
	bool no_memory = zip_error_code_zip(&error) == ZIP_ER_MEMORY;
	zip_error_fini(&error);
	if (!a->z)
		return no_memory ? EXTRACT_NO_MEMORY : EXTRACT_MALFORMED;
	if (!archive_count(a))
		return EXTRACT_MALFORMED;
	if (archive_count(a) > ARCHIVE_MEMBERS)
		return EXTRACT_TOO_LARGE;
	a->left = EXTRACT_OUT_MAX;
	*out = a;
	a = NULL;
	return EXTRACT_OK;
}

void archive_free(struct archive *a)
{
	if (a && a->z)
		zip_discard(a->z);
	mem_free(a);
}

size_t archive_count(const struct archive *a)
{
	zip_int64_t n = zip_get_num_entries(a->z, 0);

	return n > 0 ? (size_t)n : 0;
}

const char *archive_name(const struct archive *a, size_t i)
{
	const char *s = zip_get_name(a->z, i, ZIP_FL_ENC_RAW);

	return s ? s : "";
}

/* Parts' names do not depend on case (ECMA-376 part 2, 6.2.2.3), though nearly all do. */
static zip_int64_t locate(const struct archive *a, const char *name)
{
	zip_int64_t i = *name ? zip_name_locate(a->z, name, ZIP_FL_ENC_RAW) : -1;

	return i < 0 && *name ? zip_name_locate(a->z, name, ZIP_FL_NOCASE) : i;
}

bool archive_has(const struct archive *a, const char *name)
{
	return locate(a, name) >= 0;
}

static enum extract_verdict read_all(struct archive *a, zip_file_t *f, size_t packed, struct buf *to)
{
	size_t n = 0;

	for (;;) {
		uint8_t *p = buf_reserve(to, STEP);
		if (!p)
			return EXTRACT_NO_MEMORY;
		zip_int64_t got = zip_fread(f, p, STEP);
		if (got < 0)
			return EXTRACT_MALFORMED;
		if (got == 0)
			return EXTRACT_OK;
		to->n += (size_t)got;
		to->p[to->n] = 0;
		n += (size_t)got;
		if ((size_t)got > a->left || (n > RATIO_FREE && n / RATIO_MAX > packed))
			return EXTRACT_TOO_LARGE;
		a->left -= (size_t)got;
	}
}

enum extract_verdict archive_read(struct archive *a, const char *name, struct buf *to)
{
	zip_int64_t i = locate(a, name);
	zip_stat_t st;

	if (i < 0)
		return EXTRACT_EMPTY;
	if (zip_stat_index(a->z, (zip_uint64_t)i, 0, &st) != 0)
		return EXTRACT_MALFORMED;
	if (st.encryption_method != ZIP_EM_NONE)
		return EXTRACT_MALFORMED;
	/* What the directory says is believed when it says too much. */
	if (st.size > a->left)
		return EXTRACT_TOO_LARGE;
	zip_file_t *f = zip_fopen_index(a->z, (zip_uint64_t)i, 0);
	if (!f)
		return zip_error_code_zip(zip_get_error(a->z)) == ZIP_ER_MEMORY ? EXTRACT_NO_MEMORY
										: EXTRACT_MALFORMED;
	enum extract_verdict v = read_all(a, f, (size_t)st.comp_size, to);
	zip_fclose(f);
	return v;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_decoded(struct buf *to, struct bytes t)
{
	for (size_t i = 0; i < t.n && t.p[i] != '#'; i++) {
		int high = t.p[i] == '%' && i + 2 < t.n ? hex(t.p[i + 1]) : -1;
		int low = high >= 0 ? hex(t.p[i + 2]) : -1;

		if (low >= 0 && high * 16 + low) {
			buf_putc(to, (char)(high * 16 + low));
			i += 2;
		} else {
			buf_putc(to, (char)t.p[i]);
		}
	}
}

/* Drop the last "part/"; false: there is none. */
static bool up(struct buf *b)
{
	if (!b->n)
		return false;
	do
		b->n--;
	while (b->n && b->p[b->n - 1] != '/');
	b->p[b->n] = 0;
	return true;
}

void archive_resolve(const char *base, struct bytes ref, struct buf *to)
{
	AUTO(buf) struct buf path = { 0 };
	const char *slash = strrchr(base, '/');

	buf_reset(to);
	put_decoded(&path, ref);
	if (path.n && path.p[0] == '/')
		buf_consume(&path, 1);
	else if (slash)
		buf_put(to, base, (size_t)(slash - base) + 1);
	for (size_t i = 0; i < path.n;) {
		const uint8_t *end = memchr(path.p + i, '/', path.n - i);
		size_t n = end ? (size_t)(end - path.p) - i : path.n - i;
		struct bytes part = bytes_sub(buf_bytes(&path), i, n);

		i += n + 1;
		if (bytes_is(part, "..")) {
			if (!up(to)) {
				buf_reset(to);
				break;
			}
		} else if (part.n && !bytes_is(part, ".")) {
			buf_put(to, part.p, part.n);
			if (end)
				buf_putc(to, '/');
		}
	}
	if (path.failed)
		to->failed = true;
	if (!to->n)
		buf_puts(to, "");
}
