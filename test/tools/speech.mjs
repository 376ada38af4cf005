// speech.mjs - questions spoken by machines: Flite and Festival voices, 16 kHz mono WAV.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { temporary } from './temporary.mjs';

const dir = temporary('speech');
let serial = 0;
const quiet = { stdio: ['pipe', 'ignore', 'ignore'] };

const festival = (voice) => (text, file) => {
  execFileSync('text2wave', ['-eval', `(${voice})`, '-F', '16000', '-o', file], { ...quiet, input: text });
};

export const voices = {
  slt: (text, file) => execFileSync('flite', ['-voice', 'slt', '-t', text, '-o', file], quiet),
  'slt-hts': festival('voice_cmu_us_slt_arctic_hts'),
  kdlpc: festival('voice_ked_diphone'),
};

// The path of a WAV file of `text` in `voice`, with silence (seconds) around it.
export function speak(text, voice = 'slt', { before = 0.3, after = 0.8, rate = 16000 } = {}) {
  const raw = join(dir, `${serial}-raw.wav`), file = join(dir, `${serial++}.wav`);
  voices[voice](text, raw);
  execFileSync('sox', [raw, '-r', String(rate), '-c', '1', '-b', '16', file, 'gain', '-n', '-6',
    'pad', String(before), String(after)], quiet);
  return file;
}
