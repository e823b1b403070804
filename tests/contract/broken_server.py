"""A server that reads a whole request and then does something else than answer it. Raw sockets, no framework."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Literal

Manner = Literal["answer", "drop", "reset", "hang", "trickle", "flood", "no_http"]
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class BrokenServer:
    """`manners`: what to do with each request in turn; the last one stays. `seen`: the methods that arrived."""

    def __init__(self, *manners: Manner) -> None:
        self._manners, self.seen, self.connections = list(manners), [], 0
        self._writers: list[asyncio.StreamWriter] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.seen.append(await _one_request(reader))
                manner = self._manners[min(len(self.seen), len(self._manners)) - 1]
                if not await self._behave(manner, writer):
                    return

    async def _behave(self, manner: Manner, writer: asyncio.StreamWriter) -> bool:
        """True if the connection goes on."""
        if manner == "answer":
            writer.write(OK)
            await writer.drain()
        elif manner == "trickle":
            await _forever(writer, OK.replace(b"length: 2", b"length: 99999"), b" ", gap_s=0.05)
        elif manner == "flood":
            await _forever(writer, OK.replace(b"length: 2", b"length: 999999999"), b'["x",' * 200_000, gap_s=0)
        elif manner == "no_http":
            writer.write(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n{}")
            await writer.drain()
        elif manner == "drop":
            writer.close()
        elif manner == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        return manner in ("answer", "hang")

    def end(self) -> None:
        """Close what is still open."""
        for writer in self._writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def listening(server: BrokenServer, sock: socket.socket | None = None) -> AsyncIterator[str]:
    """Its base URL, while it listens on `sock` or on a free port."""
    place = {"sock": sock} if sock else {"host": "127.0.0.1", "port": 0}
    listener = await asyncio.start_server(server, **place)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        server.end()


async def _forever(writer: asyncio.StreamWriter, start: bytes, part: bytes, *, gap_s: float) -> None:
    """Bytes without an end, until the other side hangs up or we do."""
    writer.write(start)
    with contextlib.suppress(asyncio.CancelledError):
        while not writer.is_closing():
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(gap_s)


async def _one_request(reader: asyncio.StreamReader) -> str:
    """The method of the next request, once its last byte is here."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lengths = [line.split(":")[1] for line in head.lower().splitlines() if line.startswith("content-length:")]
    await reader.readexactly(int(lengths[0]) if lengths else 0)
    return head.split(" ", 1)[0]
