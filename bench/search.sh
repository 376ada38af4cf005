#!/usr/bin/env bash
# bench/search.sh N: the time of a search over N passages of build/bench-passages (bench/passages.py), on one core, beside
# FTS5, Xapian and faiss with the same passages and questions. Needs script/bench's build.
set -euo pipefail
cd "$(dirname "$0")/.."
n=$1 folder=build/bench-passages out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
core=$(($(nproc) - 1)) # the last; interrupts tend to go to the first
pinned() { taskset -c "$core" "$@"; }
search=build/src/engine/bench_search
"$search" build "$folder" "$n" 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
printf '%-42s %8s %8s %8s %8s %8s %7s\n' "" "p50 ms" "p99 ms" "CPU p99" "exact %" "build s" "MB"
pinned "$search" ask "$folder" "$n"
pinned build/src/engine/bench_fts5 "$folder" "$n"
peer() { # peer SOURCE HEADER FLAGS…: compiled and run, where its library is there
	local source=$1 header=$2
	shift 2
	if [ ! -e "/usr/include/$header" ]; then
		echo "${source%.cc}: left out, its library is not installed"
		return
	fi
	# shellcheck disable=SC2068
	c++ -O2 -std=gnu++17 -I. "bench/peers/$source" -o "$out/${source%.cc}" $@
	pinned "$out/${source%.cc}" "$folder" "$n"
}
peer xapian.cc xapian.h -lxapian
if [ -e /usr/include/faiss/IndexHNSW.h ]; then
	"$search" export "$folder" "$n"
fi
peer faiss.cc faiss/IndexHNSW.h -fopenmp -lfaiss -lopenblas
rm -rf "$folder/vectors-$n.f32" "$folder/questions-$n.f32" "$folder/store-$n"
