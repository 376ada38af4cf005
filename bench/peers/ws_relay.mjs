// ws_relay.mjs PORT URL - passes each frame of a WebSocket on to URL and back, and does nothing else: the least a relay can do in Node.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../../test/tools/server.mjs';

const { WebSocket, WebSocketServer } = createRequire(join(root, 'test/package.json'))('ws');
const [port, url] = process.argv.slice(2);
new WebSocketServer({ port: Number(port), host: '127.0.0.1', perMessageDeflate: false }).on('connection', (near) => {
  const far = new WebSocket(url, { perMessageDeflate: false }), early = [];
  near._socket.setNoDelay(true);
  near.on('message', (data, binary) => (far.readyState === 1 ? far.send(data, { binary }) : early.push(data)));
  far.on('open', () => { far._socket.setNoDelay(true); early.forEach((d) => far.send(d, { binary: false })); });
  far.on('message', (data, binary) => near.send(data, { binary }));
  for (const [a, b] of [[near, far], [far, near]]) { a.on('close', () => b.terminate()); a.on('error', () => b.terminate()); }
}).on('listening', () => console.log('ready'));
