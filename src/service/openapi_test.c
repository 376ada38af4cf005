#include "service/openapi.h"
#include "base/test.h"

#include <errno.h>

static const char document[] =
	"openapi: 3.0.3\n"
	"info: {title: Shop, version: '1'}\n"
	"servers:\n"
	"  - url: https://{env}.shop.example/v1/\n"
	"    variables: {env: {default: test}}\n"
	"paths:\n"
	"  /items/{id}:\n"
	"    parameters:\n"
	"      - $ref: '#/components/parameters/Id'\n"
	"    get:\n"
	"      operationId: getItem\n"
	"      summary: One item.\n"
	"      description: With its price.\n"
	"      parameters:\n"
	"        - {name: lang, in: query, description: Language, schema: {type: string}}\n"
	"        - {name: tags, in: query, schema: {type: array, items: {type: string}}}\n"
	"        - {name: X-Trace, in: header, schema: {type: string}}\n"
	"        - {name: sid, in: cookie, schema: {type: string}}\n"
	"    delete:\n"
	"      x-voiced: {consent: false, when: silent, time_ms: 1500, filler: One moment.}\n"
	"  /orders:\n"
	"    post:\n"
	"      operationId: orders.create now!\n"
	"      requestBody:\n"
	"        required: true\n"
	"        content:\n"
	"          application/json:\n"
	"            schema: {$ref: '#/components/schemas/Order'}\n"
	"    trace: {}\n"
	"  /find:\n"
	"    post:\n"
	"      operationId: find\n"
	"      x-voiced: {effect: reads}\n"
	"  x-other: 7\n"
	"components:\n"
	"  parameters:\n"
	"    Id: {name: id, in: path, required: true, schema: {type: integer, example: 7}}\n"
	"  schemas:\n"
	"    Order:\n"
	"      type: object\n"
	"      required: [item]\n"
	"      properties:\n"
	"        item: {type: integer}\n"
	"        parent: {$ref: '#/components/schemas/Order'}\n";

static struct openapi *parse(const char *text, int *r)
{
	struct openapi *o = mem_zalloc(sizeof(*o));
	char why[OPENAPI_WHY];

	json_init();
	*r = o ? openapi_parse(o, bytes_str(text), why) : -ENOMEM;
	return o;
}

static void openapi_auto_(struct openapi **o)
{
	if (*o)
		openapi_done(*o);
	mem_free(*o);
}

static const struct openapi_op *find(const struct openapi *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->ops[i].name, name) == 0)
			return &o->ops[i];
	return NULL;
}

static void operations_become_tools(void)
{
	int r;
	AUTO(openapi) struct openapi *o = parse(document, &r);

	CHECK_EQ(r, 0);
	CHECK_STR(o->server, "https://test.shop.example/v1");
	CHECK_EQ(o->n, 4);
	const struct openapi_op *get = find(o, "getItem"), *del = find(o, "delete_items_id"),
				*post = find(o, "orders_create_now");
	CHECK(get && del && post);
	CHECK_STR(get->description, "One item. With its price.");
	CHECK_STR(get->schema, "{\"type\":\"object\",\"properties\":{\"lang\":{\"type\":\"string\",\"description\":\"Language\"},"
			       "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"X-Trace\":{\"type\":\"string\"},"
			       "\"id\":{\"type\":\"integer\"}},\"required\":[\"id\"]}");
	CHECK(get->effect == TOOL_READS && del->effect == TOOL_ACTS && post->effect == TOOL_ACTS);
	CHECK(find(o, "find")->effect == TOOL_READS);
	CHECK(del->unasked && del->when == TOOL_SILENT && del->time_ms == 1500);
	CHECK_STR(del->filler, "One moment.");
	CHECK(strstr(post->schema, "\"body\":{\"type\":\"object\",\"required\":[\"item\"]"));
	CHECK(post->has_body && strlen(post->schema) < 4096); /* what refers to itself ends */
}

static void calls_become_requests(void)
{
	static const struct {
		const char *op, *arguments, *url, *body, *field;
	} cases[] = {
		{ "getItem", "{\"id\":7,\"lang\":\"de&x\",\"tags\":[\"a\",\"b c\"],\"X-Trace\":\"t\",\"other\":1}",
		  "https://s/items/7?lang=de%26x&tags=a&tags=b%20c", NULL, "X-Trace: t" },
		{ "getItem", "{\"id\":\"../a/b\"}", "https://s/items/..%2Fa%2Fb", NULL, NULL },
		{ "getItem", "{\"id\":\"é?\"}", "https://s/items/%C3%A9%3F", NULL, NULL },
		{ "getItem", "{}", NULL, NULL, NULL },
		{ "getItem", "{\"id\":\"\"}", NULL, NULL, NULL },
		{ "getItem", "{\"id\":\"..\"}", NULL, NULL, NULL },
		{ "getItem", "{\"id\":1,\"X-Trace\":\"a\\r\\nb: c\"}", NULL, NULL, NULL },
		{ "orders_create_now", "{\"body\":{\"item\":7}}", "https://s/orders", "{\"item\":7}", NULL },
		{ "delete_items_id", "{\"id\":true,\"body\":{}}", "https://s/items/true", NULL, NULL },
	};
	int r;
	AUTO(openapi) struct openapi *o = parse(document, &r);

	CHECK_EQ(r, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(openapi_request) struct openapi_request q = { 0 };
		char why[160];
		AUTO(json) json_t *arguments = json_parse(bytes_str(cases[i].arguments), why);

		CHECK(arguments);
		bool ok = openapi_make(find(o, cases[i].op), "https://s", arguments, &q);
		CHECK(ok == (cases[i].url != NULL));
		if (!ok)
			continue;
		CHECK_STR((const char *)q.url.p, cases[i].url);
		CHECK(!cases[i].body == !q.body.p);
		if (q.body.p)
			CHECK_STR((const char *)q.body.p, cases[i].body);
		CHECK_EQ(q.n_fields, cases[i].field != NULL);
		if (q.n_fields)
			CHECK_STR(q.fields[0], cases[i].field);
	}
}

static void what_is_no_description_is_refused(void)
{
	static const char *const bad[] = { "", "{}", "[]", "swagger: '2.0'", "{\"openapi\":\"3.0.0\"", "openapi: 4.0.0", "a: [" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int r;
		AUTO(openapi) struct openapi *o = parse(bad[i], &r);

		CHECK(o && r != 0);
	}
	int r;
	AUTO(openapi) struct openapi *o = parse("{\"openapi\":\"3.1.0\",\"paths\":{\"/a\":{\"get\":{\"parameters\":[{\"$ref\":\"#/x\"},7,"
						"{\"name\":\"body\",\"in\":\"query\"}]},\"$ref\":5}}}", &r);
	CHECK_EQ(r, 0);
	CHECK_EQ(o->n, 1);
	CHECK_STR(o->server, "");
	CHECK_STR(o->ops[0].name, "get_a");
}

TESTS({ "operations_become_tools", operations_become_tools }, { "calls_become_requests", calls_become_requests },
      { "what_is_no_description_is_refused", what_is_no_description_is_refused })
