// faiss.cc - faiss over the vectors that `bench_search export` wrote: all of them (flat, exact)
// and a graph (HNSW). One thread.
//
//   c++ -O2 -std=gnu++17 -fopenmp -I. bench/peers/faiss.cc -lfaiss    (script/bench does it)
//   faiss FOLDER N
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <omp.h>
#include <string>
#include <vector>

#include "bench/speed.h"

struct vectors {
	size_t n, dim;
	std::vector<float> v;
};

// The file's first two words are the number of vectors and their length.
static vectors read(const char *folder, const std::string &name)
{
	vectors out;
	unsigned head[2];
	FILE *f = speed_open(folder, name.c_str());
	bool ok = fread(head, sizeof(head), 1, f) == 1;

	out.n = head[0];
	out.dim = head[1];
	out.v.resize(out.n * out.dim);
	ok = ok && fread(out.v.data(), sizeof(float), out.v.size(), f) == out.v.size();
	fclose(f);
	if (!ok)
		exit(fprintf(stderr, "%s is cut short\n", name.c_str()));
	return out;
}

typedef std::vector<faiss::Index::idx_t> results;

static results ask(faiss::Index &x, const vectors &q, speed_times *times)
{
	results all, one(SPEED_RESULTS);
	std::vector<float> distance(SPEED_RESULTS);
	double from = speed_cpu();

	while (speed_goes_on(times, q.n, from)) {
		const float *v = &q.v[speed_turn(times->n, q.n) * q.dim];
		speed_start(times);
		x.search(1, v, SPEED_RESULTS, distance.data(), one.data());
		speed_stop(times);
		all.insert(all.end(), one.begin(), one.end());
	}
	return all;
}

static double equal_share(const results &a, const results &exact)
{
	size_t same = 0, n = std::min(a.size(), exact.size());

	for (size_t i = 0; i < n; i++)
		for (size_t k = i / SPEED_RESULTS * SPEED_RESULTS; k < (i / SPEED_RESULTS + 1) * SPEED_RESULTS; k++)
			same += a[k] == exact[i];
	return n ? (double)same / (double)n : 1;
}

int main(int argc, char **argv)
{
	static speed_times times;

	if (argc != 3)
		return fprintf(stderr, "usage: faiss FOLDER N\n"), 2;
	omp_set_num_threads(1);
	vectors passages = read(argv[1], std::string("vectors-") + argv[2] + ".f32");
	vectors questions = read(argv[1], std::string("questions-") + argv[2] + ".f32");
	double before = speed_memory(), from = speed_now();
	results exact;
	speed_row row = {};

	row.times = &times;
	{
		faiss::IndexFlatIP flat((int)passages.dim);
		flat.add((faiss::Index::idx_t)passages.n, passages.v.data());
		row.name = "faiss flat, our vectors (question's given)";
		row.build = speed_now() - from;
		row.memory = speed_memory() - before;
		row.equal = 1;
		exact = ask(flat, questions, &times);
		speed_print(row);
	}
	before = speed_memory();
	from = speed_now();
	// A million with the larger values takes one core the better part of an hour.
	const bool many = passages.n > 200000;
	const int links = many ? 16 : 32;
	faiss::IndexHNSWFlat graph((int)passages.dim, links, faiss::METRIC_INNER_PRODUCT);
	graph.hnsw.efConstruction = many ? 40 : 100;
	graph.add((faiss::Index::idx_t)passages.n, passages.v.data());
	row.build = speed_now() - from;
	row.memory = speed_memory() - before;
	for (int ef : { 32, 64, 128 }) {
		char name[64];
		snprintf(name, sizeof(name), "faiss HNSW %d, efSearch %d", links, ef);
		graph.hnsw.efSearch = ef;
		times.n = 0;
		row.name = name;
		row.equal = equal_share(ask(graph, questions, &times), exact);
		speed_print(row);
		row.build = row.memory = -1;
	}
	return 0;
}
