#include "engine/topic.h"

#include "base/alloc.h"
#include "base/test.h"

static const struct {
	const char *question, *topic;
} rows[] = {
	{ "Who is the emperor of Japan?", "the emperor of Japan" },
	{ "What is a fennibar used for?", "a fennibar" },
	{ "where is the moon", "the moon" },
	{ "And what was the station cat called?", "the station cat" },
	{ "Please tell me about the annual leave.", "the annual leave" },
	{ "Can you tell me where the keys are?", "\"where the keys are\"" },
	{ "What about dogs?", "dogs" },
	{ "who feeds the station cat", "\"who feeds the station cat\"" },
	{ "How heavy is the Mirrawick?", "\"How heavy is the Mirrawick\"" },
	{ "on weekends?", "\"on weekends\"" },
	{ "what is the password of 3 moons", "the password of 3 moons" },
	{ "What is it?", "" },
	{ "and", "" },
	{ "", "" },
	{ "?!", "" },
	{ "Who is the \"king\" of <b>?", "" },
	{ "which of the many people who live in the old town have ever seen the sea at night", "" },
};

static void quotes_the_asker(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(mem) char *topic = topic_of(rows[i].question);

		CHECK(topic);
		CHECK_STR(topic, rows[i].topic);
	}
}

static void knows_what_goes_on(void)
{
	static const char *const on[] = { "and on weekends?", "What about dogs?", "how about the tower",
					  "On which day?", "for members" };
	static const char *const not[] = { "What is a fennibar used for?", "when is it open", "",
					   "In which year was the tower built?", "About what?" };

	for (size_t i = 0; i < ARRAY_LEN(on); i++)
		CHECK(topic_goes_on(on[i]));
	for (size_t i = 0; i < ARRAY_LEN(not); i++)
		CHECK(!topic_goes_on(not[i]));
}

TESTS({ "quotes_the_asker", quotes_the_asker }, { "knows_what_goes_on", knows_what_goes_on })
