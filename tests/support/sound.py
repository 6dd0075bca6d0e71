"""What a decoder makes of a sound file."""

import io
import struct
import wave
from dataclasses import dataclass
from itertools import pairwise

import av


@dataclass(frozen=True, slots=True)
class Sound:
    """A decoded file: its format as FFmpeg names it, samples a second, seconds, samples."""

    form: str
    rate: int
    seconds: float
    samples: list[int]

    @property
    def pitch(self) -> float:
        """How often a second the sound goes up through zero, in its middle."""
        middle = self.samples[len(self.samples) // 4 : -len(self.samples) // 4]
        ups = sum(before < 0 <= after for before, after in pairwise(middle))
        return ups * self.rate / len(middle)


def decode(data: bytes) -> Sound:
    """Decode a file."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("s16", "mono", stream.rate)
        frames = [frame for each in container.decode(stream) for frame in resampler.resample(each)]
        pcm = b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in frames)
        return _sound(container.format.name, stream.rate, pcm)


def decode_pcm(data: bytes, rate: int) -> Sound:
    """Read bare samples."""
    return _sound("pcm", rate, data)


def wav(seconds: float, *, rate: int = 16_000) -> bytes:
    """Return silence as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(bytes(int(seconds * rate) * 2))
    return file.getvalue()


def _sound(form: str, rate: int, pcm: bytes) -> Sound:
    samples = list(struct.unpack(f"<{len(pcm) // 2}h", pcm))
    return Sound(form, rate, len(samples) / rate, samples)
