"""Every call of the key pool's contract, over a real cluster of three servers."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import Counter

from services.keypool import metrics
from services.keypool.redis_keys import META, POOLS
from services.kit.errors import RemoteError
from tests.support.keypool import CREDENTIALS, Keypool, running_keypool, secret_of
from tests.support.valkey_topologies import ValkeyCluster
from tests.support.waiting import eventually

POOL = "blue"
SERVICES = [
    keypool_pb2.DESCRIPTOR.services_by_name["KeyPoolService"],
    admin_pb2.DESCRIPTOR.services_by_name["KeyAdminService"],
]


@dataclass
class World:
    """What the requests speak of."""

    key_id: str
    lease_id: str
    token: str
    token_id: str


def requests(world: World) -> dict[str, Message]:
    """Return a request for each method, in an order in which all can succeed."""
    key, token, pool = world.key_id, world.token_id, POOL
    quota = admin_pb2.Quota(project_id="p1", model="m", requests_per_minute=1000)
    return {
        "AcquireLeases": keypool_pb2.AcquireLeasesRequest(
            model="m",
            pool=pool,
            count=3,
            affinity_hash=7,
            estimated_input_tokens=10,
            client_id="c",
            required_resources=["files/unknown"],
        ),
        "RenewLease": keypool_pb2.RenewLeaseRequest(lease_id=world.lease_id),
        "SettleLeases": keypool_pb2.SettleLeasesRequest(
            pool=pool,
            settlements=[
                keypool_pb2.Settlement(
                    lease_id=world.lease_id,
                    outcome=keypool_pb2.OUTCOME_SUCCEEDED,
                    usage=keypool_pb2.Usage(input_tokens=9, output_tokens=3),
                )
            ],
        ),
        "BindResource": keypool_pb2.BindResourceRequest(
            binding=keypool_pb2.Binding(resource_name="files/a", project_id="p1", client_id="edge"),
            pool=pool,
        ),
        "ResolveResources": keypool_pb2.ResolveResourcesRequest(
            resource_names=["files/a", "files/b"], pool=pool
        ),
        "ListResources": keypool_pb2.ListResourcesRequest(client_id="edge", pool=pool),
        "UnbindResource": keypool_pb2.UnbindResourceRequest(resource_name="files/a", pool=pool),
        "Authorize": keypool_pb2.AuthorizeRequest(token=world.token),
        "Explain": keypool_pb2.ExplainRequest(model="m", pool=pool),
        "CreateKeys": admin_pb2.CreateKeysRequest(
            keys=[admin_pb2.NewKey(secret=secret_of(7)), admin_pb2.NewKey(secret=secret_of(8))],
            pool=pool,
        ),
        "GetKey": admin_pb2.GetKeyRequest(key_id=key),
        "ListKeys": admin_pb2.ListKeysRequest(),
        "UpdateKey": admin_pb2.UpdateKeyRequest(
            key=admin_pb2.Key(key_id=key, note="n", project_id="p2"),
            update_mask=FieldMask(paths=["note", "project_id"]),
        ),
        "BatchUpdateKeys": admin_pb2.BatchUpdateKeysRequest(
            filter=admin_pb2.BatchUpdateKeysRequest.Filter(pool=pool), add_tags=["all"]
        ),
        "PauseKey": admin_pb2.PauseKeyRequest(key_id=key),
        "ResumeKey": admin_pb2.ResumeKeyRequest(key_id=key),
        "VerifyKey": admin_pb2.VerifyKeyRequest(key_id=key),
        "SetEgress": admin_pb2.SetEgressRequest(
            egress=admin_pb2.Egress(name="eu", pool=pool, tags=["all"]),
            proxy_urls=["http://proxy.example:1"],
        ),
        "ListEgresses": admin_pb2.ListEgressesRequest(pool=pool),
        "DeleteEgress": admin_pb2.DeleteEgressRequest(name="eu", pool=pool),
        "SetQuota": admin_pb2.SetQuotaRequest(quota=quota, pool=pool),
        "ListQuotas": admin_pb2.ListQuotasRequest(pool=pool),
        "DeleteQuota": admin_pb2.DeleteQuotaRequest(quota=quota, pool=pool),
        "ListProjects": admin_pb2.ListProjectsRequest(pool=pool),
        "UpdateProject": admin_pb2.UpdateProjectRequest(
            project=admin_pb2.Project(project_id="p2", pool=pool, tier=""),
            update_mask=FieldMask(paths=["tier"]),
        ),
        "MergeProjects": admin_pb2.MergeProjectsRequest(
            from_project_id="p2", into_project_id="p1", pool=pool, reason="they are one"
        ),
        "DiscoverProjects": admin_pb2.DiscoverProjectsRequest(pool=pool, dry_run=True),
        "QueryUsage": admin_pb2.QueryUsageRequest(
            pool=pool, start_time=Timestamp(seconds=int(time.time()) - 60)
        ),
        "RekeySecrets": admin_pb2.RekeySecretsRequest(),
        "DeleteKey": admin_pb2.DeleteKeyRequest(key_id=key),
        "CreateToken": admin_pb2.CreateTokenRequest(
            name="other", pool=pool, limits=admin_pb2.ClientLimits(requests_per_minute=5)
        ),
        "ListTokens": admin_pb2.ListTokensRequest(),
        "UpdateToken": admin_pb2.UpdateTokenRequest(
            token=admin_pb2.Token(
                token_id=token, limits=admin_pb2.ClientLimits(requests_per_day=9)
            ),
            update_mask=FieldMask(paths=["limits"]),
        ),
        "RevokeToken": admin_pb2.RevokeTokenRequest(token_id=token),
    }


METHODS = {method.name: method for service in SERVICES for method in service.methods}


@pytest.fixture
async def keypool(cluster: ValkeyCluster, upstream: str) -> AsyncIterator[Keypool]:
    cluster.flush()
    async with running_keypool(cluster.url, base_url=upstream) as running:
        yield running


async def prepare(keypool: Keypool) -> World:
    keys = [admin_pb2.NewKey(secret=secret_of(n), project_id=f"p{n % 2 + 1}") for n in range(4)]
    created = await keypool.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=keys, pool=POOL))
    token = await keypool.admin.CreateToken(admin_pb2.CreateTokenRequest(name="t", pool=POOL))
    [lease] = (await keypool.acquire(pool=POOL)).leases
    key_id = created.results[1].key.key_id
    return World(key_id, lease.lease_id, token.secret, token.token.token_id)


async def call(keypool: Keypool, name: str, request: Message) -> grpc.StatusCode:
    """Make a call and return its status; a streamed answer is read to its end."""
    method = METHODS[name]
    role = "operator" if method.containing_service.name == "KeyAdminService" else "edge"
    path = f"/{method.containing_service.full_name}/{name}"
    kind: Callable[..., Any] = (
        keypool.channel.unary_stream if method.server_streaming else keypool.channel.unary_unary
    )
    response = kind(path, request_serializer=lambda message: message.SerializeToString())(
        request, timeout=20, metadata=(("authorization", f"Bearer {CREDENTIALS[role][0]}"),)
    )
    if method.server_streaming:
        with contextlib.suppress(grpc.aio.AioRpcError):
            async for _ in response:
                pass
    code: grpc.StatusCode = await response.code()
    return code


async def test_every_call_works_on_a_cluster(keypool: Keypool) -> None:
    table = requests(await prepare(keypool))
    assert set(table) == set(METHODS)

    codes = {name: await call(keypool, name, request) for name, request in table.items()}

    failed = {name: code for name, code in codes.items() if code is not grpc.StatusCode.OK}
    assert failed == {}


async def test_a_server_that_lost_its_part_is_filled_again(
    cluster: ValkeyCluster, upstream: str
) -> None:
    cluster.flush()
    seeds = {
        "api_keys": json.dumps([{"key": secret_of(1), "project": "p1"}]),
        "allowed_tokens": "sk-of-the-settings",
    }
    async with running_keypool(cluster.url, base_url=upstream, **seeds) as keypool:
        quota = admin_pb2.Quota(project_id="p1", model="m", requests_per_day=5)
        await keypool.admin.SetQuota(admin_pb2.SetQuotaRequest(quota=quota))
        assert len((await keypool.acquire(3)).leases) == 3
        remembered = metrics.REMEMBERED._value.get()
        await eventually(lambda: value_of(metrics.REMEMBERED), lambda now: now > remembered)

        for tag in ("{default}", "{tokens}"):
            with cluster.master_of(tag).client() as client:
                client.flushall()
            await eventually(lambda: all_that_is_known(keypool), lambda known: known == (3, True))


async def value_of(counter: Counter) -> float:
    return float(counter._value.get())


async def all_that_is_known(keypool: Keypool) -> tuple[int, bool]:
    """Return how much of its day the project has used, and whether the token opens anything."""
    try:
        explained = await keypool.pool.Explain(keypool_pb2.ExplainRequest(model="m"))
        await keypool.pool.Authorize(keypool_pb2.AuthorizeRequest(token="sk-of-the-settings"))
    except RemoteError:
        return 0, False
    return sum(window.used for project in explained.projects for window in project.windows), True


async def test_every_name_says_by_its_tag_where_it_belongs(
    keypool: Keypool, cluster: ValkeyCluster
) -> None:
    for name, request in requests(await prepare(keypool)).items():
        await call(keypool, name, request)

    names = set()
    for node in cluster.masters:
        with node.client() as client:
            names |= set(client.scan_iter(count=1000))

    tags = {name.partition("{")[2].partition("}")[0] for name in names - {META, POOLS}}
    assert tags == {POOL, "default", "tokens"}
    strays = {name for name in names - {META, POOLS} if not name.startswith("gb:1:{")}
    assert not strays
