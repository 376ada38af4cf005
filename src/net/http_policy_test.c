#include "net/http_policy.h"
#include "base/test.h"

static const char *const hosts[] = { "voice.example", "box:8443", "192.0.2.7" };
static const char *const origins[] = { "https://app.example", "http://10.0.0.2:3000",
				       "https://Shop.Example:8443" };
static const struct http_policy policy = { hosts, ARRAY_LEN(hosts), origins, ARRAY_LEN(origins) };

enum scheme { PLAIN, TLS };

/* The connection came in on 198.51.100.4:8080 or [2001:db8::4]:8080. */
static const struct row {
	const char *host, *origin; /* NULL: none */
	enum scheme scheme;
	enum http_access access;
} rows[] = {
	/* Host alone */
	{ "localhost", NULL, PLAIN, ACCESS_OWN },
	{ "localhost:8080", NULL, PLAIN, ACCESS_OWN },
	{ "LOCALHOST:8080", NULL, PLAIN, ACCESS_OWN },
	{ "localhost.", NULL, PLAIN, ACCESS_OWN },
	{ "app.localhost", NULL, PLAIN, ACCESS_OWN },
	{ "127.0.0.1:8080", NULL, PLAIN, ACCESS_OWN },
	{ "127.8.9.10", NULL, PLAIN, ACCESS_OWN },
	{ "[::1]", NULL, PLAIN, ACCESS_OWN },
	{ "[::1]:8080", NULL, PLAIN, ACCESS_OWN },
	{ "[0:0:0:0:0:0:0:1]:8080", NULL, PLAIN, ACCESS_OWN },
	{ "[::ffff:127.0.0.1]", NULL, PLAIN, ACCESS_OWN },
	{ "198.51.100.4:8080", NULL, PLAIN, ACCESS_OWN },
	{ "198.51.100.4", NULL, PLAIN, ACCESS_OWN },
	{ "Voice.Example", NULL, PLAIN, ACCESS_OWN },
	{ "voice.example.:8080", NULL, PLAIN, ACCESS_OWN },
	{ "box:8443", NULL, PLAIN, ACCESS_OWN },
	{ "box:8080", NULL, PLAIN, ACCESS_OWN },
	{ "192.0.2.7", NULL, PLAIN, ACCESS_OWN },
	/* Hosts that we are not */
	{ NULL, NULL, PLAIN, ACCESS_HOST },
	{ "", NULL, PLAIN, ACCESS_HOST },
	{ "localhost:8081", NULL, PLAIN, ACCESS_HOST },
	{ "localhost:", NULL, PLAIN, ACCESS_HOST },
	{ "localhost:0", NULL, PLAIN, ACCESS_HOST },
	{ "localhost:808O", NULL, PLAIN, ACCESS_HOST },
	{ "localhost:73616", NULL, PLAIN, ACCESS_HOST }, /* 8080 + 65536 */
	{ "localhost.evil.com", NULL, PLAIN, ACCESS_HOST },
	{ "localhost..", NULL, PLAIN, ACCESS_HOST },
	{ ".localhost", NULL, PLAIN, ACCESS_HOST },
	{ "evillocalhost", NULL, PLAIN, ACCESS_HOST },
	{ "127.0.0.1.nip.io", NULL, PLAIN, ACCESS_HOST },
	{ "127.0.0.1.", NULL, PLAIN, ACCESS_HOST },
	{ "127.1", NULL, PLAIN, ACCESS_HOST },
	{ "2130706433", NULL, PLAIN, ACCESS_HOST },
	{ "0x7f.0.0.1", NULL, PLAIN, ACCESS_HOST },
	{ "0177.0.0.1", NULL, PLAIN, ACCESS_HOST },
	{ "0.0.0.0:8080", NULL, PLAIN, ACCESS_HOST },
	{ "198.51.100.5", NULL, PLAIN, ACCESS_HOST },
	{ "::1", NULL, PLAIN, ACCESS_HOST },
	{ "[::1", NULL, PLAIN, ACCESS_HOST },
	{ "[::1]x", NULL, PLAIN, ACCESS_HOST },
	{ "[::1%lo]", NULL, PLAIN, ACCESS_HOST },
	{ "[127.0.0.1]", NULL, PLAIN, ACCESS_HOST },
	{ "[localhost]", NULL, PLAIN, ACCESS_HOST },
	{ "user@localhost", NULL, PLAIN, ACCESS_HOST },
	{ "localhost/", NULL, PLAIN, ACCESS_HOST },
	{ "localhost, evil.com", NULL, PLAIN, ACCESS_HOST },
	{ "voice.example:9000", NULL, PLAIN, ACCESS_HOST },
	{ "sub.voice.example", NULL, PLAIN, ACCESS_HOST },
	{ "evil.example", "http://evil.example", PLAIN, ACCESS_HOST }, /* rebinding */
	/* Origins of our own */
	{ "localhost:8080", "http://localhost:8080", PLAIN, ACCESS_OWN },
	{ "localhost:8080", "https://localhost:8080", TLS, ACCESS_OWN },
	{ "[::1]:8080", "http://[::1]:8080", PLAIN, ACCESS_OWN },
	{ "voice.example", "https://voice.example", TLS, ACCESS_OWN },
	{ "voice.example", "http://voice.example:80", PLAIN, ACCESS_OWN },
	{ "box:8443", "https://box:8443", TLS, ACCESS_OWN },
	/* Origins of others */
	{ "localhost:8080", "https://app.example", PLAIN, ACCESS_LISTED },
	{ "localhost:8080", "https://app.example:443", PLAIN, ACCESS_LISTED },
	{ "localhost:8080", "http://10.0.0.2:3000", PLAIN, ACCESS_LISTED },
	{ "localhost:8080", "https://shop.example:8443", PLAIN, ACCESS_LISTED },
	{ "localhost:8080", "http://app.example", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "https://app.example:8443", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "https://app.example.evil.com", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "https://app.example/", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "https://x@app.example", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "http://localhost:3000", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "http://localhost", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "https://localhost:8080", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "http://127.0.0.1:8080", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "null", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "file://", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "http://", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "chrome-extension://abc", PLAIN, ACCESS_ORIGIN },
	{ "localhost:8080", "http://localhost:8080 http://evil.example", PLAIN, ACCESS_ORIGIN },
};

