"""The samples of the API reference, and what runs them."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.support.client_programs import CLIENTS, NODE, run_client
from tests.support.system import Pool, System

COPIES = sorted((CLIENTS / "reference").iterdir())

Engine = Callable[[str], Awaitable[Any]]
"""Runs the body of an asynchronous JavaScript function and returns its result."""

BYTES = """
const bytes = new Uint8Array(17 * 1024 * 1024 + 1).map((_, at) => at * 31 + (at >> 13));
const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
const sha256 = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
"""
"""Something to upload, longer than two granules, and its hash in hexadecimal."""


async def in_node(body: str) -> Any:
    """Run a body in Node."""
    script = f"console.log(JSON.stringify(await (async () => {{{body}}})()));"
    [result] = await run_client(NODE, "--input-type=module", "-", stdin=script)
    return result


def as_fetch(name: str, system: System, pool: Pool) -> str:
    """Return the JavaScript that sends a request which the reference writes out as HTTP."""
    text = (CLIENTS / "reference" / f"{name}.http").read_text("utf-8")
    head, _, body = text.partition("Body:")
    [first, *lines] = head.strip().splitlines()
    method, path = first.split()
    headers = {"Content-Type": "application/json"}
    for line in lines:
        key, _, value = line.partition(":")
        headers[key] = value.strip().replace("sk-xxx", pool.token)
    sent = json.dumps({"method": method, "headers": headers, "body": body.strip()})
    return f"fetch({json.dumps(system.url + path)}, {sent})"


def start_sdk(system: System, pool: Pool) -> str:
    """Return what makes `ai`, a client of Google's SDK, in the page of the browser."""
    return f"""
        const {{ GoogleGenAI }} = await import('@google/genai');
        const httpOptions = {{ baseUrl: '{system.url}' }};
        const ai = new GoogleGenAI({{ apiKey: '{pool.token}', httpOptions }});
    """


def copied(name: str) -> str:
    """Return a sample as it stands, with the token where it omits it."""
    text = (CLIENTS / "reference" / f"{name}.js").read_text("utf-8")
    return text.replace("/upload/v1beta/files`", "/upload/v1beta/files?key=${apiKey}`")


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, as the reference writes them.

    Attributes:
        method: Such as `POST`.
        path: Such as `/v1/models`.
        headers: As they stand there, with its placeholder for a token.
        body: As JSON.
        response: As JSON.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    response: Any


def written_exchange(name: str) -> Exchange:
    """Return a request of the reference that is no program."""
    text = (CLIENTS / "reference" / f"{name}.txt").read_text("utf-8")
    head, _, rest = text.partition("\n\nBody:\n")
    body, _, response = rest.partition("\n\nResponse:\n")
    first, *headers = head.splitlines()
    method, _, path = first.partition(" ")
    named = dict(line.split(": ", 1) for line in headers)
    return Exchange(method, path, named, json.loads(body), json.loads(response))


def filled(name: str, system: System, pool: Pool) -> str:
    """Return a sample with this system's address and token."""
    text = copied(name).replace("http://localhost:8000", system.url)
    text = text.replace("/upload/v1beta/files'", "/upload/v1beta/files?key=sk-476939672'")
    return text.replace("sk-476939672", pool.token)
