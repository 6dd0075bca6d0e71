"""Choosing ports on this machine."""

import errno
import random
import socket
from collections.abc import Iterable

from services.cli.errors import CommandError

# Below the range from which Linux takes ports for outgoing connections: such a
# connection must not hold the port of a part that is about to be restarted.
_FREE_FROM, _FREE_UNTIL = 20_000, 32_000
_ATTEMPTS = 200


class PortError(CommandError):
    """A port that was asked for cannot be had."""


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen there now."""
    try:
        require_free("port", host, port)
    except PortError:
        return False
    return True


def require_free(name: str, host: str, port: int) -> None:
    """Make sure that a server could listen there now.

    Args:
        name: The setting or option to name in the error.
        host: Address to bind.
        port: Port to bind.

    Raises:
        PortError: Something else listens there, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            sock.listen(1)
        except OSError as error:
            raise PortError(_explain(name, host, port, error)) from error


class PortChooser:
    """Hands out free ports of 127.0.0.1, none of them twice."""

    def __init__(self, taken: Iterable[int] = ()) -> None:
        """Take the ports that must not be handed out."""
        self._taken = set(taken)

    def prefer(self, port: int) -> int:
        """Return this port when it is free, else any free one."""
        if port not in self._taken and is_free("127.0.0.1", port):
            self._taken.add(port)
            return port
        return self.free()

    def free(self) -> int:
        """Return a free port.

        Raises:
            PortError: None was found.
        """
        for _ in range(_ATTEMPTS):
            port = random.randrange(_FREE_FROM, _FREE_UNTIL)  # noqa: S311  # not a secret
            if port not in self._taken and is_free("127.0.0.1", port):
                self._taken.add(port)
                return port
        raise PortError(f"no free port on 127.0.0.1 between {_FREE_FROM} and {_FREE_UNTIL}")


def _explain(name: str, host: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"{name}: port {port} of {host} is taken; choose another one"
        case errno.EACCES:
            return f"{name}: port {port} needs rights that this user lacks; choose one above 1023"
    return f"{name}: cannot listen on {host}:{port}: {error.strerror or error}"
