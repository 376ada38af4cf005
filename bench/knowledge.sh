# knowledge.sh - sourced by script/bench: the rows about search.

knowledge() {
	need build
	build build
	ninja -C build --quiet src/engine/bench_cranfield
	if [ -n "${CRANFIELD-}" ]; then
		row "Cranfield: tuned on odd-numbered questions, these are the even ones" build/src/engine/bench_cranfield "$CRANFIELD"
	else
		say "no CRANFIELD=DIR: its row is left out"
	fi
}
