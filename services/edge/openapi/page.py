"""The document as a page for people: one file that loads nothing."""

from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .875em; }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; padding: 0 .75rem; }
summary { cursor: pointer; padding: .4rem 0; }
summary b { display: inline-block; min-width: 4.5rem; text-transform: uppercase; }
summary span { opacity: .75; margin-left: .5rem; }
table { border-collapse: collapse; } td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
"""


def render_page(document: dict[str, Any]) -> str:
    """Return the page for an OpenAPI document."""
    info = document["info"]
    tags = [tag["name"] for tag in document["tags"]]
    contents = "".join(f'<li><a href="#{_anchor(tag)}">{escape(tag)}</a></li>' for tag in tags)
    schemas = "".join(
        _folded(f'<code id="{name}">{name}</code>', _schema(schema))
        for name, schema in document["components"]["schemas"].items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])}</h1>{_text(info['description'])}"
        f'<p>For programs: <a href="/openapi.json">/openapi.json</a></p><ul>{contents}</ul>'
        + "".join(_section(document, tag) for tag in tags)
        + f"<h2>Bodies</h2>{schemas}</body></html>"
    )


def _section(document: dict[str, Any], tag: str) -> str:
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
    )
    return f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>{operations}'


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    head = f"<b>{method}</b><code>{escape(path)}</code><span>{escape(operation['summary'])}</span>"
    body = _text(operation.get("description", ""))
    if operation["parameters"]:
        rows = "".join(
            f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}</td>"
            f"<td>{escape(each.get('description', ''))}</td></tr>"
            for each in operation["parameters"]
        )
        body += f"<table>{rows}</table>"
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        body += f"<p>Body, <code>{escape(media_type)}</code>:</p>{_schema(content['schema'])}"
    for status, response in operation["responses"].items():
        body += f"<p><b>{status}</b> {escape(response['description'])}</p>"
        if status == "200":
            for name, header in response.get("headers", {}).items():
                body += f"<p><code>{escape(name)}</code>: {escape(header['description'])}</p>"
            for media_type, content in response["content"].items():
                body += f"<p><code>{escape(media_type)}</code>:</p>{_schema(content['schema'])}"
    return _folded(head, body)


def _folded(head: str, body: str) -> str:
    return f"<details><summary>{head}</summary>{body}</details>"


def _schema(schema: dict[str, Any]) -> str:
    """Return a schema in short: one line for each field, named ones as links."""
    return f"<pre>{_short(schema, 0)}</pre>"


def _short(schema: dict[str, Any], depth: int) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "const" in schema:
        return escape(repr(schema["const"]))
    if "enum" in schema:
        return " | ".join(escape(repr(value)) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_short(each, depth) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_short(schema.get('items', {}), depth)}]"
    if not schema.get("properties"):
        return escape(schema.get("type", "anything"))
    pad = "  " * (depth + 1)
    required = schema.get("required", ())
    lines = [
        f"{pad}{escape(name)}{'' if name in required else '?'}: {_short(value, depth + 1)}"
        for name, value in schema["properties"].items()
    ]
    return "{\n" + "\n".join(lines) + "\n" + "  " * depth + "}"


def _text(text: str) -> str:
    """Return paragraphs, with what stands between backticks as code."""
    paragraphs = []
    for paragraph in text.strip().split("\n\n"):
        pieces = escape(paragraph).split("`")
        pieces[1::2] = [f"<code>{piece}</code>" for piece in pieces[1::2]]
        paragraphs.append(f"<p>{''.join(pieces)}</p>")
    return "".join(paragraphs) if text else ""


def _anchor(tag: str) -> str:
    return "".join(each if each.isalnum() else "-" for each in tag.lower())
