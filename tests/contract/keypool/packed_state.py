"""The packed state of a project for a model, read without the scripts."""

import struct
from dataclasses import dataclass

COOLED, AHEAD, TAUGHT, PACED, SUMMED = 2, 4, 8, 16, 32
PACE_BYTES = 4 + 7 * 2
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Entry:
    first: int
    last: int
    requests: int
    tokens: int

    def counts_at(self, time: float, window: int) -> bool:
        return self.first <= time < self.last + window


@dataclass(frozen=True)
class State:
    rank: float
    cool_until: float
    day_end: int
    day_count: int
    learned: dict[str, int]
    log: tuple[Entry, ...]

    def used_at(self, time: float, window: int) -> tuple[int, int]:
        counted = [entry for entry in self.log if entry.counts_at(time, window)]
        return sum(entry.requests for entry in counted), sum(entry.tokens for entry in counted)

    def fits_at(
        self, time: float, tokens: int, limits: dict[str, int], window: int, slack: int
    ) -> bool:
        """Whether a request fits, by looking at every time at which the log may be full."""
        if time < self.cool_until:
            return False
        if (
            "rpd" in limits
            and time < self.day_end
            and (self.day_count >= limits["rpd"] or time + slack >= self.day_end)
        ):
            return False
        peaks = [time, *(entry.first for entry in self.log if time < entry.first < time + window)]
        for peak in peaks:
            requests, used = self.used_at(peak, window)
            if requests + 1 > limits.get("rpm", 10**9) or used + tokens > limits.get("tpm", 10**12):
                return False
        return True

    def earliest(
        self, now: float, tokens: int, limits: dict[str, int], window: int, slack: int
    ) -> float:
        """When a request fits, by trying every time at which something changes."""
        times = {now, self.cool_until, self.day_end, *(entry.last + window for entry in self.log)}
        for time in sorted(time for time in times if time >= now):
            if self.fits_at(time, tokens, limits, window, slack):
                return time
        return float("inf")


def _whole(packed: bytes, at: int, size: int) -> int:
    return int.from_bytes(packed[at : at + size], "little")


def read_state(packed: bytes) -> State:
    bits, rank = packed[0], struct.unpack_from("<d", packed, 1)[0]
    day_end, day_count = _whole(packed, 9, 3) * HOUR_MS, _whole(packed, 12, 3)
    at, cool_until, learned = 15, 0.0, {}
    if bits & COOLED:
        cool_until = struct.unpack_from("<d", packed, at)[0]
        at += 16
    if bits & AHEAD:
        at += 2
    if bits & TAUGHT:
        for kind in ("rpm", "tpm", "rpd"):
            if limit := _whole(packed, at, 4):
                learned[kind] = limit
            at += 10
    if bits & PACED:
        at += PACE_BYTES
    sums = None
    if bits & SUMMED:
        sums = _whole(packed, at, 4), _whole(packed, at + 4, 6)
        at += 10
    log = []
    for place in range(at, len(packed), 14):
        last, span = _whole(packed, place, 6), _whole(packed, place + 6, 2)
        requests, tokens = _whole(packed, place + 8, 2), _whole(packed, place + 10, 4)
        log.append(Entry(last - span, last, requests, tokens))
    assert at + 14 * len(log) == len(packed)
    told = sum(entry.requests for entry in log), sum(entry.tokens for entry in log)
    assert sums in {None, told}
    return State(rank, cool_until, day_end, day_count, learned, tuple(log))
