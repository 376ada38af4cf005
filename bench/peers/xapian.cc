// xapian.cc - Xapian with the same passages and questions as bench/search.c: BM25, English
// stemmer, any of the words.
//
//   c++ -O2 -std=gnu++17 -I. bench/peers/xapian.cc -lxapian    (script/bench does it)
//   xapian FOLDER N
#include <filesystem>
#include <string>
#include <xapian.h>

#include "bench/speed.h"

static double fill(const std::string &path, const char *folder, size_t n)
{
	Xapian::WritableDatabase db(path, Xapian::DB_CREATE_OR_OVERWRITE);
	Xapian::TermGenerator terms;
	terms.set_stemmer(Xapian::Stem("english"));
	terms.set_stemming_strategy(Xapian::TermGenerator::STEM_ALL);
	FILE *in = speed_open(folder, "passages.tsv");
	char *line = nullptr, *text;
	size_t cap = 0;
	double from = speed_now();

	for (size_t i = 0; i < n && speed_line(in, &line, &cap, &text); i++) {
		Xapian::Document d;
		terms.set_document(d);
		terms.index_text_without_positions(line);
		terms.index_text_without_positions(text);
		db.add_document(d);
	}
	db.commit();
	free(line);
	fclose(in);
	return speed_now() - from;
}

// The words as they stand in a question: nothing in it is syntax.
static Xapian::Query parse(const char *question)
{
	Xapian::Document d;
	Xapian::TermGenerator terms;
	terms.set_stemmer(Xapian::Stem("english"));
	terms.set_stemming_strategy(Xapian::TermGenerator::STEM_ALL);
	terms.set_document(d);
	terms.index_text_without_positions(question);
	return Xapian::Query(Xapian::Query::OP_OR, d.termlist_begin(), d.termlist_end());
}

int main(int argc, char **argv)
{
	static const char *questions[SPEED_QUESTIONS_MAX];
	static speed_times times;

	if (argc != 3)
		return fprintf(stderr, "usage: xapian FOLDER N\n"), 2;
	std::string path = std::string(argv[1]) + "/xapian-" + argv[2];
	double built = fill(path, argv[1], strtoul(argv[2], nullptr, 10));
	double before = speed_memory(), from = speed_cpu();
	Xapian::Database db(path);
	Xapian::Enquire enquire(db);
	size_t n = speed_questions(argv[1], questions);

	while (speed_goes_on(&times, n, from)) {
		const char *question = questions[speed_turn(times.n, n)];
		speed_start(&times);
		enquire.set_query(parse(question));
		Xapian::MSet found = enquire.get_mset(0, SPEED_RESULTS);
		speed_stop(&times);
	}
	speed_row row = {};
	row.name = "Xapian, all words";
	row.times = &times;
	row.equal = -1;
	row.build = built;
	row.memory = speed_memory() - before;
	speed_print(row);
	std::filesystem::remove_all(path);
	return 0;
}
