// Other stacks call peer_udp: libdatachannel (node-datachannel) and werift. Audio packets and
// messages both ways, channel opened late, goodbye from our side and from theirs.
// usage: node peer_node.mjs path/to/peer_udp [libdatachannel|werift ...]
import { startPeer, within } from './call.mjs';

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

function rtp(pt, ssrc, seq) {
	const d = Buffer.alloc(12 + 40, seq & 0xff);
	d.writeUInt8(0x80, 0);
	d.writeUInt8(pt, 1);
	d.writeUInt16BE(seq, 2);
	d.writeUInt32BE(960 * seq, 4);
	d.writeUInt32BE(ssrc, 8);
	return d;
}

const stacks = {
	async libdatachannel(peer) {
		const { default: ndc } = await import('node-datachannel');
		const started = performance.now();
		const pc = new ndc.PeerConnection('caller',
			{ iceServers: [], bindAddress: '127.0.0.1' });
		const offer = new Promise((r) => pc.onLocalDescription(r));
		const audio = new ndc.Audio('voice', 'SendRecv');
		audio.addOpusCodec(111);
		audio.addSSRC(4242, 'cname');
		const track = pc.addTrack(audio);
		const channel = pc.createDataChannel('oai-events');
		let heard = 0;
		const trackOpen = new Promise((r) => track.onOpen(r));
		track.onMessage((d) => { heard += (d[1] & 127) === 111; });
		const open = new Promise((r) => channel.onOpen(r));
		const inbox = [];
		channel.onMessage((m) => inbox.push(m));
		pc.setLocalDescription('offer');
		const answer = await peer.offer(await offer);
		const answered = performance.now();
		pc.setRemoteDescription(answer, 'answer');
		await within(5000, 'track open', trackOpen);
		const media = performance.now();
		await within(5000, 'channel open', open);
		const data = performance.now();
		for (let i = 0; i < 50; i++) {
			track.sendMessageBinary(rtp(111, 4242, i));
			await sleep(5);
		}
		channel.sendMessage('hello');
		channel.sendMessage('x'.repeat(100000));
		await sleep(300);
		if (inbox[0] !== 'echo: hello' || inbox[1].length !== 100006)
			throw new Error('messages');
		if (heard !== 50) throw new Error(`${heard} packets of 50 came back`);
		const closed = new Promise((r) => pc.onStateChange((s) => s === 'closed' && r()));
		channel.sendMessage('close');
		await within(5000, 'the goodbye', closed);
		pc.close();
		return `answer ${(answered - started).toFixed(1)} ms, then track ` +
			`${(media - answered).toFixed(1)} ms, channel ` +
			`${(data - answered).toFixed(1)} ms`;
	},
	async werift(peer) {
		const { RTCPeerConnection, MediaStreamTrack, RtpPacket } = await import('werift');
		const pc = new RTCPeerConnection({ iceServers: [],
			iceInterfaceAddresses: { udp4: '127.0.0.1' },
			iceAdditionalHostAddresses: ['127.0.0.1'] });
		const track = new MediaStreamTrack({ kind: 'audio' });
		pc.addTransceiver(track, { direction: 'sendrecv' });
		let heard = 0;
		pc.onTrack.subscribe((t) => t.onReceiveRtp.subscribe(() => heard++));
		await pc.setLocalDescription(await pc.createOffer());
		await pc.setRemoteDescription({ type: 'answer',
						sdp: await peer.offer(pc.localDescription.sdp) });
		await within(5000, 'connection', new Promise((r) => {
			if (pc.connectionState === 'connected') r();
			pc.connectionStateChange.subscribe((s) => s === 'connected' && r());
		}));
		for (let i = 0; i < 50; i++) {
			track.writeRtp(RtpPacket.deSerialize(rtp(96, 77, i)));
			await sleep(5);
		}
		await sleep(300);
		if (heard < 45) throw new Error(`${heard} packets of 50 came back`);
		await pc.close();
		peer.stop(); // it says no goodbye; the call would end when consent runs out
		return `${heard} packets back`;
	},
};

const [program, ...wanted] = process.argv.slice(2);
let bad = 0;
for (const name of wanted.length ? wanted : Object.keys(stacks)) {
	const peer = startPeer(program);
	try {
		console.log(`${name}: ${await within(20000, name, stacks[name](peer))}`);
		const code = await within(10000, 'the end of the call', peer.exit);
		if (code) throw new Error(`exit code ${code}`); // null: stopped by us
	} catch (e) {
		console.log(`${name}: FAILED ${e}`);
		peer.stop();
		bad++;
	}
}
process.exit(bad ? 1 : 0);
