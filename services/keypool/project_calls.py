"""The wire edge of projects, their limits and their ways out: read, call, write."""

# ruff: noqa: N802  # methods are named by the contract

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from gemini_balance.keypool.v1 import admin_pb2 as pb
from gemini_balance.keypool.v1 import admin_pb2_grpc

from services.keypool.checking import read_ids, read_page_size, read_pool
from services.keypool.declared_egress import DeclaredEgress
from services.keypool.declaring import Declarations
from services.keypool.discovering import MOST_KEYS, Discovering
from services.keypool.egress_health import EgressHealth
from services.keypool.projects import Projects
from services.keypool.wire_egress import read_egress, read_egress_name, write_egress
from services.keypool.wire_projects import (
    read_limits,
    read_merge,
    read_scope,
    read_tier_change,
    write_finding,
    write_project,
    write_quota,
)
from services.kit.grpc_boundary import Context


@dataclass(frozen=True, slots=True)
class ProjectParts:
    """What the calls about projects need of the domain."""

    projects: Projects
    quotas: Declarations
    discovering: Discovering
    egress: DeclaredEgress
    health: EgressHealth


class ProjectCalls(admin_pb2_grpc.KeyAdminServiceServicer):
    """Serves what `KeyAdminService` has about projects."""

    def __init__(self, parts: ProjectParts) -> None:
        """Serve the domain's parts."""
        self._parts = parts

    async def ListProjects(
        self, request: pb.ListProjectsRequest, context: Context
    ) -> pb.ListProjectsResponse:
        """List projects."""
        projects, next_page = await self._parts.projects.list_page(
            read_pool(request.pool), read_page_size(request.page_size), request.page_token
        )
        return pb.ListProjectsResponse(
            projects=[write_project(project) for project in projects], next_page_token=next_page
        )

    async def UpdateProject(
        self, request: pb.UpdateProjectRequest, context: Context
    ) -> pb.UpdateProjectResponse:
        """Change a project."""
        project = await self._parts.projects.change_tier(*read_tier_change(request))
        return pb.UpdateProjectResponse(project=write_project(project))

    async def MergeProjects(
        self, request: pb.MergeProjectsRequest, context: Context
    ) -> pb.MergeProjectsResponse:
        """Make one project of two."""
        project = await self._parts.projects.merge(*read_merge(request))
        return pb.MergeProjectsResponse(project=write_project(project))

    async def DiscoverProjects(
        self, request: pb.DiscoverProjectsRequest, context: Context
    ) -> AsyncIterator[pb.DiscoverProjectsResponse]:
        """Find out which keys share a project."""
        findings = self._parts.discovering.discover(
            read_pool(request.pool),
            read_ids(request.key_ids, "key_ids", MOST_KEYS),
            dry_run=request.dry_run,
        )
        # Closed here, not by the collector: its end deletes files at the upstream.
        async with contextlib.aclosing(findings):
            async for finding in findings:
                yield write_finding(finding)

    async def SetQuota(self, request: pb.SetQuotaRequest, context: Context) -> pb.SetQuotaResponse:
        """Declare a limit."""
        scope, limits = read_scope(request.quota), read_limits(request.quota)
        await self._parts.quotas.declare(read_pool(request.pool), scope, limits)
        return pb.SetQuotaResponse(quota=write_quota(scope, limits))

    async def ListQuotas(
        self, request: pb.ListQuotasRequest, context: Context
    ) -> pb.ListQuotasResponse:
        """List declared limits."""
        quotas = await self._parts.quotas.list_all(read_pool(request.pool))
        return pb.ListQuotasResponse(quotas=[write_quota(*quota) for quota in quotas])

    async def DeleteQuota(
        self, request: pb.DeleteQuotaRequest, context: Context
    ) -> pb.DeleteQuotaResponse:
        """Withdraw a declared limit."""
        await self._parts.quotas.withdraw(read_pool(request.pool), read_scope(request.quota))
        return pb.DeleteQuotaResponse()

    async def SetEgress(
        self, request: pb.SetEgressRequest, context: Context
    ) -> pb.SetEgressResponse:
        """Declare a way out."""
        egress = await self._parts.egress.declare(*read_egress(request))
        return pb.SetEgressResponse(egress=write_egress(egress, self._parts.health.blocked_until))

    async def ListEgresses(
        self, request: pb.ListEgressesRequest, context: Context
    ) -> pb.ListEgressesResponse:
        """List the declared ways out."""
        found = self._parts.egress.list_all(read_pool(request.pool))
        blocked_until = self._parts.health.blocked_until
        return pb.ListEgressesResponse(
            egresses=[write_egress(each, blocked_until) for each in found]
        )

    async def DeleteEgress(
        self, request: pb.DeleteEgressRequest, context: Context
    ) -> pb.DeleteEgressResponse:
        """Withdraw a way out."""
        name = read_egress_name(request.name, "name")
        await self._parts.egress.withdraw(read_pool(request.pool), name)
        return pb.DeleteEgressResponse()
