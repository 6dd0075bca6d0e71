"""The wire edge of the data path: read, call, write."""

# ruff: noqa: N802  # methods are named by the contract

from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc

from services.keypool import wire
from services.keypool.bindings import Bindings
from services.keypool.checking import (
    only_own,
    read_client,
    read_model,
    read_page_size,
    read_pool,
    read_resource,
)
from services.keypool.leasing import Leasing
from services.keypool.tokens import Tokens
from services.keypool.wire_outcomes import read_settlements, read_uses
from services.kit.grpc_boundary import Context


class PoolServicer(keypool_pb2_grpc.KeyPoolServiceServicer):
    """Serves `KeyPoolService`."""

    def __init__(self, leasing: Leasing, bindings: Bindings, tokens: Tokens) -> None:
        """Serve the domain's parts."""
        self._leasing = leasing
        self._bindings = bindings
        self._tokens = tokens

    async def AcquireLeases(
        self, request: pb.AcquireLeasesRequest, context: Context
    ) -> pb.AcquireLeasesResponse:
        """Grant leases, settling outcomes first."""
        order = wire.read_order(request)
        settlements = read_settlements(request.settlements)
        return wire.write_grant(await self._leasing.acquire(order, settlements))

    async def SettleLeases(
        self, request: pb.SettleLeasesRequest, context: Context
    ) -> pb.SettleLeasesResponse:
        """Count outcomes, each once."""
        results, withdrawals = await self._leasing.settle(
            read_settlements(request.settlements),
            read_uses(request.unleased_uses),
            read_pool(request.pool),
            wire.read_epoch(request),
        )
        return pb.SettleLeasesResponse(
            results=wire.write_results(results), withdrawals=wire.write_withdrawals(withdrawals)
        )

    async def RenewLease(
        self, request: pb.RenewLeaseRequest, context: Context
    ) -> pb.RenewLeaseResponse:
        """Extend a lease."""
        end = await self._leasing.renew(request.lease_id, wire.read_lifetime(request))
        return pb.RenewLeaseResponse(expire_time=wire.write_time(end))

    async def BindResource(
        self, request: pb.BindResourceRequest, context: Context
    ) -> pb.BindResourceResponse:
        """Remember whose a resource is."""
        binding = await self._bindings.bind(
            read_pool(request.pool),
            wire.read_binding(request.binding),
            must_be_new=request.must_be_new,
        )
        return pb.BindResourceResponse(binding=wire.write_binding(binding))

    async def ResolveResources(
        self, request: pb.ResolveResourcesRequest, context: Context
    ) -> pb.ResolveResourcesResponse:
        """Tell whose some resources are."""
        found = await self._bindings.resolve(
            read_pool(request.pool), wire.read_names(request), only_own()
        )
        return pb.ResolveResourcesResponse(
            bindings=[wire.write_binding(binding) for binding in found]
        )

    async def ListResources(
        self, request: pb.ListResourcesRequest, context: Context
    ) -> pb.ListResourcesResponse:
        """List a client's resources."""
        found, next_page = await self._bindings.list_page(
            read_pool(request.pool),
            read_client(request.client_id),
            wire.read_prefix(request),
            read_page_size(request.page_size),
            request.page_token,
        )
        return pb.ListResourcesResponse(
            bindings=[wire.write_binding(binding) for binding in found],
            next_page_token=next_page,
        )

    async def UnbindResource(
        self, request: pb.UnbindResourceRequest, context: Context
    ) -> pb.UnbindResourceResponse:
        """Forget whose a resource is."""
        resource = read_resource(request.resource_name, "resource_name")
        await self._bindings.unbind(read_pool(request.pool), resource, only_own())
        return pb.UnbindResourceResponse()

    async def Authorize(
        self, request: pb.AuthorizeRequest, context: Context
    ) -> pb.AuthorizeResponse:
        """Tell who holds a token."""
        return wire.write_authorization(await self._tokens.authorize(wire.read_token(request)))

    async def Explain(self, request: pb.ExplainRequest, context: Context) -> pb.ExplainResponse:
        """Tell how each project stands."""
        standings = await self._leasing.explain(
            read_pool(request.pool), read_model(request.model), wire.read_tokens(request)
        )
        return pb.ExplainResponse(
            projects=[wire.write_standing(standing) for standing in standings]
        )
