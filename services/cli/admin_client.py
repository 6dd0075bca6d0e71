"""The operator's calls to the key pool."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import grpc
from gemini_balance.keypool.v1 import admin_pb2 as pb
from gemini_balance.keypool.v1 import admin_pb2_grpc

from services.cli import run_file
from services.cli.data_dir import DEFAULT_DATA_DIR
from services.cli.dotenv_file import read_given
from services.cli.errors import BAD_SETTINGS, CommandError
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel

T = TypeVar("T")

BATCH = 1000
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """How to reach the key pool.

    Attributes:
        target: Its gRPC target.
        credential: A credential with the scope `admin`.
        demo: Whether it belongs to a demo.
    """

    target: str
    credential: str = field(repr=False)
    demo: bool = False


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
        credential = given.get("SERVICE_CREDENTIAL")
        if credential is None:
            raise CommandError(
                "SERVICE_CREDENTIAL is not set; KEYPOOL_TARGET needs one with the scope admin",
                exit_code=BAD_SETTINGS,
            )
        return AdminAccess(target, credential)
    running = run_file.read_running(data_dir or Path(given.get("DATA_DIR") or DEFAULT_DATA_DIR))
    return AdminAccess(running.keypool_target, running.admin_credential, demo=running.demo)


class AdminClient:
    """The calls that commands need. Failures are raised as `RemoteError`."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Call over a channel."""
        self._channel = channel
        self._stub = admin_pb2_grpc.KeyAdminServiceStub(channel.channel)

    async def create_keys(
        self, keys: Sequence[pb.NewKey], *, pool: str = ""
    ) -> list[pb.CreateKeysResponse.Result]:
        """Add keys, however many, and return what became of each, in order."""
        results: list[pb.CreateKeysResponse.Result] = []
        for start in range(0, len(keys), BATCH):
            request = pb.CreateKeysRequest(keys=keys[start : start + BATCH], pool=pool)
            results.extend((await self._call(self._stub.CreateKeys, request)).results)
        return results

    async def list_keys(
        self,
        *,
        tag: str = "",
        pool: str = "",
        state: pb.Key.State.ValueType = pb.Key.STATE_UNSPECIFIED,
    ) -> AsyncIterator[pb.Key]:
        """Yield all keys that fit."""
        request = pb.ListKeysRequest(page_size=BATCH, tag=tag, pool=pool, state=state)
        while True:
            page = await self._call(self._stub.ListKeys, request)
            for key in page.keys:
                yield key
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def get_key(self, key_id: str) -> pb.Key | None:
        """Return a key, None when there is none of this id."""
        try:
            return (await self._call(self._stub.GetKey, pb.GetKeyRequest(key_id=key_id))).key
        except RemoteError as error:
            if error.code in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT}:
                return None
            raise

    async def pause_key(self, key_id: str) -> pb.Key:
        """Take a key out of use."""
        return (await self._call(self._stub.PauseKey, pb.PauseKeyRequest(key_id=key_id))).key

    async def resume_key(self, key_id: str) -> pb.Key:
        """Put a paused or dead key back into use."""
        return (await self._call(self._stub.ResumeKey, pb.ResumeKeyRequest(key_id=key_id))).key

    async def delete_key(self, key_id: str) -> bool:
        """Remove a key and say whether the settings name it too."""
        request = pb.DeleteKeyRequest(key_id=key_id)
        return (await self._call(self._stub.DeleteKey, request)).seeded

    async def create_token(self, request: pb.CreateTokenRequest) -> pb.CreateTokenResponse:
        """Make a token."""
        return await self._call(self._stub.CreateToken, request)

    async def list_tokens(self) -> AsyncIterator[pb.Token]:
        """Yield all tokens."""
        request = pb.ListTokensRequest(page_size=BATCH)
        while True:
            page = await self._call(self._stub.ListTokens, request)
            for token in page.tokens:
                yield token
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def revoke_token(self, token_id: str) -> pb.Token:
        """Revoke a token for good."""
        request = pb.RevokeTokenRequest(token_id=token_id)
        return (await self._call(self._stub.RevokeToken, request)).token

    async def _call(self, method: Callable[..., Awaitable[T]], request: Any) -> T:
        return await self._channel.call(method, request, timeout=_TIMEOUT_SECONDS)


@contextlib.asynccontextmanager
async def open_admin(access: AdminAccess) -> AsyncIterator[AdminClient]:
    """Open the key pool for the length of the block.

    Raises:
        CommandError: A call in the block failed; one line says why.
    """
    channel = ServiceChannel(
        access.target,
        access.credential,
        service=pb.DESCRIPTOR.services_by_name["KeyAdminService"].full_name,
    )
    try:
        yield AdminClient(channel)
    except RemoteError as error:
        raise CommandError(_explain(access.target, error)) from error
    finally:
        await channel.close()


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


def _explain(target: str, error: RemoteError) -> str:
    # Texts from elsewhere may span lines.
    text = " ".join(str(error).split())
    if error.is_away:
        return f"the key pool at {target} does not answer: {text}"
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        return f"the key pool at {target} does not accept this credential"
    return f"the key pool refuses: {text}"
