#include "base/test.h"
#include "engine/assent.h"

static void only_a_clear_yes_is_one(void)
{
	static const struct {
		const char *said;
		enum assent is;
	} cases[] = {
		{ "Yes.", ASSENT_YES },
		{ "Yes, please, do it now.", ASSENT_YES },
		{ "yeah sure go ahead", ASSENT_YES },
		{ "okay", ASSENT_YES },
		{ "Why not?", ASSENT_YES },
		{ "That's fine, thank you very much.", ASSENT_YES },
		{ "Ja, bitte.", ASSENT_YES },
		{ "Na klar, mach das!", ASSENT_YES },
		{ "Natürlich", ASSENT_YES },
		{ "Oui, vas-y.", ASSENT_YES },
		{ "D'accord, merci", ASSENT_YES },
		{ "Bien sûr", ASSENT_YES },
		{ "Sí, por favor.", ASSENT_YES },
		{ "Claro que sí", ASSENT_YES },
		{ "No.", ASSENT_NO },
		{ "No, thank you.", ASSENT_NO },
		{ "please don't", ASSENT_NO },
		{ "I am not sure", ASSENT_NO },
		{ "yes no", ASSENT_NO },
		{ "yes but not today", ASSENT_NO },
		{ "Nein danke", ASSENT_NO },
		{ "Non merci", ASSENT_NO },
		{ "ok stop", ASSENT_NO },
		{ "", ASSENT_UNCLEAR },
		{ "Are you sure?", ASSENT_UNCLEAR },
		{ "Yes, if it costs nothing.", ASSENT_UNCLEAR },
		{ "yes and send one to Bob as well", ASSENT_UNCLEAR },
		{ "How high is the tower?", ASSENT_UNCLEAR },
		{ "Thank you.", ASSENT_UNCLEAR },
		{ "yesterday", ASSENT_UNCLEAR },
		{ "yes yes yes yes yes yes yes yes yes yes yes yes", ASSENT_UNCLEAR },
		{ "\xff\xfe", ASSENT_UNCLEAR },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (assent_of(cases[i].said) != cases[i].is)
			fprintf(stderr, "%s\n", cases[i].said);
		CHECK_EQ(assent_of(cases[i].said), cases[i].is);
	}
}

TESTS({ "only_a_clear_yes_is_one", only_a_clear_yes_is_one })
