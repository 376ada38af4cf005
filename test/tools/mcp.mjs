// mcp.mjs - the Model Context Protocol's own reference server, from npm, and one of a few lines over HTTP.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePort, root, until } from './server.mjs';
import { atEnd } from './temporary.mjs';

const script = join(root, 'test/node_modules/@modelcontextprotocol/server-everything/dist/index.js');

// As a program: what stands behind the label in --mcp.
export const command = `${process.execPath} ${script} stdio`;

// It would listen on every address, and outlive a test that is killed: here it takes loopback, and ends with its input.
const loopback = `data:text/javascript,${encodeURIComponent(`import net from 'node:net';
process.stdin.on('end', () => process.exit()).resume();
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, ...rest.filter((f) => typeof f === 'function'));
};`)}`;

// Over streamable HTTP; stop() and start() again at the same port.
export async function everything() {
  const s = { port: await freePort() };
  s.url = `http://127.0.0.1:${s.port}/mcp`;
  s.start = async () => {
    const child = spawn(process.execPath, ['--import', loopback, script, 'streamableHttp'],
      { env: { ...process.env, PORT: String(s.port) }, stdio: ['pipe', 'ignore', 'ignore'] });
    const forget = atEnd(() => child.kill('SIGKILL'));
    s.stop = () => new Promise((resolve) => {
      child.on('exit', () => { forget(); resolve(); });
      child.kill('SIGKILL');
    });
    await until('the MCP server', () => fetch(s.url).then(() => true, () => false));
  };
  await s.start();
  return s;
}
