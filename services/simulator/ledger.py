"""What the simulator has been asked: counts for each key, and the last requests as received."""

import base64
import itertools
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from services.simulator.http import Exchange

KEPT_REQUESTS = 2000
KEPT_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class Entry:
    """One request, from its arrival on."""

    number: int
    at: float
    exchange: Exchange
    key: str = ""
    project: str = ""
    model: str = ""
    verb: str = ""
    is_cancelled: bool = False

    def outcome(self) -> str:
        """Return the status sent, `dropped`, `cancelled` or `open`."""
        if self.is_cancelled:
            return "cancelled"
        if self.exchange.is_cut:
            return "dropped"
        return str(self.exchange.status) if self.exchange.status else "open"

    def describe(self) -> dict[str, Any]:
        """Return the request as received, the body as text where it is text."""
        scope, body = self.exchange.scope, self.exchange.recorded
        described: dict[str, Any] = {
            "number": self.number,
            "at": self.at,
            "method": scope["method"],
            "path": scope.get("raw_path", scope["path"].encode()).decode("latin-1"),
            "query": scope["query_string"].decode("latin-1"),
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")]
                for name, value in scope["headers"]
            ],
            "body_bytes": self.exchange.body_bytes,
            "key": self.key,
            "project": self.project,
            "model": self.model,
            "verb": self.verb,
            "outcome": self.outcome(),
        }
        try:
            described["body"] = body.decode()
        except UnicodeDecodeError:
            described["body_base64"] = base64.b64encode(body).decode()
        return described


@dataclass(slots=True)
class _Counts:
    project: str = ""
    requests: int = 0
    ok: int = 0
    cancelled: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_verb: Counter[str] = field(default_factory=Counter)
    by_model: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        outcome = entry.outcome()
        self.project = entry.project
        self.requests += 1
        self.ok += outcome == "200"
        self.cancelled += entry.is_cancelled
        self.by_status[outcome] += 1
        self.by_verb[entry.verb] += 1
        if entry.model:
            self.by_model[entry.model] += 1

    def describe(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "ok": self.ok,
            "cancelled": self.cancelled,
            "by_status": dict(self.by_status),
            "by_verb": dict(self.by_verb),
            "by_model": dict(self.by_model),
        }


class Ledger:
    """Counts and the last requests, bounded in memory."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._numbers = itertools.count(1)
        self._keys: dict[str, _Counts] = {}
        self._total = _Counts()
        self._open: set[int] = set()
        self._most_open = 0
        self._recent: deque[Entry] = deque()
        self._recent_bytes = 0

    def open(self, exchange: Exchange, at: float) -> Entry:
        """Note the arrival of a request."""
        entry = Entry(next(self._numbers), at, exchange)
        self._open.add(entry.number)
        self._most_open = max(self._most_open, len(self._open))
        return entry

    def close(self, entry: Entry) -> None:
        """Count a request that has been answered or given up; once, however often it is told."""
        if entry.number not in self._open:
            return
        self._open.remove(entry.number)
        self._total.add(entry)
        counts = self._keys.get(entry.key)
        if counts is None:
            counts = self._keys[entry.key] = _Counts()
        counts.add(entry)
        self._recent.append(entry)
        self._recent_bytes += len(entry.exchange.recorded)
        while len(self._recent) > KEPT_REQUESTS or self._recent_bytes > KEPT_BYTES:
            self._recent_bytes -= len(self._recent.popleft().exchange.recorded)

    def describe(self) -> dict[str, Any]:
        """Return all counts; calls without a key stand under an empty one."""
        return {
            "keys": {
                key: {"project": counts.project, **counts.describe()}
                for key, counts in self._keys.items()
            },
            "total": self._total.describe(),
            "open": len(self._open),
            "most_open": self._most_open,
            "cancelled": self._total.cancelled,
        }

    def last(self, limit: int) -> list[dict[str, Any]]:
        """Return the last requests that ended, the newest last."""
        skipped = max(0, len(self._recent) - limit)
        return [entry.describe() for entry in itertools.islice(self._recent, skipped, None)]
