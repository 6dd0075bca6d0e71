"""Which part listens where."""

from dataclasses import dataclass

from services.cli.errors import BadSettingError
from services.cli.ports import PortChooser, require_free
from services.cli.up_settings import UpSettings

LOCALHOST = "127.0.0.1"
_KEYPOOL_PORT, _FILES_PORT, _OPS_PORT = 50051, 50052, 9090
_WILDCARDS = {"0.0.0.0": LOCALHOST, "::": "[::1]", "*": LOCALHOST}  # noqa: S104  # they are read


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def local(self) -> str:
        """`host:port` as seen from this machine."""
        host = _WILDCARDS.get(self.host, self.host)
        return f"[{host}]:{self.port}" if ":" in host and host[0] != "[" else f"{host}:{self.port}"

    @property
    def listen(self) -> str:
        """`host:port` to bind."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything listens.

    Attributes:
        http: The public port of the edge.
        ops: The ops ports, by part.
        keypool: gRPC of the key pool.
        files: gRPC of the files service.
        simulator: The stand-in for Google, when it runs.
        valkey_port: The store, when it is ours.
    """

    http: Address
    ops: dict[str, Address]
    keypool: Address
    files: Address
    simulator: Address
    valkey_port: int


def choose_layout(settings: UpSettings) -> Layout:
    """Choose ports: the asked ones where they were asked for, else free ones.

    Raises:
        PortError: An asked port cannot be had.
        BadSettingError: An address is wrong.
    """
    asked_keypool = _parse("KEYPOOL_LISTEN", settings.keypool_listen)
    asked_files = _parse("FILES_LISTEN", settings.files_listen)
    asked = [settings.http_port, settings.ops_port]
    asked += [address.port for address in (asked_keypool, asked_files) if address]
    chooser = PortChooser(port for port in asked if port)

    http_port = settings.http_port or chooser.free()
    require_free("HTTP_PORT", settings.http_host, http_port)
    if settings.ops_port:
        require_free("OPS_PORT", settings.ops_host, settings.ops_port)
    ops_port = settings.ops_port
    if ops_port is None:
        ops_port = chooser.prefer(_OPS_PORT)
    for name, address in (("KEYPOOL_LISTEN", asked_keypool), ("FILES_LISTEN", asked_files)):
        if address:
            require_free(name, address.host, address.port)
    simulator = Address(LOCALHOST, chooser.free())
    return Layout(
        http=Address(settings.http_host, http_port),
        keypool=asked_keypool or Address(LOCALHOST, chooser.prefer(_KEYPOOL_PORT)),
        files=asked_files or Address(LOCALHOST, chooser.prefer(_FILES_PORT)),
        simulator=simulator,
        ops={
            "edge": Address(settings.ops_host, ops_port or chooser.free()),
            "keypool": Address(LOCALHOST, chooser.free()),
            "files": Address(LOCALHOST, chooser.free()),
            # It tells its health on its only port.
            "simulator": simulator,
        },
        valkey_port=chooser.free(),
    )


def _parse(name: str, text: str | None) -> Address | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not 0 < int(port) < 65536:
        raise BadSettingError(name, "the port must lie between 1 and 65535")
    return Address(host.strip("[]"), int(port))
