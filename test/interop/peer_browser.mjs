// A headless browser calls peer_udp: its fake microphone comes back as an audio track,
// messages come back, a later offer adds a track, ICE restarts, and the call goes on.
// usage: node peer_browser.mjs path/to/peer_udp [chromium|firefox-esr [address]]
// Firefox speaks to a loopback address from no other: give both an address in a network
// namespace of their own (unshare -n, a veth pair that is up, 192.0.2.10/24 on one end of it
// and a default route over it), and that address as the third argument.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { startPeer, within } from './call.mjs';
import { temporary } from '../tools/temporary.mjs';

async function page() {
	const log = [];
	const post = (path, body) => fetch(path, { method: 'POST', body }).then((r) => r.text());
	try {
		const started = performance.now();
		const pc = new RTCPeerConnection();
		const channel = pc.createDataChannel('oai-events');
		const inbox = [];
		let wake = () => {};
		channel.onmessage = (e) => { inbox.push(e.data); wake(); };
		const next = async () => {
			while (!inbox.length) await new Promise((r) => { wake = r; });
			return inbox.shift();
		};
		const negotiate = async (o) => {
			await pc.setLocalDescription(await pc.createOffer(o));
			const answer = await post('/offer', pc.localDescription.sdp);
			if (answer.startsWith('!')) throw new Error(answer);
			await pc.setRemoteDescription({ type: 'answer', sdp: answer });
		};
		const opened = new Promise((r) => { channel.onopen = r; });
		const streams = new Promise((r) => { pc.ontrack = (e) => r(e.streams); });
		const mic = await navigator.mediaDevices.getUserMedia({ audio: true });
		const asked = performance.now();
		pc.addTrack(mic.getTracks()[0]);
		await negotiate();
		await opened;
		const took = Math.round(performance.now() - asked);
		log.push(`channel open ${took} ms after the microphone`);
		const stream = (await streams)[0];
		if (!stream) throw new Error('the track came without a stream');

		channel.send('hello');
		if ((await next()) !== 'echo: hello') throw new Error('no echo');
		for (const n of [0, 1, 65000, 200000]) {
			channel.send('x'.repeat(n));
			if ((await next()).length !== n + 6) throw new Error(`message of ${n}`);
		}

		const energy = async (wait) => {
			await new Promise((r) => setTimeout(r, wait));
			for (const s of (await pc.getStats()).values())
				if (s.type === 'inbound-rtp')
					return { packets: s.packetsReceived, lost: s.packetsLost,
						 energy: s.totalAudioEnergy };
			return { packets: 0 };
		};
		const audio = new Audio();
		audio.srcObject = stream;
		audio.play();
		const heard = await energy(3000);
		if (!(heard.packets > 100 && heard.energy > 0))
			throw new Error(JSON.stringify(heard));
		log.push(`audio ${JSON.stringify(heard)}`);

		const ufrag = () => /ice-ufrag:(\S+)/.exec(pc.remoteDescription.sdp)[1];
		const before = ufrag();
		pc.addTransceiver('video', { direction: 'recvonly' });
		await negotiate();
		if (ufrag() !== before) throw new Error('a new ufrag without a restart');
		await negotiate({ iceRestart: true });
		if (ufrag() === before) throw new Error('the same ufrag after a restart');
		const later = await energy(3000);
		if (!(later.packets > heard.packets + 100))
			throw new Error('no audio after restart');
		channel.send('dump');
		log.push(await next());
		const second = pc.createDataChannel('another');
		const reply = new Promise((r) => { second.onmessage = (e) => r(e.data); });
		second.onopen = () => second.send('me too');
		if ((await reply) !== 'echo: me too') throw new Error('second channel');
		const stats = [...(await pc.getStats()).values()];
		const t = stats.find((s) => s.type === 'transport');
		log.push(`dtls ${t?.dtlsCipher} ${t?.srtpCipher} ${t?.tlsVersion}`);
		pc.close();
		log.push(`all in ${Math.round(performance.now() - started)} ms`);
		await post('/done', 'ok\n' + log.join('\n'));
	} catch (e) {
		await post('/done', `FAILED ${e}\n` + log.join('\n'));
	}
}

const [program, name = 'chromium', address = '127.0.0.1'] = process.argv.slice(2);
const peer = startPeer(program, `${address}:0`);
const profile = temporary('browser');
let finish;
const result = new Promise((r) => { finish = r; });
const server = createServer(async (req, res) => {
	let body = '';
	for await (const d of req) body += d;
	if (req.url === '/offer') {
		res.end(await peer.offer(body));
	} else if (req.url === '/done') {
		res.end();
		finish(body);
	} else {
		res.setHeader('content-type', 'text/html');
		res.end(`<script>(${page})()</script>`);
	}
});
server.listen(0, '127.0.0.1');
await new Promise((r) => server.on('listening', r));
const url = `http://127.0.0.1:${server.address().port}/`;

function chromium() {
	return ['--headless', '--no-sandbox', '--disable-gpu',
		'--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
		'--autoplay-policy=no-user-gesture-required', `--user-data-dir=${profile}`, url];
}

function firefox() {
	const prefs = { 'media.navigator.streams.fake': true,
			'media.navigator.permission.disabled': true,
			'media.autoplay.default': 0, 'media.peerconnection.ice.loopback': true };
	writeFileSync(join(profile, 'user.js'), Object.entries(prefs)
		.map(([k, v]) => `user_pref(${JSON.stringify(k)}, ${v});\n`).join(''));
	return ['--headless', '--no-remote', '--profile', profile, url];
}

const args = name.includes('firefox') ? firefox() : chromium();
const browser = spawn(name, args, { stdio: 'ignore' });

let verdict = 1;
try {
	const text = await within(60000, 'the browser', result);
	console.log(text);
	const code = await within(10000, 'the end of the call', peer.exit);
	verdict = text.startsWith('ok') && code === 0 ? 0 : 1;
} catch (e) {
	console.log(String(e));
	peer.stop();
}
browser.kill();
await new Promise((r) => browser.on('exit', r));
process.exit(verdict);
