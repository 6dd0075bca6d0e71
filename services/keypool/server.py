"""Wires the key pool: ports, health, the store, and an orderly end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc.aio
from gemini_balance.keypool.v1 import admin_pb2, admin_pb2_grpc, keypool_pb2, keypool_pb2_grpc
from redis.asyncio import Redis

from services.keypool.admin_servicer import AdminServicer
from services.keypool.bindings import Bindings
from services.keypool.identity import Identity
from services.keypool.key_secrets import KeySecrets
from services.keypool.keys import Keys
from services.keypool.leasing import Leasing
from services.keypool.pool_servicer import PoolServicer
from services.keypool.redis_binding_store import RedisBindingStore
from services.keypool.redis_key_store import RedisKeyStore
from services.keypool.redis_lease_store import RedisLeaseStore
from services.keypool.redis_scripts import RedisPort
from services.keypool.redis_token_store import RedisMetaStore, RedisTokenStore
from services.keypool.seeding import Seeder
from services.keypool.settings import KeypoolSettings
from services.keypool.tokens import Tokens
from services.keypool.vault import Vault
from services.kit.credentials import CredentialBook
from services.kit.errors import StoreUnavailableError
from services.kit.grpc_server import serve_grpc
from services.kit.health import Health
from services.kit.http_server import listen, serve_http
from services.kit.logs import get_logger
from services.kit.ops import ops_app
from services.kit.redis_client import RedisError, open_redis

log = get_logger(__name__)

DOMAIN = "gemini_balance.keypool.v1"
SCOPES = {
    keypool_pb2.DESCRIPTOR.services_by_name["KeyPoolService"].full_name: "lease",
    admin_pb2.DESCRIPTOR.services_by_name["KeyAdminService"].full_name: "admin",
}
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class KeypoolServer:
    """A running key pool."""

    port: int
    health: Health


async def serve(settings: KeypoolSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain.

    Raises:
        OSError: A port is taken.
    """
    ops_port = listen(settings.ops_host, settings.ops_port)
    health = Health("redis", "accepting")
    async with (
        serve_http(ops_app(health), ops_port),
        run_keypool(settings, health) as server,
    ):
        log.info("keypool started", port=server.port)
        await stop.wait()
        log.info("keypool drains")


@contextlib.asynccontextmanager
async def run_keypool(settings: KeypoolSettings, health: Health) -> AsyncIterator[KeypoolServer]:
    """Run the gRPC server and what it needs for the length of the block.

    Leaving the block drains: not ready, open calls end, then the store is closed.
    """
    redis = open_redis(settings.redis_url.get_secret_value(), name="keypool")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        parts = _Parts(settings, redis)
        port = await stack.enter_async_context(
            serve_grpc(
                settings.keypool_listen,
                parts.register,
                domain=DOMAIN,
                book=CredentialBook.parse(settings.service_credentials.get_secret_value()),
                scopes=SCOPES,
                health=health,
                drain_seconds=settings.drain_seconds,
            )
        )
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(_look_after_store(parts.seeder, health))
            health.report("accepting", well=True)
            try:
                yield KeypoolServer(port, health)
            finally:
                health.report("accepting", well=False)
                looking.cancel()


class _Parts:
    """The domain over its adapters."""

    def __init__(self, settings: KeypoolSettings, redis: Redis) -> None:
        port = RedisPort(redis)
        vault = Vault(settings.encryption_key.get_secret_value())
        identity = Identity()
        secrets = KeySecrets(vault)
        key_store = RedisKeyStore(port)
        self.keys = Keys(key_store, identity, secrets)
        self.tokens = Tokens(RedisTokenStore(port), identity)
        self.leasing = Leasing(RedisLeaseStore(port), key_store, identity, secrets)
        self.bindings = Bindings(RedisBindingStore(port))
        self.seeder = Seeder(
            RedisMetaStore(port),
            vault=vault,
            identity=identity,
            keys=self.keys,
            tokens=self.tokens,
            seed=settings.seed,
        )

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicers."""
        keypool_pb2_grpc.add_KeyPoolServiceServicer_to_server(
            PoolServicer(self.leasing, self.bindings, self.tokens), server
        )
        admin_pb2_grpc.add_KeyAdminServiceServicer_to_server(
            AdminServicer(self.keys, self.tokens), server
        )


async def _look_after_store(seeder: Seeder, health: Health) -> None:
    """Keep the store filled, and readiness in step with it; liveness never looks at it."""
    was_well = True
    while True:
        try:
            await seeder.run()
        except (StoreUnavailableError, RedisError) as error:
            health.report("redis", well=False)
            if was_well:
                log.warning("the store cannot be used", error=str(error))
            was_well = False
        else:
            health.report("redis", well=True)
            if not was_well:
                log.info("the store can be used again")
            was_well = True
        await asyncio.sleep(_LOOK_SECONDS)
