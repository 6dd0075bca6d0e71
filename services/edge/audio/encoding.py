"""Samples into the formats that clients ask for. It computes: not for the event loop.

PyAV is loaded with the first answer that needs it, so that an edge which never speaks
pays neither its 0.14 s nor its memory.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from services.edge.audio.wav import wav_head

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.filter.graph import Graph

_SAMPLE = 2
# One atempo drops samples beyond twice the speed; several in a row blend them.
_LARGEST_STEP, _SMALLEST_STEP = 2.0, 0.5
_FRAME_BYTES = 32 * 1024
_OPUS_RATES = frozenset({8000, 12000, 16000, 24000, 48000})


@dataclass(frozen=True, slots=True)
class Recipe:
    """What samples are to become.

    Attributes:
        form: `wav`, `pcm`, `mp3`, `opus`, `aac` or `flac`.
        speed: How much faster than spoken, at the same pitch.
        is_whole: Whether nothing is told before all of it is known; a file then says how
            long it is.
    """

    form: str
    speed: float = 1.0
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class _Codec:
    """How FFmpeg calls a format, and at which bits a second speech is still itself in it."""

    container: str
    codec: str
    bit_rate: int | None = None


_CODECS = {
    "mp3": _Codec("mp3", "libmp3lame", 96_000),
    "opus": _Codec("ogg", "libopus", 48_000),
    "aac": _Codec("adts", "aac", 96_000),
    "flac": _Codec("flac", "flac"),
}


class _Writer(Protocol):
    """Makes a file of samples."""

    def feed(self, samples: bytes) -> bytes:
        """Return what is ready."""

    def finish(self) -> bytes:
        """Return the rest."""


class Encoder:
    """Turns mono samples of 16 bits, little endian, into a file, piece by piece."""

    def __init__(self, recipe: Recipe, rate: int) -> None:
        """Begin a file.

        Args:
            recipe: What it is to become.
            rate: Samples a second.
        """
        self._tempo = None if recipe.speed == 1 else _Tempo(rate, recipe.speed)
        self._writer: _Writer
        if recipe.form in _CODECS:
            self._writer = _Coded(_CODECS[recipe.form], rate, is_whole=recipe.is_whole)
        else:
            self._writer = _Plain(rate, has_head=recipe.form == "wav", is_whole=recipe.is_whole)
        self._odd = b""

    def feed(self, samples: bytes) -> bytes:
        """Take samples and return the bytes of the file that are ready."""
        samples = self._odd + samples
        whole = len(samples) - len(samples) % _SAMPLE
        samples, self._odd = samples[:whole], samples[whole:]
        if self._tempo is not None:
            samples = self._tempo.feed(samples)
        return self._writer.feed(samples)

    def finish(self) -> bytes:
        """Return the rest of the file."""
        if self._tempo is None:
            return self._writer.finish()
        return self._writer.feed(self._tempo.finish()) + self._writer.finish()


class _Plain:
    """Samples as they are, perhaps below a head."""

    def __init__(self, rate: int, *, has_head: bool, is_whole: bool) -> None:
        self._rate = rate
        self._has_head = has_head
        self._held: list[bytes] | None = [] if is_whole else None
        self._has_begun = False

    def feed(self, samples: bytes) -> bytes:
        if self._held is not None:
            self._held.append(samples)
            return b""
        if self._has_begun or not samples:
            return samples
        self._has_begun = True
        return (wav_head(self._rate, None) if self._has_head else b"") + samples

    def finish(self) -> bytes:
        if self._held is None:
            return b""
        samples = b"".join(self._held)
        return (wav_head(self._rate, len(samples)) if self._has_head else b"") + samples


class _Tempo:
    """Makes speech faster or slower and keeps its pitch."""

    def __init__(self, rate: int, speed: float) -> None:
        import av.filter  # noqa: PLC0415  # see the module

        self._rate = rate
        self._at = 0
        self._graph = graph = av.filter.Graph()
        nodes = [
            graph.add_abuffer(
                sample_rate=rate, format="s16", layout="mono", time_base=Fraction(1, rate)
            ),
            *(graph.add("atempo", f"{step:.6f}") for step in _steps(speed)),
            graph.add("aformat", "sample_fmts=s16:channel_layouts=mono"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*nodes).configure()

    def feed(self, samples: bytes) -> bytes:
        found: list[bytes] = []
        for frame in _frames(samples, self._rate, self._at):
            self._at += frame.samples
            self._graph.push(frame)
            found += _pulled(self._graph)
        return b"".join(found)

    def finish(self) -> bytes:
        self._graph.push(None)
        return b"".join(_pulled(self._graph))


class _Sink:
    """A file that can be written to and nothing else, as a connection is."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        taken, self._held = bytes(self._held), bytearray()
        return taken


class _Coded:
    """A file of one of FFmpeg's formats."""

    def __init__(self, codec: _Codec, rate: int, *, is_whole: bool) -> None:
        import av  # noqa: PLC0415  # see the module

        self._rate = rate
        self._at = 0
        # What can be gone back in gets its length into its head.
        self._whole = io.BytesIO() if is_whole else None
        self._sink = _Sink()
        self._container = av.open(
            self._whole or self._sink,
            "w",
            format=codec.container,
            options={} if is_whole else {"flush_packets": "1"},
        )
        if codec.codec == "libopus" and rate not in _OPUS_RATES:
            rate = 48_000
        stream = self._container.add_stream(codec.codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        if codec.bit_rate:
            stream.bit_rate = codec.bit_rate

    def feed(self, samples: bytes) -> bytes:
        for frame in _frames(samples, self._rate, self._at):
            self._at += frame.samples
            self._container.mux(self._stream.encode(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.take() if self._whole is None else self._whole.getvalue()


def _steps(speed: float) -> Iterator[float]:
    while speed > _LARGEST_STEP:
        yield _LARGEST_STEP
        speed /= _LARGEST_STEP
    while speed < _SMALLEST_STEP:
        yield _SMALLEST_STEP
        speed /= _SMALLEST_STEP
    yield speed


def _frames(samples: bytes, rate: int, at: int) -> Iterator["AudioFrame"]:
    from av.audio.frame import AudioFrame  # noqa: PLC0415  # see the module

    for start in range(0, len(samples), _FRAME_BYTES):
        piece = samples[start : start + _FRAME_BYTES]
        frame = AudioFrame("s16", "mono", len(piece) // _SAMPLE)
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = at + start // _SAMPLE
        frame.planes[0].update(piece)
        yield frame


def _pulled(graph: "Graph") -> Iterator[bytes]:
    import av  # noqa: PLC0415  # see the module

    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, av.AudioFrame)
        # A plane may be longer than what is in it.
        yield bytes(frame.planes[0])[: frame.samples * _SAMPLE]
