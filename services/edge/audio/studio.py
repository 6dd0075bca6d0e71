"""Where sound is encoded: a few threads beside the event loop."""

import asyncio
import base64
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from services.edge.audio.encoding import Encoder, Recipe

# FFmpeg lets go of the interpreter while it computes; more of it would starve the edge.
_THREADS = 2
# A multiple of four characters of base64. Longer ones would hold the interpreter for too long.
_PIECE = 256 * 1024


class Studio:
    """Encodes for all requests; who finds all threads busy waits."""

    def __init__(self) -> None:
        """Begin; threads come with the first work."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sound")

    async def record(self, recipe: Recipe, rate: int, sounds: Sequence[str]) -> bytes:
        """Return a whole file.

        Args:
            recipe: What it is to be.
            rate: Samples a second.
            sounds: Base64 of samples.

        Raises:
            ValueError: It is not base64.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, _record, recipe, rate, sounds
        )

    def begin(self, recipe: Recipe) -> "Recording":
        """Begin a file that is told while it is made."""
        return Recording(self._threads, recipe)


class Recording:
    """A file in the making; its calls follow each other."""

    def __init__(self, threads: ThreadPoolExecutor, recipe: Recipe) -> None:
        """Take the threads and what the file is to be."""
        self._threads = threads
        self._recipe = recipe
        self._encoder: Encoder | None = None

    async def go_on(self, rate: int, sounds: Sequence[str], *, is_last: bool) -> bytes:
        """Take more sound and return the bytes of the file that are ready.

        Args:
            rate: Samples a second, the same each time.
            sounds: Base64 of samples.
            is_last: Whether the file is complete with them.

        Raises:
            ValueError: It is not base64.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._go_on, rate, sounds, is_last
        )

    def _go_on(self, rate: int, sounds: Sequence[str], is_last: bool) -> bytes:
        if self._encoder is None:
            self._encoder = Encoder(self._recipe, rate)
        ready = [self._encoder.feed(samples) for samples in _decoded(sounds)]
        if is_last:
            ready.append(self._encoder.finish())
        return b"".join(ready)


def _record(recipe: Recipe, rate: int, sounds: Sequence[str]) -> bytes:
    encoder = Encoder(recipe, rate)
    ready = [encoder.feed(samples) for samples in _decoded(sounds)]
    return b"".join([*ready, encoder.finish()])


def _decoded(sounds: Sequence[str]) -> Iterator[bytes]:
    for sound in sounds:
        for start in range(0, len(sound), _PIECE):
            yield base64.b64decode(sound[start : start + _PIECE])
