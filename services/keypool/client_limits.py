"""What a client may use: limits of our own, beside those of Google."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """The limits of one client; 0 means any number.

    A request counts once, when a lease is granted for it, however often it is
    tried: a lease that is granted in the call that settles a failed one takes
    its place, unless the client was to blame for the failure. It does not count
    when the lease comes back unused. Free operations count nothing. Tokens
    count once the upstream has told them, so a day's last requests may go
    beyond the limit by what they use themselves.

    Attributes:
        requests_per_minute: Requests in any 60 s.
        requests_per_day: Requests a day; days end at midnight US Pacific.
        tokens_per_day: Input, output and thought tokens a day.
    """

    requests_per_minute: int = 0
    requests_per_day: int = 0
    tokens_per_day: int = 0

    @property
    def is_limited(self) -> bool:
        """Whether anything is limited."""
        return bool(self.requests_per_minute or self.requests_per_day or self.tokens_per_day)


UNLIMITED = ClientLimits()
"""The limits of a client that has none."""
