"""Ways out on the wire: from proto to the domain, checked, and back."""

from collections.abc import Callable, Iterable
from datetime import datetime

from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.keypool.checking import check, read_id, read_ids, read_pool, read_tags
from services.keypool.declared_egress import EgressChange
from services.keypool.egress import MOST_PROXIES, Egress, Source, show_proxy
from services.keypool.wire import write_time
from services.keypool.wire_admin import read_proxy

_MOST_PROJECTS = 1_000
_FIELDS = {"project_ids", "tags", "proxies"}


def read_egress_name(text: str, field: str) -> str:
    """Return the name of a way out."""
    return read_id(text, field)


def read_egress(request: pb.SetEgressRequest) -> tuple[str, str, EgressChange]:
    """Return the pool and the name of a way out, and what to declare of it."""
    egress, paths = request.egress, set(request.update_mask.paths) or _FIELDS
    check("update_mask", f"must name some of {', '.join(sorted(_FIELDS))}", ok=paths <= _FIELDS)
    change = EgressChange(
        projects=(
            read_ids(egress.project_ids, "egress.project_ids", _MOST_PROJECTS)
            if "project_ids" in paths
            else None
        ),
        tags=read_tags(egress.tags, "egress.tags") if "tags" in paths else None,
        proxies=_read_proxies(request.proxy_urls) if "proxies" in paths else None,
    )
    return read_pool(egress.pool), read_egress_name(egress.name, "egress.name"), change


def write_egress(egress: Egress, blocked_until: Callable[[str], datetime | None]) -> pb.Egress:
    """Return a way out, without the credentials of its proxies."""
    return pb.Egress(
        name=egress.name,
        pool=egress.pool,
        project_ids=egress.projects,
        tags=egress.tags,
        proxies=[
            pb.Egress.Proxy(url=show_proxy(proxy), avoid_until=write_time(blocked_until(proxy)))
            for proxy in egress.proxies or ()
        ],
        filed=egress.source is Source.FILE,
        unreadable=egress.proxies is None,
    )


def _read_proxies(values: Iterable[str]) -> tuple[str, ...]:
    proxies = tuple(dict.fromkeys(values))
    rule = f"must be 1 to {MOST_PROXIES}"
    check("proxy_urls", rule, ok=1 <= len(proxies) <= MOST_PROXIES)
    for at, proxy in enumerate(proxies):
        check(f"proxy_urls[{at}]", "must not be empty", ok=bool(proxy))
        read_proxy(proxy, f"proxy_urls[{at}]")
    return proxies
