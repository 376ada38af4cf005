// Who hears, thinks and speaks, in sentences, from what /api/status says of the engines: {stt, llm, tts, realtime}, each a
// list of {name, model, service, state, rest_ms} in the order of trying.

const DOES = { stt: "listens", llm: "answers", tts: "speaks", realtime: "answers" };
const LISTED = { realtime: "Speaks with you", stt: "Listens", llm: "Answers", tts: "Speaks" };

const of = (engines, kinds) => kinds.flatMap((kind) => engines?.[kind] ?? []);
const services = (engines, kinds) => [...new Set(of(engines, kinds).filter((e) => e.service).map((e) => e.name))];
const named = (e) => e.service ? e.name : `the embedded ${e.name}`;
const same = (a, b) => a.length === b.length && a.every((name) => b.includes(name));

export const has_services = (engines) => services(engines, Object.keys(DOES)).length > 0;

// Where audio and words go. host: of the server, "" if that is this machine.
export function ways(engines, host) {
	const audio = services(engines, ["realtime", "stt"]);
	const words = services(engines, ["realtime", "llm"]);
	const spoken = services(engines, ["tts"]).filter((name) => !words.includes(name));
	const to = (names) => `${host && `${host}, from there to `}${names.join(" or ")}`;
	const parts = [];

	if (audio.length && same(audio, words))
		parts.push(`Audio, words and passages go to ${to(audio)}`);
	else if (audio.length)
		parts.push(`Audio goes to ${to(audio)}`);
	else
		parts.push(host ? `Audio goes to ${host} and no further` : "Audio stays on this machine");
	if (words.length && !same(audio, words))
		parts.push(`words and passages go to ${words.join(" or ")}`);
	if (spoken.length)
		parts.push(`answers to ${spoken.join(" or ")}`);
	return parts.join(", ");
}

// Who stands in for whom; "": all is well.
export function standing_in(engines) {
	return Object.keys(DOES).map((kind) => {
		const [first, ...others] = engines?.[kind] ?? [];

		if (first?.state !== "resting")
			return "";
		const next = [...others, ...kind === "realtime" ? of(engines, ["llm"]) : []].find((e) => e.state === "well");

		return next ? `${first.name} rests: ${named(next)} ${DOES[kind]} meanwhile.`
			: `${first.name} rests, and nobody stands in for it.`;
	}).filter(Boolean).join(" ");
}

// When somebody may be well again, in ms; 0: nobody rests.
export function rest_ms(engines) {
	const all = of(engines, Object.keys(DOES)).map((e) => e.rest_ms).filter(Boolean);

	return all.length ? Math.min(...all) : 0;
}

// A line for each kind: "Answers: gpt-4.1-mini at api.openai.com, else the embedded extract".
export const listed = (engines) => Object.entries(LISTED).filter(([kind]) => engines?.[kind]?.length).map(([kind, says]) =>
	`${says}: ${engines[kind].map((e) => e.model ? `${e.model} at ${e.name}` : named(e)).join(", else ")}`);