static void every_row(void)
{
	struct addr local;
	CHECK(addr_parse(bytes_str("198.51.100.4:8080"), &local));

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct http_seen seen = { bytes_str(r->host), bytes_str(r->origin), local,
					  r->scheme == TLS };
		enum http_access a = http_policy_check(&policy, &seen);

		if (a != r->access)
			fprintf(stderr, "Host: %s Origin: %s\n", r->host ? r->host : "(none)",
				r->origin ? r->origin : "(none)");
		CHECK_EQ(a, r->access);
	}
}

static void an_ipv6_address_of_the_connection(void)
{
	struct http_seen seen = { .host = bytes_str("[2001:DB8:0::4]:8080") };
	CHECK(addr_parse(bytes_str("[2001:db8::4]:8080"), &seen.local));

	CHECK_EQ(http_policy_check(&policy, &seen), ACCESS_OWN);
	seen.host = bytes_str("[2001:db8::5]:8080");
	CHECK_EQ(http_policy_check(&policy, &seen), ACCESS_HOST);
}

static void long_names_are_refused(void)
{
	char name[300];

	memset(name, 'a', sizeof(name));
	memcpy(name + sizeof(name) - 10, ".localhost", 10);
	struct http_seen seen = { .host = bytes_of(name, sizeof(name)) };
	CHECK_EQ(http_policy_check(&policy, &seen), ACCESS_HOST);
}

TESTS({ "every_row", every_row },
      { "an_ipv6_address_of_the_connection", an_ipv6_address_of_the_connection },
      { "long_names_are_refused", long_names_are_refused })
