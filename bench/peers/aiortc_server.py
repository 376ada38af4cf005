# aiortc (Debian python3-aiortc) as the field runs it: offer in by HTTP, answer out, audio echoed, data channel echoed.
import asyncio, sys
from aiortc import RTCPeerConnection, RTCSessionDescription

connections = set()

async def answer(offer):
    pc = RTCPeerConnection()
    connections.add(pc)

    @pc.on("datachannel")
    def on_channel(channel):
        channel.on("message", channel.send)

    @pc.on("track")
    def on_track(track):
        pc.addTrack(track)

    @pc.on("connectionstatechange")
    def on_state():
        if pc.connectionState in ("closed", "failed"):
            connections.discard(pc)

    await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    await pc.setLocalDescription(await pc.createAnswer())
    return pc.localDescription.sdp

async def handle(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(l.split(":")[1]) for l in head.split("\r\n") if l.lower().startswith("content-length:"))
    body = (await answer((await reader.readexactly(length)).decode())).encode()
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", int(sys.argv[1]))
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(main())
