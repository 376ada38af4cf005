#include "document/mail.h"

#include <strings.h>

#include "document/charset.h"
#include "document/html.h"
#include "document/mime.h"
#include "document/plain.h"

enum {
	ATTACHMENT_MAX = 5 * 1024 * 1024,
	PARTS_MAX = 200,
	DEPTH_MAX = 8,
	LOOK_LINES = 60,
	SURE = 3, /* known fields */
};

struct mail {
	struct outline *to;
	unsigned parts, depth;
};

struct entity {
	struct bytes header, body, type, encoding;
};

static bool same(struct bytes a, const char *s)
{
	return a.n == strlen(s) && strncasecmp((const char *)a.p, s, a.n) == 0;
}

static bool starts(struct bytes a, const char *s)
{
	return a.n >= strlen(s) && strncasecmp((const char *)a.p, s, strlen(s)) == 0;
}

static struct entity entity_of(struct bytes raw)
{
	struct entity e;

	mime_split(raw, &e.header, &e.body);
	e.type = mime_field(e.header, "Content-Type");
	e.encoding = mime_field(e.header, "Content-Transfer-Encoding");
	return e;
}

/* --- text --------------------------------------------------------------------------------- */

/* The body as UTF-8. */
static void import(struct mail *m, const struct entity *e, struct buf *text)
{
	AUTO(buf) struct buf raw = { 0 };
	AUTO(buf) struct buf charset = { 0 };

	mime_decode(&raw, e->body, e->encoding);
	mime_parameter(&charset, e->type, "charset");
	charset_import(text, buf_bytes(&raw), buf_bytes(&charset));
	m->to->text.failed |= raw.failed || charset.failed || text->failed;
}

static void put_plain(struct mail *m, const struct entity *e)
{
	AUTO(buf) struct buf text = { 0 };

	import(m, e, &text);
	plain_read(m->to, buf_bytes(&text), 0);
}

static void put_html(struct mail *m, const struct entity *e)
{
	AUTO(buf) struct buf text = { 0 };

	import(m, e, &text);
	/* What even libxml2 cannot read has no text. */
	if (!html_read(m->to, buf_bytes(&text)) && text.failed)
		m->to->text.failed = true;
}

/* --- attachments ------------------------------------------------------------------------------ */

static void file_name(const struct entity *e, struct buf *name)
{
	mime_parameter(name, mime_field(e->header, "Content-Disposition"), "filename");
	if (!name->n)
		mime_parameter(name, e->type, "name");
	if (!name->n && same(mime_value(e->type), "message/rfc822"))
		buf_puts(name, "message.eml");
}

static void put_attachment(struct mail *m, const struct entity *e, const struct buf *name)
{
	AUTO(buf) struct buf content = { 0 };
	AUTO(buf) struct buf heading = { 0 };
	struct outline *o = m->to;
	enum extract_verdict v = EXTRACT_TOO_LARGE;

	buf_puts(&heading, "Attachment: ");
	buf_put(&heading, name->p, name->n);
	outline_add(o, BLOCK_HEADING, 2, 0, buf_bytes(&heading));
	size_t before = o->n_blocks;
	if (e->body.n / 4 * 3 <= ATTACHMENT_MAX) {
		mime_decode(&content, e->body, e->encoding);
		v = extract_inside(buf_bytes(&content), (const char *)name->p, o, 2);
	}
	o->text.failed |= content.failed || heading.failed || v == EXTRACT_NO_MEMORY;
	if (v == EXTRACT_OK || o->n_blocks != before || o->text.failed)
		return;
	/* Nothing to read in it; that it was there is worth knowing. */
	outline_drop(o);
	outline_add(o, BLOCK_PARA, 0, 0, buf_bytes(&heading));
}

/* --- parts ------------------------------------------------------------------------------------ */

static void put_entity(struct mail *m, struct bytes raw);

static bool next_part(struct bytes body, const struct buf *boundary, size_t *pos, struct bytes *part)
{
	return mime_part(body, buf_bytes(boundary), pos, part);
}

/* The plainest that has something; else the last, which is the best (RFC 2046, 5.1.4). */
static void put_alternative(struct mail *m, struct bytes body, const struct buf *boundary)
{
	struct bytes part, last = { 0 };

	for (size_t pos = 0; next_part(body, boundary, &pos, &part);) {
		struct entity e = entity_of(part);
		size_t before = m->to->n_blocks;

		last = part;
		if (!same(mime_value(e.type), "text/plain"))
			continue;
		put_plain(m, &e);
		if (m->to->n_blocks > before)
			return;
	}
	if (last.n)
		put_entity(m, last);
}

