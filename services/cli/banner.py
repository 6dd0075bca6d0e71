"""The first screen of `up`: what runs where, and how to use it."""

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from services.cli.output import say

_MODEL = "gemini-2.5-flash"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the operator should know.

    Attributes:
        url: The public address.
        rows: Part, address and ops address, in the order in which to show them.
        demo_token: The client token of the demo, None when real keys are used.
        auth_token: The operator's token when it may be shown, else None.
        has_tokens: Whether any client could use the public address.
    """

    url: str
    rows: tuple[tuple[str, str, str], ...]
    demo_token: str | None = field(repr=False)
    auth_token: str | None = field(repr=False)
    has_tokens: bool


def show(welcome: Welcome) -> None:
    """Print the first screen on standard output."""
    if welcome.demo_token:
        say("DEMO: there is no API key yet, so a simulator of Google makes up the answers.")
        say("Set API_KEYS in .env, or run `gemini-balance keys add` and start again.")
    else:
        say(f"Gemini Balance runs at {welcome.url}")
    say("")
    table = Table("part", "address", "health and metrics")
    for row in welcome.rows:
        table.add_row(*row)
    Console().print(table)
    if welcome.demo_token:
        say("")
        say("Try it:")
        for command in curl_commands(welcome.url, welcome.demo_token):
            say("")
            say(command)
    elif not welcome.has_tokens:
        say("No client token yet: gemini-balance tokens create --name NAME")
    if welcome.auth_token:
        say("")
        say(f"Operator's token: {welcome.auth_token}")
    say("")
    say("Ctrl-C stops everything.")


def curl_commands(url: str, token: str) -> tuple[str, str, str]:
    """Return three commands that work when pasted, in lines of less than 80 columns."""
    chat = f"""\
curl -sS {url}/v1/chat/completions \\
  -H 'Authorization: Bearer {token}' \\
  -H 'Content-Type: application/json' \\
  -d '{{"model": "{_MODEL}",
       "messages": [{{"role": "user", "content": "Say hello."}}]}}'"""
    generate = f"""\
curl -sS \\
  {url}/v1beta/models/{_MODEL}:generateContent \\
  -H 'x-goog-api-key: {token}' \\
  -H 'Content-Type: application/json' \\
  -d '{{"contents": [{{"parts": [{{"text": "Say hello."}}]}}]}}'"""
    stream = f"""\
curl -sSN {url}/v1/chat/completions \\
  -H 'Authorization: Bearer {token}' \\
  -H 'Content-Type: application/json' \\
  -d '{{"model": "{_MODEL}", "stream": true,
       "messages": [{{"role": "user", "content": "Count to ten."}}]}}'"""
    return chat, generate, stream
