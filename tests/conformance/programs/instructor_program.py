"""Instructor over the SDK of either dialect."""

from typing import Any

import instructor
from pydantic import BaseModel
from reporting import DIALECT, MODEL, PICTURE_URL, TOKEN, UNKNOWN_MODEL, URL, need, run

IS_GEMINI = DIALECT == "gemini"


class City(BaseModel):
    name: str
    inhabitants: int


def client(mode: instructor.Mode, token: str = TOKEN) -> Any:
    if IS_GEMINI:
        from google import genai

        return instructor.from_genai(
            genai.Client(api_key=token, http_options={"base_url": URL}), mode=mode
        )
    import openai

    return instructor.from_openai(
        openai.OpenAI(api_key=token, base_url=f"{URL}/v1", max_retries=0), mode=mode
    )


BY_TOOL = instructor.Mode.GENAI_TOOLS if IS_GEMINI else instructor.Mode.TOOLS
BY_FORMAT = instructor.Mode.GENAI_STRUCTURED_OUTPUTS if IS_GEMINI else instructor.Mode.JSON_SCHEMA


def ask(content: Any) -> list[dict[str, Any]]:
    # Without a system message it sends Gemini an empty one, which is refused.
    return [{"role": "system", "content": "Be terse."}, {"role": "user", "content": content}]


def _city(mode: instructor.Mode, content: Any = "Which city?") -> str:
    answer = client(mode).chat.completions.create(
        model=MODEL, messages=ask(content), response_model=City
    )
    need(isinstance(answer, City), answer)
    return str(answer)


def stream() -> str:
    partial = list(
        client(BY_TOOL).chat.completions.create_partial(
            model=MODEL, messages=ask("Which city?"), response_model=City
        )
    )
    need(partial and partial[-1].name, partial)
    return "partial objects"


def tools() -> str:
    return _city(BY_TOOL)


def structured() -> str:
    return _city(BY_FORMAT)


def vision() -> str:
    return _city(BY_TOOL, ["which city?", instructor.Image.from_base64(PICTURE_URL)])


def error() -> str:
    for token, name, status in ((TOKEN, UNKNOWN_MODEL, "404"), ("sk-unknown", MODEL, "401")):
        try:
            client(BY_TOOL, token).chat.completions.create(
                model=name,
                messages=ask("hello"),
                response_model=City,
                max_retries=1,
            )
        except Exception as refused:  # noqa: BLE001 - it wraps what the SDK raises
            need(status in str(refused), refused)
        else:
            raise AssertionError("nothing was raised")
    return "404, 401"


run(
    ("instructor", "google-genai" if IS_GEMINI else "openai"),
    {
        "stream": stream,
        "tools": tools,
        "structured": structured,
        "vision": vision,
        "error": error,
    },
)
