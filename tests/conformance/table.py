"""The table of clients and features, and the page that shows it."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tests.conformance.clients import FEATURES
from tests.conformance.running import Result

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"

_TITLES = {
    "structured": "structured output",
    "vision": "image input",
    "error": "errors",
    "count_tokens": "count tokens",
    "agent": "agent task",
}
DIALECTS = {"openai": "OpenAI", "gemini": "Gemini", "anthropic": "Anthropic"}
"""What people call the dialects."""

_HEAD = """\
# Clients that were tried

`make conformance` runs each client against a running system whose upstream is the simulator, and
writes this page. A program of the client's own kind uses each feature as the client's documentation
shows it; only the address and the token are ours. Last run: {day}.

"yes": works. "no": does not. "-": the client has no call of its own for it, or its program does
not try it.

The agents at the end are given a task: to read a file and to write a word of it into another one.
The simulated model calls the tools that they declare and goes by what those return; "agent task"
means that the file is right and that each turn went through the agent's dialect here, with proxies
set that lead nowhere else. How each client is pointed here: [clients.md](clients.md).

"""
_FOOT = """
## What to know about single clients

- **google-genai 3** and **@google/genai 3** speak to `/v1`, the majors before to `/v1beta`. Both
  are served; the base URL is the bare address.
- **langchain-openai** sends tokens of OpenAI's tokenizer as embedding inputs unless it is told
  `check_embedding_ctx_length=False`. They are refused with 400, for they mean nothing to Gemini.
- **Instructor** with Gemini sends an empty system instruction when there is no system message,
  and the upstream refuses that. Send a system message.
- **LiteLLM** needs the version in the address: `api_base=<address>/v1beta` for `gemini/...`,
  `api_base=<address>/v1` for `openai/...`.
- **anthropic** and **@anthropic-ai/sdk**: their tool runners keep a conversation at Anthropic's, as
  a thread. Here they are told that there is none, and send all of it, with one more request a run.
- **Gemini CLI** wants `https://` for every address but the loopback's.
- **Claude Code** takes Gemini's names of models with a warning that it does not know them.
- **Codex** tries a refused token five times more before it says what is wrong.
- **AI SDK**: `@ai-sdk/google` needs `baseURL: '<address>/v1beta'`. `@ai-sdk/openai` speaks the
  Responses API unless its `.chat()` is used; `@ai-sdk/openai-compatible` speaks chat completions.
"""


def render(results: Sequence[Result], day: date) -> str:
    """Return the page for the results of all clients."""
    return _HEAD.format(day=day.isoformat()) + table(results) + _FOOT


def table(results: Sequence[Result]) -> str:
    """Return the table in Markdown."""
    heads = [_TITLES.get(name, name) for name in FEATURES]
    rows = [["client", "dialect", "versions", *heads], ["---"] * (len(FEATURES) + 3)]
    for result in results:
        versions = ", ".join(f"{name} {each}" for name, each in result.versions.items())
        cells = [_cell(result, name) for name in FEATURES]
        rows.append([result.client.title, DIALECTS[result.client.dialect], versions, *cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(result: Result, feature: str) -> str:
    outcome = result.outcomes.get(feature)
    if outcome is None:
        return "-"
    return "yes" if outcome.ok else "no"
