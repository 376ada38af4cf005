// The conversation on the page. Text from outside enters as textContent and in no other way.

export const $ = (id) => document.getElementById(id);

export function el(tag, props = {}, ...children) {
	const node = document.createElement(tag);

	for (const [name, value] of Object.entries(props)) {
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else if (name in node)
			node[name] = value;
		else
			node.setAttribute(name, value);
	}
	node.append(...children);
	return node;
}

export function icon(name) {
	const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
	const use = document.createElementNS("http://www.w3.org/2000/svg", "use");

	svg.setAttribute("class", "icon");
	svg.setAttribute("aria-hidden", "true");
	use.setAttribute("href", `#i-${name}`);
	svg.append(use);
	return svg;
}

// Marks of voiced.turn.latency, in ms after the end of speech, in the order of a turn.
const STAGES = [
	["search", "passages found"],
	["first_text", "first words of the answer"],
	["first_audio", "first sound of the answer"],
	["stt_final", "question understood"],
	["window", "end of turn certain"],
	["sent", "first sound sent"],
];

// How answers are made when a budget runs short (voiced.turn.cost).
const LEVELS = { compact: "budget runs short", cheaper: "budget nearly used", embedded: "budget used up" };
const BUDGETS = { session: "of this conversation", key: "of this key today", day: "of today" };

const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

// Small amounts are told to the digit that says something.
function amount(money, currency) {
	const digits = money > 0 && money < 1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 };

	try {
		return money.toLocaleString("en", { style: "currency", currency, minimumFractionDigits: 2, ...digits });
	} catch {
		return [money.toLocaleString("en", digits), currency].filter(Boolean).join(" "); // not one of ISO 4217
	}
}

// "1,204 tokens · €0.0031"; tokens by kind, or a number of them that is left.
function sum({ tokens, money }, currency) {
	const by_kind = tokens && typeof tokens === "object";
	const n = by_kind ? tokens.input_text + tokens.input_audio + tokens.output_text + tokens.output_audio : tokens;

	return [n === null ? "" : count(n, "token"), money === null || (by_kind && !money) ? "" : amount(money, currency)]
		.filter(Boolean).join(" · ");
}

const details = ({ tokens: t, heard_ms, characters }) => [
	`${count(t.input_text + t.input_audio, "token")} read${t.cached ? `, ${t.cached.toLocaleString("en")} of them cached` : ""}`,
	`${count(t.output_text + t.output_audio, "token")} written`,
	heard_ms ? `${(heard_ms / 1000).toFixed(1)} s heard` : "",
	characters ? `${count(characters, "character")} spoken` : "",
].filter(Boolean);

const NEAR_PX = 80; // this close to the end, the view follows what is added

export class View {
	// evidence: shows sources (see sources.js).
	constructor(evidence) {
		this.evidence = evidence;
		this.scroll = $("scroll");
		this.turns = $("turns");
		this.asks = new Map();    // item id → row
		this.answers = new Map(); // response id → row
		this.current = null;      // the answer whose sources are on show
		this.follow = true;
		this.scroll.addEventListener("scroll", () => {
			const { scrollHeight, scrollTop, clientHeight } = this.scroll;

			this.follow = scrollHeight - scrollTop - clientHeight < NEAR_PX;
		}, { passive: true });
	}

