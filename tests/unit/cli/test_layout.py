"""Asked ports are had or refused; others are free ones."""

import socket
from collections.abc import Iterator

import pytest

from services.cli.errors import CommandError
from services.cli.layout import Address, choose_layout
from services.cli.ports import PortChooser, PortError, is_free
from services.cli.up_settings import UpSettings


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_public_port_is_refused_by_name(taken: int) -> None:
    with pytest.raises(PortError, match=f"HTTP_PORT: port {taken} of 127.0.0.1 is taken"):
        choose_layout(UpSettings(http_port=taken))


def test_a_taken_ops_port_is_refused_when_it_was_asked_for(taken: int) -> None:
    with pytest.raises(PortError, match="OPS_PORT"):
        choose_layout(UpSettings(http_port=0, ops_port=taken))


def test_a_taken_default_gives_way_to_a_free_port(taken: int) -> None:
    assert PortChooser().prefer(taken) != taken


def test_an_asked_grpc_address_is_kept(taken: int) -> None:
    free = PortChooser().free()
    settings = UpSettings(http_port=0, keypool_listen=f"0.0.0.0:{free}")

    layout = choose_layout(settings)

    assert layout.keypool.listen == f"0.0.0.0:{free}"
    assert layout.keypool.local == f"127.0.0.1:{free}"
    with pytest.raises(PortError, match="FILES_LISTEN"):
        choose_layout(UpSettings(http_port=0, files_listen=f"127.0.0.1:{taken}"))


def test_a_port_that_is_none_is_a_bad_setting() -> None:
    with pytest.raises(CommandError) as caught:
        choose_layout(UpSettings(http_port=0, keypool_listen="127.0.0.1:99999"))
    assert caught.value.exit_code == 2


def test_no_two_parts_share_a_port() -> None:
    layout = choose_layout(UpSettings(http_port=0))
    ports = [layout.http.port, layout.keypool.port, layout.files.port, layout.simulator.port]
    ports += [layout.valkey_port]
    ports += [layout.ops[name].port for name in ("edge", "keypool", "files")]

    assert len(set(ports)) == len(ports)
    assert all(is_free("127.0.0.1", port) for port in ports)


@pytest.mark.parametrize(
    ("address", "local", "listen"),
    [
        (Address("127.0.0.1", 1), "127.0.0.1:1", "127.0.0.1:1"),
        (Address("0.0.0.0", 1), "127.0.0.1:1", "0.0.0.0:1"),
        (Address("::", 1), "[::1]:1", "[::]:1"),
        (Address("::1", 1), "[::1]:1", "[::1]:1"),
    ],
)
def test_addresses_as_bound_and_as_reached(address: Address, local: str, listen: str) -> None:
    assert (address.local, address.listen) == (local, listen)
