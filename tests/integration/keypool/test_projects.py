"""Projects as operators see and change them, and what becomes of leases when two merge."""

import itertools
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from services.kit.errors import RemoteError
from tests.support.keypool import Keypool, failed, secret_of, secrets_of, succeeded
from tests.unit.judging import bodies


async def projects(keypool: Keypool, size: int = 0, pool: str = "") -> list[admin_pb2.Project]:
    """Return the projects of all pages."""
    found: list[admin_pb2.Project] = []
    token = ""
    while True:
        page = await keypool.admin.ListProjects(
            admin_pb2.ListProjectsRequest(page_size=size, page_token=token, pool=pool)
        )
        assert not size or len(page.projects) <= size
        found += page.projects
        token = page.next_page_token
        if not token:
            return found


async def project(keypool: Keypool, project_id: str) -> admin_pb2.Project:
    """Return the project of this id."""
    return next(each for each in await projects(keypool) if each.project_id == project_id)


async def merge(keypool: Keypool, ending: str, into: str, reason: str = "") -> admin_pb2.Project:
    request = admin_pb2.MergeProjectsRequest(
        from_project_id=ending, into_project_id=into, reason=reason
    )
    merged = (await keypool.admin.MergeProjects(request)).project
    assert isinstance(merged, admin_pb2.Project)
    return merged


async def set_tier(keypool: Keypool, project_id: str, tier: str) -> admin_pb2.Project:
    request = admin_pb2.UpdateProjectRequest(
        project=admin_pb2.Project(project_id=project_id, tier=tier),
        update_mask=FieldMask(paths=["tier"]),
    )
    changed = (await keypool.admin.UpdateProject(request)).project
    assert isinstance(changed, admin_pb2.Project)
    return changed


async def move(keypool: Keypool, key_id: str, project_id: str) -> None:
    request = admin_pb2.UpdateKeyRequest(
        key=admin_pb2.Key(key_id=key_id, project_id=project_id),
        update_mask=FieldMask(paths=["project_id"]),
    )
    await keypool.admin.UpdateKey(request)


def disabled(number: int) -> bytes:
    """Return what the upstream says when the API is off in the project of this number."""
    return bodies.error(
        403,
        "PERMISSION_DENIED",
        "Generative Language API has not been used in this project before or it is disabled.",
        bodies.info("SERVICE_DISABLED", consumer=f"projects/{number}"),
    )


async def refused(call: Any) -> tuple[str, str]:
    """Return how a call was refused."""
    with pytest.raises(RemoteError) as failure:
        await call
    return failure.value.code.name, failure.value.reason


class TestList:
    async def test_a_key_without_a_project_has_its_own(self, keypool: Keypool) -> None:
        [key_id] = await keypool.add_keys(secret_of(1))

        [found] = await projects(keypool)

        assert (found.project_id, found.origin) == (f"own-{key_id}", "own")
        assert (list(found.key_ids), found.pool, found.tier) == ([key_id], "default", "")
        assert not found.HasField("cool_until")

    async def test_declared_projects_have_all_their_keys(self, keypool: Keypool) -> None:
        shared = await keypool.add_keys(*secrets_of(3), project="team-a")

        [found] = await projects(keypool)

        assert (found.project_id, found.origin) == ("team-a", "declared")
        assert list(found.key_ids) == sorted(shared)

    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    async def test_pages_show_each_project_once_in_order(self, keypool: Keypool, size: int) -> None:
        # Names before, between and behind those of single keys, whose order is their keys'.
        for number, name in enumerate(["a", "own", "own-", "own-kzzz", "p", "z"]):
            await keypool.add_keys(secret_of(100 + number), project=name)
        key_ids = await keypool.add_keys(*secrets_of(9))
        await move(keypool, key_ids[0], f"own-{key_ids[1]}")
        await move(keypool, key_ids[2], "p")

        found = [each.project_id for each in await projects(keypool, size)]

        own = {f"own-{key_id}" for key_id in key_ids} - {f"own-{key_ids[0]}", f"own-{key_ids[2]}"}
        assert found == sorted(own | {"a", "own", "own-", "own-kzzz", "p", "z"})

    async def test_a_project_without_keys_is_gone(self, keypool: Keypool) -> None:
        one, other = await keypool.add_keys(*secrets_of(2), project="team-a")
        await set_tier(keypool, "team-a", "free")

        await move(keypool, one, f"own-{one}")
        await keypool.admin.DeleteKey(admin_pb2.DeleteKeyRequest(key_id=other))

        assert [each.project_id for each in await projects(keypool)] == [f"own-{one}"]
        await keypool.add_keys(secret_of(5), project="team-a")
        assert (await project(keypool, "team-a")).tier == ""

    async def test_pools_are_apart(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="here")
        await keypool.add_keys(secret_of(2), project="there", pool="other")

        assert [each.project_id for each in await projects(keypool)] == ["here"]
        assert [each.project_id for each in await projects(keypool, pool="other")] == ["there"]

    async def test_a_cool_down_is_told(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="team-a")
        [lease] = (await keypool.acquire()).leases
        await keypool.settle(failed(lease, 403, disabled(123456789012)))

        assert (await project(keypool, "team-a")).HasField("cool_until")


