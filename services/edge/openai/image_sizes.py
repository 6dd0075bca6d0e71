"""Sizes of pictures: OpenAI's pixels as the shapes and tiers that Google's models draw."""

import math
import re
from dataclasses import dataclass

from services.edge.openai.errors import BadRequestError
from services.edge.openai.thinking import family_of

_GEMINI_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_IMAGEN_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
_TIERS = ("1K", "2K", "4K")
_PIXELS = re.compile(r"([1-9][0-9]{1,4})[xX]([1-9][0-9]{1,4})")
_RATIO = re.compile(r"[1-9][0-9]?:[1-9][0-9]?")
# More pixels than these want the next tier: 1K is about one million, 2K about four.
_TIER_PIXELS = ((6_000_000, 2), (2_000_000, 1))


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of a picture, in Google's words.

    Attributes:
        aspect_ratio: Such as `16:9`; None leaves it to the model.
        tier: `2K` or `4K`; None is the model's own, 1K.
        is_smaller: Whether fewer pixels are drawn than were asked for.
    """

    aspect_ratio: str | None = None
    tier: str | None = None
    is_smaller: bool = False


def is_imagen(model: str) -> bool:
    """Whether a model draws by `:predict`."""
    return model.startswith("imagen-")


def read_shape(size: str | None, aspect_ratio: str | None, model: str) -> Shape:
    """Return the shape that comes closest to what is asked for.

    Args:
        size: `auto`, pixels such as `1024x1536`, a ratio or a tier; None as `auto`.
        aspect_ratio: Passed on as it is, so that ratios of models to come work today.
        model: The model that draws.

    Raises:
        BadRequestError: One of them is nothing of that kind.
    """
    ratio, tier = _read_size(size, model)
    if aspect_ratio is not None:
        if not _RATIO.fullmatch(aspect_ratio):
            raise _wrong("aspect_ratio", "a ratio such as '16:9'")
        ratio = aspect_ratio
    most = _largest_tier(model)
    drawn = min(tier, most)
    return Shape(ratio, _TIERS[drawn] if drawn else None, is_smaller=tier > most)


def _read_size(size: str | None, model: str) -> tuple[str | None, int]:
    if size is None or size == "auto":
        return None, 0
    if size.upper() in _TIERS:
        return None, _TIERS.index(size.upper())
    if _RATIO.fullmatch(size):
        return size, 0
    pixels = _PIXELS.fullmatch(size)
    if pixels is None:
        raise _wrong("size", "'auto', or a width and a height such as '1024x1536'")
    width, height = int(pixels[1]), int(pixels[2])
    tier = next((tier for most, tier in _TIER_PIXELS if width * height > most), 0)
    return _nearest(width / height, _IMAGEN_RATIOS if is_imagen(model) else _GEMINI_RATIOS), tier


def _nearest(wanted: float, ratios: tuple[str, ...]) -> str:
    def distance(ratio: str) -> float:
        width, _, height = ratio.partition(":")
        return abs(math.log(wanted * int(height) / int(width)))

    return min(ratios, key=distance)


def _largest_tier(model: str) -> int:
    if is_imagen(model):
        return 1 if model.startswith("imagen-4") and "fast" not in model else 0
    return 2 if family_of(model).is_modern else 0


def _wrong(param: str, expected: str) -> BadRequestError:
    return BadRequestError(f"Invalid '{param}': expected {expected}.", param, "invalid_value")
