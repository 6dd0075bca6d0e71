"""Imagen: pictures by `:predict`.

The shapes are Google's, the words of refusals ours: no recording holds them.
"""

import base64
import hashlib
import re
from typing import Any

import orjson

from services.simulator import media
from services.simulator.calls import Call
from services.simulator.errors import invalid
from services.simulator.faults import Fault
from services.simulator.generate import find_model, write_json
from services.simulator.http import Exchange
from services.simulator.validation import read_message

_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
_MOST_SAMPLES = 4
_TYPES = ("image/png", "image/jpeg")
# Each picture for itself: `[[filter 2]]` takes out the last two.
_FILTER = re.compile(r"\[\[(?:filter (\d)|block|safety)\]\]")
_REASON = (
    "Unable to show generated images. All images were filtered out because they violated the "
    "usage guidelines. You will not be charged for blocked images. Support codes: 58061214"
)


async def predict(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer `predict`."""
    body = await exchange.read_body()
    model = find_model(call, "predict", kinds={"imagen"})
    request = read_message("PredictRequest", body)
    prompt = _read_prompt(request.get("instances"))
    parameters = request.get("parameters") or {}
    count = parameters.get("sampleCount", _MOST_SAMPLES)
    _check(parameters, count)
    call.world.charge(call.project, model.name, len(prompt.encode()) // 4 + 1)
    shown = count - _filtered(prompt, count)
    ratio = parameters.get("aspectRatio", "1:1")
    predictions: list[dict[str, Any]] = [
        _picture(model.name, request, number, ratio) for number in range(shown)
    ]
    if shown < count and parameters.get("includeRaiReason"):
        predictions.append({"raiFilteredReason": _REASON})
    await exchange.answer(200, write_json({"predictions": predictions} if predictions else {}))


def _read_prompt(instances: Any) -> str:
    if not isinstance(instances, list) or len(instances) != 1:
        raise invalid("Exactly one instance is expected.")
    prompt = instances[0].get("prompt") if isinstance(instances[0], dict) else None
    if not isinstance(prompt, str) or not prompt:
        raise invalid("Text prompt is missing.")
    return prompt


def _filtered(prompt: str, count: int) -> int:
    found = _FILTER.search(prompt)
    if found is None:
        return 0
    return min(count, int(found[1] or count))


def _check(parameters: dict[str, Any], count: Any) -> None:
    if not isinstance(count, int) or not 1 <= count <= _MOST_SAMPLES:
        raise invalid(f"Invalid sampleCount value: must be between 1 and {_MOST_SAMPLES}.")
    ratio = parameters.get("aspectRatio", "1:1")
    if ratio not in _RATIOS:
        raise invalid(f"Invalid aspect ratio {ratio}. Supported: {', '.join(_RATIOS)}.")
    if parameters.get("sampleImageSize", "1K") not in {"1K", "2K"}:
        raise invalid("Invalid sampleImageSize value. Supported: 1K, 2K.")
    if parameters.get("outputOptions", {}).get("mimeType", "image/png") not in _TYPES:
        raise invalid("Invalid output mime type.")


def _picture(model: str, request: dict[str, Any], number: int, ratio: str) -> dict[str, Any]:
    seed = hashlib.blake2b(orjson.dumps([model, number, request]), digest_size=3).digest()
    data = base64.b64encode(media.png(seed[0], seed[1], seed[2], ratio)).decode()
    return {"mimeType": "image/png", "bytesBase64Encoded": data}
