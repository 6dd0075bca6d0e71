"""Every script that there is runs on a cluster, and none of them touches two slots."""

import json
from pathlib import Path
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2
from gemini_balance.keypool.v1 import keypool_pb2 as pb

from services.keypool.redis_scripts import RedisPort
from tests.contract.keypool.one_slot import (
    ENTRY_POINTS,
    SOURCES,
    all_scripts,
    first_line,
    strict,
)
from tests.contract.keypool.test_cluster_calls import call, prepare, requests
from tests.support.keypool import (
    ENCRYPTION_KEY,
    Keypool,
    duration,
    failed,
    running_keypool,
    secret_of,
    succeeded,
    unused,
)
from tests.support.valkey_topologies import ValkeyCluster
from tests.support.waiting import eventually
from tests.unit.judging import bodies

FILE = """
[tiers.free."m"]
rpd = 50
tpm = 100_000

[projects.p1]
tier = "free"
"""
DISABLED = bodies.error(
    403,
    "PERMISSION_DENIED",
    "Generative Language API has not been used",
    bodies.info("SERVICE_DISABLED", consumer="projects/123456789012"),
)
LOCATION = bodies.error(
    400, "FAILED_PRECONDITION", "User location is not supported for the API use."
)
ZERO = bodies.quota(
    bodies.violation("GenerateRequestsPerDayPerProjectPerModel-FreeTier", None),
    text=f"\n* Quota exceeded for metric: {bodies.METRIC}, limit: 0, model: m",
)
FAILURES = [
    (400, bodies.KEY_INVALID),
    (403, DISABLED),
    (400, LOCATION),
    (429, bodies.BARE),
    (429, bodies.quota(bodies.PER_MINUTE)),
    (429, bodies.quota(bodies.PER_DAY)),
    (429, ZERO),
    (503, bodies.OVERLOADED),
]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the scripts that ran under the rule."""
    names: set[str] = set()
    monkeypatch.setattr(RedisPort, "run", strict(names))
    return names


async def make_every_call(keypool: Keypool) -> None:
    for name, request in requests(await prepare(keypool)).items():
        assert (await call(keypool, name, request)).name == "OK", name


async def lease_in_every_way(keypool: Keypool) -> None:
    """Acquire, wait for, prefer, refuse, settle and report as callers can."""
    limits = admin_pb2.ClientLimits(requests_per_minute=20, tokens_per_day=10**6)
    token = await keypool.admin.CreateToken(admin_pb2.CreateTokenRequest(limits=limits))
    client = token.token.client_id
    await keypool.pool.BindResource(
        pb.BindResourceRequest(
            binding=pb.Binding(resource_name="files/1", project_id="p1", client_id=client)
        )
    )
    ways: list[dict[str, Any]] = [
        {"client_id": client, "estimated_input_tokens": 60_000, "affinity_hash": 7},
        {"estimated_input_tokens": 60_000, "wait_budget": duration(90)},
        {"count": 64, "hold": duration(1)},
        {"operation": pb.OPERATION_READ},
        {"required_resources": ["files/1"]},
        {"required_project_id": "none"},
        {"excluded_project_ids": ["p1"]},
        {"estimated_input_tokens": 10**7, "required_project_id": "p1"},
    ]
    for fields in ways:
        leases = (await keypool.acquire(**{"count": 1, **fields})).leases
        ends = [succeeded(lease) if at % 2 else unused(lease) for at, lease in enumerate(leases)]
        for end in ends:
            end.usage.input_tokens = 50
        await keypool.settle(*ends)


async def fail_in_every_way(keypool: Keypool) -> None:
    """Fail leases, each time those of two projects of which nobody has declared anything."""
    for at, (status, body) in enumerate(FAILURES):
        model = f"failing-{at}"
        first, *others = (await keypool.acquire(3, model=model)).leases
        await keypool.acquire(model=model, settlements=[failed(first, status, body)])
        await keypool.settle(*(failed(lease, status, body) for lease in others))


async def until_run(ran: set[str], *names: str) -> None:
    async def missing() -> set[str]:
        return set(names) - ran

    await eventually(missing, lambda left: not left, seconds=20)


async def seal_all_anew(cluster: ValkeyCluster) -> None:
    egress = admin_pb2.SetEgressRequest(
        egress=admin_pb2.Egress(name="eu", tags=["eu"]), proxy_urls=["http://proxy.example:1"]
    )
    async with running_keypool(cluster.url) as keypool:
        await keypool.add_keys(secret_of(1))
        await keypool.admin.SetEgress(egress)
    changed = {"encryption_key": "another encryption key", "old_encryption_keys": [ENCRYPTION_KEY]}
    async with running_keypool(cluster.url, **changed) as keypool:
        told = await keypool.admin.RekeySecrets(admin_pb2.RekeySecretsRequest())
    assert told.resealed_count > 1


async def test_every_script_keeps_to_one_slot(
    cluster: ValkeyCluster, upstream: str, tmp_path: Path, ran: set[str]
) -> None:
    cluster.flush()
    path = tmp_path / "quotas.toml"
    path.write_text(FILE)
    seeds = {
        "api_keys": json.dumps([{"key": secret_of(50), "project": "p1"}]),
        "allowed_tokens": "sk-of-the-settings",
        "quota_file": path,
    }
    async with running_keypool(cluster.url, base_url=upstream, **seeds) as keypool:
        await make_every_call(keypool)
        await keypool.add_keys(*(secret_of(number) for number in range(60, 90)))
        await lease_in_every_way(keypool)
        await fail_in_every_way(keypool)
        await until_run(ran, "note_refusal", "tell_number", "block_egress", "tell")
        with cluster.master_of("{default}").client() as client:
            client.flushall()
        await until_run(ran, "relearn")
    await seal_all_anew(cluster)

    assert ran == ENTRY_POINTS


def test_every_part_belongs_to_a_script() -> None:
    """A file that nothing loads would escape the rule unseen."""
    loaded = {line for script in all_scripts() for line in script.text.split("\n")}

    assert [name for name in SOURCES if first_line(name) not in loaded] == []
