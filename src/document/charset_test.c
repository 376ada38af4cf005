#include "base/test.h"
#include "document/charset.h"
#include "document/testcorpus.h"

#define RAW(s) { (const uint8_t *)(s), sizeof(s) - 1 }

static void imports(void)
{
	static const struct {
		struct bytes raw;
		const char *declared, *text;
	} rows[] = {
		{ RAW("\xef\xbb\xbfx\r\ny\rz"), "", "x\ny\nz" },
		{ RAW("\xff\xfe" "A\0\xac\x20"), "", "A\xe2\x82\xac" },
		{ RAW("\xfe\xff\0A\xd8\x3c\xdf\x0d"), "", "A\xf0\x9f\x8c\x8d" },
		{ RAW("\xff\xfe\0\0A\0\0\0"), "", "A" },
		{ RAW("\0\0\xfe\xff\0\1\xf3\x0d"), "", "\xf0\x9f\x8c\x8d" },
		{ RAW("p\0l\0a\0i\0n\0"), "", "plain" },
		{ RAW("\0p\0l\0a\0i\0n"), "", "plain" },
		{ RAW("caf\xe9 \x80"), "", "caf\xc3\xa9 \xe2\x82\xac" },
		{ RAW("a\0b"), "", "a b" },
		{ RAW("caf\xe9"), "ISO-8859-2", "caf\xc3\xa9" },
		{ RAW("\xb1"), "iso-8859-2", "\xc4\x85" },
		{ RAW("\xc2\xe0"), "Windows-1251", "\xd0\x92\xd0\xb0" },
		{ RAW("\xe9"), "no-such-charset", "\xc3\xa9" },
		{ RAW("caf\xc3\xa9"), "iso-8859-1", "caf\xc3\xa9" }, /* it is UTF-8, whatever it says */
		{ RAW("\x1b$B9A\x1b(B"), "iso-2022-jp", "\xe6\xb8\xaf" },
		{ RAW("\x82\xa0\x82"), "shift_jis", "\xe3\x81\x82\xef\xbf\xbd" }, /* cut off */
		{ RAW(""), "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		buf_puts(&b, "");
		charset_import(&b, rows[i].raw, bytes_str(rows[i].declared));
		CHECK(!b.failed);
		CHECK_STR((char *)b.p, rows[i].text);
	}
}

static const struct {
	const char *file, *holds;
} files[] = {
	{ "windows-1252.txt", "(\xe2\x80\x9e\xe2\x82\xac 12\xe2\x80\x9c), gr\xc3\xb6\xc3\x9f" "ere" },
	{ "windows-1251.txt", "\xd0\x93\xd0\xb0\xd0\xb2\xd0\xb0\xd0\xbd\xd1\x8c \xd0\xbe" },
	{ "koi8-r.txt", "\xd0\x93\xd0\xb0\xd0\xb2\xd0\xb0\xd0\xbd\xd1\x8c \xd0\xbe" },
	{ "iso-8859-2.txt", "Port w \xc5\x81odzi otwiera si\xc4\x99" },
	{ "iso-8859-7.txt", "\xce\xa4\xce\xbf \xce\xbb\xce\xb9\xce\xbc\xce\xac\xce\xbd\xce\xb9" },
	{ "shift_jis.txt", "\xe6\xb8\xaf\xe3\x81\xaf\xe6\x9c\x9d" },
	{ "euc-kr.txt", "\xed\x95\xad\xea\xb5\xac\xeb\x8a\x94" },
	{ "gb18030.txt", "\xe6\xb8\xaf\xe5\x8f\xa3\xe6\x97\xa9" },
	{ "big5.txt", "\xe6\xb8\xaf\xe5\x8f\xa3\xe6\x97\xa9" },
	{ "utf-16.txt", "Uhr.\n\xce\xa4\xce\xbf" },
};

static void guesses_files(void)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO(buf) struct buf raw = { 0 };
		AUTO(buf) struct buf b = { 0 };

		corpus_file(files[i].file, &raw);
		CHECK(raw.n && charset_is_text(buf_bytes(&raw)));
		charset_import(&b, buf_bytes(&raw), (struct bytes){ 0 });
		CHECK(!b.failed);
		CHECK(strstr((char *)b.p, files[i].holds) != NULL);
	}
}

static void stays_warm(void)
{
	charset_warm();
	guesses_files();
	guesses_files();
}

static void finds_declarations(void)
{
	static const char *const rows[][2] = {
		{ "<meta charset=\"KOI8-R\">", "KOI8-R" },
		{ "<META content='text/html; charset=big5' x>", "big5" },
		{ "<?xml version='1.0' encoding='utf-16'?>", "utf-16" },
		{ "<p>charset", "" },
		{ "charset=", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK(bytes_is(charset_declared(bytes_str(rows[i][0])), rows[i][1]));
	CHECK(!charset_is_text(bytes_of("\x89PNG\r\n\x1a\n\0\0\0", 11)));
	CHECK(charset_is_text(bytes_str("text")));
}

TESTS({ "imports", imports }, { "guesses_files", guesses_files }, { "stays_warm", stays_warm },
      { "finds_declarations", finds_declarations })
