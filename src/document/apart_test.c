#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/test.h"
#include "document/apart.h"
#include "document/testcorpus.h"

static const char page[] = "<html><head><title>Boats</title></head><body><h1>Boats</h1><p>Keep away "
			   "from seals.</p><table><tr><th>a</th></tr><tr><td>1</td></tr></table></body></html>";

static bool same(const struct block *a, const struct block *b)
{
	return a->kind == b->kind && a->level == b->level && a->page == b->page && a->start == b->start &&
	       a->end == b->end;
}

static void agrees_with_extract(void)
{
	static const struct {
		const char *name, *content;
	} rows[] = {
		{ "a.html", page },	       { "a.md", "# T\n\ntext" }, { "a.txt", "" },
		{ "b.html", "<html></html>" }, { "c.pdf", "none" },	  { "d.html", "<p>caf\xe9 \xff" },
		{ "e.html", "<meta charset=shift_jis><p>\x93\xfa\x96{" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(outline) struct outline a = { 0 }, b = { 0 };
		const char *type_a = "", *type_b = "";
		char why_a[EXTRACT_WHY] = "", why_b[EXTRACT_WHY] = "";
		struct bytes c = bytes_str(rows[i].content);
		enum extract_verdict v = extract(c, rows[i].name, &a, &type_a, why_a);

		CHECK_EQ(apart_extract(c, rows[i].name, &b, &type_b, why_b), v);
		CHECK(strcmp(type_a, type_b) == 0 && strcmp(why_a, why_b) == 0);
		if (v != EXTRACT_OK)
			continue;
		CHECK(bytes_eq(buf_bytes(&a.text), buf_bytes(&b.text)));
		CHECK(a.n_blocks == b.n_blocks && a.n_pages == b.n_pages);
		for (size_t k = 0; k < a.n_blocks; k++)
			CHECK(same(&a.blocks[k], &b.blocks[k]));
		CHECK(!a.title == !b.title && (!a.title || strcmp(a.title, b.title) == 0));
	}
}

/* Every kind behind the walls: all that its reader needs it has there. */
static void reads_the_corpus(void)
{
	static const char *const files[] = {
		"libreoffice.docx", "pandoc.docx",	"openpyxl.xlsx",    "libreoffice.ods",	"libreoffice.odt",
		"libreoffice.odp",  "libreoffice.pptx", "libreoffice.epub", "pandoc.html",	"python.eml",
		"ip.json",	    "sqlite3.jsonl",	"fees.csv",	    "shift_jis.txt",	"big5.txt",
		"euc-kr.txt",	    "gb18030.txt",	"koi8-r.txt",	    "windows-1251.txt", "utf-16.txt",
		"iso-8859-7.txt",   "libreoffice.pdf",
	};

	for (size_t i = 0; i < ARRAY_LEN(files) && !getenv("VOICED_TEST_OOM"); i++) {
		AUTO(outline) struct outline a = { 0 }, b = { 0 };
		AUTO(buf) struct buf c = { 0 };
		const char *type_a = "", *type_b = "";
		char why[EXTRACT_WHY] = "";

		corpus_file(files[i], &c);
		CHECK_EQ(extract(buf_bytes(&c), files[i], &a, &type_a, why), EXTRACT_OK);
		CHECK_EQ(apart_extract(buf_bytes(&c), files[i], &b, &type_b, why), EXTRACT_OK);
		CHECK_STR(type_b, type_a);
		CHECK(bytes_eq(buf_bytes(&a.text), buf_bytes(&b.text)));
	}
}

static bool gzip(struct bytes c, struct buf *to)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)c.p, .avail_in = (uInt)c.n };
	uint8_t *p = buf_reserve(to, c.n + 100);

	if (!p || deflateInit2(&z, 6, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	z.next_out = p;
	z.avail_out = (uInt)c.n + 100;
	bool ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
	to->n = (size_t)z.total_out;
	deflateEnd(&z);
	return ok;
}

static void unpacks(void)
{
	AUTO(buf) struct buf once = { 0 }, twice = { 0 };
	AUTO(outline) struct outline o = { 0 }, none = { 0 };
	const char *type = NULL;
	char why[EXTRACT_WHY] = "";

	CHECK(gzip(bytes_str(page), &once) && gzip(buf_bytes(&once), &twice));
	CHECK_EQ(apart_extract(buf_bytes(&once), "a.html.gz", &o, &type, why), EXTRACT_OK);
	CHECK_STR(type, "html");
	CHECK_STR(o.title, "Boats");
	CHECK_EQ(apart_extract(buf_bytes(&twice), "a.html.gz", &none, &type, why), EXTRACT_BINARY);
	CHECK_STR(why, "a.html.gz: is packed twice; unpack it once; skipped");
	CHECK_EQ(apart_extract(bytes_sub(buf_bytes(&once), 0, 20), "a.html.gz", &none, &type, why),
		 EXTRACT_MALFORMED);
	CHECK(strncmp(why, "a.html.gz: ", 11) == 0);
}

/* The template of this process; 0: there is none. */
static pid_t template_pid(void)
{
	char path[64], line[32] = "";

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	bool read = fgets(line, sizeof(line), f) != NULL;
	fclose(f);
	return read ? (pid_t)strtol(line, NULL, 10) : 0;
}

static void outlives_its_template(void)
{
	AUTO(outline) struct outline a = { 0 }, b = { 0 };
	const char *type = NULL;
	char why[EXTRACT_WHY] = "";

	CHECK_EQ(apart_extract(bytes_str(page), "a.html", &a, &type, why), EXTRACT_OK);
	CHECK(apart_last_cost().memory_peak > 0 && apart_last_cost().memory_peak < APART_MEMORY_MAX);
	pid_t pid = template_pid();
	CHECK(pid > 0);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(apart_extract(bytes_str(page), "a.html", &b, &type, why), EXTRACT_OK);
}

static void *extract_many(void *ctx)
{
	bool *ok = ctx;

	*ok = true;
	for (int i = 0; i < 3; i++) {
		AUTO(outline) struct outline o = { 0 };
		const char *type = NULL;
		char why[EXTRACT_WHY] = "";

		*ok = *ok && apart_extract(bytes_str(page), "a.html", &o, &type, why) == EXTRACT_OK;
	}
	return NULL;
}

static void many_at_once(void)
{
	pthread_t t[4];
	bool ok[4];

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		CHECK_EQ(pthread_create(&t[i], NULL, extract_many, &ok[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		CHECK(ok[i]);
}

TESTS({ "agrees_with_extract", agrees_with_extract }, { "reads_the_corpus", reads_the_corpus },
      { "unpacks", unpacks },
      { "outlives_its_template", outlives_its_template }, { "many_at_once", many_at_once })
