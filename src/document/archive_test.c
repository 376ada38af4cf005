#include "base/test.h"
#include "document/archive.h"
#include "document/testcorpus.h"
#include "document/testzip.h"

static void reads_members(void)
{
	AUTO(testzip) struct testzip z = { 0 };
	AUTO(archive) struct archive *a = NULL;
	AUTO(buf) struct buf b = { 0 };

	testzip_add(&z, "a/One.xml", bytes_str("1"));
	testzip_add(&z, "../../etc/passwd", bytes_str("2"));
	struct bytes zip = testzip_end(&z);
	CHECK(!z.out.failed && !z.directory.failed);
	CHECK_EQ(archive_open(zip, &a), EXTRACT_OK);
	CHECK_EQ(archive_count(a), 2);
	CHECK_STR(archive_name(a, 1), "../../etc/passwd");
	CHECK_EQ(archive_read(a, "a/one.xml", &b), EXTRACT_OK);
	CHECK_EQ(archive_read(a, "../../etc/passwd", &b), EXTRACT_OK);
	CHECK_STR((char *)b.p, "12");
	CHECK_EQ(archive_read(a, "etc/passwd", &b), EXTRACT_EMPTY);
	CHECK_EQ(archive_read(a, "", &b), EXTRACT_EMPTY);
	CHECK(archive_has(a, "a/One.xml") && !archive_has(a, "b"));
}

static void refuses_damage(void)
{
	AUTO(buf) struct buf file = { 0 };
	static const size_t cuts[] = { 0, 4, 30, 1000, 10900 };

	corpus_file("pandoc.docx", &file);
	CHECK(file.n > 10900);
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		AUTO(archive) struct archive *a = NULL;
		enum extract_verdict v = archive_open(bytes_sub(buf_bytes(&file), 0, cuts[i]), &a);
		CHECK(v == EXTRACT_MALFORMED || v == EXTRACT_NO_MEMORY);
	}
	/* A member's data changed: its checksum tells. */
	AUTO(archive) struct archive *a = NULL;
	AUTO(buf) struct buf b = { 0 };
	file.p[60] ^= 0xff;
	CHECK_EQ(archive_open(buf_bytes(&file), &a), EXTRACT_OK);
	CHECK_EQ(archive_read(a, archive_name(a, 0), &b), EXTRACT_MALFORMED);
}

static void resolves(void)
{
	static const char *const rows[][3] = {
		{ "word/document.xml", "styles.xml", "word/styles.xml" },
		{ "ppt/slides/slide1.xml", "../notesSlides/n%201.xml#x", "ppt/notesSlides/n 1.xml" },
		{ "a/b.xml", "/c/d.xml", "c/d.xml" },
		{ "a/b.xml", "../../../etc/passwd", "" },
		{ "b.xml", "./x//y.xml", "x/y.xml" },
		{ "b.xml", "%00%zz", "%00%zz" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		archive_resolve(rows[i][0], bytes_str(rows[i][1]), &b);
		CHECK(!b.failed);
		CHECK_STR((char *)b.p, rows[i][2]);
	}
}

TESTS({ "reads_members", reads_members }, { "refuses_damage", refuses_damage }, { "resolves", resolves })