class TestTier:
    async def test_a_change_is_written_down(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="team-a")

        await set_tier(keypool, "team-a", "free")
        changed = await set_tier(keypool, "team-a", "")

        assert changed.tier == ""
        assert [line.split("Z ", 1)[1] for line in changed.audit] == ["tier free", "tier removed"]

    async def test_an_own_project_can_have_a_tier(self, keypool: Keypool) -> None:
        [key_id] = await keypool.add_keys(secret_of(1))

        changed = await set_tier(keypool, f"own-{key_id}", "paid-1")

        assert (changed.tier, changed.origin) == ("paid-1", "own")

    async def test_an_unknown_project_is_not_found(self, keypool: Keypool) -> None:
        refusal = await refused(set_tier(keypool, "nobody", "free"))

        assert refusal == ("NOT_FOUND", "PROJECT_UNKNOWN")

    async def test_only_the_last_fifty_lines_are_kept(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="team-a")

        for number in range(55):
            changed = await set_tier(keypool, "team-a", f"t{number}")

        assert len(changed.audit) == 50
        assert changed.audit[0].endswith("tier t5")
        assert changed.audit[-1].endswith("tier t54")


class TestMerge:
    async def test_keys_move_and_the_reason_is_written_down(self, keypool: Keypool) -> None:
        one, other = await keypool.add_keys(*secrets_of(2))

        merged = await merge(keypool, f"own-{one}", f"own-{other}", "same console page")

        assert [each.project_id for each in await projects(keypool)] == [f"own-{other}"]
        assert (list(merged.key_ids), merged.origin) == (sorted([one, other]), "declared")
        assert merged.audit[0].endswith(f"Z merged own-{one}: same console page")
        assert (await keypool.key(one)).project_id == f"own-{other}"

    async def test_a_reason_shows_no_secret(self, keypool: Keypool) -> None:
        one, other = await keypool.add_keys(*secrets_of(2))

        merged = await merge(keypool, f"own-{one}", f"own-{other}", f"it was {secret_of(0)}")

        assert secret_of(0) not in merged.audit[0]

    async def test_more_keys_than_one_step_moves(self, keypool: Keypool) -> None:
        many = await keypool.add_keys(*secrets_of(450), project="many")
        await keypool.add_keys(secret_of(900), project="one")

        merged = await merge(keypool, "many", "one")

        assert set(many) < set(merged.key_ids)
        assert len(merged.key_ids) == 451
        assert len((await keypool.acquire(64)).leases) == 64

    async def test_paused_keys_move_and_stay_paused(self, keypool: Keypool) -> None:
        one, other = await keypool.add_keys(*secrets_of(2))
        await keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=one))

        await merge(keypool, f"own-{one}", f"own-{other}")

        paused = await keypool.key(one)
        assert (paused.state, paused.project_id) == (admin_pb2.Key.STATE_PAUSED, f"own-{other}")
        leases = (await keypool.acquire(8)).leases
        assert {lease.key_id for lease in leases} == {other}

    async def test_leases_of_the_old_project_settle_for_the_new_one(self, keypool: Keypool) -> None:
        one, other = await keypool.add_keys(*secrets_of(2))
        leases = {lease.key_id: lease for lease in (await keypool.acquire(2)).leases}

        await merge(keypool, f"own-{one}", f"own-{other}")
        await keypool.settle(failed(leases[one], 429, bodies.quota(bodies.PER_MINUTE)))
        answer = await keypool.acquire()

        assert answer.refusal.reason == keypool_pb2.Refusal.REASON_QUOTA
        assert (await keypool.key(one)).failure_count == 1
        await keypool.settle(succeeded(leases[other]))
        assert (await keypool.key(other)).in_flight_count == 0

    async def test_cool_downs_hold_for_the_merged_project(self, keypool: Keypool) -> None:
        one, other = await keypool.add_keys(*secrets_of(2))
        leases = {lease.key_id: lease for lease in (await keypool.acquire(2)).leases}
        await keypool.settle(failed(leases[one], 429, bodies.quota(bodies.PER_MINUTE)))

        await merge(keypool, f"own-{one}", f"own-{other}")
        answer = await keypool.acquire()

        assert answer.refusal.reason == keypool_pb2.Refusal.REASON_QUOTA

    async def test_what_both_were_granted_counts(self, keypool: Keypool) -> None:
        one, other = await keypool.add_keys(*secrets_of(2))
        for project_id in (f"own-{one}", f"own-{other}"):
            quota = admin_pb2.Quota(project_id=project_id, model="m", requests_per_minute=4)
            await keypool.admin.SetQuota(admin_pb2.SetQuotaRequest(quota=quota))
        assert len((await keypool.acquire(6)).leases) == 6

        await merge(keypool, f"own-{one}", f"own-{other}")
        answer = await keypool.acquire(4)

        # Three of each count for the one limit of four.
        assert len(answer.leases) == 0
        assert answer.refusal.reason == keypool_pb2.Refusal.REASON_QUOTA

    async def test_resources_of_the_old_project_lead_to_the_new_one(self, keypool: Keypool) -> None:
        one, other = await keypool.add_keys(*secrets_of(2))
        binding = keypool_pb2.Binding(
            resource_name="files/a", project_id=f"own-{one}", client_id="c-1"
        )
        await keypool.pool.BindResource(keypool_pb2.BindResourceRequest(binding=binding))

        await merge(keypool, f"own-{one}", f"own-{other}")

        for wish in ({"required_resources": ["files/a"]}, {"required_project_id": f"own-{one}"}):
            [lease] = (await keypool.acquire(1, **wish)).leases
            assert lease.project_id == f"own-{other}"
        found = await keypool.pool.ResolveResources(
            keypool_pb2.ResolveResourcesRequest(resource_names=["files/a"])
        )
        assert [each.project_id for each in found.bindings] == [f"own-{other}"]

    async def test_a_chain_of_merges_leads_to_the_last(self, keypool: Keypool) -> None:
        ids = await keypool.add_keys(*secrets_of(5))
        for one, other in itertools.pairwise(ids):
            await merge(keypool, f"own-{one}", f"own-{other}")

        [lease] = (await keypool.acquire(1, required_project_id=f"own-{ids[0]}")).leases

        assert lease.project_id == f"own-{ids[-1]}"

    async def test_a_key_that_was_taken_out_again_is_on_its_own(self, keypool: Keypool) -> None:
        one, other = await keypool.add_keys(*secrets_of(2))
        await merge(keypool, f"own-{one}", f"own-{other}")

        await move(keypool, one, f"own-{one}")

        [lease] = (await keypool.acquire(1, required_project_id=f"own-{one}")).leases
        assert lease.key_id == one
        assert len(await projects(keypool)) == 2

    @pytest.mark.parametrize(
        ("ending", "into", "expected"),
        [
            ("a", "a", ("FAILED_PRECONDITION", "MERGE_REFUSED")),
            ("a", "nobody", ("NOT_FOUND", "PROJECT_UNKNOWN")),
            ("nobody", "a", ("NOT_FOUND", "PROJECT_UNKNOWN")),
            ("", "a", ("INVALID_ARGUMENT", "INVALID_REQUEST")),
        ],
    )
    async def test_what_cannot_be_merged_is_refused(
        self, keypool: Keypool, ending: str, into: str, expected: tuple[str, str]
    ) -> None:
        await keypool.add_keys(secret_of(1), project="a")

        assert await refused(merge(keypool, ending, into)) == expected
