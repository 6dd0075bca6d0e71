"""A client of the simulator's control plane, for tests and load tests."""

import base64
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs

import httpx
import orjson

from services.simulator.credentials import KeyState
from services.simulator.faults import Fault, FaultKind
from services.simulator.scripts import Script


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something was asked.

    Attributes:
        requests: Requests that have ended, however they did.
        ok: Those answered 200; a stream that broke off counts as what it became.
        cancelled: Those whose client left before the end.
        by_status: Requests by status, `cancelled` or `dropped` (broken off by a fault).
        by_verb: Requests by verb, such as `generateContent` or `upload.start`.
        by_model: Requests by model, for calls on models.
        project: Whose key it was, for the counts of a key.
    """

    requests: int = 0
    ok: int = 0
    cancelled: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    by_verb: dict[str, int] = field(default_factory=dict)
    by_model: dict[str, int] = field(default_factory=dict)
    project: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """All counts.

    Attributes:
        total: Of all requests.
        keys: By key; requests without one stand under an empty key.
        open: Requests being served at this moment.
        most_open: The most that were served at one time.
    """

    total: Counts
    keys: dict[str, Counts]
    open: int
    most_open: int

    def of(self, key: str) -> Counts:
        """Return the counts of a key, all zero when it was never used."""
        return self.keys.get(key, Counts())


@dataclass(frozen=True, slots=True)
class Received:
    """A request as the simulator received it.

    Attributes:
        headers: In their order, names in lower case.
        body: The first 64 KiB of the body.
        body_bytes: The length of the whole body.
        outcome: The status sent, `cancelled`, or `dropped`.
    """

    number: int
    at: float
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    body_bytes: int
    key: str
    project: str
    model: str
    verb: str
    outcome: str

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for known, value in self.headers if known == name.lower()), None)

    def json(self) -> Any:
        """Return the body as JSON."""
        return orjson.loads(self.body)

    def params(self) -> dict[str, list[str]]:
        """Return the query, decoded."""
        return parse_qs(self.query, keep_blank_values=True)


class SimulatorControl:
    """Steers and questions a running simulator."""

    def __init__(self, url: str) -> None:
        """Speak to the simulator at `url`, such as `http://127.0.0.1:8080`."""
        # Plain HTTP only: loading certificates would cost each test more than its requests.
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/_sim/",
            trust_env=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    async def __aenter__(self) -> Self:
        """Return itself; the connection closes at the end of the block."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def counts(self) -> Tally:
        """Return what has been asked since the start or the last reset."""
        found = await self._get("counts")
        return Tally(
            total=Counts(**found["total"]),
            keys={key: Counts(**counts) for key, counts in found["keys"].items()},
            open=found["open"],
            most_open=found["most_open"],
        )

    async def requests(self, limit: int = 100) -> list[Received]:
        """Return the last requests that ended, the newest last."""
        found = await self._get("requests", limit=limit)
        return [_read_received(each) for each in found["requests"]]

    async def put_key(self, key: str, *, project: str = "", state: KeyState = "valid") -> None:
        """Add a key, or change its project or state."""
        await self._post("keys", {"key": key, "project": project, "state": state})

    async def add_fault(self, kind: FaultKind, **options: Any) -> int:
        """Put a fault in force and return its number; the options are the fields of `Fault`."""
        fault = Fault(kind=kind, **options)
        number: int = (await self._post("faults", fault.model_dump()))["id"]
        return number

    async def faults(self) -> list[dict[str, Any]]:
        """Return the faults in force, each with its `id` and `hits`."""
        found: list[dict[str, Any]] = (await self._get("faults"))["faults"]
        return found

    async def clear_faults(self) -> None:
        """Lift all faults."""
        await self._send("DELETE", "faults")

    async def put_script(self, script: Script) -> None:
        """Let the model play a script in the conversations that hold its cue."""
        await self._post("scripts", script.model_dump())

    async def set_limits(
        self,
        *,
        rpm: int = 0,
        tpm: int = 0,
        rpd: int = 0,
        window: Literal["sliding", "fixed"] = "sliding",
        project: str = "",
        model: str = "",
    ) -> None:
        """Change the quotas, of everything unless a project or a model is named; 0 is no limit."""
        order = {"rpm": rpm, "tpm": tpm, "rpd": rpd, "window": window}
        await self._post("limits", order | {"project": project, "model": model})

    async def set_clock(self, offset_seconds: float) -> float:
        """Let the simulator's clock run this far ahead of the real one, and return its time."""
        now: float = (await self._post("clock", {"offset_seconds": offset_seconds}))["now"]
        return now

    async def set_behaviour(
        self,
        *,
        chunk_delay_seconds: float | None = None,
        bind_signatures: bool | None = None,
        free_tier: bool | None = None,
        job_seconds: float | None = None,
        processing_seconds: float | None = None,
        processing_fails: bool | None = None,
    ) -> None:
        """Change what is given, leave the rest."""
        order = {
            "chunk_delay_seconds": chunk_delay_seconds,
            "bind_signatures": bind_signatures,
            "free_tier": free_tier,
            "job_seconds": job_seconds,
            "processing_seconds": processing_seconds,
            "processing_fails": processing_fails,
        }
        await self._post("behaviour", order)

    async def live_sessions(self) -> list[dict[str, Any]]:
        """Return the Live sessions that are open: `key`, `project`, `model`, `heard`, `said`."""
        found: list[dict[str, Any]] = (await self._get("live"))["sessions"]
        return found

    async def warn_live(self, time_left: str, *, key: str = "") -> int:
        """Send `goAway` to the sessions of a key, or to all; return how many there were."""
        reply = await self._post("live", {"key": key, "time_left": time_left})
        return int(reply["sessions"])

    async def close_live(self, close_code: int, reason: str = "", *, key: str = "") -> int:
        """Close the sessions of a key, or all; return how many there were."""
        order = {"key": key, "close_code": close_code, "reason": reason}
        return int((await self._post("live", order))["sessions"])

    async def reset(self) -> None:
        """Forget everything that happened and begin again as the settings say."""
        await self._post("reset", {})

    async def file_sha256(self, file_id: str) -> str:
        """Return the SHA-256 of an uploaded file in hexadecimal, whosever file it is."""
        digest: str = (await self._get(f"files/{file_id.removeprefix('files/')}/sha256"))["sha256"]
        return digest

    async def _get(self, path: str, **query: Any) -> dict[str, Any]:
        return await self._send("GET", path, params=query)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._send("POST", path, json=body)

    async def _send(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = await self._http.request(method, path, **options)
        if response.is_error:
            raise ControlError(f"{method} {path}: {response.status_code} {response.text}")
        reply: dict[str, Any] = response.json()
        return reply


class ControlError(Exception):
    """The control plane refused an order."""


def _read_received(described: dict[str, Any]) -> Received:
    body = described.pop("body", "").encode()
    packed = described.pop("body_base64", "")
    headers = [(name, value) for name, value in described.pop("headers")]
    return Received(**described, headers=headers, body=base64.b64decode(packed) or body)
