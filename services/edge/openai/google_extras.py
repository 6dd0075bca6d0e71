"""What clients say in Google's own words inside an OpenAI request (`extra_body.google`)."""

from dataclasses import dataclass, field
from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import check_nesting, read_list, read_name, read_object
from services.edge.openai.thinking import thinking_from_google

# Parts of the generationConfig that OpenAI has no parameters for.
_CONFIGS = {
    spelling: name
    for name, spellings in {
        "imageConfig": ("image_config", "imageConfig"),
        "speechConfig": ("speech_config", "speechConfig"),
    }.items()
    for spelling in spellings
}


@dataclass(frozen=True, slots=True)
class GoogleExtras:
    """The extras of one request; None where not given.

    `config` goes into the generationConfig.
    """

    thinking: dict[str, Any] | None = None
    cached_content: str | None = None
    safety_settings: list[Any] | None = None
    config: dict[str, Any] = field(default_factory=dict)


def read_extras(body: dict[str, Any], ignored: list[str]) -> GoogleExtras:
    """Return the extras, from `google` or from `extra_body.google`.

    SDKs put the content of their `extra_body` argument into the body itself, so Google's
    documented `extra_body={"extra_body": {"google": ...}}` arrives with that name.
    """
    holder, param = body.get("google"), "google"
    if body.get("extra_body") is not None:
        extra = read_object(body["extra_body"], "extra_body")
        if extra.get("google") is not None:
            if holder is not None:
                raise BadRequestError(
                    "'google' and 'extra_body.google' cannot be used together.",
                    "google",
                    "invalid_value",
                )
            holder, param = extra["google"], "extra_body.google"
        ignored.extend(f"extra_body.{name}" for name in extra if name != "google")
    if holder is None:
        return GoogleExtras()
    google = read_object(holder, param)
    thinking = cached = safety = None
    config: dict[str, Any] = {}
    for name, value in google.items():
        where = f"{param}.{name}"
        if value is None:
            continue
        if name in {"thinking_config", "thinkingConfig"}:
            thinking = thinking_from_google(read_object(value, where), where)
        elif name in {"cached_content", "cachedContent"}:
            cached = read_name(value, where)
        elif name in {"safety_settings", "safetySettings"}:
            safety = read_list(value, where)
            check_nesting(safety, where)
        elif name in _CONFIGS:
            check_nesting(value, where)
            config[_CONFIGS[name]] = read_object(value, where)
        else:
            ignored.append(where)
    return GoogleExtras(
        thinking=thinking, cached_content=cached, safety_settings=safety, config=config
    )
