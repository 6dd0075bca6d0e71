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
from services.keypool.bulk_changes import BulkChanges
from services.keypool.census import Census
from services.keypool.comparing import Comparing
from services.keypool.declared_egress import DeclaredEgress
from services.keypool.declaring import Declarations
from services.keypool.discovering import Discovering
from services.keypool.egress import Ways
from services.keypool.egress_health import EgressHealth
from services.keypool.filing import Filing
from services.keypool.identity import Identity
from services.keypool.key_secrets import KeySecrets
from services.keypool.keys import Keys
from services.keypool.leasing import Leasing
from services.keypool.noticing import Noticing
from services.keypool.peppers import Peppers
from services.keypool.pool_servicer import PoolServicer
from services.keypool.probing import UpstreamProbe
from services.keypool.project_calls import ProjectParts
from services.keypool.projects import Projects
from services.keypool.redis_binding_store import RedisBindingStore
from services.keypool.redis_census_store import RedisCensusStore
from services.keypool.redis_declared_egress_store import RedisDeclaredEgressStore
from services.keypool.redis_egress_store import RedisEgressStore
from services.keypool.redis_key_store import RedisKeyStore
from services.keypool.redis_memory_store import RedisMemoryStore
from services.keypool.redis_project_store import RedisProjectStore
from services.keypool.redis_quota_store import RedisQuotaStore
from services.keypool.redis_sure_stores import SureLeaseStore, SureTokenStore
from services.keypool.redis_token_store import RedisMetaStore
from services.keypool.redis_usage_store import RedisUsageStore
from services.keypool.rekeying import Rekeying
from services.keypool.relearning import Relearner
from services.keypool.seeding import Seeder
from services.keypool.settings import KeypoolSettings
from services.keypool.tokens import Tokens
from services.keypool.upstream_probe import HttpProbe
from services.keypool.usage import UsageBook
from services.keypool.verifying import Verifying
from services.kit.background import end_tasks
from services.kit.errors import StoreUnavailableError
from services.kit.grpc_server import serve_grpc
from services.kit.health import Health
from services.kit.http_server import listen, serve_http
from services.kit.logs import get_logger
from services.kit.ops import ops_app
from services.kit.redis_client import RedisError, open_redis
from services.kit.redis_scripts import open_port
from services.kit.reloading import Changes
from services.kit.vault import Vault

log = get_logger(__name__)

DOMAIN = "gemini_balance.keypool.v1"
SCOPES = {
    keypool_pb2.DESCRIPTOR.services_by_name["KeyPoolService"].full_name: "lease",
    admin_pb2.DESCRIPTOR.services_by_name["KeyAdminService"].full_name: "admin",
}
_LOOK_SECONDS = 1.0
_FILE_SECONDS = 2.0
_EGRESS_SECONDS = 2.0
_CENSUS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class KeypoolServer:
    """A running key pool."""

    port: int
    health: Health


async def serve(
    settings: KeypoolSettings,
    stop: asyncio.Event,
    changes: Changes[KeypoolSettings] | None = None,
) -> None:
    """Serve until `stop` is set, then drain.

    Raises:
        OSError: A port is taken.
    """
    ops_port = listen(settings.ops_host, settings.ops_port)
    health = Health("redis", "accepting")
    async with (
        serve_http(ops_app(health), ops_port),
        run_keypool(settings, health, changes) as server,
    ):
        log.info("keypool started", port=server.port)
        await stop.wait()
        log.info("keypool drains")


@contextlib.asynccontextmanager
async def run_keypool(
    settings: KeypoolSettings, health: Health, changes: Changes[KeypoolSettings] | None = None
) -> AsyncIterator[KeypoolServer]:
    """Run the gRPC server and what it needs for the length of the block.

    Leaving the block drains: not ready, open calls end, then the store is closed.
    """
    redis = open_redis(settings.redis_url.get_secret_value(), name="keypool")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        probe = await stack.enter_async_context(
            HttpProbe(settings.base_url, settings.test_model, settings.vertex_express_base_url)
        )
        parts = _Parts(settings, redis, probe)
        book = settings.book

        def change(changed: KeypoolSettings) -> None:
            book.become(changed.service_credentials.get_secret_value(), changed.service_identities)
            parts.seeder.replace(changed.seed)

        if changes is not None:
            changes.subscribe(change)
        port = await stack.enter_async_context(
            serve_grpc(
                settings.keypool_listen,
                parts.register,
                domain=DOMAIN,
                book=book,
                scopes=SCOPES,
                health=health,
                drain_seconds=settings.drain_seconds,
                tls=settings.tls,
            )
        )
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(_look_after_store(parts, health)),
                tasks.create_task(parts.filing.watch(_FILE_SECONDS)),
                tasks.create_task(parts.noticing.run()),
                tasks.create_task(parts.egress.watch(_EGRESS_SECONDS)),
                tasks.create_task(parts.census.watch(_CENSUS_SECONDS)),
            ]
            health.report("accepting", well=True)
            try:
                yield KeypoolServer(port, health)
            finally:
                health.report("accepting", well=False)
                await end_tasks(background)


