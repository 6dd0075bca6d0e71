"""Projects and declared limits on the wire: from proto to the domain, checked, and back."""

from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.keypool import names
from services.keypool.checking import NAME_RULE, check, read_id, read_pool, read_text
from services.keypool.discovering import Finding
from services.keypool.project_store import Limits, Project, QuotaScope
from services.keypool.projects import LONGEST_REASON
from services.keypool.wire import write_time

HIGHEST = 1_000_000_000_000
"""The highest limit that can be declared."""


def read_tier_change(request: pb.UpdateProjectRequest) -> tuple[str, str, str]:
    """Return the pool, the project and its new tier."""
    check("update_mask", "must name tier", ok=set(request.update_mask.paths) == {"tier"})
    project, tier = request.project, request.project.tier
    check("project.tier", NAME_RULE, ok=not tier or names.is_project_id(tier))
    return read_pool(project.pool), read_id(project.project_id, "project.project_id"), tier


def read_merge(request: pb.MergeProjectsRequest) -> tuple[str, str, str, str]:
    """Return the pool, the project that ends, the one that goes on, and why."""
    return (
        read_pool(request.pool),
        read_id(request.from_project_id, "from_project_id"),
        read_id(request.into_project_id, "into_project_id"),
        read_text(request.reason, "reason", LONGEST_REASON),
    )


def read_scope(quota: pb.Quota) -> QuotaScope:
    """Return what limits hold for."""
    is_one = bool(quota.tier) != bool(quota.project_id)
    check("quota", "must name either a tier or a project", ok=is_one)
    is_pattern = bool(quota.model) and names.is_model(quota.model.replace("*", ""))
    check("quota.model", "must be a model, where * stands for any text", ok=is_pattern)
    if quota.tier:
        return QuotaScope("t", read_id(quota.tier, "quota.tier"), quota.model)
    return QuotaScope("p", read_id(quota.project_id, "quota.project_id"), quota.model)


def read_limits(quota: pb.Quota) -> Limits:
    """Return limits, at least one."""
    limits = Limits(
        rpm=quota.requests_per_minute if quota.HasField("requests_per_minute") else None,
        tpm=quota.input_tokens_per_minute if quota.HasField("input_tokens_per_minute") else None,
        rpd=quota.requests_per_day if quota.HasField("requests_per_day") else None,
    )
    check("quota", "must declare at least one limit", ok=limits != Limits())
    for field, value in (
        ("requests_per_minute", limits.rpm),
        ("input_tokens_per_minute", limits.tpm),
        ("requests_per_day", limits.rpd),
    ):
        check(f"quota.{field}", f"must be 0 to {HIGHEST}", ok=0 <= (value or 0) <= HIGHEST)
    return limits


def write_quota(scope: QuotaScope, limits: Limits) -> pb.Quota:
    """Return a declared limit."""
    return pb.Quota(
        tier=scope.name if scope.kind == "t" else "",
        project_id=scope.name if scope.kind == "p" else "",
        model=scope.model,
        requests_per_minute=limits.rpm,
        input_tokens_per_minute=limits.tpm,
        requests_per_day=limits.rpd,
    )


def write_project(project: Project) -> pb.Project:
    """Return a project."""
    return pb.Project(
        project_id=project.project_id,
        pool=project.pool,
        tier=project.tier,
        origin=project.origin.value,
        key_ids=project.key_ids,
        cool_until=write_time(project.cool_until),
        audit=project.audit,
    )


def write_finding(finding: Finding) -> pb.DiscoverProjectsResponse:
    """Return what was found out about a key."""
    return pb.DiscoverProjectsResponse(
        key_id=finding.key_id,
        project_id=finding.project_id,
        moved=finding.moved,
        detail=finding.detail,
        done_count=finding.done,
        total_count=finding.total,
    )
