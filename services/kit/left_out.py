"""What libraries load when they find it, and no service needs.

structlog and httpx take Rich along, for tracebacks and for a command line: 4 MB and 100 ms of CPU
in every process. redis-py takes OpenTelemetry's metrics, 2 MB that nobody asked for.
"""

import sys

_TOOLS = ("httpx._main", "opentelemetry.sdk.metrics", "rich")


def leave_out_tools() -> None:
    """Make importing them fail as if they were not installed; comes before other imports."""
    for name in _TOOLS:
        # What is loaded already, somebody uses.
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None is how Python says no
