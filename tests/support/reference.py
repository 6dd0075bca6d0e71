"""The samples of the API reference, and what runs them."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.client_programs import CLIENTS, NODE, run_client
from tests.support.reference_calls import reference_call
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
    call = reference_call(f"{name}.http", {"sk-xxx": pool.token})
    headers = {"Content-Type": "application/json", **call.headers}
    sent = {"method": call.method, "headers": headers, "body": json.dumps(call.body)}
    return f"fetch({json.dumps(system.url + call.target)}, {json.dumps(sent)})"


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


def filled(name: str, system: System, pool: Pool) -> str:
    """Return a sample with this system's address and token."""
    text = copied(name).replace("http://localhost:8000", system.url)
    text = text.replace("/upload/v1beta/files'", "/upload/v1beta/files?key=sk-476939672'")
    return text.replace("sk-476939672", pool.token)
