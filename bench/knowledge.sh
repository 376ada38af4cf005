# knowledge.sh - sourced by script/bench: the rows about search.

knowledge() {
	need build search test
	need_npm test
	build build
	ninja -C build --quiet src/engine/bench_cranfield src/engine/bench_search src/engine/bench_fts5 src/knowledge/bench_ingest
	if [ -n "${CRANFIELD-}" ]; then
		row "Cranfield: tuned on odd-numbered questions, these are the even ones" build/src/engine/bench_cranfield "$CRANFIELD"
	else
		say "no CRANFIELD=DIR: its row is left out, and its questions"
	fi
	# shellcheck disable=SC2086
	row "Passages to search" bench/passages.py build/bench-passages ${CRANFIELD:+--cranfield "$CRANFIELD"}
	local n
	for n in ${SIZES:-10000 100000 1000000}; do
		row "Search over $n passages, one core, beside others" bench/search.sh "$n"
	done
	row "From a file to searchable" bench/ingest.sh
	row "From the drop on the page until a search finds it, ten pages" test/node_modules/.bin/node bench/drop.mjs
}
