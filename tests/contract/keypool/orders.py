"""Orders and outcomes as the domain makes them."""

from datetime import timedelta
from typing import Any

from services.keypool.catalog import NewKey
from services.keypool.model import Lease, LeaseOrder, Outcome, Settlement


def order(**fields: Any) -> LeaseOrder:
    base: dict[str, Any] = {
        "request_id": "",
        "pool": "default",
        "model": "m",
        "count": 1,
        "client_id": "c",
        "hold": None,
        "lifetime": timedelta(minutes=5),
    }
    return LeaseOrder(**(base | fields))


def new_keys(projects: list[int]) -> list[NewKey]:
    """Return made-up keys: as many for each project as the list says."""
    return [
        NewKey(f"AIzaSyTest-{project:04d}-{number:04d}-0123456789", f"p{project}")
        for project, count in enumerate(projects)
        for number in range(count)
    ]


def settled(lease: Lease, outcome: Outcome = Outcome.SUCCEEDED) -> Settlement:
    return Settlement(lease.lease_id, outcome)
