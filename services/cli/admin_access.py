"""How commands reach the key pool that they are about."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import grpc
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2

from services.cli import run_file
from services.cli.admin_client import AdminClient
from services.cli.data_dir import DEFAULT_DATA_DIR
from services.cli.dotenv_file import GivenSettings, read_given
from services.cli.errors import BAD_SETTINGS, CommandError
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel
from services.kit.tls import TlsFiles, TlsFilesError

T = TypeVar("T")

ADMIN = admin_pb2.DESCRIPTOR.services_by_name["KeyAdminService"].full_name
POOL = keypool_pb2.DESCRIPTOR.services_by_name["KeyPoolService"].full_name

_CONNECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """How to reach the key pool.

    Attributes:
        target: Its gRPC target.
        credential: A credential with the scope `admin`; empty where the certificate has it.
        demo: Whether it belongs to a demo.
        tls: The certificate to call with.
    """

    target: str
    credential: str = field(repr=False)
    demo: bool = False
    tls: TlsFiles | None = None


def find_access(data_dir: Path | None) -> AdminAccess:
    """Return how to reach the key pool: the named one, else the one that runs here.

    Args:
        data_dir: The data folder of a running `up`, when it was named.

    Raises:
        CommandError: Nothing was named, and nothing runs.
    """
    given = read_given(Path.cwd())
    target = given.get("KEYPOOL_TARGET")
    if data_dir is None and target is not None:
        credential, tls = given.get("SERVICE_CREDENTIAL"), _find_tls(given)
        if credential is None and tls is None:
            raise CommandError(
                "SERVICE_CREDENTIAL is not set; KEYPOOL_TARGET needs one with the scope admin",
                exit_code=BAD_SETTINGS,
            )
        return AdminAccess(target, credential or "", tls=tls)
    running = run_file.read_running(data_dir or Path(given.get("DATA_DIR") or DEFAULT_DATA_DIR))
    return AdminAccess(running.keypool_target, running.admin_credential, demo=running.demo)


def _find_tls(given: GivenSettings) -> TlsFiles | None:
    paths = [given.get(name) for name in ("TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CA_FILE")]
    found = [Path(path) for path in paths if path]
    if found and len(found) < len(paths):
        raise CommandError(
            "TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE belong together", exit_code=BAD_SETTINGS
        )
    return TlsFiles(*found) if found else None


@contextlib.asynccontextmanager
async def open_channel(access: AdminAccess, service: str) -> AsyncIterator[ServiceChannel]:
    """Open a channel to one service of the key pool for the length of the block.

    Raises:
        CommandError: A call in the block failed; one line says why.
    """
    try:
        channel = ServiceChannel(access.target, access.credential, service=service, tls=access.tls)
    except TlsFilesError as error:
        raise CommandError(str(error), exit_code=BAD_SETTINGS) from error
    try:
        # A busy machine may need a second try to connect; a failure is told by the first call.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                await channel.channel.channel_ready()
        yield channel
    except RemoteError as error:
        raise CommandError(explain_failure(access.target, error)) from error
    finally:
        await channel.close()


@contextlib.asynccontextmanager
async def open_admin(access: AdminAccess) -> AsyncIterator[AdminClient]:
    """Open the operator's side of the key pool for the length of the block.

    Raises:
        CommandError: A call in the block failed; one line says why.
    """
    async with open_channel(access, ADMIN) as channel:
        yield AdminClient(channel)


def run_admin(data_dir: Path | None, work: Callable[[AdminClient, AdminAccess], Awaitable[T]]) -> T:
    """Do something with the key pool that `find_access` finds.

    Raises:
        CommandError: It cannot be reached, or a call failed.
    """
    access = find_access(data_dir)

    async def run() -> T:
        async with open_admin(access) as admin:
            return await work(admin, access)

    return asyncio.run(run())


def explain_failure(target: str, error: RemoteError) -> str:
    """Return one line about a call that failed."""
    # Texts from elsewhere may span lines.
    text = " ".join(str(error).split())
    if error.is_away:
        return f"the key pool at {target} does not answer: {text}"
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        return f"the key pool at {target} does not accept this credential"
    return f"the key pool refuses: {text}"
