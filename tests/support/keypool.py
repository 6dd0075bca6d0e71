"""A real key pool in this process, over a real Valkey, called over a real channel."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc.aio
from gemini_balance.keypool.v1 import admin_pb2, admin_pb2_grpc, keypool_pb2, keypool_pb2_grpc
from google.protobuf.duration_pb2 import Duration

from services.keypool.server import run_keypool
from services.keypool.settings import KeypoolSettings
from services.kit.errors import RemoteError
from services.kit.health import Health

ENCRYPTION_KEY = "a key-encryption key for tests"
CREDENTIALS = {
    # name: (secret, scopes)
    "edge": ("edge-credential-0123456789", ["lease", "act-as"]),
    "operator": ("operator-credential-0123456789", ["admin"]),
    "batch-job": ("batch-job-credential-0123456789", ["lease"]),
    "files": ("files-credential-0123456789", ["files"]),
}


@dataclass(frozen=True)
class Keypool:
    """A running key pool and the ways to call it."""

    port: int
    channel: grpc.aio.Channel

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pool(self) -> "Caller":
        """The data path, as the edge calls it."""
        return self.as_caller("edge")

    @property
    def admin(self) -> "Caller":
        """The operator's side."""
        return self.as_caller("operator")

    def as_caller(self, name: str) -> "Caller":
        """Call with the credential of this name."""
        return Caller(self.channel, CREDENTIALS[name][0])

    async def acquire(self, count: int = 1, **fields: Any) -> keypool_pb2.AcquireLeasesResponse:
        """Acquire leases of the model `m` unless another is named."""
        request = keypool_pb2.AcquireLeasesRequest(count=count, **{"model": "m", **fields})
        response = await self.pool.AcquireLeases(request)
        assert isinstance(response, keypool_pb2.AcquireLeasesResponse)
        return response

    async def settle(
        self, *settlements: keypool_pb2.Settlement, **fields: Any
    ) -> keypool_pb2.SettleLeasesResponse:
        """Settle outcomes."""
        request = keypool_pb2.SettleLeasesRequest(settlements=settlements, **fields)
        response = await self.pool.SettleLeases(request)
        assert isinstance(response, keypool_pb2.SettleLeasesResponse)
        return response

    async def add_keys(self, *secrets: str, project: str = "", pool: str = "") -> list[str]:
        """Add keys and return their ids."""
        keys = [admin_pb2.NewKey(secret=secret, project_id=project) for secret in secrets]
        response = await self.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=keys, pool=pool))
        return [result.key.key_id for result in response.results]

    async def key(self, key_id: str) -> admin_pb2.Key:
        """Return a key."""
        response = await self.admin.GetKey(admin_pb2.GetKeyRequest(key_id=key_id))
        key = response.key
        assert isinstance(key, admin_pb2.Key)
        return key


class Caller:
    """Calls the methods of both services by name, with a credential and a deadline."""

    def __init__(self, channel: grpc.aio.Channel, credential: str) -> None:
        self._pool = keypool_pb2_grpc.KeyPoolServiceStub(channel)
        self._admin = admin_pb2_grpc.KeyAdminServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {credential}"),)

    async def stream(self, method: str, request: Any) -> AsyncIterator[Any]:
        """Call a method that answers with a stream."""
        try:
            async for message in getattr(self._admin, method)(
                request, timeout=30, metadata=self._metadata, wait_for_ready=True
            ):
                yield message
        except grpc.aio.AioRpcError as error:
            raise RemoteError(error) from error

    def __getattr__(self, method: str) -> Any:
        stub = self._pool if hasattr(self._pool, method) else self._admin

        async def call(request: Any) -> Any:
            try:
                return await getattr(stub, method)(
                    request, timeout=10, metadata=self._metadata, wait_for_ready=True
                )
            except grpc.aio.AioRpcError as error:
                raise RemoteError(error) from error

        return call


def settings(redis_url: str, **values: Any) -> KeypoolSettings:
    """Return settings of a key pool on a free port, untouched by this environment."""
    book = [
        {"name": name, "secret": secret, "scopes": scopes}
        for name, (secret, scopes) in CREDENTIALS.items()
    ]
    base: dict[str, Any] = {
        "keypool_listen": "127.0.0.1:0",
        "redis_url": redis_url,
        "encryption_key": ENCRYPTION_KEY,
        "service_credentials": json.dumps(book),
        "drain_seconds": 5,
    }
    return KeypoolSettings(_env_file=None, **(base | values))


@contextlib.asynccontextmanager
async def running_keypool(redis_url: str, **values: Any) -> AsyncIterator[Keypool]:
    """Run a key pool for the length of the block, ready to be called."""
    health = Health("redis", "accepting")
    async with run_keypool(settings(redis_url, **values), health) as server:
        await until_ready(health)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield Keypool(server.port, channel)


async def until_ready(health: Health, *, ready: bool = True) -> None:
    """Wait until health says so."""
    reached = asyncio.Event()
    health.subscribe(lambda is_ready: reached.set() if is_ready is ready else None)
    async with asyncio.timeout(20):
        await reached.wait()


def secret_of(number: int) -> str:
    """Return a made-up upstream key."""
    return f"AIzaSyTest{number:029d}"


def secrets_of(count: int) -> list[str]:
    """Return made-up upstream keys."""
    return [secret_of(number) for number in range(count)]


def succeeded(lease: keypool_pb2.Lease) -> keypool_pb2.Settlement:
    """Return the outcome of a call that went well."""
    return keypool_pb2.Settlement(lease_id=lease.lease_id, outcome=keypool_pb2.OUTCOME_SUCCEEDED)


def unused(lease: keypool_pb2.Lease) -> keypool_pb2.Settlement:
    """Return the outcome of a call that was never made."""
    return keypool_pb2.Settlement(lease_id=lease.lease_id, outcome=keypool_pb2.OUTCOME_UNUSED)


def failed(lease: keypool_pb2.Lease, status: int, body: bytes = b"") -> keypool_pb2.Settlement:
    """Return the outcome of a call that was answered with an error."""
    return keypool_pb2.Settlement(
        lease_id=lease.lease_id,
        outcome=keypool_pb2.OUTCOME_FAILED,
        evidence=keypool_pb2.Evidence(
            http_status=status,
            body=body,
            phase=keypool_pb2.Evidence.PHASE_ANSWERED,
            operation=keypool_pb2.OPERATION_GENERATE,
        ),
    )


def duration(seconds: float) -> Duration:
    """Return a duration for a request."""
    message = Duration()
    message.FromTimedelta(timedelta(seconds=seconds))
    return message


def kinds(results: Sequence[keypool_pb2.SettleResult]) -> list[str]:
    """Return what became of settlements, by name."""
    return [
        keypool_pb2.SettleResult.Kind.Name(result.kind).removeprefix("KIND_") for result in results
    ]
