// What the user chose, kept in this browser and nowhere else.

const KEY = "voiced"; // theme.js reads it, too
const DEFAULTS = { voice: "", mic: "", ptt: false, aloud: true, theme: "system" };

function stored() {
	try {
		return JSON.parse(localStorage.getItem(KEY)) ?? {};
	} catch {
		return {}; // storage refused or spoilt: the defaults do
	}
}

export const settings = { ...DEFAULTS, ...stored() };

export function change(name, value) {
	settings[name] = value;
	try {
		localStorage.setItem(KEY, JSON.stringify(settings));
	} catch {
		// A private window may refuse; the choice then lasts as long as the page.
	}
}