static void put_multipart(struct mail *m, const struct entity *e)
{
	AUTO(buf) struct buf boundary = { 0 };
	struct bytes part;

	mime_parameter(&boundary, e->type, "boundary");
	m->to->text.failed |= boundary.failed;
	if (!boundary.n)
		return;
	if (starts(e->type, "multipart/alternative")) {
		put_alternative(m, e->body, &boundary);
		return;
	}
	for (size_t pos = 0; next_part(e->body, &boundary, &pos, &part);) {
		put_entity(m, part);
		/* A page, and the pictures in it. */
		if (starts(e->type, "multipart/related") || m->to->full || m->to->text.failed)
			return;
	}
}

static void put_entity(struct mail *m, struct bytes raw)
{
	struct entity e = entity_of(raw);
	struct bytes type = mime_value(e.type);
	AUTO(buf) struct buf name = { 0 };

	if (++m->parts > PARTS_MAX || m->depth >= DEPTH_MAX)
		return;
	file_name(&e, &name);
	m->to->text.failed |= name.failed;
	m->depth++;
	if (starts(type, "multipart/"))
		put_multipart(m, &e);
	else if (name.n)
		put_attachment(m, &e, &name);
	else if (same(type, "text/html"))
		put_html(m, &e);
	else if (!type.n || starts(type, "text/"))
		put_plain(m, &e);
	m->depth--;
}

/* --- the message ---------------------------------------------------------------------------------- */

static void put_fields(struct mail *m, struct bytes header)
{
	static const char *const names[] = { "From", "To", "Cc", "Date" };
	AUTO(buf) struct buf subject = { 0 };
	AUTO(buf) struct buf row = { 0 };

	mime_words(&subject, mime_field(header, "Subject"));
	outline_title(m->to, buf_bytes(&subject));
	outline_add(m->to, BLOCK_HEADING, 1, 0, buf_bytes(&subject));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct bytes v = mime_field(header, names[i]);

		if (!v.n)
			continue;
		buf_printf(&row, "%s%s: ", row.n ? "; " : "", names[i]);
		mime_words(&row, v);
	}
	outline_add(m->to, BLOCK_ROW, 0, 0, buf_bytes(&row));
	m->to->text.failed |= subject.failed || row.failed;
}

/* Mailboxes put a line of their own before each message. */
static struct bytes without_from_line(struct bytes raw)
{
	const uint8_t *nl = bytes_starts(raw, "From ") ? memchr(raw.p, '\n', raw.n) : NULL;
	size_t n = nl ? (size_t)(nl - raw.p) + 1 : 0;

	return bytes_sub(raw, n, raw.n - n);
}

enum extract_verdict mail_read(struct outline *to, struct bytes raw)
{
	struct mail m = { .to = to };

	raw = without_from_line(raw);
	put_fields(&m, entity_of(raw).header);
	put_entity(&m, raw);
	return to->text.failed ? EXTRACT_NO_MEMORY : EXTRACT_OK;
}

static size_t field_name(struct bytes line)
{
	size_t n = 0;

	while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
		n++;
	return n && n < line.n && line.p[n] == ':' ? n : 0;
}

bool mail_looks(struct bytes raw)
{
	static const char *const known[] = { "From",	   "To",	   "Subject",	  "Date",
					     "Message-ID", "Received",	   "Return-Path", "MIME-Version",
					     "Reply-To",   "Delivered-To", "Content-Type", "Cc" };
	struct bytes t = without_from_line(raw);
	unsigned sure = 0;

	for (unsigned lines = 0; t.n && lines < LOOK_LINES; lines++) {
		const uint8_t *nl = memchr(t.p, '\n', t.n);
		size_t n = nl ? (size_t)(nl - t.p) + 1 : t.n, name = field_name(bytes_sub(t, 0, n));
		bool folded = lines && (t.p[0] == ' ' || t.p[0] == '\t');

		if (!name && !folded)
			break;
		for (size_t i = 0; name && i < ARRAY_LEN(known); i++)
			sure += same(bytes_sub(t, 0, name), known[i]);
		t = bytes_sub(t, n, t.n - n);
	}
	/* The fields end at an empty line or with the file. */
	bool ended = !t.n || t.p[0] == '\n' || t.p[0] == '\r' || sure > 2 * SURE;
	struct bytes header = bytes_of(raw.p, (size_t)(t.p - raw.p));
	return sure >= SURE && ended &&
	       (mime_field(header, "From").n || mime_field(header, "Received").n);
}
