"""The store's adapters over a real Valkey, without a server around them."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from services.keypool.identity import Identity
from services.keypool.key_secrets import KeySecrets
from services.keypool.keys import Keys
from services.keypool.leasing import Leasing
from services.keypool.redis_binding_store import RedisBindingStore
from services.keypool.redis_key_store import RedisKeyStore
from services.keypool.redis_lease_store import RedisLeaseStore
from services.keypool.redis_scripts import RedisPort
from services.keypool.redis_token_store import RedisTokenStore
from services.kit.redis_client import open_redis
from tests.contract.keypool.clocked import VAULT, Clocked
from tests.contract.keypool.orders import new_keys
from tests.support.system import running_simulator_process
from tests.support.valkey import redis_url, valkey_server
from tests.support.valkey_topologies import ValkeyCluster, started_cluster

__all__ = [
    "VAULT",
    "cluster",
    "filled",
    "pool",
    "redis_url",
    "stores",
    "upstream",
    "valkey_server",
]


@dataclass(frozen=True)
class Stores:
    """The adapters, and the domain over them."""

    redis: Redis
    leases: RedisLeaseStore
    keys: RedisKeyStore
    bindings: RedisBindingStore
    tokens: RedisTokenStore
    leasing: Leasing
    admin: Keys


@pytest.fixture
async def stores(redis_url: str) -> AsyncIterator[Stores]:
    redis = open_redis(redis_url, name="contract")
    port = RedisPort(redis)
    identity = Identity()
    identity.load(VAULT.first_pepper())
    secrets = KeySecrets(VAULT)
    leases, keys = RedisLeaseStore(port), RedisKeyStore(port)
    yield Stores(
        redis,
        leases,
        keys,
        RedisBindingStore(port),
        RedisTokenStore(port),
        Leasing(leases, keys, identity, secrets),
        Keys(keys, identity, secrets),
    )
    await redis.aclose()


@pytest.fixture
async def filled(stores: Stores) -> None:
    """Three projects with a key each in the pool `default`."""
    await stores.admin.create("default", new_keys([1, 1, 1]))


@pytest.fixture
async def pool(redis_url: str) -> AsyncIterator[Clocked]:
    """A pool whose time is in our hands."""
    redis = open_redis(redis_url, name="clocked")
    yield Clocked(redis)
    await redis.aclose()


@pytest.fixture(scope="package")
def cluster() -> Iterator[ValkeyCluster]:
    """Three servers that share all slots, for tests that empty them first."""
    with started_cluster() as running:
        yield running


@pytest.fixture(scope="package")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A stand-in for Google."""
    with running_simulator_process(tmp_path_factory.mktemp("upstream")) as url:
        yield url
