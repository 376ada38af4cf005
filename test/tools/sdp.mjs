// sdp.mjs - an offer as Chromium writes it, for calls whose media nobody needs.
import { randomBytes } from 'node:crypto';

const audio = `m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
TRANSPORT
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:- 7f1e4e1c-5f8b-4c8e-9d0e-2d2f3c1b6a11
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1001 cname:a`;

const data = `m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
TRANSPORT
a=mid:1
a=sctp-port:5000
a=max-message-size:262144`;

// sections: which of audio and data; candidates: lines to add to each.
export function offer({ sections = ['audio', 'data'], candidates = [], edit = (s) => s } = {}) {
  const fingerprint = randomBytes(32).toString('hex').toUpperCase().match(/../g).join(':');
  const transport = [...candidates.map((c) => `a=candidate:${c}`), `a=ice-ufrag:${randomBytes(3).toString('hex')}`, `a=ice-pwd:${randomBytes(12).toString('hex')}`,
    'a=ice-options:trickle', `a=fingerprint:sha-256 ${fingerprint}`, 'a=setup:actpass'].join('\n');
  const media = sections.map((s) => ({ audio, data })[s]).map((s, i) => s.replace(/a=mid:\d/, `a=mid:${i}`).replace('TRANSPORT', transport));
  const head = `v=0\no=- 4611731400430051336 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE ${media.map((_, i) => i).join(' ')}\na=extmap-allow-mixed\na=msid-semantic: WMS`;
  return edit(`${[head, ...media].join('\n')}\n`.replace(/\n/g, '\r\n'));
}
