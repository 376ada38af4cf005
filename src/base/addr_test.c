#include "base/addr.h"

#include <sys/socket.h>

#include "base/test.h"

static void text_there_and_back(void)
{
	static const struct {
		const char *in, *out, *ip;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1:0", "192.0.2.1" },
		{ "192.0.2.1:80", "192.0.2.1:80", "192.0.2.1" },
		{ "::1", "[::1]:0", "::1" },
		{ "[2001:db8::7]:65535", "[2001:db8::7]:65535", "2001:db8::7" },
		{ "[::1]", "[::1]:0", "::1" },
		{ "::ffff:192.0.2.9", "192.0.2.9:0", "192.0.2.9" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		char text[ADDR_TEXT];

		CHECK(addr_parse(bytes_str(rows[i].in), &a));
		CHECK_STR(addr_format(&a, text), rows[i].out);
		CHECK_STR(addr_format_ip(&a, text), rows[i].ip);
	}
}

static void what_is_no_address(void)
{
	static const char *const bad[] = { "", ":", "[", "[]", "[]:1", "[::1", "[::1]80", "1.2.3",
					   "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "localhost",
					   "[1.2.3.4]:5", "1.2.3.4:-1", "[::1]:123456", ":80" };
	struct addr a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!addr_parse(bytes_str(bad[i]), &a));
}

static void sockaddr_there_and_back(void)
{
	static const char *const rows[] = { "192.0.2.1:80", "[2001:db8::7]:81" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (enum addr_form f = ADDR_AS_IS; f <= ADDR_MAPPED; f++) {
			struct addr a, b;
			struct sockaddr_storage ss;

			CHECK(addr_parse(bytes_str(rows[i]), &a));
			CHECK(addr_to_sockaddr(&a, f, &ss) > 0);
			CHECK(f == ADDR_AS_IS || ss.ss_family == AF_INET6);
			CHECK(addr_from_sockaddr((struct sockaddr *)&ss, &b));
			CHECK(addr_eq(&a, &b));
		}
	}

	struct sockaddr_storage unix_like = { .ss_family = AF_UNIX };
	struct addr none = { 0 };
	char text[ADDR_TEXT];
	CHECK(!addr_from_sockaddr((struct sockaddr *)&unix_like, &none));
	CHECK_EQ(addr_to_sockaddr(&none, ADDR_AS_IS, &unix_like), 0);
	CHECK_STR(addr_format(&none, text), "-");
}

TESTS({ "text_there_and_back", text_there_and_back }, { "what_is_no_address", what_is_no_address },
      { "sockaddr_there_and_back", sockaddr_there_and_back })
