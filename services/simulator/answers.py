"""What the simulated model says: a pure function of the request."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.simulator import listening, media
from services.simulator.catalog import Model
from services.simulator.schema_values import value_of
from services.simulator.scripts import Line
from services.simulator.tokens import Tally, count_text, cut_text
from services.simulator.turns import count_parts, sign

Part = dict[str, Any]

_IMAGE_TOKENS = 1290
_AUDIO_TOKENS_A_SECOND = 25
_DIRECTIVE = re.compile(r"\[\[(block|safety|talk|words (\d+))\]\]")
_MOST_WORDS = 200_000
_ALL_TOOLS = "call all tools"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a candidate holds, before it is written as one reply or as a stream.

    Attributes:
        parts: The parts of the content.
        finish_reason: Such as `STOP`.
        finish_message: What goes with it, or nothing.
        tokens: Output tokens by modality, thoughts excluded.
        thoughts_tokens: Tokens spent on thinking.
        block_reason: Why the prompt was refused; then there is no candidate.
        signature: Signs the last words, for models that do so; empty otherwise.
        seed: Differs between requests.
    """

    parts: list[Part]
    finish_reason: str = "STOP"
    finish_message: str = ""
    tokens: Tally = field(default_factory=Counter)
    thoughts_tokens: int = 0
    block_reason: str = ""
    signature: str = ""
    seed: bytes = b""


