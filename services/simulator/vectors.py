"""Unit vectors that depend on nothing but a model and a text."""

import hashlib
import math
import struct


def vector(model: str, text: str, dimensions: int) -> list[float]:
    """Return the unit vector of a text."""
    digest = hashlib.shake_256(f"{model}\0{text}".encode()).digest(dimensions * 2)
    raw = struct.unpack(f"<{dimensions}h", digest)
    norm = math.sqrt(sum(value * value for value in raw)) or 1.0
    return [value / norm for value in raw]
