"""Steps that tests of leases share."""

from datetime import UTC, datetime

from services.keypool.identity import LeaseName
from services.keypool.model import Lease
from tests.contract.keypool.conftest import Stores
from tests.contract.keypool.orders import order


async def one(stores: Stores, **fields: object) -> Lease:
    grant = await stores.leasing.acquire(order(**fields), ())
    [lease] = grant.leases
    return lease


def name_of(lease: Lease) -> LeaseName:
    raw = lease.lease_id.rpartition("/")[0]
    _, pool, model, project, key_id, client, _ = raw.split("/")
    return LeaseName(raw, pool, model, project, key_id, client)


async def store_time(stores: Stores) -> datetime:
    seconds, micros = await stores.redis.time()
    return datetime.fromtimestamp(seconds + micros / 1e6, UTC)
