"""What the files service reports, as clients of the upload protocol are told it."""

from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import orjson
import pytest
from grpc_status import rpc_status

from services.edge.dialects import Dialect
from services.edge.envelopes import render
from services.edge.errors import ApiError, bad_request, client_silent, files_away
from services.edge.files_errors import files_error
from services.edge.uploads.answers import state_headers
from services.kit.errors import InvalidRequestError, RemoteError, ServiceError, internal_status

Code = grpc.StatusCode


def remote(
    code: grpc.StatusCode, reason: str, wait: float | None = None, **metadata: str
) -> RemoteError:
    """Return an error as it arrives from the files service."""
    error = ServiceError(
        "in the service's words",
        metadata=metadata,
        retry_delay=None if wait is None else timedelta(seconds=wait),
    )
    error.code, error.reason = code, reason
    return received(error.to_status("gemini_balance.files.v1"))


def received(status: Any) -> RemoteError:
    sent = rpc_status.to_status(status)
    metadata = grpc.aio.Metadata(*sent.trailing_metadata)
    return RemoteError(grpc.aio.AioRpcError(sent.code, metadata, metadata, sent.details))


def told(error: Exception) -> tuple[int, str, str, str, str, str]:
    """Return what a client sees: statuses, the upload's state, its size, the wait, the words."""
    assert isinstance(error, ApiError), error
    headers = dict(state_headers(error))
    head, body = render(error, Dialect.GEMINI)
    message = orjson.loads(body)["error"]
    assert message["code"] == error.status
    return (
        message["code"],
        message["status"],
        headers.get(b"x-goog-upload-status", b"").decode(),
        headers.get(b"x-goog-upload-size-received", b"").decode(),
        dict(head).get(b"retry-after", b"").decode(),
        message["message"],
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            remote(Code.ALREADY_EXISTS, "NAME_TAKEN"),
            (409, "ALREADY_EXISTS", "final", "", "", "A file of this name already exists."),
        ),
        (
            remote(Code.OUT_OF_RANGE, "FILE_TOO_LARGE", limitBytes="2147483648"),
            (
                *(400, "INVALID_ARGUMENT", "final", "", ""),
                "File size exceeds the limit of 2147483648 bytes.",
            ),
        ),
        (
            remote(Code.ABORTED, "UPLOAD_OFFSET_MISMATCH", committedSize="512"),
            (409, "ABORTED", "active", "512", "", "Wrong offset: 512 bytes have been received."),
        ),
        (
            remote(Code.ABORTED, "UPLOAD_PREEMPTED"),
            (409, "ABORTED", "active", "", "", "Another request is writing to this upload."),
        ),
        (
            remote(Code.NOT_FOUND, "UPLOAD_UNKNOWN"),
            (404, "NOT_FOUND", "final", "", "", "There is no such upload, or it has expired."),
        ),
        (
            remote(Code.FAILED_PRECONDITION, "UPLOAD_CANCELLED"),
            (
                *(410, "FAILED_PRECONDITION", "cancelled", "", ""),
                "The upload has been cancelled.",
            ),
        ),
        (
            remote(Code.FAILED_PRECONDITION, "UPLOAD_FINALIZED"),
            (
                *(400, "FAILED_PRECONDITION", "final", "", ""),
                "The upload has already been finalized.",
            ),
        ),
        (
            remote(Code.RESOURCE_EXHAUSTED, "BUFFERS_FULL", wait=2),
            (
                *(503, "UNAVAILABLE", "", "", "2"),
                "Too many unfinished uploads hold bytes here. Try again in a moment.",
            ),
        ),
        (
            remote(Code.UNAVAILABLE, "UPSTREAM_UNAVAILABLE"),
            (
                *(503, "UNAVAILABLE", "", "", "1"),
                "The upstream is not available. Try again in a moment.",
            ),
        ),
        (
            remote(Code.NOT_FOUND, "FILE_UNKNOWN", name="files/abc"),
            (
                *(403, "PERMISSION_DENIED", "final", "", ""),
                "You do not have permission to access the File abc or it may not exist.",
            ),
        ),
        (
            remote(Code.NOT_FOUND, "RESOURCE_UNKNOWN", name="fileSearchStores/x"),
            (404, "NOT_FOUND", "final", "", "", "fileSearchStores/x was not found."),
        ),
        (
            remote(
                Code.FAILED_PRECONDITION,
                "UPSTREAM_REFUSED",
                httpStatus="400",
                body='{"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}',
            ),
            (400, "INVALID_ARGUMENT", "final", "", "", "No."),
        ),
        (
            remote(Code.FAILED_PRECONDITION, "UPSTREAM_REFUSED", httpStatus="404", body="<html>"),
            (404, "NOT_FOUND", "final", "", "", "The upstream answered with status 404."),
        ),
        (
            remote(Code.RESOURCE_EXHAUSTED, "NO_KEY", wait=30, refusal="COOLING"),
            (
                *(429, "RESOURCE_EXHAUSTED", "", "", "30"),
                "No key can serve this at the moment.",
            ),
        ),
        (
            remote(Code.RESOURCE_EXHAUSTED, "NO_KEY", refusal="NO_LIVE_KEY"),
            (
                *(503, "UNAVAILABLE", "", "", ""),
                "No upstream credential could serve this request. The operator has been told.",
            ),
        ),
        (
            received(InvalidRequestError("start_body.file.name", "must be x").to_status("d")),
            (400, "INVALID_ARGUMENT", "final", "", "", "File.name: must be x."),
        ),
        (
            received(InvalidRequestError("page_token", "is not ours").to_status("d")),
            (400, "INVALID_ARGUMENT", "final", "", "", "Page_token: is not ours."),
        ),
        *[
            (
                remote(code, reason),
                (
                    *(503, "UNAVAILABLE", "", "", "1"),
                    "The files service is not available at the moment. Try again in a moment.",
                ),
            )
            for code, reason in [
                (Code.UNAVAILABLE, "STORE_UNAVAILABLE"),
                (Code.UNAVAILABLE, "KEYPOOL_UNAVAILABLE"),
                (Code.UNAVAILABLE, ""),
                (Code.DEADLINE_EXCEEDED, ""),
            ]
        ],
        (
            received(internal_status()),
            (
                *(503, "UNAVAILABLE", "", "", "1"),
                "The files service is not available at the moment. Try again in a moment.",
            ),
        ),
        (
            remote(Code.UNIMPLEMENTED, "NOT_BUILT"),
            (501, "UNIMPLEMENTED", "", "", "", "Files are not served by this version."),
        ),
    ],
    ids=lambda value: value.reason if isinstance(value, RemoteError) else None,
)
def test_failures(error: RemoteError, expected: tuple[object, ...]) -> None:
    assert told(files_error(error)) == expected


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (Code.UNAUTHENTICATED, "CREDENTIAL_INVALID"),
        (Code.PERMISSION_DENIED, "SCOPE_MISSING"),
        (Code.FAILED_PRECONDITION, "SOMETHING_NEW"),
    ],
)
def test_what_only_the_operator_can_mend_stays_an_unexpected_error(
    code: grpc.StatusCode, reason: str
) -> None:
    error = remote(code, reason)

    assert files_error(error) is error


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (bad_request("no"), b"final"),
        (ApiError(401, "who?"), b"final"),
        (ApiError(415, "zipped"), b"final"),
        (client_silent(1), None),
        (ApiError(429, "later"), None),
        (files_away(), None),
        (ApiError(500, "oh"), None),
    ],
)
def test_only_what_is_for_good_makes_clients_give_up(error: ApiError, state: bytes | None) -> None:
    assert dict(state_headers(error)).get(b"x-goog-upload-status") == state
