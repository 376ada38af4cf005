#include "net/multipart.h"
#include "base/test.h"

#define TYPE "multipart/form-data; boundary=xyz"
#define FIELD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"

static void reads_what_a_browser_sends(void)
{
	struct multipart m;
	char name[32];
	const struct bytes whole =
		bytes_str("------WebKitFormBoundary7\r\n" FIELD("sdp") "\r\nv=0\r\n\r\n"
			  "------WebKitFormBoundary7\r\n"
			  "content-disposition: Form-Data; filename=\"a %22b%22;.pdf\"; name=file\r\n"
			  "Content-Type: application/pdf\r\n\r\n"
			  "\r\n--\r\n------WebKitFormBoundary\r\n 7\r\n"
			  "------WebKitFormBoundary7--\r\nepilogue");
	CHECK_EQ(multipart_parse(bytes_str("multipart/form-data; boundary=----WebKitFormBoundary7"),
				 whole, &m), MULTIPART_OK);
	CHECK_EQ(m.n, 2);
	CHECK(bytes_is(m.parts[0].name, "sdp") && bytes_is(m.parts[0].body, "v=0\r\n"));
	CHECK(!m.parts[0].filename.p && !m.parts[0].type.p);
	const struct multipart_part *p = multipart_find(&m, "file");
	CHECK(p && bytes_is(p->type, "application/pdf"));
	CHECK(bytes_is(p->body, "\r\n--\r\n------WebKitFormBoundary\r\n 7"));
	CHECK(multipart_text(p->filename, name, sizeof(name)));
	CHECK_STR(name, "a \"b\";.pdf");
	CHECK(!multipart_find(&m, "none"));
}

static void boundaries(void)
{
	static const struct {
		const char *type;
		enum multipart_verdict verdict;
	} rows[] = {
		{ "multipart/form-data; boundary=xyz", MULTIPART_OK },
		{ "Multipart/Form-Data ; charset=utf-8; Boundary=\"xyz\"", MULTIPART_OK },
		{ "multipart/form-data;boundary= xyz ;x=y", MULTIPART_OK },
		{ "multipart/form-data; boundary=xy", MULTIPART_MALFORMED },
		{ "multipart/form-data; boundary=xyzz", MULTIPART_MALFORMED },
		{ "multipart/form-data; boundary=", MULTIPART_OTHER_TYPE },
		{ "multipart/form-data; boundary=\"\"", MULTIPART_OTHER_TYPE },
		{ "multipart/form-data; boundary=\"xyz", MULTIPART_OTHER_TYPE },
		{ "multipart/form-data; boundary", MULTIPART_OTHER_TYPE },
		{ "multipart/form-data", MULTIPART_OTHER_TYPE },
		{ "multipart/mixed; boundary=xyz", MULTIPART_OTHER_TYPE },
		{ "application/json", MULTIPART_OTHER_TYPE },
		{ "", MULTIPART_OTHER_TYPE },
		{ "multipart/form-data; boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaa", MULTIPART_OTHER_TYPE }, /* 71 */
	};
	struct multipart m;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(multipart_parse(bytes_str(rows[i].type),
					 bytes_str("--xyz\r\n" FIELD("a") "\r\n\r\n--xyz--"), &m),
			 rows[i].verdict);
	CHECK_EQ(multipart_parse((struct bytes){ 0 }, (struct bytes){ 0 }, &m),
		 MULTIPART_OTHER_TYPE);
}

