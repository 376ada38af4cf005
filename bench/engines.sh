# Services behind the conversation: sourced by script/bench engines.
engines() {
	ninja -C build --quiet voiced src/service/bench_llm src/service/bench_realtime
	row "A realtime service by way of voiced, beside a relay that does nothing else" "$node" bench/relay.mjs --sessions 60 --seconds 10
	row "A link to a realtime service, alone" build/src/service/bench_realtime
	row "A hundred cuts of the service" "$node" bench/kills.mjs --runs 100
	row "Services that hear, think and speak: what is added between them" "$node" bench/cascade.mjs --turns 20
	row "A language model's words, from the socket to the session" build/src/service/bench_llm
	row "Searching while the user still speaks" "$node" bench/ahead.mjs --questions 20
}
