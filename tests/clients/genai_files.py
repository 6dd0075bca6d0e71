"""What a user of Google's Python SDK does with files. Runs under each major of it.

Arguments: the address, then files to upload. Standard input: a token. Prints lines of JSON.
"""

import json
import sys
from typing import Any

from google import genai
from google.genai import errors, types

MODEL = "gemini-2.5-flash"


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def describe(file: types.File) -> dict[str, Any]:
    return file.model_dump(mode="json", include={"name", "uri", "mime_type", "sha256_hash"}) | {
        "size": file.size_bytes,
        "state": file.state.name if file.state else "",
    }


def main(url: str, *paths: str) -> None:
    token = sys.stdin.read().strip()
    say(version=genai.__version__)
    client = genai.Client(api_key=token, http_options=types.HttpOptions(base_url=url))
    files = []
    for path in paths:
        file = client.files.upload(file=path)
        say(uploaded=describe(file))
        files.append(file)
    answer = client.models.generate_content(
        model=MODEL, contents=["please repeat marzipan", files[1]]
    )
    say(answer=answer.text)
    say(listed=[file.name for file in client.files.list(config={"page_size": 4})])
    say(got=describe(client.files.get(name=files[1].name or "")))
    for file in files:
        client.files.delete(name=file.name or "")
    try:
        client.files.get(name=files[1].name or "")
    except errors.ClientError as error:
        say(gone=error.code, message=error.message)
    say(left=[file.name for file in client.files.list()])


if __name__ == "__main__":
    main(*sys.argv[1:])
