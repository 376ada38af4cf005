// temporary.mjs - what a test or a bench leaves behind goes with its process: at its end, after a failure,
// and when a signal ends it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const last = [];
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

process.on('exit', () => {
  for (let undo; (undo = last.pop());) {
    try {
      undo();
    } catch { /* the others have their turn all the same */ }
  }
});
for (const [signal, number] of Object.entries(SIGNALS)) process.on(signal, () => process.exit(128 + number));

// Done when the process ends, the last first. What it gives back forgets it.
export function atEnd(undo) {
  last.push(undo);
  return () => {
    const at = last.indexOf(undo);
    if (at >= 0) last.splice(at, 1);
  };
}

// A directory of this process. It may be removed earlier.
export function temporary(name = 'test') {
  const dir = mkdtempSync(join(tmpdir(), `voiced-${name}-`));
  atEnd(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
}
