"""What bytes are, told by how they begin; and what a browser may show of them."""

import re

_KINDS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), media_type)
    for pattern, media_type in (
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF....WEBP", "image/webp"),
        (rb"....ftyp(?:heic|heix|hevc|hevx)", "image/heic"),
        (rb"....ftyp(?:mif1|msf1)", "image/heif"),
        (rb"....ftypavif", "image/avif"),
        (rb"%PDF-", "application/pdf"),
        (rb"RIFF....WAVE", "audio/wav"),
        (rb"fLaC", "audio/flac"),
        (rb"OggS", "audio/ogg"),
        (rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", "audio/mp3"),
        (rb"....ftypM4A ", "audio/mp4"),
        (rb"....ftyp(?:qt  )", "video/quicktime"),
        (rb"....ftyp", "video/mp4"),
        (rb"\x1aE\xdf\xa3", "video/webm"),
    )
)
_SHOWN = frozenset(
    {
        "audio/flac",
        "audio/mp3",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "video/mp4",
        "video/webm",
    }
)


def media_type_of(content: bytes) -> str:
    """Return the media type that the first bytes tell, empty when they tell none."""
    for pattern, media_type in _KINDS:
        if pattern.match(content):
            return media_type
    return ""


def is_shown(media_type: str) -> bool:
    """Whether a browser may show it where it stands: nothing that can hold a script."""
    return media_type in _SHOWN
