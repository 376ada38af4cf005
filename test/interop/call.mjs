// One running peer_udp for a script: offers in, answers out.
import { spawn } from 'node:child_process';

export function startPeer(path, ...args) {
	const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'inherit'] });
	const waiting = [];
	let text = '';

	child.stdout.setEncoding('utf8');
	child.stdout.on('data', (d) => {
		text += d;
		for (let at; (at = text.search(/(^|\n)\.\n/)) >= 0;) {
			const end = text.indexOf('.\n', at);
			const answer = text.slice(0, end);
			text = text.slice(end + 2);
			waiting.shift()(answer);
		}
	});
	return {
		offer: (sdp) => new Promise((done) => {
			waiting.push(done);
			child.stdin.write(sdp.replace(/\r?\n$/, '') + '\n.\n');
		}),
		exit: new Promise((done) => child.on('exit', done)),
		stop: () => child.kill(),
	};
}

export async function within(ms, what, promise) {
	let timer;
	const late = new Promise((_, fail) => {
		timer = setTimeout(() => fail(new Error(`${what}: not within ${ms} ms`)), ms);
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}
