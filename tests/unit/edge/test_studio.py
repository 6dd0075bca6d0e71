import base64

import pytest

from services.edge.audio.encoding import Recipe
from services.edge.audio.studio import Studio
from services.simulator.media import SAMPLE_RATE, tone
from tests.support.sound import decode

# Longer than what is decoded at once, and no whole number of anything.
SOUND = tone(11.0)
ENCODED = [base64.b64encode(part).decode() for part in (SOUND[:300_001], SOUND[300_001:])]


async def test_a_file_is_the_same_whether_it_is_made_at_once_or_in_turns() -> None:
    studio = Studio()
    whole = await studio.record(Recipe("wav", is_whole=True), SAMPLE_RATE, ENCODED)

    recording = studio.begin(Recipe("wav", is_whole=False))
    begun = await recording.go_on(SAMPLE_RATE, ENCODED[:1], is_last=False)
    ended = await recording.go_on(SAMPLE_RATE, ENCODED[1:], is_last=True)

    assert (begun + ended)[44:] == whole[44:] == SOUND
    assert decode(whole).seconds == pytest.approx(11)


async def test_what_is_no_base64_is_no_sound() -> None:
    with pytest.raises(ValueError, match="base64"):
        await Studio().record(Recipe("pcm"), SAMPLE_RATE, ["A"])
