"""Taking over what a plan names, through the calls that operators have."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2, keypool_pb2_grpc

from services.cli.admin_client import AdminClient
from services.cli.moving.installation import OldFile
from services.cli.moving.plan import OldToken, Plan
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel

TAG = "gemini-balance"

_SECONDS = 30.0


@dataclass(slots=True)
class Taken:
    """What has become of a plan.

    Attributes:
        added: How many things are new here, by what they are.
        known: How many were known already.
        problems: What could not be taken, for people.
    """

    added: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def note(self, what: str, *, is_new: bool) -> None:
        """Count one thing."""
        counts = self.added if is_new else self.known
        counts[what] = counts.get(what, 0) + 1


class Mover:
    """Takes over keys and tokens first, then the files that belong to both."""

    def __init__(self, admin: AdminClient, pool_channel: ServiceChannel, pool: str) -> None:
        """Speak to both sides of a key pool.

        Args:
            admin: The operator's side.
            pool_channel: The side that binds resources.
            pool: Where everything goes; empty for `default`.
        """
        self._admin = admin
        self._channel = pool_channel
        self._stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(pool_channel.channel)
        self._pool = pool

    async def take(self, plan: Plan) -> Taken:
        """Take over what a plan names. Doing it twice changes nothing.

        Raises:
            RemoteError: The key pool refuses, or does not answer.
        """
        taken = Taken()
        projects = await self._take_keys(plan.keys, taken)
        clients = {token.text: await self._take_token(token, taken) for token in plan.tokens}
        for file in plan.files:
            if not await self._take_file(file, projects, clients, taken):
                break
        return taken

    async def _take_keys(self, keys: list[str], taken: Taken) -> Mapping[str, str]:
        """Add keys and return the project of each."""
        new = [admin_pb2.NewKey(secret=key, tags=[TAG]) for key in keys]
        results = await self._admin.create_keys(new, pool=self._pool)
        for result in results:
            taken.note("keys", is_new=result.created)
        return {key: result.key.project_id for key, result in zip(keys, results, strict=True)}

    async def _take_token(self, token: OldToken, taken: Taken) -> str:
        """Make a token of a known text and return its client, empty when it opens nothing."""
        request = admin_pb2.CreateTokenRequest(
            name=token.name,
            token=token.text,
            scopes=token.scopes,
            pool=self._pool,
            tags=[TAG],
        )
        try:
            made = await self._admin.create_token(request)
        except RemoteError as error:
            if error.code is not grpc.StatusCode.ALREADY_EXISTS:
                raise
            taken.note("tokens", is_new=False)
            return await self._client_of(token, taken)
        taken.note("tokens", is_new=True)
        return made.token.client_id

    async def _client_of(self, token: OldToken, taken: Taken) -> str:
        try:
            answer = await self._call(
                self._stub.Authorize, keypool_pb2.AuthorizeRequest(token=token.text)
            )
        except RemoteError as error:
            if error.code is not grpc.StatusCode.PERMISSION_DENIED:
                raise
            taken.problems.append(f"a token of {token.name} was revoked here, and stays so")
            return ""
        client_id: str = answer.client_id
        return client_id

    async def _take_file(
        self,
        file: OldFile,
        projects: Mapping[str, str],
        clients: Mapping[str, str],
        taken: Taken,
    ) -> bool:
        """Bind a file; False when none can be bound."""
        client_id = clients[file.token]
        if not client_id:
            return True
        binding = keypool_pb2.Binding(
            resource_name=file.name, project_id=projects[file.key], client_id=client_id
        )
        binding.expire_time.FromDatetime(file.expire_time)
        request = keypool_pb2.BindResourceRequest(
            binding=binding, pool=self._pool, must_be_new=True
        )
        try:
            await self._call(self._stub.BindResource, request)
        except RemoteError as error:
            if error.code is grpc.StatusCode.PERMISSION_DENIED:
                taken.problems.append("files are left out: the credential lacks the scope act-as")
                return False
            if error.code is not grpc.StatusCode.ALREADY_EXISTS:
                raise
            taken.note("files", is_new=False)
            return True
        taken.note("files", is_new=True)
        return True

    async def _call(self, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        return await self._channel.call(method, request, timeout=_SECONDS)
