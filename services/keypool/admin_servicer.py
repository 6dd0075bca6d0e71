"""The wire edge of the operator's side: read, call, write."""

# ruff: noqa: N802  # methods are named by the contract

from gemini_balance.keypool.v1 import admin_pb2 as pb
from gemini_balance.keypool.v1 import admin_pb2_grpc

from services.keypool import wire_admin as wire
from services.keypool.catalog import KeyChange, KeyState, TokenChange, TokenState
from services.keypool.checking import read_id, read_page_size, read_pool, read_text
from services.keypool.keys import Keys
from services.keypool.tokens import Tokens
from services.kit.errors import NotBuiltError
from services.kit.grpc_boundary import Context


class AdminServicer(admin_pb2_grpc.KeyAdminServiceServicer):
    """Serves `KeyAdminService`."""

    def __init__(self, keys: Keys, tokens: Tokens) -> None:
        """Serve the domain's parts."""
        self._keys = keys
        self._tokens = tokens

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
        """Refuse: this needs a way to the upstream."""
        raise NotBuiltError("verifying keys is not built yet")

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
        token = await self._tokens.change(token_id, TokenChange(state=TokenState.REVOKED))
        return pb.RevokeTokenResponse(token=wire.write_token(token))

    async def QueryUsage(
        self, request: pb.QueryUsageRequest, context: Context
    ) -> pb.QueryUsageResponse:
        """Refuse: usage is not summed yet."""
        raise NotBuiltError("usage queries are not built yet")
