# Python's websockets (python3-websockets), doing what bench/events.mjs asks for and no more: JSON and base64. PORT
import asyncio, base64, itertools, json, sys
import websockets

pcm, count = bytes(9600), itertools.count(1)  # 200 ms

async def serve(socket):
    held = 0
    async def say(**e): await socket.send(json.dumps({**e, 'event_id': f'event_{next(count)}'}))
    await say(type='session.created', session={'id': 'sess_1'})
    async for data in socket:
        e = json.loads(data)
        if e['type'] == 'input_audio_buffer.append': held += len(base64.b64decode(e['audio']))
        elif e['type'] == 'input_audio_buffer.clear': await say(type='input_audio_buffer.cleared', held=held)
        elif e['type'] == 'session.update': await say(type='session.updated', session=e['session'])
        elif e['type'] == 'response.create':
            for _ in range(5 * int(e['response']['metadata']['seconds'])):
                await say(type='response.output_audio.delta', response_id='resp_1', item_id='item_1', output_index=0,
                          content_index=0, delta=base64.b64encode(pcm).decode())
            await say(type='response.done', response={'id': 'resp_1'})

async def main():
    async with websockets.serve(serve, '127.0.0.1', int(sys.argv[1]), compression=None, max_size=None):
        await asyncio.Future()

asyncio.run(main())
