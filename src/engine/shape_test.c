#include "engine/shape.h"

#include "base/test.h"

static bool is_tank(const void *ctx, const struct word *w)
{
	(void)ctx;
	return shape_listed("tank", w->s);
}

static bool is_hut(const void *ctx, const struct word *w)
{
	(void)ctx;
	return shape_listed("hut", w->s);
}

static const struct {
	enum shape shape;
	const char *dimension, *sentence;
	bool holds;
} rows[] = {
	{ SHAPE_ANY, NULL, "", true },
	{ SHAPE_MASS, NULL, "The doll weighs seventy kilograms.", true },
	{ SHAPE_MASS, NULL, "It carries 5kg.", true },
	{ SHAPE_MASS, NULL, "The doll is seventy centimetres long.", false },
	{ SHAPE_LENGTH, "wide", "The door is nine and a half metres wide.", true },
	{ SHAPE_LENGTH, "wide", "The door is nine metres high.", false },
	{ SHAPE_LENGTH, "wide", "The gauge is accurate to four millimetres.", false },
	{ SHAPE_LENGTH, "far", "Stay one hundred metres away.", true },
	{ SHAPE_LENGTH, "high", "Closed in a high wind of fifty kilometres per hour.", false },
	{ SHAPE_EXTENT, "long", "The boat is nine metres long.", true },
	{ SHAPE_EXTENT, "long", "A tour lasts 75 minutes.", true },
	{ SHAPE_EXTENT, "long", "The path is safe from two hours before low water.", false },
	{ SHAPE_DURATION, NULL, "It takes an hour.", true },
	{ SHAPE_DURATION, NULL, "It takes two people.", false },
	{ SHAPE_SPEED, NULL, "The limit is four knots.", true },
	{ SHAPE_SPEED, NULL, "Nine metres per second are too much.", true },
	{ SHAPE_SPEED, NULL, "The boat is fast.", false },
	{ SHAPE_MONEY, NULL, "A ticket is \xc2\xa3" "9.", true },
	{ SHAPE_MONEY, NULL, "Coffee is free, and good.", true },
	{ SHAPE_MONEY, NULL, "The free software community.", false },
	{ SHAPE_MONEY, NULL, "The tour is free of steps.", false },
	{ SHAPE_MONEY, NULL, "The visit is free of charge.", true },
	{ SHAPE_MEMORY, NULL, "It has 512MB.", true },
	{ SHAPE_MEMORY, NULL, "It has 512 users.", false },
	{ SHAPE_TEMPERATURE, NULL, "Kept at minus eighty degrees.", true },
	{ SHAPE_AGE, NULL, "A sextant made in eighteen twelve.", true },
	{ SHAPE_AGE, NULL, "The cat is called Biscuit.", false },
	{ SHAPE_COUNT, NULL, "The laboratory has eight large tanks.", true },
	{ SHAPE_COUNT, NULL, "Tanks: 8", true },
	{ SHAPE_COUNT, NULL, "The tank was filled in nineteen seventy-two.", false },
	{ SHAPE_COUNT, NULL, "In 1972: the tank burst.", false },
	{ SHAPE_OFTEN, NULL, "It records every six minutes.", true },
	{ SHAPE_OFTEN, NULL, "It records the level.", false },
	{ SHAPE_CLOCK, NULL, "Closed at half past nine.", true },
	{ SHAPE_CLOCK, NULL, "Open at 14:30.", true },
	{ SHAPE_CLOCK, NULL, "Closed in January.", false },
	{ SHAPE_DATE, NULL, "It was built in nineteen thirty-seven.", true },
	{ SHAPE_DATE, NULL, "Boats may march on.", false },
	{ SHAPE_PERSON, NULL, "The gauge was made by Samuel Hart.", true },
	{ SHAPE_PERSON, NULL, "The technician looks after it.", true },
	{ SHAPE_PERSON, NULL, "The gauge measures the tide.", false },
	{ SHAPE_PERSON, NULL, "The Mirrawick is painted in November.", false },
	{ SHAPE_NAME, NULL, "The hut is called Lantern.", true },
	{ SHAPE_NAME, NULL, "Isobel Grant owns the hut.", true },
	{ SHAPE_NAME, NULL, "Huts are not allowed.", false },
	{ SHAPE_CITY, NULL, "It was ground in Leeds.", true },
	{ SHAPE_CITY, NULL, "It was ground in May.", false },
	{ SHAPE_COLOUR, NULL, "A grey lichen.", true },
	{ SHAPE_COLOUR, NULL, "A thin lichen.", false },
	{ SHAPE_ADDRESS, NULL, "Write to desk@example.org.", true },
	{ SHAPE_ADDRESS, NULL, "The chair is Joan Fairley.", false },
};

static void holds_what_the_table_says(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shape_of of = { rows[i].dimension, is_tank, is_hut, NULL };
		struct said s;

		said_make(&s, bytes_str(rows[i].sentence));
		if (shape_holds(rows[i].shape, &s, &of) != rows[i].holds)
			fprintf(stderr, "row %zu: %s\n", i, rows[i].sentence);
		CHECK_EQ(shape_holds(rows[i].shape, &s, &of), rows[i].holds);
	}
}

TESTS({ "holds_what_the_table_says", holds_what_the_table_says })