	#add(row) {
		$("welcome").hidden = true;
		this.turns.append(row);
		this.#keep_up(true);
	}

	#keep_up(force) {
		if (force || this.follow)
			this.scroll.scrollTop = this.scroll.scrollHeight;
	}

	// What the user says: grows while spoken, settles when final.
	ask(id, text, final) {
		let row = this.asks.get(id);

		if (!row) {
			const words = el("p", { className: "words" });

			row = el("li", { className: "turn ask" }, el("span", { className: "who" }, "You"), words);
			row.words = words;
			this.asks.set(id, row);
			this.#add(row);
		}
		row.words.textContent = text || "…";
		row.dataset.final = final;
		row.dataset.text = text;
		this.#keep_up();
	}

	forget(id) {
		this.asks.get(id)?.remove();
		this.asks.delete(id);
	}

	answer(id) {
		const words = el("p", { className: "words" });
		const foot = el("div", { className: "turn-foot" });
		const row = el("li", { className: "turn answer" },
			el("span", { className: "who" }, "Answer"), words, foot);

		row.words = words;
		row.foot = foot;
		row.dataset.state = "open";
		row.sources = [];
		this.answers.set(id, row);
		this.#add(row);
		this.current = id;
		this.evidence.await();
	}

	say(id, text) {
		const row = this.answers.get(id);

		row.words.textContent = text;
		this.#keep_up();
	}

	// They come one by one or together, each when the answer gets to it.
	sources(id, list) {
		const row = this.answers.get(id);
		const same = (a, b) => a.document === b.document && a.start === b.start && a.end === b.end;

		if (!row)
			return;
		row.sources.push(...list.filter((b) => !row.sources.some((a) => same(a, b))));
		if (this.current === id)
			this.evidence.show(row.sources);
		this.#chips(row);
	}

	// complete: it was said to its end.
	finish(id, complete) {
		const row = this.answers.get(id);

		row.dataset.state = "done";
		// An answer of which nothing was said, because a newer question came first, leaves no row.
		if (!row.words.textContent && row.sources.length === 0)
			row.remove();
		if (this.current === id)
			this.evidence.show(row.sources, complete);
		this.#keep_up();
	}

	#chips(row) {
		const chips = row.sources.map((source, i) =>
			el("button", {
				type: "button", className: "chip",
				"aria-label": `Source ${i + 1}: ${place(source)}`,
				onclick: (e) => this.evidence.open(source, e.currentTarget),
			}, el("b", {}, String(i + 1)), ` ${brief(source)}`));

		row.foot.querySelectorAll(".chip").forEach((chip) => chip.remove());
		row.foot.prepend(...chips);
		this.#keep_up();
	}

	mark(id, what) {
		const row = this.answers.get(id);

		if (!row || row.mark)
			return;
		row.mark = el("span", { className: "figure" }, what);
		row.foot.append(row.mark);
	}

	// ms from the end of the question to the first sound; waited_ms of them are silence by design.
	took(ms, how, waited_ms) {
		const row = this.answers.get(this.current);
		const from = how === "spoken" ? "after you stopped speaking" : "after you sent it";
		const wait = waited_ms
			? ` ${waited_ms} ms of it are the silence it waits for, to be sure that you have finished.`
			: "";
		const title = `From the end of the question to the first sound of the answer, measured in this page.${wait}`;

		$("latency").replaceChildren(`${ms} ms to the answer`, el("span", { className: "roomy" },
			waited_ms ? `, ${waited_ms} of them silence` : ""));
		$("latency").title = title;
		if (row && !row.took) {
			row.took = el("span", { className: "figure", title }, `${ms} ms ${from}`);
			row.foot.append(row.took);
		}
	}

	// The server's own account of the same turn, stage by stage, on demand.
	breakdown(event) {
		const row = this.answers.get(event.response_id) ?? this.answers.get(this.current);
		const lines = STAGES.filter(([name]) => typeof event[name] === "number")
			.map(([name, what]) => `${what}: ${Math.round(event[name])} ms`);

		if (row && lines.length)
			this.#explain(row, ["By the server’s clock, after the end of your speech", ...lines]);
	}

	// What an answer and the conversation have used, and what is left of the budgets.
	cost(event) {
		const row = this.answers.get(event.response_id);
		const left = Object.entries(event.left).filter(([, rest]) => rest)
			.map(([whose, rest]) => `Left of the budget ${BUDGETS[whose]}: ${sum(rest, event.currency)}`);
		const used = sum(event.session, event.currency);

		$("cost").textContent = LEVELS[event.level] ? `${used.split(" · ").at(-1)} · ${LEVELS[event.level]}` : used;
		$("cost").title = ["This conversation so far", used, ...details(event.session), ...left].join("\n");
		if (row)
			this.#explain(row, [`This answer: ${sum(event.turn, event.currency)}`, ...details(event.turn)]);
	}

	#explain(row, lines) {
		row.foot.title = [row.foot.title, ...lines].filter(Boolean).join("\n");
	}

	announce(text) {
		$("announce").textContent = text;
	}

	// The conversation so far, oldest first: [{role, text, sources}].
	history() {
		return [...this.turns.children].flatMap((row) => {
			if (row.classList.contains("ask") && row.dataset.final === "true")
				return [{ role: "user", text: row.dataset.text, sources: [] }];
			if (row.classList.contains("answer") && row.words.textContent)
				return [{ role: "assistant", text: row.words.textContent, sources: row.sources }];
			return [];
		});
	}
}

// The same for little room, what tells two sources of one document apart first.
function brief(source) {
	const title = source.title || source.document;

	return [source.heading, source.page && `page ${source.page}`, title]
		.filter((part, i, all) => part && all.indexOf(part) === i).join(" · ");
}

// Where a source stands, in one line.
export function place(source) {
	const parts = [source.title || source.document];

	if (source.page)
		parts.push(`page ${source.page}`);
	if (source.heading && source.heading !== parts[0])
		parts.push(source.heading);
	return parts.join(" · ");
}
