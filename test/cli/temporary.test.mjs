// What tests leave in the file system goes with them, however they end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../tools/server.mjs';

const ends = {
  'its own end': '',
  'process.exit()': 'process.exit(3);',
  'an exception': 'throw new Error("on purpose");',
  'a rejection': 'Promise.reject(new Error("on purpose"));',
  SIGTERM: 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);',
  SIGINT: 'process.kill(process.pid, "SIGINT"); setInterval(() => {}, 1000);',
  SIGHUP: 'process.kill(process.pid, "SIGHUP"); setInterval(() => {}, 1000);',
};

for (const [what, code] of Object.entries(ends)) {
  test(`directories and servers are gone after ${what}`, async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', `
      import { writeFileSync } from 'node:fs';
      import { serve, temporary } from '${join(root, 'test/tools/server.mjs')}';
      import { speak } from '${join(root, 'test/tools/speech.mjs')}';
      const dir = temporary(), server = await serve({ ready: false });
      server.child.unref();
      server.child.stdout.unref();
      server.child.stderr.unref();
      writeFileSync(dir + '/file', 'x');
      console.log(JSON.stringify([dir, server.data, speak('yes'), server.child.pid]));
      ${code}`], { stdio: ['ignore', 'pipe', 'ignore'] });
    let out = '';
    child.stdout.on('data', (d) => { out += d; });
    await new Promise((r) => child.on('close', r));
    const [...paths] = JSON.parse(out), pid = paths.pop();
    for (const path of paths) assert.ok(!existsSync(path), path);
    assert.ok(!existsSync(`/proc/${pid}/fd/0`), 'the server lives');
  });
}
