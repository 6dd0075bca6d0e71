"""The operator's calls to the key pool."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc
import grpc.aio
from gemini_balance.keypool.v1 import admin_pb2 as pb
from gemini_balance.keypool.v1 import admin_pb2_grpc

from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel

T = TypeVar("T")

BATCH = 1000
_TIMEOUT_SECONDS = 30.0
# These go through all keys.
_REKEY_SECONDS = 600.0
_DISCOVER_SECONDS = 3600.0


class AdminClient:
    """The calls that commands need. Failures are raised as `RemoteError`."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Call over a channel."""
        self._channel = channel
        self._stub = admin_pb2_grpc.KeyAdminServiceStub(channel.channel)

    async def create_keys(
        self, keys: Sequence[pb.NewKey], *, pool: str = ""
    ) -> list[pb.CreateKeysResponse.Result]:
        """Add keys, however many, and return what became of each, in order."""
        results: list[pb.CreateKeysResponse.Result] = []
        for start in range(0, len(keys), BATCH):
            request = pb.CreateKeysRequest(keys=keys[start : start + BATCH], pool=pool)
            results.extend((await self._call(self._stub.CreateKeys, request)).results)
        return results

    async def list_keys(
        self,
        *,
        tag: str = "",
        pool: str = "",
        state: pb.Key.State.ValueType = pb.Key.STATE_UNSPECIFIED,
    ) -> AsyncIterator[pb.Key]:
        """Yield all keys that fit."""
        request = pb.ListKeysRequest(page_size=BATCH, tag=tag, pool=pool, state=state)
        while True:
            page = await self._call(self._stub.ListKeys, request)
            for key in page.keys:
                yield key
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def get_key(self, key_id: str) -> pb.Key | None:
        """Return a key, None when there is none of this id."""
        try:
            return (await self._call(self._stub.GetKey, pb.GetKeyRequest(key_id=key_id))).key
        except RemoteError as error:
            if error.code in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT}:
                return None
            raise

    async def change_keys(
        self, request: pb.BatchUpdateKeysRequest
    ) -> AsyncIterator[pb.BatchUpdateKeysResponse]:
        """Change the keys that are named, or all that a filter selects, page by page."""
        while True:
            page = await self._call(self._stub.BatchUpdateKeys, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def verify_key(self, key_id: str) -> pb.VerifyKeyResponse:
        """Try a key against the upstream."""
        return await self._call(self._stub.VerifyKey, pb.VerifyKeyRequest(key_id=key_id))

    async def rekey_secrets(self, request: pb.RekeySecretsRequest) -> pb.RekeySecretsResponse:
        """Seal all secrets anew."""
        return await self._call(self._stub.RekeySecrets, request, timeout=_REKEY_SECONDS)

    async def discover_projects(
        self, request: pb.DiscoverProjectsRequest
    ) -> AsyncIterator[pb.DiscoverProjectsResponse]:
        """Find out which keys share a project; yield what is found as it is found."""
        call = self._stub.DiscoverProjects(
            request, timeout=_DISCOVER_SECONDS, metadata=self._channel.metadata()
        )
        try:
            async for finding in call:
                yield finding
        except grpc.aio.AioRpcError as error:
            raise RemoteError(error) from error
        finally:
            call.cancel()

    async def create_token(self, request: pb.CreateTokenRequest) -> pb.CreateTokenResponse:
        """Make a token."""
        return await self._call(self._stub.CreateToken, request)

    async def list_tokens(self) -> AsyncIterator[pb.Token]:
        """Yield all tokens."""
        request = pb.ListTokensRequest(page_size=BATCH)
        while True:
            page = await self._call(self._stub.ListTokens, request)
            for token in page.tokens:
                yield token
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def revoke_token(self, token_id: str) -> pb.Token:
        """Revoke a token for good."""
        request = pb.RevokeTokenRequest(token_id=token_id)
        return (await self._call(self._stub.RevokeToken, request)).token

    async def update_token(self, request: pb.UpdateTokenRequest) -> pb.Token:
        """Change what operators may change about a token."""
        return (await self._call(self._stub.UpdateToken, request)).token

    async def list_projects(self, *, pool: str = "") -> AsyncIterator[pb.Project]:
        """Yield all projects of a pool."""
        request = pb.ListProjectsRequest(page_size=BATCH, pool=pool)
        while True:
            page = await self._call(self._stub.ListProjects, request)
            for project in page.projects:
                yield project
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def update_project(self, request: pb.UpdateProjectRequest) -> pb.Project:
        """Change what operators may change about a project."""
        return (await self._call(self._stub.UpdateProject, request)).project

    async def merge_projects(self, request: pb.MergeProjectsRequest) -> pb.Project:
        """Make one project of two."""
        return (await self._call(self._stub.MergeProjects, request)).project

    async def set_quota(self, request: pb.SetQuotaRequest) -> pb.Quota:
        """Declare a limit."""
        return (await self._call(self._stub.SetQuota, request)).quota

    async def list_quotas(self, *, pool: str = "") -> list[pb.Quota]:
        """Return the declared limits."""
        request = pb.ListQuotasRequest(pool=pool)
        return list((await self._call(self._stub.ListQuotas, request)).quotas)

    async def delete_quota(self, request: pb.DeleteQuotaRequest) -> None:
        """Withdraw a declared limit."""
        await self._call(self._stub.DeleteQuota, request)

    async def set_egress(self, request: pb.SetEgressRequest) -> pb.Egress:
        """Declare a way out."""
        return (await self._call(self._stub.SetEgress, request)).egress

    async def list_egresses(self, *, pool: str = "") -> list[pb.Egress]:
        """Return the declared ways out."""
        request = pb.ListEgressesRequest(pool=pool)
        return list((await self._call(self._stub.ListEgresses, request)).egresses)

    async def delete_egress(self, request: pb.DeleteEgressRequest) -> None:
        """Withdraw a way out."""
        await self._call(self._stub.DeleteEgress, request)

    async def query_usage(self, request: pb.QueryUsageRequest) -> list[pb.QueryUsageResponse.Row]:
        """Return what was used, most calls first."""
        return list((await self._call(self._stub.QueryUsage, request)).rows)

    async def _call(
        self,
        method: Callable[..., Awaitable[T]],
        request: Any,
        *,
        timeout: float = _TIMEOUT_SECONDS,
    ) -> T:
        return await self._channel.call(method, request, timeout=timeout)
