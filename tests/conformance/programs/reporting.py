"""How the programs of the conformance suite are told what to do, and tell how it went.

Arguments: the address and the dialect. Standard input: a token. Prints lines of JSON: the
versions, then one for each feature. It needs the standard library only, for it runs in the
environment of every client.
"""

import asyncio
import base64
import inspect
import io
import json
import struct
import sys
import wave
import zlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

URL, DIALECT = sys.argv[1:]
TOKEN = sys.stdin.read().strip()
MODEL = "gemini-2.5-flash"
SIGNING_MODEL = "gemini-3-flash-preview"
EMBEDDING_MODEL = "gemini-embedding-001"
LIVE_MODEL = "gemini-live-2.5-flash-preview"
UNKNOWN_MODEL = "gemini-99"
LEAST_IMAGE_TOKENS = 200

_LONGEST_DETAIL = 600


def _picture() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    size = 16
    rows = zlib.compress(b"".join(b"\0" + b"\xe0\x30\x30" * size for _ in range(size)))
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _sound() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 4000)
    return buffer.getvalue()


PICTURE = _picture()
PICTURE_B64 = base64.b64encode(PICTURE).decode()
PICTURE_URL = f"data:image/png;base64,{PICTURE_B64}"
SOUND = _sound()


def need(condition: object, found: object) -> None:
    """Fail with what was found unless the condition holds."""
    if not condition:
        raise AssertionError(f"found {found!r}")


def raised(kind: type[Exception], action: Callable[[], Any]) -> Any:
    """Return the exception of a kind that an action raises; fail when it raises none."""
    try:
        answer = action()
    except kind as error:
        return error
    raise AssertionError(f"nothing was raised: {answer!r}")


def run(packages: tuple[str, ...], features: dict[str, Callable[[], Any]]) -> None:
    """Run the features one after the other and tell of each.

    Args:
        packages: The distributions whose versions are told, the client itself first.
        features: What to run by its name; it returns a detail to show, or raises.
    """
    _say(versions={name: version(name) for name in packages})
    for name, feature in features.items():
        try:
            detail = feature()
            if inspect.isawaitable(detail):
                detail = asyncio.run(_awaited(detail))
        except Exception as error:  # noqa: BLE001 - whatever it is, the table shows it
            text = f"{type(error).__name__}: {error}"
            _say(feature=name, ok=False, detail=text[:_LONGEST_DETAIL])
        else:
            _say(feature=name, ok=True, detail=str(detail or "")[:_LONGEST_DETAIL])


async def _awaited(detail: Any) -> Any:
    return await detail


def _say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)
