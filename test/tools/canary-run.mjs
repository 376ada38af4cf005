// canary-run.mjs - script/canary: N questions, nine in ten to /api/search, the others in conversations, twenty aloud.
import { hunt, lair } from './canary.mjs';

const n = Number(process.argv[2]), spoken = Math.min(20, Math.ceil(n / 500)), typed = Math.ceil(n / 10) - spoken;
const place = await lair({ many: true });
try {
  const counts = await hunt(place, { groups: ['sales'], searches: n - typed - spoken, typed, spoken, exact: false });
  console.log(JSON.stringify(counts));
} finally {
  await place.stop();
}
