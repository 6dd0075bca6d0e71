"""Which project and client a resource belongs to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from services.kit.errors import RemoteError
from tests.support.keypool import Keypool, secrets_of
from tests.support.waiting import eventually


async def bind(
    keypool: Keypool,
    name: str,
    project: str = "p1",
    client: str = "ada",
    lives: float | None = None,
    **fields: Any,
) -> pb.Binding:
    binding = pb.Binding(resource_name=name, project_id=project, client_id=client)
    if lives is not None:
        end = Timestamp()
        end.FromDatetime(datetime.now(UTC) + timedelta(seconds=lives))
        binding.expire_time.CopyFrom(end)
    response = await keypool.pool.BindResource(pb.BindResourceRequest(binding=binding, **fields))
    stored = response.binding
    assert isinstance(stored, pb.Binding)
    return stored


async def resolve(keypool: Keypool, *names: str, caller: str = "edge") -> dict[str, str]:
    response = await keypool.as_caller(caller).ResolveResources(
        pb.ResolveResourcesRequest(resource_names=names)
    )
    return {found.resource_name: found.project_id for found in response.bindings}


async def listed(keypool: Keypool, client: str, size: int = 100, prefix: str = "") -> list[str]:
    names: list[str] = []
    token = ""
    while True:
        page = await keypool.pool.ListResources(
            pb.ListResourcesRequest(
                client_id=client, page_size=size, page_token=token, name_prefix=prefix
            )
        )
        assert len(page.bindings) <= size
        names += [binding.resource_name for binding in page.bindings]
        token = page.next_page_token
        if not token:
            return names


async def test_bound_resources_are_found_and_others_left_out(keypool: Keypool) -> None:
    stored = await bind(keypool, "files/a", "p1", lives=3600)
    await bind(keypool, "files/b", "p2")

    assert stored.HasField("create_time")
    assert await resolve(keypool, "files/a", "files/x", "files/b") == {
        "files/a": "p1",
        "files/b": "p2",
    }


async def test_a_taken_name_is_refused_to_whoever_wants_it_new(keypool: Keypool) -> None:
    await bind(keypool, "files/a", client="ada", must_be_new=True)

    with pytest.raises(RemoteError) as failure:
        await bind(keypool, "files/a", client="bob", must_be_new=True)

    assert (failure.value.code.name, failure.value.reason) == ("ALREADY_EXISTS", "RESOURCE_BOUND")
    assert await listed(keypool, "bob") == []


async def test_binding_anew_changes_project_and_owner(keypool: Keypool) -> None:
    await bind(keypool, "files/a", "p1", "ada")
    await bind(keypool, "files/a", "p2", "bob")

    assert await resolve(keypool, "files/a") == {"files/a": "p2"}
    assert (await listed(keypool, "ada"), await listed(keypool, "bob")) == ([], ["files/a"])


async def test_a_binding_ends_by_itself(keypool: Keypool) -> None:
    await bind(keypool, "files/a", lives=0.05)

    await eventually(lambda: resolve(keypool, "files/a"), lambda found: not found)
    assert await listed(keypool, "ada") == []


async def test_pages_hold_every_resource_once_newest_first(keypool: Keypool) -> None:
    names = [f"files/{number}" for number in range(23)]
    for name in names:
        await bind(keypool, name)
    await bind(keypool, "cachedContents/1")

    found = await listed(keypool, "ada", size=5, prefix="files/")

    assert sorted(found) == sorted(names)
    assert found[0] == "files/22"
    assert found[-1] == "files/0"


async def test_an_unbound_resource_is_gone(keypool: Keypool) -> None:
    await bind(keypool, "files/a")
    await bind(keypool, "files/b")

    for _ in range(2):
        await keypool.pool.UnbindResource(pb.UnbindResourceRequest(resource_name="files/a"))

    assert await resolve(keypool, "files/a", "files/b") == {"files/b": "p1"}
    assert await listed(keypool, "ada") == ["files/b"]


async def test_a_caller_without_act_as_is_its_own_client(keypool: Keypool) -> None:
    await bind(keypool, "files/ada")
    batch = keypool.as_caller("batch-job")
    binding = pb.Binding(resource_name="files/mine", project_id="p1", client_id="ada")

    stored = (await batch.BindResource(pb.BindResourceRequest(binding=binding))).binding
    await batch.UnbindResource(pb.UnbindResourceRequest(resource_name="files/ada"))
    page = await batch.ListResources(pb.ListResourcesRequest(client_id="ada"))

    assert stored.client_id == "batch-job"
    assert [found.resource_name for found in page.bindings] == ["files/mine"]
    assert await resolve(keypool, "files/ada", "files/mine", caller="batch-job") == {
        "files/mine": "p1"
    }
    assert await resolve(keypool, "files/ada") == {"files/ada": "p1"}


class TestCitedResources:
    async def test_the_project_that_made_them_serves(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(5))
        leases = (await keypool.acquire(5)).leases
        owner = leases[3].project_id
        await bind(keypool, "files/a", owner)
        await bind(keypool, "files/b", owner)

        response = await keypool.acquire(
            4, required_resources=["files/a", "files/b", "files/unknown"]
        )

        assert {lease.project_id for lease in response.leases} == {owner}
        assert len(response.leases) == 4

    async def test_resources_of_several_projects_are_split(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(3))
        first, second, _ = [lease.project_id for lease in (await keypool.acquire(3)).leases]
        await bind(keypool, "files/a", first)
        await bind(keypool, "files/b", second)
        await bind(keypool, "files/c", second)

        response = await keypool.acquire(required_resources=["files/a", "files/b", "files/c"])

        assert response.refusal.reason == pb.Refusal.REASON_RESOURCES_SPLIT
        assert response.refusal.target_project_id == second

    async def test_an_owner_without_live_keys_names_another_project(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        await bind(keypool, "files/a", "gone")

        refusal = (await keypool.acquire(required_resources=["files/a"])).refusal

        assert refusal.reason == pb.Refusal.REASON_OWNER_SPENT
        assert not refusal.HasField("retry_at")
        assert refusal.target_project_id.startswith("own-")
