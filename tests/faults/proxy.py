"""A small TCP proxy that can be told to delay, to cut, to refuse and to swallow."""

import asyncio
import contextlib
import socket
import struct
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

from tests.faults.children import free_port, give_back

_RESET = struct.pack("ii", 1, 0)
_CHUNK = 65536


@dataclass(eq=False)
class _Line:
    """One connection through the proxy, both its ends."""

    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def reset(self) -> None:
        """Cut it as a broken network does: both ends get a RST, and nothing that was under way."""
        for writer in self.writers:
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


class Proxy:
    """In front of one port of the loopback. Everything passes until it is told otherwise."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self.delay_seconds = 0.0
        self.at_once = self.most_at_once = self.opened = 0
        self._refuses = False
        self._passes: asyncio.Event
        self._lines: set[_Line] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._begin())

    def _call(self, coroutine) -> object:
        future: Future[object] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(10)

    async def _begin(self) -> None:
        self._passes = asyncio.Event()
        self._passes.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    # --- What it is told ---------------------------------------------------------------------------------------------

    def delay(self, seconds: float) -> None:
        """Hold everything back for so long, in both directions together."""
        self.delay_seconds = seconds

    def swallow(self) -> None:
        """Take connections and bytes, and pass nothing on: a black hole."""
        self._call(self._set(passes=False))

    def cut(self, *, refuse: bool = False) -> int:
        """Break every connection there is; how many. With `refuse` new ones are broken as well."""
        self._refuses = refuse
        return int(self._call(self._reset()))

    def heal(self) -> None:
        """Let everything pass again."""
        self._refuses, self.delay_seconds = False, 0.0
        self._call(self._set(passes=True))

    def close(self) -> None:
        """Break everything and be gone."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        give_back(self.port)

    # --- How it does so ----------------------------------------------------------------------------------------------

    async def _set(self, *, passes: bool) -> None:
        if passes:
            self._passes.set()
        else:
            self._passes.clear()

    async def _reset(self) -> int:
        lines = list(self._lines)
        for line in lines:
            line.reset()
        return len(lines)

    async def _stop(self) -> None:
        self._server.close()
        await self._reset()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line([writer])
        self._lines.add(line)
        self.opened += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self._refuses:
                line.reset()
                return
            there, to_there = await asyncio.open_connection("127.0.0.1", self.target)
            line.writers.append(to_there)
            await asyncio.gather(self._pump(reader, to_there), self._pump(there, writer))
        except (OSError, asyncio.CancelledError):  # the server would only complain of a line that was called off
            line.reset()
        finally:
            self.at_once -= 1
            self._lines.discard(line)
            for each in line.writers:
                each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds / 2)
            await self._passes.wait()
            writer.write(chunk)
            await writer.drain()
        await self._passes.wait()
        with contextlib.suppress(OSError):
            writer.write_eof() if writer.can_write_eof() else writer.close()
