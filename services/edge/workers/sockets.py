"""What a worker is given by its foreman, as descriptors that it inherits."""

import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass

_VARIABLE = "EDGE_WORKER_DESCRIPTORS"


@dataclass(frozen=True, slots=True)
class Inheritance:
    """The descriptors of a worker.

    Attributes:
        public: Where clients connect.
        ops: Where the foreman asks.
        life: Readable once the foreman has ended.
    """

    public: int
    ops: int
    life: int

    @property
    def all(self) -> tuple[int, int, int]:
        """What the worker's process must inherit."""
        return self.public, self.ops, self.life

    def as_environment(self) -> dict[str, str]:
        """Return how the worker is told."""
        return {_VARIABLE: ",".join(map(str, self.all))}


def read_inheritance(environ: MutableMapping[str, str]) -> Inheritance | None:
    """Return what this process was given, None when it is no worker; only once."""
    text = environ.pop(_VARIABLE, "")
    if not text:
        return None
    public, ops, life = map(int, text.split(","))
    return Inheritance(public, ops, life)


def adopt(descriptor: int) -> socket.socket:
    """Return an inherited socket."""
    os.set_inheritable(descriptor, False)
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)
    return sock
