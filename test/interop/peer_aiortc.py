#!/usr/bin/python3
"""aiortc (Debian's python3-aiortc) calls peer_udp: audio and messages both ways.

usage: peer_aiortc.py path/to/peer_udp
"""
import asyncio
import sys

import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError

# aioice leaves out loopback, the only interface that tests use.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Tone(AudioStreamTrack):
    """A square wave of 440 Hz, so that an echo of silence is noticed."""

    async def recv(self):
        frame = await super().recv()
        n = frame.samples
        data = bytearray()
        for i in range(n):
            v = 8000 if (frame.pts + i) * 880 // frame.sample_rate % 2 else -8000
            data += v.to_bytes(2, "little", signed=True)
        frame.planes[0].update(bytes(data))
        return frame


async def answer(proc, sdp):
    proc.stdin.write(sdp.encode() + b"\n.\n")
    await proc.stdin.drain()
    return (await proc.stdout.readuntil(b"\n.\n"))[:-2].decode()


async def main():
    proc = await asyncio.create_subprocess_exec(
        sys.argv[1], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    pc = RTCPeerConnection()
    heard = asyncio.get_running_loop().create_future()
    said = asyncio.Queue()

    @pc.on("track")
    def on_track(track):
        async def listen():
            peak, n = 0, 0
            try:
                while n < 100:
                    frame = await asyncio.wait_for(track.recv(), 5)
                    samples = memoryview(bytes(frame.planes[0])).cast("h")
                    peak, n = max(peak, max(samples)), n + 1
                    if peak > 3000 and not heard.done():
                        heard.set_result(n)
            except (MediaStreamError, asyncio.TimeoutError) as e:
                if not heard.done():
                    heard.set_exception(e)
        asyncio.ensure_future(listen())

    channel = pc.createDataChannel("oai-events")
    channel.on("message", said.put_nowait)
    channel.on("open", lambda: channel.send("hello"))
    pc.addTrack(Tone())
    await pc.setLocalDescription(await pc.createOffer())
    sdp = await answer(proc, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    assert await asyncio.wait_for(said.get(), 10) == "echo: hello"
    frames = await asyncio.wait_for(heard, 10)
    for n in (1, 1200, 60000):
        channel.send("x" * n)
        assert len(await asyncio.wait_for(said.get(), 10)) == n + 6
    await asyncio.sleep(6)  # long enough for reports
    channel.send("dump")
    dump = await asyncio.wait_for(said.get(), 10)
    assert "rtcp" in dump and "state=connected" in dump, dump
    await pc.close()
    code = await asyncio.wait_for(proc.wait(), 10)
    print(f"aiortc: audio heard after {frames} frames, messages both ways, exit code {code}")
    return code

sys.exit(asyncio.run(main()))
