"""A stand-in for an SMS gateway, over TLS, in a process of its own: `python -m tests.faults.gateway PORT FOLDER`.

It takes Kannel's parameters and appends every message to `sms.jsonl` in its folder. What is written in the file `mode`
there tells how it behaves: `ok`, `refuse` (503 to everything), `drop` (takes the message, then breaks the connection),
`late` (takes it and never answers).
"""

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

_ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\n0:"
_REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_HOLDS = 40.0


class Gateway:
    """What came in, and how it is answered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def mode(self) -> str:
        """How to behave now."""
        try:
            return (self.folder / "mode").read_text().strip()
        except FileNotFoundError:
            return "ok"

    def write_down(self, target: str, mode: str) -> None:
        """One message or try, as one line."""
        asked = dict(parse_qsl(urlsplit(target).query))
        line = {"to": asked.get("to", ""), "text": asked.get("text", ""), "mode": mode, "at": time.time()}
        with (self.folder / "sms.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on one connection."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target, mode = head.split(b" ", 2)[1].decode(), self.mode
            self.write_down(target, mode)
            if mode == "drop":
                writer.transport.abort()
                return
            if mode == "late":
                await asyncio.sleep(_HOLDS)
            writer.write(_REFUSED if mode == "refuse" else _ACCEPTED)
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


async def serve(port: int, folder: Path) -> None:
    """Answer until the process is ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server = await asyncio.start_server(Gateway(folder).answer, "127.0.0.1", port, ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
