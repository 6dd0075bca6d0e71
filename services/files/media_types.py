"""Telling what a file is when its client does not say.

In this order: what was declared; the type of the request that brought the bytes,
unless it tells nothing; the extension of a name; the first bytes.
"""

import mimetypes
from collections.abc import Iterable
from pathlib import PurePosixPath

UNKNOWN = "application/octet-stream"

_SAYS_NOTHING = frozenset(
    {
        "",
        UNKNOWN,
        "binary/octet-stream",
        "application/x-binary",
        # what programs send when they were told nothing
        "text/plain",
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/related",
    }
)

# The system's tables differ from machine to machine, Python's own do not.
_EXTENSIONS = mimetypes.MimeTypes(filenames=())

# Spelled as the Gemini API lists them, and what Python's tables lack.
_OURS = {
    ".aac": "audio/aac",
    ".aiff": "audio/aiff",
    ".avi": "video/x-msvideo",
    ".flac": "audio/flac",
    ".flv": "video/x-flv",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".jsonl": "application/jsonl",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".rtf": "text/rtf",
    ".ts": "text/x-typescript",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".wmv": "video/x-ms-wmv",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}

# Where, which bytes, what it is. The first that fits decides.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"FORM", "audio/aiff"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (0, b"\x00\x00\x01\xb3", "video/mpeg"),
    (0, b"PK\x03\x04", "application/zip"),
)
_RIFF_TYPES = frozenset({"image/webp", "audio/wav", "video/x-msvideo"})

# The brand after `ftyp` in files of the ISO family.
_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"3gp4": "video/3gpp",
    b"3gp5": "video/3gpp",
}

SNIFFED = 4096
"""So many first bytes tell the type."""


def telling(mime_type: str) -> str:
    """Return the type of a request's bytes if it tells something, else an empty text."""
    return "" if mime_type.partition(";")[0].strip().lower() in _SAYS_NOTHING else mime_type


def infer(declared: str, hint: str, names: Iterable[str], head: bytes) -> str:
    """Return the media type of a file, empty when nothing tells it.

    Args:
        declared: What its client declared.
        hint: The type of the request that brought the bytes, see `telling`.
        names: Names of the file, the best one first.
        head: Its first bytes, `SNIFFED` of them if there are so many.
    """
    return declared or hint or _by_names(names) or _by_signature(head) or _text_or_nothing(head)


def _by_names(names: Iterable[str]) -> str:
    for name in names:
        suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
        if not suffix:
            continue
        found = _OURS.get(suffix) or _EXTENSIONS.types_map[True].get(suffix)
        if found:
            return found
    return ""


def _by_signature(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return _BRANDS.get(bytes(head[8:12]), "video/mp4")
    for at, mark, mime_type in _SIGNATURES:
        if head[at : at + len(mark)] == mark and (
            mime_type not in _RIFF_TYPES or head[:4] == b"RIFF"
        ):
            return mime_type
    # An MPEG audio frame: eleven bits set, then a layer that exists.
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return "audio/aac" if head[1] & 0xF6 == 0xF0 else "audio/mpeg"
    return ""


def _text_or_nothing(head: bytes) -> str:
    if not head or any(byte < 0x20 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return ""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut.
        if error.start < len(head) - 3:
            return ""
    return "text/plain"
