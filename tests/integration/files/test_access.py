"""Who reaches what: places below resources, files that models made, pools without isolation."""

import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2

from services.files.google.client import GoogleClient
from services.files.google.upload_wire import UploadWire
from services.files.leases import Lease
from services.files.sessions import Start
from services.files.uploads import Session
from services.kit.egress import Egress
from services.kit.errors import RemoteError
from services.kit.http_transport import AiohttpTransport
from services.simulator.faults import FaultKind
from tests.support.files import World, running_world
from tests.support.keypool import secrets_of

STORE = "fileSearchStores/mine-123"
INTO_STORE = f"upload/v1beta/{STORE}:uploadToFileSearchStore"
GENERATED = "files/generated-1"


async def refusal(call: object) -> tuple[str, str]:
    with pytest.raises(RemoteError) as failure:
        await call  # type: ignore[misc]
    return failure.value.code.name, failure.value.reason


async def bind(world: World, name: str, client_id: str) -> str:
    """Bind a resource to a project, and return that project's key."""
    lease = (await world.keypool.acquire()).leases[0]
    binding = keypool_pb2.Binding(
        resource_name=name, project_id=lease.project_id, client_id=client_id
    )
    request = keypool_pb2.BindResourceRequest(binding=binding)
    await world.keypool.pool.BindResource(request)
    secret: str = lease.secret
    return secret


async def make_at_google(world: World, secret: str, name: str) -> None:
    """Make a file with a key, behind the service's back."""
    egress = Egress(lambda _: AiohttpTransport(connect_timeout=5, read_timeout=5))
    try:
        wire = UploadWire(GoogleClient(world.google_url, egress))
        body = f'{{"file":{{"name":"{name}"}}}}'.encode()
        start = Start("upload/v1beta/files", body, "video/mp4", None)
        session = await wire.start(Lease("", "", "", "", secret), start)
        assert isinstance(session, Session)
        reply = await wire.send(session, 0, memoryview(b"frames"), finalize=True)
        assert reply.is_ok
    finally:
        await egress.aclose()


class TestBelowAResource:
    async def test_nobody_elses_can_be_written_into(self, world: World) -> None:
        await bind(world, STORE, "ada")
        unknown = ("NOT_FOUND", "RESOURCE_UNKNOWN")

        bob = world.files.as_client("bob")
        assert await refusal(bob.create(INTO_STORE)) == unknown
        other = INTO_STORE.replace("mine-123", "no-such")
        assert await refusal(world.files.create(other)) == unknown
        assert (await world.sim.counts()).total.requests == 0

    async def test_an_upload_goes_to_the_project_of_what_it_goes_below(self, world: World) -> None:
        secret = await bind(world, STORE, "ada")
        for _ in range(2):
            upload = await world.files.create(INTO_STORE, start_body=b'{"displayName":"a"}')
            await world.files.write(upload, b"text", finish=True)

        counts = await world.sim.counts()
        assert counts.of(secret).requests == counts.total.requests == 2

    async def test_without_isolation_the_clients_of_a_pool_share_it(self, redis_url: str) -> None:
        async with running_world(redis_url, files_user_isolation_enabled="false") as world:
            await bind(world, STORE, "ada")

            assert (await world.files.as_client("bob").create(INTO_STORE)).upload_id


class TestAFileThatAModelMade:
    async def test_is_its_clients_alone(self, world: World) -> None:
        secret = await bind(world, GENERATED, "ada")
        await make_at_google(world, secret, GENERATED)

        file = await world.files.file(GENERATED)

        assert (file.name, file.client_id, file.size_bytes) == (GENERATED, "ada", 6)
        assert (file.mime_type, file.state) == ("video/mp4", pb.File.STATE_ACTIVE)
        bob = world.files.as_client("bob")
        assert await refusal(bob.file(GENERATED)) == ("NOT_FOUND", "FILE_UNKNOWN")
        assert await refusal(bob.delete(GENERATED)) == ("NOT_FOUND", "FILE_UNKNOWN")

    async def test_can_be_deleted_and_is_forgotten(self, world: World) -> None:
        secret = await bind(world, GENERATED, "ada")
        await make_at_google(world, secret, GENERATED)

        await world.files.delete(GENERATED)

        assert await refusal(world.files.file(GENERATED)) == ("NOT_FOUND", "FILE_UNKNOWN")
        assert (await world.sim.counts()).of(secret).by_verb["files.delete"] == 1

    async def test_is_read_with_another_key_when_one_is_refused(self, world: World) -> None:
        first, second = secrets_of(5)[3:]
        await world.keypool.add_keys(first, second, project="shared")
        for secret in (first, second):
            await world.sim.put_key(secret, project="shared")
        binding = keypool_pb2.Binding(resource_name=GENERATED, project_id="shared", client_id="ada")
        await world.keypool.pool.BindResource(keypool_pb2.BindResourceRequest(binding=binding))
        await make_at_google(world, first, GENERATED)
        await world.sim.put_key(first, project="shared", state="invalid")

        for _ in range(2):
            assert (await world.files.file(GENERATED)).size_bytes == 6

        assert (await world.sim.counts()).of(second).by_verb["files.get"] == 2


@pytest.mark.parametrize("kind", ["overloaded", "internal", "drop", "drop_answer"])
async def test_a_fault_of_the_upstream_costs_calls_about_files_time_alone(
    world: World, kind: FaultKind
) -> None:
    secret = await bind(world, GENERATED, "ada")
    await make_at_google(world, secret, GENERATED)
    await world.sim.add_fault(kind, verb="files.get", count=2)
    await world.sim.add_fault(kind, verb="files.delete")

    assert (await world.files.file(GENERATED)).size_bytes == 6
    await world.files.delete(GENERATED)

    assert await refusal(world.files.file(GENERATED)) == ("NOT_FOUND", "FILE_UNKNOWN")


class TestWithoutIsolation:
    async def test_the_clients_of_a_pool_share_their_files(self, redis_url: str) -> None:
        async with running_world(redis_url, files_user_isolation_enabled="false") as world:
            made = (await world.files.upload(b"shared")).file
            bob = world.files.as_client("bob")

            assert await bob.file(made.name) == made
            assert [file.name for file in await bob.listed()] == [made.name]
            await bob.delete(made.name)

            assert await world.files.listed() == []

    async def test_other_pools_stay_out_of_reach(self, redis_url: str) -> None:
        async with running_world(redis_url, files_user_isolation_enabled="false") as world:
            made = (await world.files.upload(b"shared")).file
            other = world.files.in_pool("other")

            assert await refusal(other.file(made.name)) == ("NOT_FOUND", "FILE_UNKNOWN")
            assert await other.listed() == []
