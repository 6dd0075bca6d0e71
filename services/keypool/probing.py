"""The port for free calls to the upstream, which use no quota of any model."""

from dataclasses import dataclass
from typing import Protocol

from services.judging import Evidence, Operation, Phase, Verdict, judge


@dataclass(frozen=True, slots=True)
class KeyInHand:
    """A key ready to be used.

    Attributes:
        key_id: Its id.
        secret: The credential.
        proxy_url: The proxy that calls with it go through, empty for none.
        pool: Its pool, which tells its kind and so the address that it is for.
    """

    key_id: str
    secret: str
    proxy_url: str
    pool: str

    def __repr__(self) -> str:
        """Return no more than its id."""
        return f"KeyInHand({self.key_id})"


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What the upstream said to a free call.

    Attributes:
        phase: How far the call came.
        status: The HTTP status, 0 when there was none.
        body: The beginning of the body.
    """

    phase: Phase
    status: int = 0
    body: bytes = b""

    @property
    def is_ok(self) -> bool:
        """Whether the upstream did as asked."""
        return self.phase is Phase.ANSWERED and 200 <= self.status < 300

    def verdict(self, operation: Operation) -> Verdict:
        """Judge a failure."""
        return judge(Evidence(self.phase, operation, self.status, self.body))


class UpstreamProbe(Protocol):
    """Free calls. None raises: what goes wrong on the way is an answer too."""

    async def get_model(self, key: KeyInHand) -> ProbeAnswer:
        """Ask about a model; tells whether the key is accepted."""
        ...

    async def upload_file(self, key: KeyInHand) -> tuple[ProbeAnswer, str]:
        """Make a tiny file and return its name, such as `files/abc`, empty when it failed."""
        ...

    async def read_file(self, key: KeyInHand, name: str) -> ProbeAnswer:
        """Read the record of a file; only keys of the project that made it may."""
        ...

    async def delete_file(self, key: KeyInHand, name: str) -> ProbeAnswer:
        """Delete a file."""
        ...
