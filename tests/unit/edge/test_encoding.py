"""What decoders make of the files: length, rate and pitch."""

import struct
import subprocess
import sys

import pytest

from services.edge.audio.encoding import Encoder, Recipe
from services.simulator.media import SAMPLE_RATE, tone
from tests.support.sound import Sound, decode, decode_pcm

FORMS = ["wav", "pcm", "mp3", "opus", "aac", "flac"]
SECONDS = 2.0
# What encoders put before the sound and after it.
PADDING = 0.12


def encoded(recipe: Recipe, rate: int = SAMPLE_RATE, piece: int = 9_601) -> bytes:
    """Encode a tone, in pieces that end anywhere."""
    sound, encoder = tone(SECONDS), Encoder(recipe, rate)
    ready = [encoder.feed(sound[at : at + piece]) for at in range(0, len(sound), piece)]
    return b"".join([*ready, encoder.finish()])


def decoded(data: bytes, form: str) -> Sound:
    return decode_pcm(data, SAMPLE_RATE) if form == "pcm" else decode(data)


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("speed", [0.25, 1.0, 1.5, 4.0])
def test_speed_changes_the_length_and_not_the_pitch(
    form: str, speed: float, *, is_whole: bool
) -> None:
    sound = decoded(encoded(Recipe(form, speed, is_whole=is_whole)), form)

    assert sound.seconds == pytest.approx(SECONDS / speed, abs=PADDING)
    assert sound.pitch == pytest.approx(220, rel=0.05)


def test_a_whole_wav_tells_its_size_and_a_streamed_one_that_it_is_not_known() -> None:
    whole = encoded(Recipe("wav"))
    streamed = encoded(Recipe("wav", is_whole=False))

    assert struct.unpack_from("<I", whole, 4)[0] == len(whole) - 8
    assert struct.unpack_from("<I", whole, 40)[0] == len(whole) - 44
    assert struct.unpack_from("<I", streamed, 40)[0] == 0xFFFF_FFFF
    assert whole[44:] == streamed[44:] == tone(SECONDS)


def test_a_rate_that_opus_does_not_have_is_made_one_that_it_has() -> None:
    sound = decode(encoded(Recipe("opus"), rate=22_050))

    assert sound.seconds == pytest.approx(SECONDS * SAMPLE_RATE / 22_050, abs=PADDING)


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac"])
def test_a_streamed_file_comes_while_it_is_made(form: str) -> None:
    encoder = Encoder(Recipe(form, is_whole=False), SAMPLE_RATE)

    assert len(encoder.feed(tone(SECONDS))) > 1000


def test_the_edge_starts_without_the_library_that_encodes() -> None:
    script = "import sys, services.edge.server; sys.exit('av' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
