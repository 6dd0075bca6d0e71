"""Which paths open a Live session."""

import re
from dataclasses import dataclass

# JavaScript's SDK joins its address and the path with two slashes.
_PATH = re.compile(
    r"/{1,2}ws/google\.ai\.generativelanguage\.(?P<version>v1|v1beta|v1alpha)"
    r"\.GenerativeService\.BidiGenerateContent(?P<constrained>Constrained)?"
)


@dataclass(frozen=True, slots=True)
class LiveTarget:
    """What a path opens.

    Attributes:
        version: Such as `v1beta`.
    """

    version: str

    def path(self, *, is_constrained: bool) -> str:
        """Return the path at the upstream, by which credential opens it.

        Args:
            is_constrained: Whether an ephemeral token does, which carries the setup's limits.
        """
        kind = "Constrained" if is_constrained else ""
        service = f"google.ai.generativelanguage.{self.version}.GenerativeService"
        return f"/ws/{service}.BidiGenerateContent{kind}"


def live_target_of(path: str) -> LiveTarget | None:
    """Return what a path opens, None for any other path."""
    match = _PATH.fullmatch(path)
    return LiveTarget(match["version"]) if match else None