def compose(
    request: dict[str, Any],
    model: Model,
    project: str,
    candidate: int = 0,
    line: Line | None = None,
) -> Answer:
    """Return the answer to a request that has been found valid.

    Args:
        request: The request with camelCase names.
        model: The model that answers.
        project: Whose key asked; thought signatures depend on it.
        candidate: Which of several candidates this is.
        line: What a script says in this turn, instead of the model's own words.
    """
    seed = hashlib.blake2b(orjson.dumps([model.name, candidate, request]), digest_size=24).digest()
    config = request.get("generationConfig", {})
    prompt = last_words(request)
    directives = {match[1]: match[2] for match in _DIRECTIVE.finditer(prompt)}
    if "block" in directives:
        return Answer([], block_reason="PROHIBITED_CONTENT", seed=seed)
    if "safety" in directives:
        reason = "IMAGE_SAFETY" if model.kind == "image" else "SAFETY"
        return Answer([], finish_reason=reason, seed=seed)
    modalities = config.get("responseModalities", [])
    if model.kind == "speech":
        return _speak(prompt, seed)
    if model.kind == "image" and modalities != ["TEXT"] and "talk" not in directives:
        return _draw(prompt, config, modalities, seed)
    thoughts, shown = _think(config, model, prompt, seed)
    budget = config.get("maxOutputTokens", model.output_limit) - thoughts
    if budget <= 0:
        # Thinking counts as output: a small limit leaves no room for words.
        limit = config["maxOutputTokens"]
        return Answer([], finish_reason="MAX_TOKENS", thoughts_tokens=limit, seed=seed)
    signature = sign(project, seed) if model.generation >= 3 else ""
    chosen = line.calls if line else _chosen(request, prompt)
    calls = _calls(chosen, model, seed)
    if calls:
        if signature or thoughts:
            calls[0]["thoughtSignature"] = signature or sign(project, seed)
        tokens = sum(len(orjson.dumps(call["functionCall"])) // 4 for call in calls)
        message = "Model generated function call(s)." if model.generation > 2.0 else ""
        return Answer(
            [*shown, *calls],
            finish_message=message,
            tokens=Counter(TEXT=tokens),
            thoughts_tokens=thoughts,
            seed=seed,
        )
    words = line.text if line else _words(request, model, prompt, candidate, directives)
    text, reason = _limit(words, config.get("stopSequences", []), budget)
    return Answer(
        [*shown, {"text": text}],
        finish_reason=reason,
        tokens=Counter(TEXT=count_text(text)),
        thoughts_tokens=thoughts,
        signature=signature,
        seed=seed,
    )


def last_words(request: dict[str, Any]) -> str:
    """Return the text of the last turn that has any from the user."""
    for content in reversed(request.get("contents", [])):
        if content.get("role", "user") != "model":
            words = " ".join(part["text"] for part in content.get("parts", []) if "text" in part)
            if words:
                return words
    return ""


def _think(
    config: dict[str, Any], model: Model, prompt: str, seed: bytes
) -> tuple[int, list[Part]]:
    thinking = config.get("thinkingConfig", {})
    asked = bool(thinking) and model.generation >= 2.5 and thinking.get("thinkingBudget") != 0
    if not (model.thinks or asked):
        return 0, []
    tokens = 16 + seed[0] % 16
    if (budget := thinking.get("thinkingBudget", -1)) > 0:
        tokens = min(tokens, budget)
    if not thinking.get("includeThoughts"):
        return tokens, []
    text = f"**Reading the request**\n\nThe user says: {prompt[:200]}\n\n\n"
    return tokens, [{"text": text, "thought": True}]


def _chosen(request: dict[str, Any], prompt: str) -> list[tuple[str, dict[str, Any]]]:
    declared = [
        declaration
        for tool in request.get("tools", [])
        for declaration in tool.get("functionDeclarations", [])
    ]
    calling = request.get("toolConfig", {}).get("functionCallingConfig", {})
    if not declared or calling.get("mode") == "NONE":
        return []
    if count_parts(request["contents"][-1], "functionResponse"):
        return []
    if allowed := calling.get("allowedFunctionNames"):
        declared = [each for each in declared if each["name"] in allowed] or declared
    chosen = declared if _ALL_TOOLS in prompt.lower() else declared[:1]
    return [(each["name"], _arguments(each)) for each in chosen]


def _calls(chosen: Iterable[tuple[str, dict[str, Any]]], model: Model, seed: bytes) -> list[Part]:
    calls: list[Part] = []
    for index, (name, arguments) in enumerate(chosen):
        call: Part = {"name": name, "args": arguments}
        if model.generation >= 3:
            call["id"] = base64.b32encode(seed[index % 19 :][:5]).decode().lower()[:7] + str(index)
        calls.append({"functionCall": call})
    return calls


def _arguments(declaration: dict[str, Any]) -> dict[str, Any]:
    schema = declaration.get("parametersJsonSchema") or declaration.get("parameters")
    value = value_of(schema) if schema else {}
    return value if isinstance(value, dict) else {}


def _words(
    request: dict[str, Any],
    model: Model,
    prompt: str,
    candidate: int,
    directives: dict[str, str | None],
) -> str:
    config = request.get("generationConfig", {})
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    phrases = listening.heard(request, prompt)
    match config.get("responseMimeType", "text/plain"):
        case "application/json":
            value = value_of(schema) if schema else {"echo": prompt}
            if schema and phrases:
                value = listening.fill(schema, phrases)
            return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
        case "text/x.enum" if schema:
            return str(value_of(schema))
    if phrases:
        return listening.said(phrases)
    last = request["contents"][-1]
    if count_parts(last, "functionResponse"):
        quoted = [
            f"{response.get('name', '')} returned "
            f"{orjson.dumps(response.get('response', {})).decode()}"
            for part in last["parts"]
            if (response := part.get("functionResponse"))
        ]
        return f"{model.name} learned: {'; '.join(quoted)}."
    number = f" (candidate {candidate})" if candidate else ""
    text = f"{model.name} heard{number}: {prompt}"
    for amount in directives.values():
        if amount:
            text += "".join(f" word{n}" for n in range(min(int(amount), _MOST_WORDS)))
    return text


def _limit(text: str, stops: list[str], tokens: int) -> tuple[str, str]:
    """Cut a text at the first stop sequence, then at the limit."""
    ends = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    if ends:
        text = text[: min(ends)]
    if count_text(text) > tokens:
        return cut_text(text, tokens), "MAX_TOKENS"
    return text, "STOP"


def _draw(prompt: str, config: dict[str, Any], modalities: list[str], seed: bytes) -> Answer:
    ratio = config.get("imageConfig", {}).get("aspectRatio", "1:1")
    data = base64.b64encode(media.png(seed[0], seed[1], seed[2], ratio)).decode()
    parts: list[Part] = [{"inlineData": {"mimeType": "image/png", "data": data}}]
    tokens: Tally = Counter(IMAGE=_IMAGE_TOKENS)
    if modalities != ["IMAGE"]:
        text = f"Here is a picture of: {prompt}"
        parts.insert(0, {"text": text})
        tokens["TEXT"] = count_text(text)
    return Answer(parts, tokens=tokens, seed=seed)


def _speak(prompt: str, seed: bytes) -> Answer:
    seconds = min(max(len(prompt) / 20, 0.2), 10)
    data = base64.b64encode(media.tone(seconds)).decode()
    sound = {"mimeType": f"audio/L16;codec=pcm;rate={media.SAMPLE_RATE}", "data": data}
    tokens: Tally = Counter(AUDIO=max(1, int(seconds * _AUDIO_TOKENS_A_SECOND)))
    return Answer([{"inlineData": sound}], tokens=tokens, seed=seed)