static void bodies(void)
{
	static const struct {
		const char *body;
		int n; /* -1: malformed */
	} rows[] = {
		{ "--xyz--", 0 },
		{ "preamble\r\n--xyz--", 0 },
		{ "--xyz \t\r\n" FIELD("a") "\r\n\r\n--xyz--", 1 },
		{ "--xyz\r\n" FIELD("a") "X: y\r\n\r\nb\r\n--xyz\r\n" FIELD("c") "\r\nd\r\n--xyz--", 2 },
		{ "--xyz\r\nContent-Disposition: form-data; name=\"a\\\"b\"\r\n\r\n\r\n--xyz--", 1 },
		{ "", -1 },
		{ "--xyz", -1 },
		{ "--xyz\r\n", -1 },
		{ "--xyz-", -1 },
		{ "--xyz\r\n" FIELD("a") "\r\nb", -1 },
		{ "--xyz\r\n" FIELD("a") "\r\nb\r\n--xyz", -1 },
		{ "--xyz\r\n" FIELD("a") "\r\n--xyz--", -1 },
		{ "--xyz\r\n" FIELD("a") "\r\nb\n--xyz--", -1 },
		{ "--xyz\n" FIELD("a") "\r\n\r\n--xyz--", -1 },
		{ "--xyz\r\n\r\nno headers\r\n--xyz--", -1 },
		{ "--xyz\r\nX: y\r\n\r\nno name\r\n--xyz--", -1 },
		{ "--xyz\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n\r\n--xyz--", -1 },
		{ "--xyz\r\nContent-Disposition: form-data; name=\"a\r\n\r\n\r\n--xyz--", -1 },
		{ "--xyz\r\nno colon\r\n" FIELD("a") "\r\n\r\n--xyz--", -1 },
		{ "--xyz\r\n" FIELD("a") "A\nB: c\r\n\r\n\r\n--xyz--", -1 },
		{ "--xyzz\r\n" FIELD("a") "\r\n\r\n--xyz--", -1 },
		{ "x--xyz\r\n" FIELD("a") "\r\n\r\n", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct multipart m = { .n = 99 };
		enum multipart_verdict v =
			multipart_parse(bytes_str(TYPE), bytes_str(rows[i].body), &m);

		if ((v == MULTIPART_OK) != (rows[i].n >= 0))
			fprintf(stderr, "row %zu\n", i);
		CHECK_EQ(v, rows[i].n < 0 ? MULTIPART_MALFORMED : MULTIPART_OK);
		CHECK_EQ(m.n, rows[i].n < 0 ? 99 : (size_t)rows[i].n);
	}
}

static void parts_are_counted(void)
{
	char body[4096] = "--xyz";
	struct multipart m;
	size_t n = 5;

	for (int i = 0; i <= MULTIPART_PARTS_MAX; i++) {
		CHECK(multipart_parse(bytes_str(TYPE), bytes_of(body, n), &m) != MULTIPART_OK);
		memcpy(body + n, "--", 3);
		CHECK_EQ(multipart_parse(bytes_str(TYPE), bytes_of(body, n + 2), &m),
			 MULTIPART_OK);
		CHECK_EQ(m.n, i);
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%s",
				      "\r\n" FIELD("a") "\r\n\r\n--xyz");
	}
	memcpy(body + n, "--", 3);
	CHECK_EQ(multipart_parse(bytes_str(TYPE), bytes_of(body, n + 2), &m), MULTIPART_TOO_MANY);
}

static void texts(void)
{
	char to[8];

	CHECK(multipart_text(bytes_str("a\\\"b\\\\c"), to, sizeof(to)));
	CHECK_STR(to, "a\"b\\c");
	CHECK(multipart_text(bytes_str("C:\\d"), to, sizeof(to)));
	CHECK_STR(to, "C:\\d");
	CHECK(multipart_text(bytes_str("1234567"), to, sizeof(to)));
	CHECK(!multipart_text(bytes_str("12345678"), to, sizeof(to)));
	CHECK(!multipart_text(bytes_str("a\nb"), to, sizeof(to)));
	CHECK(multipart_text(bytes_str("%2"), to, sizeof(to)));
}

TESTS({ "reads_what_a_browser_sends", reads_what_a_browser_sends },
      { "boundaries", boundaries }, { "bodies", bodies },
      { "parts_are_counted", parts_are_counted }, { "texts", texts })
