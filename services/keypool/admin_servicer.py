"""The wire edge of the operator's side: read, call, write. Projects are in `project_calls`."""

# ruff: noqa: N802  # methods are named by the contract

from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.keypool import wire_admin as wire
from services.keypool import wire_bulk
from services.keypool.bulk_changes import BulkChanges
from services.keypool.catalog import KeyChange, KeyState, TokenChange, TokenState
from services.keypool.checking import read_id, read_page_size, read_pool, read_text
from services.keypool.keys import Keys
from services.keypool.project_calls import ProjectCalls, ProjectParts
from services.keypool.rekeying import Rekeying
from services.keypool.tokens import Tokens
from services.keypool.usage import UsageBook
from services.keypool.verifying import Verifying
from services.keypool.wire_usage import read_usage_query, write_usage
from services.kit.grpc_boundary import Context


class AdminServicer(ProjectCalls):
    """Serves `KeyAdminService`."""

    def __init__(
        self,
        keys: Keys,
        tokens: Tokens,
        usage: UsageBook,
        *,
        bulk: BulkChanges,
        verifying: Verifying,
        rekeying: Rekeying,
        projects: ProjectParts,
    ) -> None:
        """Serve the domain's parts."""
        super().__init__(projects)
        self._keys = keys
        self._tokens = tokens
        self._usage = usage
        self._bulk = bulk
        self._verifying = verifying
        self._rekeying = rekeying

    async def CreateKeys(
        self, request: pb.CreateKeysRequest, context: Context
    ) -> pb.CreateKeysResponse:
        """Add keys."""
        results = await self._keys.create(read_pool(request.pool), wire.read_new_keys(request))
        return pb.CreateKeysResponse(
            results=[
                pb.CreateKeysResponse.Result(key=wire.write_key(key), created=created)
                for key, created in results
            ]
        )

    async def GetKey(self, request: pb.GetKeyRequest, context: Context) -> pb.GetKeyResponse:
        """Return a key."""
        key = await self._keys.get(read_id(request.key_id, "key_id"))
        return pb.GetKeyResponse(key=wire.write_key(key))

    async def ListKeys(self, request: pb.ListKeysRequest, context: Context) -> pb.ListKeysResponse:
        """List keys."""
        keys, next_page = await self._keys.list_page(
            wire.read_filter_pool(request.pool),
            wire.read_filter_state(request.state),
            read_text(request.tag, "tag", 64),
            read_page_size(request.page_size),
            request.page_token,
        )
        return pb.ListKeysResponse(
            keys=[wire.write_key(key) for key in keys], next_page_token=next_page
        )

    async def UpdateKey(
        self, request: pb.UpdateKeyRequest, context: Context
    ) -> pb.UpdateKeyResponse:
        """Change a key."""
        key = await self._keys.change(*wire.read_key_change(request))
        return pb.UpdateKeyResponse(key=wire.write_key(key))

    async def BatchUpdateKeys(
        self, request: pb.BatchUpdateKeysRequest, context: Context
    ) -> pb.BatchUpdateKeysResponse:
        """Change many keys alike."""
        key_ids, change = wire_bulk.read_named(request), wire_bulk.read_change(request)
        if key_ids:
            return wire_bulk.write_changed(await self._bulk.change_named(key_ids, change))
        selected = self._bulk.change_selected(
            *wire_bulk.read_filter(request), change, request.page_token
        )
        return wire_bulk.write_changed(await selected)

    async def PauseKey(self, request: pb.PauseKeyRequest, context: Context) -> pb.PauseKeyResponse:
        """Take a key out of use."""
        key_id = read_id(request.key_id, "key_id")
        key = await self._keys.change(key_id, KeyChange(state=KeyState.PAUSED.value))
        return pb.PauseKeyResponse(key=wire.write_key(key))

    async def ResumeKey(
        self, request: pb.ResumeKeyRequest, context: Context
    ) -> pb.ResumeKeyResponse:
        """Put a key back into use."""
        key_id = read_id(request.key_id, "key_id")
        key = await self._keys.change(key_id, KeyChange(state=KeyState.ACTIVE.value))
        return pb.ResumeKeyResponse(key=wire.write_key(key))

    async def DeleteKey(
        self, request: pb.DeleteKeyRequest, context: Context
    ) -> pb.DeleteKeyResponse:
        """Remove a key."""
        seeded = await self._keys.delete(read_id(request.key_id, "key_id"))
        return pb.DeleteKeyResponse(seeded=seeded)

    async def VerifyKey(
        self, request: pb.VerifyKeyRequest, context: Context
    ) -> pb.VerifyKeyResponse:
        """Try a key against the upstream."""
        verified = await self._verifying.verify(read_id(request.key_id, "key_id"))
        return pb.VerifyKeyResponse(
            valid=verified.is_valid,
            rule_id=verified.rule_id,
            message=verified.message,
            key=wire.write_key(verified.key),
        )

    async def CreateToken(
        self, request: pb.CreateTokenRequest, context: Context
    ) -> pb.CreateTokenResponse:
        """Make a token."""
        token, text = await self._tokens.create(wire.read_new_token(request))
        return pb.CreateTokenResponse(token=wire.write_token(token), secret=text)

    async def ListTokens(
        self, request: pb.ListTokensRequest, context: Context
    ) -> pb.ListTokensResponse:
        """List tokens."""
        tokens, next_page = await self._tokens.list_page(
            read_page_size(request.page_size), request.page_token
        )
        return pb.ListTokensResponse(
            tokens=[wire.write_token(token) for token in tokens], next_page_token=next_page
        )

    async def UpdateToken(
        self, request: pb.UpdateTokenRequest, context: Context
    ) -> pb.UpdateTokenResponse:
        """Change a token."""
        token = await self._tokens.change(*wire.read_token_change(request))
        return pb.UpdateTokenResponse(token=wire.write_token(token))

    async def RevokeToken(
        self, request: pb.RevokeTokenRequest, context: Context
    ) -> pb.RevokeTokenResponse:
        """Revoke a token."""
        token_id = read_id(request.token_id, "token_id")
        token = await self._tokens.change(
            token_id, TokenChange(state=TokenState.REVOKED, has_left_settings=False)
        )
        return pb.RevokeTokenResponse(token=wire.write_token(token))

    async def QueryUsage(
        self, request: pb.QueryUsageRequest, context: Context
    ) -> pb.QueryUsageResponse:
        """Sum what was used."""
        rows = await self._usage.query(*read_usage_query(request))
        return pb.QueryUsageResponse(rows=write_usage(rows))

    async def RekeySecrets(
        self, request: pb.RekeySecretsRequest, context: Context
    ) -> pb.RekeySecretsResponse:
        """Seal secrets anew."""
        rekeyed = await self._rekeying.rekey(wire.read_encryption_key(request))
        return pb.RekeySecretsResponse(
            resealed_count=rekeyed.resealed,
            current_count=rekeyed.current,
            unreadable_count=rekeyed.unreadable,
        )