class _Parts:
    """The domain over its adapters."""

    def __init__(self, settings: KeypoolSettings, redis: Redis, probe: UpstreamProbe) -> None:
        port = open_port(redis)
        vault = Vault(settings.encryption_key.get_secret_value())
        old = [Vault(key.get_secret_value()) for key in settings.old_encryption_keys]
        identity = Identity()
        ways = Ways([proxy.get_secret_value() for proxy in settings.proxies])
        secrets = KeySecrets(vault, old=old, ways=ways)
        self.relearner = Relearner(RedisMemoryStore(port))
        key_store, lease_store = RedisKeyStore(port), SureLeaseStore(port, self.relearner)
        project_store = RedisProjectStore(port)
        quota_store = RedisQuotaStore(port, lease_store.quotas_changed)
        meta_store = RedisMetaStore(port)
        peppers = Peppers(meta_store, identity, vault, old)
        comparing = Comparing(key_store, secrets, probe)
        self.filing = Filing(quota_store, key_store, secrets, settings.quota_file, ways=ways)
        self.keys = Keys(key_store, identity, secrets, self.filing)
        self.declared_egress = DeclaredEgress(
            RedisDeclaredEgressStore(port), secrets, ways, self.keys.check_readable
        )
        self.bulk = BulkChanges(key_store, secrets)
        self.projects = Projects(project_store, lease_store.quotas_changed)
        self.quotas = Declarations(quota_store)
        self.verifying = Verifying(self.keys, key_store, secrets, probe)
        self.rekeying = Rekeying(key_store, secrets, self.keys, peppers, self.declared_egress)
        self.discovering = Discovering(project_store, key_store, self.projects, comparing)
        self.egress = EgressHealth(RedisEgressStore(port), secrets)
        self.noticing = Noticing(
            project_store,
            self.projects,
            identity,
            comparing,
            keys=key_store,
            egress=self.egress,
            compares=settings.discover_projects,
        )
        self.tokens = Tokens(SureTokenStore(port, self.relearner), identity)
        self.leasing = Leasing(
            lease_store,
            key_store,
            identity,
            secrets,
            note=self.noticing.note,
            egress=self.egress,
        )
        self.bindings = Bindings(RedisBindingStore(port))
        self.census = Census(RedisCensusStore(port), key_store)
        self.usage = UsageBook(RedisUsageStore(port))
        self.seeder = Seeder(
            meta_store,
            peppers=peppers,
            keys=self.keys,
            tokens=self.tokens,
            filing=self.filing,
            seed=settings.seed,
        )

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicers."""
        keypool_pb2_grpc.add_KeyPoolServiceServicer_to_server(
            PoolServicer(self.leasing, self.bindings, self.tokens), server
        )
        admin_pb2_grpc.add_KeyAdminServiceServicer_to_server(
            AdminServicer(
                self.keys,
                self.tokens,
                self.usage,
                bulk=self.bulk,
                verifying=self.verifying,
                rekeying=self.rekeying,
                projects=ProjectParts(
                    self.projects,
                    self.quotas,
                    self.discovering,
                    self.declared_egress,
                    self.egress,
                ),
            ),
            server,
        )


async def _look_after_store(parts: _Parts, health: Health) -> None:
    """Keep the store filled, and readiness in step with it; liveness never looks at it."""
    was_well = True
    while True:
        try:
            epoch = await parts.relearner.look()
            # Before any key is there to be used.
            await parts.declared_egress.refresh()
            await parts.seeder.run(epoch)
        except (StoreUnavailableError, RedisError) as error:
            health.report("redis", well=False)
            if was_well:
                log.warning("the store cannot be used", error=str(error))
            was_well = False
        else:
            parts.relearner.believe()
            health.report("redis", well=True)
            if not was_well:
                log.info("the store can be used again")
            was_well = True
        await parts.relearner.wait(_LOOK_SECONDS)
