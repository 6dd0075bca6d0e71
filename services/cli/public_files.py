"""The file calls of the public API, in Gemini's dialect."""

import re
from collections.abc import Iterator
from typing import Any, Self

import httpx

from services.cli.client_access import ClientAccess
from services.cli.errors import BAD_SETTINGS, CommandError

FileJson = dict[str, Any]
"""A file as Google describes it."""

# A finished upload is answered when Google has taken the last byte.
_TIMEOUT = httpx.Timeout(60, connect=10, read=300)
_ID = re.compile(r"(?:(?:https?://[^\s?#]+/)?files/)?([A-Za-z0-9-]+)")


class PublicFiles:
    """Calls about the files of a token's client. Use it as a context."""

    def __init__(self, access: ClientAccess, transport: httpx.BaseTransport | None = None) -> None:
        """Prepare; nothing is sent yet.

        Raises:
            CommandError: The address is none.
        """
        self.url = access.url
        try:
            self._http = httpx.Client(
                base_url=access.url,
                headers={"x-goog-api-key": access.token},
                timeout=_TIMEOUT,
                transport=transport,
                # A proxy of the environment does not lead to this machine.
                trust_env=not access.is_local,
            )
        except httpx.InvalidURL as error:
            raise CommandError(f"{access.url}: {error}", exit_code=BAD_SETTINGS) from error

    def __enter__(self) -> Self:
        """Return itself; connections close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close connections."""
        self._http.close()

    def send(
        self, method: str, path: str, *, authorised: bool = True, **options: Any
    ) -> httpx.Response:
        """Return an answer, whatever its status.

        Args:
            method: Of the request.
            path: Below the address, or an address of its own.
            authorised: Whether the token goes with it.
            options: As httpx takes them.

        Raises:
            httpx.TransportError: There was no whole answer.
            CommandError: The address is none.
        """
        request = self._http.build_request(method, path, **options)
        if not authorised:
            del request.headers["x-goog-api-key"]
        try:
            return self._http.send(request)
        except httpx.UnsupportedProtocol as error:
            raise CommandError(f"{self.url}: {error}", exit_code=BAD_SETTINGS) from error

    def get(self, name: str) -> FileJson:
        """Return a file.

        Raises:
            CommandError: It is not there, or the call failed.
        """
        return self._call("GET", name)

    def list(self) -> Iterator[FileJson]:
        """Yield all files, the newest first.

        Raises:
            CommandError: A call failed.
        """
        query = {"pageSize": "100"}
        while True:
            page = self._call("GET", "files", params=query)
            yield from page.get("files", ())
            if not (token := page.get("nextPageToken")):
                return
            query["pageToken"] = token

    def delete(self, name: str) -> None:
        """Delete a file everywhere.

        Raises:
            CommandError: It is not there, or the call failed.
        """
        self._call("DELETE", name)

    def _call(self, method: str, path: str, **options: Any) -> FileJson:
        try:
            answer = self.send(method, f"/v1beta/{path}", **options)
        except httpx.TransportError as error:
            raise CommandError(explain_silence(self.url, error)) from error
        if answer.is_success and isinstance(found := _read_json(answer), dict):
            return found
        raise CommandError(explain_refusal(self.url, answer))


def read_name(text: str) -> str:
    """Return `files/ID` for a name, an id or the address of a file.

    Raises:
        CommandError: It is none; exit code 2.
    """
    match = _ID.fullmatch(text.strip())
    if match is None:
        raise CommandError(f"{text} is not the name of a file, such as files/abc123", exit_code=2)
    return f"files/{match[1]}"


def explain_silence(url: str, error: httpx.TransportError) -> str:
    """Return one line about a call that was not answered."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"{url} does not answer: {reason}"


def explain_refusal(url: str, answer: httpx.Response) -> str:
    """Return one line about a call that was refused."""
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return f"{url} does not accept this token"
    found = _read_json(answer)
    error = found.get("error") if isinstance(found, dict) else None
    text = error.get("message") if isinstance(error, dict) else None
    reason = " ".join(str(text or answer.text[:200] or answer.reason_phrase).split())
    return f"{url} refuses: {reason} ({answer.status_code})"


def _read_json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
