"""Ports of this machine for servers that are told where to listen."""

import random
import socket

# Below those that Linux gives to outgoing connections, one of which may take a port at any
# moment, and below those that `gemini-balance up` chooses from.
_FROM, _UNTIL = 10_000, 20_000
_random = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """Return a port that nobody listens on at the moment; none twice in a process."""
    while True:
        port = _random.randrange(_FROM, _UNTIL)
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
