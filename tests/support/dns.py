"""A name server for headless names: each answers with the addresses that a test says."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

_A, _IN = 1, 1
_AUTHORITATIVE_ANSWER = 0x8580
_NAME_ERROR = 3
# A pointer to the name in the question.
_SAME_NAME = b"\xc0\x0c"


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers questions about the names that it knows.

    Attributes:
        names: IPv4 addresses by name, in lower case and without a dot at the end.
        port: Where it listens on 127.0.0.1, over UDP.
    """

    names: dict[str, list[str]]
    port: int = 0
    _asked: dict[str, int] = field(default_factory=dict)

    def target(self, name: str, port: int) -> str:
        """Return the gRPC target of a name, to be looked up here."""
        return f"dns://127.0.0.1:{self.port}/{name}:{port}"

    async def lookups(self, name: str) -> int:
        """Return how often a name has been looked up."""
        return self._asked.get(name, 0)

    def addresses_of(self, name: str) -> list[str] | None:
        """Return the addresses that a question is answered with; None for an unknown name."""
        return self.names.get(name)

    def connection_made(self, transport: Any) -> None:
        """Keep the way back."""
        self._transport = transport

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        """Answer a question."""
        name, kind, question = _read_question(data)
        self._asked[name] = self._asked.get(name, 0) + (kind == _A)
        found = self.addresses_of(name)
        addresses = found if found and kind == _A else []
        flags = _AUTHORITATIVE_ANSWER | (_NAME_ERROR if found is None else 0)
        header = struct.pack("!2sHHHHH", data[:2], flags, 1, len(addresses), 0, 0)
        records = b"".join(
            _SAME_NAME + struct.pack("!HHIH", _A, _IN, 0, 4) + bytes(map(int, each.split(".")))
            for each in addresses
        )
        self._transport.sendto(header + question + records, peer)


def _read_question(data: bytes) -> tuple[str, int, bytes]:
    labels, at = [], 12
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    kind = int.from_bytes(data[at + 1 : at + 3])
    return ".".join(labels), kind, data[12 : at + 5]


@contextlib.asynccontextmanager
async def name_server(names: dict[str, list[str]]) -> AsyncIterator[NameServer]:
    """Run a name server for the length of the block; its names may change meanwhile."""
    server = NameServer(names)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
