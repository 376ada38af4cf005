// The chosen theme, before anything is painted. No module: those wait for the whole page.

try {
	document.documentElement.dataset.theme = JSON.parse(localStorage.getItem("voiced")).theme;
} catch {
	// nothing chosen, or nothing may be stored: as the system
}
