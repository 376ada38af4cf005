#include "base/test.h"
#include "document/mail.h"
#include "document/testcorpus.h"

#define HEAD "From: =?utf-8?Q?=C3=85se?= <ase@example.org>\nTo: bo@example.org\nSubject: Tides\nMIME-Version: 1.0\n"

static void reads(void)
{
	static const char *const rows[][2] = {
		{ HEAD "\nHello.\n", "  Hello.\n" },
		{ HEAD "Content-Type: text/html; charset=iso-8859-1\n\n<h2>T</h2><p>caf\xe9", "2 T\n  caf\xc3\xa9\n" },
		{ HEAD "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n"
		       "Content-Transfer-Encoding: base64\n\naGVsbG8=\n--b\nContent-Type: text/html\n\n<p>no\n--b--\n",
		  "  hello\n" },
		{ HEAD "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n \n"
		       "--b\nContent-Type: text/html\n\n<p>yes\n--b--\n",
		  "  yes\n" },
		{ HEAD "Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\nSee below.\n--b\n"
		       "Content-Disposition: attachment; filename=a.csv\n\na,b\n1,2\n--b\nContent-Type: image/png; name=p.png\n"
		       "Content-Transfer-Encoding: base64\n\niVBORw0KGgoAAAA=\n--b\nContent-Type: message/rfc822\n\n"
		       "From: x\nSubject: Older\nTo: y\n\nold text\n--b--\n",
		  "  See below.\n2 Attachment: a.csv\n| a: 1; b: 2\n  Attachment: p.png\n"
		  "2 Attachment: message.eml\n3 Older\n| From: x; To: y\n  old text\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(outline) struct outline o = { 0 };
		AUTO(buf) struct buf b = { 0 };
		AUTO(buf) struct buf want = { 0 };

		buf_puts(&want, "1 Tides\n| From: \xc3\x85se <ase@example.org>; To: bo@example.org\n");
		buf_puts(&want, rows[i][1]);
		CHECK(mail_looks(bytes_str(rows[i][0])));
		CHECK_EQ(mail_read(&o, bytes_str(rows[i][0])), EXTRACT_OK);
		outline_lines(&o, &b);
		CHECK(!b.failed && !want.failed && outline_sound(&o));
		CHECK_STR((char *)b.p, (char *)want.p);
		CHECK_STR(o.title, "Tides");
	}
}

static void knows_mail(void)
{
	CHECK(mail_looks(bytes_str("From x@y Mon\r\nReceived: by z\r\n\tfor\r\nFrom: a\r\nDate: b\r\n\r\n")));
	CHECK(!mail_looks(bytes_str("From: a\nTo: b\n\nA letter.")));
	CHECK(!mail_looks(bytes_str("Title: x\nDate: y\nSubject: z\n\ntext")));
	CHECK(!mail_looks(bytes_str("From: a\nTo: b\nSubject: c\nand so it goes on")));
	CHECK(!mail_looks(bytes_str("")));
}

static void survives_nesting(void)
{
	AUTO(buf) struct buf b = { 0 };
	AUTO(outline) struct outline o = { 0 };

	for (size_t i = 0; i < 200; i++)
		buf_puts(&b, "From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n");
	for (size_t i = 0; i < 100; i++)
		buf_puts(&b, "Content-Type: message/rfc822\n\nFrom: a\nTo: b\nDate: c\n");
	CHECK(!b.failed);
	CHECK_EQ(mail_read(&o, buf_bytes(&b)), EXTRACT_OK);
}

TESTS({ "reads", reads }, { "knows_mail", knows_mail }, { "survives_nesting", survives_nesting })
