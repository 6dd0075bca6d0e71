"""Free calls to Google over HTTP. The key travels in a header, never in a URL."""

import asyncio
import importlib
import re
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson

from services.keypool.model import VERTEX_POOL
from services.keypool.probing import KeyInHand, ProbeAnswer

if TYPE_CHECKING:
    from services.keypool.probe_wire import ProbeWire

_JSON = {"Content-Type": "application/json"}
_COUNTED = b'{"contents":[{"role":"user","parts":[{"text":"?"}]}]}'
_CONTENT = b"Which project does this belong to?"
_FILE_NAME = re.compile(r"files/[a-z0-9-]{1,64}")


class HttpProbe:
    """See `UpstreamProbe`; an async context manager."""

    def __init__(self, base_url: str, test_model: str, vertex_url: str) -> None:
        """Speak to an upstream.

        Args:
            base_url: Its root, without a version.
            test_model: The model to ask about.
            vertex_url: Where keys of Vertex express go, up to what stands before `/models`.
        """
        self._base = base_url.rstrip("/")
        self._vertex = vertex_url.rstrip("/")
        self._model = test_model.removeprefix("models/")
        self._wire: ProbeWire | None = None

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        if self._wire is not None:
            await self._wire.close()

    async def get_model(self, key: KeyInHand) -> ProbeAnswer:
        """See `UpstreamProbe.get_model`."""
        if key.pool != VERTEX_POOL:
            return await self._send(key, "GET", f"/v1beta/models/{self._model}")
        # Vertex express describes no models; counting is free there, too.
        path = f"/models/{self._model}:countTokens"
        return await self._send(key, "POST", path, headers=_JSON, body=_COUNTED)

    async def upload_file(self, key: KeyInHand) -> tuple[ProbeAnswer, str]:
        """See `UpstreamProbe.upload_file`."""
        # One request instead of a session: nothing to lose half-way.
        answer = await self._send(
            key,
            "POST",
            "/upload/v1beta/files",
            headers={"X-Goog-Upload-Protocol": "raw", "Content-Type": "text/plain"},
            body=_CONTENT,
        )
        return answer, _file_name(answer.body) if answer.is_ok else ""

    async def read_file(self, key: KeyInHand, name: str) -> ProbeAnswer:
        """See `UpstreamProbe.read_file`."""
        return await self._send(key, "GET", f"/v1beta/{name}")

    async def delete_file(self, key: KeyInHand, name: str) -> ProbeAnswer:
        """See `UpstreamProbe.delete_file`."""
        return await self._send(key, "DELETE", f"/v1beta/{name}")

    async def _send(self, key: KeyInHand, method: str, path: str, **request: Any) -> ProbeAnswer:
        wire = self._wire or await self._load_wire()
        base = self._vertex if key.pool == VERTEX_POOL else self._base
        return await wire.send(key, method, base + path, **request)

    async def _load_wire(self) -> "ProbeWire":
        # Many processes make no free call, and these imports are 8 MB. In a thread, so that
        # leases go on being granted.
        module = await asyncio.to_thread(importlib.import_module, "services.keypool.probe_wire")
        if self._wire is None:
            self._wire = module.ProbeWire()
        return self._wire


def _file_name(body: bytes) -> str:
    try:
        name = orjson.loads(body)["file"]["name"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    return name if isinstance(name, str) and _FILE_NAME.fullmatch(name) else ""
