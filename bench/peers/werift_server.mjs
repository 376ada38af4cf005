// werift (npm): offer in by HTTP, answer out, audio and data channel echoed.
import { createServer } from 'node:http';
import { RTCPeerConnection } from 'werift';

const connections = new Set();

async function answer(sdp) {
  const pc = new RTCPeerConnection({ iceServers: [] });
  connections.add(pc);
  pc.onDataChannel.subscribe((channel) => channel.onMessage.subscribe((m) => channel.send(m)));
  pc.onTrack.subscribe((track) => {
    const sender = pc.getTransceivers()[0].sender;
    track.onReceiveRtp.subscribe((packet) => sender.sendRtp(packet));
  });
  pc.connectionStateChange.subscribe((s) => ['closed', 'failed', 'disconnected'].includes(s) && connections.delete(pc));
  await pc.setRemoteDescription({ type: 'offer', sdp });
  pc.getTransceivers().forEach((t) => t.setDirection('sendrecv'));
  await pc.setLocalDescription(await pc.createAnswer());
  while (pc.iceGatheringState !== 'complete') await new Promise((r) => setTimeout(r, 1));
  return pc.localDescription.sdp;
}

createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  response.writeHead(201, { 'content-type': 'application/sdp' }).end(await answer(body));
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
