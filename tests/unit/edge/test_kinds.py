import pytest

from services.edge.audio.kinds import kind_of

MP3_FRAME = b"\xff\xfb\x90\x64"
ADTS_FRAME = b"\xff\xf1\x58\x40"
MP4 = b"\x00\x00\x00\x20ftypisom"
WEBM = b"\x1aE\xdf\xa3"


@pytest.mark.parametrize(
    ("head", "declared", "name", "kind"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "", "", "audio/wav"),
        (b"ID3\x04", "", "", "audio/mp3"),
        (MP3_FRAME, "", "", "audio/mp3"),
        (ADTS_FRAME, "", "", "audio/aac"),
        (b"fLaC", "", "", "audio/flac"),
        (b"OggS", "", "", "audio/ogg"),
        (b"FORM\x00\x00\x00\x00AIFF", "", "", "audio/aiff"),
        (MP4, "", "", "audio/mp4"),
        (MP4, "audio/x-m4a", "a.m4a", "audio/mp4"),
        (MP4, "video/mp4", "a.mp4", "video/mp4"),
        (WEBM, "audio/webm;codecs=opus", "", "audio/webm"),
        (WEBM, "video/webm", "", "video/webm"),
        # What a client calls it counts only where the bytes tell nothing.
        (b"OggS", "audio/mpeg", "a.mp3", "audio/ogg"),
        (b"????", "audio/mpeg", "a.wav", "audio/mp3"),
        (b"????", "Audio/X-WAV", "", "audio/wav"),
        (b"????", "application/octet-stream", "A.WAV", "audio/wav"),
        (b"????", "", "C:\\voice\\a.flac", "audio/flac"),
        (b"????", "text/plain", "a.txt", None),
        (b"????", "", "", None),
        (b"\xff\xfeh\x00", "", "", None),
        (b"", "", "", None),
        (b"\xff", "", "", None),
    ],
)
def test_bytes_count_more_than_what_the_client_says(
    head: bytes, declared: str, name: str, kind: str | None
) -> None:
    assert kind_of(head, declared, name) == kind
