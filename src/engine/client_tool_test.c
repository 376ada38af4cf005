#include "engine/client_tool.h"

#include "base/test.h"

static json_t *parse(const char *text)
{
	char why[160];
	return json_parse(bytes_str(text), why);
}

#define TOOL(name, description, parameters)                                                        \
	"{\"type\":\"function\",\"name\":\"" name "\",\"description\":\"" description                   \
	"\",\"parameters\":{\"type\":\"object\"," parameters "}}"
#define QUERY "\"properties\":{\"query\":{\"type\":\"string\"}}"

static const char tools[] = "["
	TOOL("open_doors", "Opens the pod bay doors.", "\"properties\":{}") ","
	TOOL("lookupTimetable", "Trains.", QUERY) ","
	TOOL("weather", "Searches for the weather.",
	     "\"properties\":{\"city\":{\"enum\":[\"Rome\",\"Oslo\"]},\"days\":{\"type\":\"integer\",\"maximum\":7},"
	     "\"loud\":{\"type\":\"boolean\"},\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	     "\"more\":{\"type\":\"string\"}},\"required\":[\"city\",\"days\",\"loud\",\"tags\"]") ","
	TOOL("search", "The server's.", QUERY) "]";

/* {choice, question, calls} */
static const struct {
	const char *choice, *question, *calls;
} rows[] = {
	{ "\"none\"", "trains", "[]" },
	{ "\"auto\"", "in Oslo for 12 days",
	  "[{\"name\":\"lookupTimetable\",\"arguments\":\"{\\\"query\\\":\\\"in Oslo for 12 days\\\"}\"},"
	  "{\"name\":\"weather\",\"arguments\":\"{\\\"city\\\":\\\"Oslo\\\",\\\"days\\\":7,\\\"loud\\\":false,"
	  "\\\"tags\\\":[\\\"in Oslo for 12 days\\\"]}\"}]" },
	{ "{\"type\":\"function\",\"name\":\"open_doors\"}", "x",
	  "[{\"name\":\"open_doors\",\"arguments\":\"{}\"}]" },
	{ "{\"type\":\"function\",\"name\":\"search\"}", "x", "[]" },
};

static void calls_are_chosen_and_filled(void)
{
	json_init();
	AUTO(json) json_t *list = parse(tools);

	CHECK(list);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(json) json_t *choice = parse(rows[i].choice);
		AUTO(json) json_t *want = parse(rows[i].calls);
		AUTO(json) json_t *got = client_calls(list, choice, rows[i].question);

		CHECK(choice && want && got);
		CHECK(json_equal(want, got));
	}
}

static void one_that_must_be_called_is_called(void)
{
	json_init();
	AUTO(json) json_t *list = parse("[" TOOL("open_doors", "Opens.", "\"properties\":{}") "]");
	AUTO(json) json_t *must = json_string("required");
	AUTO(json) json_t *may = json_string("auto");
	AUTO(json) json_t *called = list && must ? client_calls(list, must, "x") : NULL;
	AUTO(json) json_t *left = list && may ? client_calls(list, may, "x") : NULL;

	CHECK(called && left);
	CHECK_EQ(json_array_size(called), 1);
	CHECK_EQ(json_array_size(left), 0);
}

static void outputs_become_results_where_they_hold_passages(void)
{
	static const struct {
		const char *output, *text; /* NULL: no passages */
	} outputs[] = {
		{ "[{\"content\":\"It melts.\",\"sourcePage\":\"a.pdf\"}]", "It melts." },
		{ "{\"results\":[{\"chunk\":\"It boils.\"}]}", "It boils." },
		{ "{\"value\":[]}", NULL },
		{ "sunny", NULL },
		{ "\"sunny\"", NULL },
		{ "{\"temperature\":20}", NULL },
	};
	bool no_memory;

	json_init();
	for (size_t i = 0; i < ARRAY_LEN(outputs); i++) {
		AUTO(json) json_t *v = client_results(outputs[i].output, &no_memory);
		const json_t *first = json_array_get(json_object_get(v, "results"), 0);

		CHECK(!no_memory);
		CHECK_STR(json_str(first, "text", ""), outputs[i].text ? outputs[i].text : "");
		CHECK_EQ(v != NULL, outputs[i].text != NULL);
	}
}

TESTS({ "calls_are_chosen_and_filled", calls_are_chosen_and_filled },
      { "one_that_must_be_called_is_called", one_that_must_be_called_is_called },
      { "outputs_become_results_where_they_hold_passages",
	outputs_become_results_where_they_hold_passages })
