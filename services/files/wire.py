"""The contract on the wire: from proto to the domain, checked, and back."""

import re
from datetime import datetime

from gemini_balance.files.v1 import files_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from services.files.file_book import Reader
from services.files.media_types import telling
from services.files.records import FileRecord, FileState, size_of, text_of
from services.files.start_body import check_mime_type, read_start_body
from services.files.uploads import Upload, UploadOrder, UploadState
from services.files.write_order import WriteOrder
from services.kit.credentials import caller
from services.kit.errors import InvalidRequestError

_DEFAULT_POOL = "default"
_NAME = re.compile(r"[A-Za-z0-9._\-]{1,128}")
_CLIENT = re.compile(r"[A-Za-z0-9._@:\-]{1,128}")
_FILE = re.compile(r"files/[A-Za-z0-9._\-]{1,120}")
_PATH = re.compile(r"upload/[A-Za-z0-9]+(?:/[A-Za-z0-9._~\-]+)+(?::[A-Za-z]+)?")
_PARENT = re.compile(r"upload/[A-Za-z0-9]+/([A-Za-z]+/[A-Za-z0-9._~\-]+)(?:[/:].*)?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{0,128}")
_PURPOSE = re.compile(r"[a-z0-9._\-]{0,64}")
_DEFAULT_PAGE = 10
_LARGEST_PAGE = 100
_MOST_BYTES = 2**62

_UPLOAD_STATES = {
    UploadState.ACTIVE: pb.Upload.STATE_ACTIVE,
    UploadState.FINALIZED: pb.Upload.STATE_FINALIZED,
    UploadState.CANCELLED: pb.Upload.STATE_CANCELLED,
    UploadState.FAILED: pb.Upload.STATE_FAILED,
}
_FILE_STATES = {
    FileState.PROCESSING: pb.File.STATE_PROCESSING,
    FileState.ACTIVE: pb.File.STATE_ACTIVE,
    FileState.FAILED: pb.File.STATE_FAILED,
}


def read_order(request: pb.CreateUploadRequest) -> UploadOrder:
    """Return what is to be uploaded."""
    path = request.upstream_path
    _check("upstream_path", "must be a path such as upload/v1beta/files", _is_path(path))
    is_file = path.endswith("/files") and path.count("/") == 2
    said = read_start_body(request.start_body)
    if request.mime_type:
        check_mime_type(request.mime_type, "mime_type")
    size: int | None = said.size
    if request.HasField("declared_size"):
        size = request.declared_size
        _check("declared_size", "must not be negative", 0 <= size < _MOST_BYTES)
    parent = None if is_file else _PARENT.fullmatch(path)
    return UploadOrder(
        client_id=read_client(request.client_id),
        pool=read_pool(request.pool),
        path=path,
        body=request.start_body,
        mime_type=said.mime_type or request.mime_type,
        declared_size=size,
        file_names=tuple(filter(None, (said.display_name, request.file_name))),
        name=said.name if is_file else "",
        parent=parent.group(1) if parent else "",
    )


def read_request_id(request: pb.CreateUploadRequest) -> str:
    """Return what makes a repeated call safe."""
    rule = "must be at most 128 of the characters A-Z a-z 0-9 . _ -"
    _check("request_id", rule, _REQUEST_ID.fullmatch(request.request_id) is not None)
    return request.request_id


def read_upload_id(text: str, field: str = "upload_id") -> str:
    """Return the id of an upload; unknown ones may look like anything."""
    _check(field, "must be 1 to 256 characters", 1 <= len(text) <= 256)
    return text


def read_begin(begin: pb.WriteUploadRequest.Begin) -> WriteOrder:
    """Return what a writer announces."""
    offset = begin.write_offset
    _check("begin.write_offset", "must not be negative", 0 <= offset < _MOST_BYTES)
    length = begin.content_length if begin.HasField("content_length") else None
    ok = length is None or 0 <= length < _MOST_BYTES
    _check("begin.content_length", "must not be negative", ok)
    return WriteOrder(
        upload_id=read_upload_id(begin.upload_id, "begin.upload_id"),
        offset=offset,
        mime_type=_usable(begin.mime_type),
        length=length,
        finishes=begin.finishes,
    )


def read_reader(client_id: str, pool: str) -> Reader:
    """Return who asks."""
    return Reader(read_client(client_id), read_pool(pool))


def read_client(text: str) -> str:
    """Return the client that the caller acts for."""
    client_id = caller.get().client_id(text)
    rule = "must be 1 to 128 of the characters A-Z a-z 0-9 . _ @ : -"
    _check("client_id", rule, _CLIENT.fullmatch(client_id) is not None)
    return client_id


def read_pool(text: str) -> str:
    """Return a pool's name, the default one for an empty text."""
    pool = text or _DEFAULT_POOL
    rule = "must be at most 128 of the characters A-Z a-z 0-9 . _ -"
    _check("pool", rule, _NAME.fullmatch(pool) is not None)
    return pool


def read_file_name(text: str) -> str:
    """Return the name of a file."""
    _check("name", "must be files/ and an id", _FILE.fullmatch(text) is not None)
    return text


def read_project(text: str) -> str:
    """Return the id of a project."""
    rule = "must be 1 to 128 of the characters A-Z a-z 0-9 . _ @ : -"
    _check("project_id", rule, _CLIENT.fullmatch(text) is not None)
    return text


def read_purpose(text: str) -> str:
    """Return what a file is for."""
    rule = "must be at most 64 of the characters a-z 0-9 . _ -"
    _check("purpose", rule, _PURPOSE.fullmatch(text) is not None)
    return text


def read_page_size(size: int) -> int:
    """Return how many files are wanted at most."""
    _check("page_size", f"must be 0 to {_LARGEST_PAGE}", 0 <= size <= _LARGEST_PAGE)
    return size or _DEFAULT_PAGE


def check_position(position: list[str]) -> tuple[str, str] | None:
    """Return the position in a page token, None for the first page."""
    if not position:
        return None
    time, name = position
    is_ours = re.fullmatch(r"[0-9]{1,17}", time) and _FILE.fullmatch(name)
    _check("page_token", "not from an earlier response", is_ours is not None)
    return time, name


def write_upload(upload: Upload, upload_id: str, record: FileRecord | None = None) -> pb.Upload:
    """Return an upload for a caller that knows its id."""
    message = pb.Upload(
        upload_id=upload_id,
        state=_UPLOAD_STATES[upload.state],
        committed_size=upload.committed_size,
        chunk_granularity=upload.granule,
        expire_time=_time(upload.expire_time),
    )
    if upload.order.declared_size is not None:
        message.declared_size = upload.order.declared_size
    if record is not None:
        message.file.CopyFrom(write_file(record))
    if upload.answer is not None:
        message.final_body = upload.answer.body
        message.final_http_status = upload.answer.status
        message.final_content_type = upload.answer.content_type
    return message


def write_file(record: FileRecord) -> pb.File:
    """Return a file."""
    described = record.description
    return pb.File(
        name=record.name,
        client_id=record.client_id,
        project_id=record.project_id,
        display_name=text_of(described, "displayName"),
        mime_type=text_of(described, "mimeType"),
        size_bytes=size_of(described) or 0,
        state=_FILE_STATES[record.state],
        create_time=_time(record.create_time),
        expire_time=_time(record.expire_time),
        sha256_hash=text_of(described, "sha256Hash"),
        uri=text_of(described, "uri"),
        upstream_json=record.upstream,
        copies=[
            pb.FileCopy(
                project_id=copy.project_id,
                upstream_name=copy.name,
                upstream_uri=copy.uri,
                expire_time=_time(copy.expire_time),
            )
            for copy in record.copies
            if copy.is_active
        ],
        stored=record.kept is not None,
        purpose=record.purpose,
    )


def _is_path(path: str) -> bool:
    return len(path) <= 512 and ".." not in path and _PATH.fullmatch(path) is not None


def _usable(mime_type: str) -> str:
    """Return the type of a request's bytes if it can be one and tells something."""
    try:
        check_mime_type(mime_type, "mime_type")
    except InvalidRequestError:
        return ""
    return telling(mime_type)


def _time(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message


def _check(field: str, problem: str, ok: bool) -> None:
    if not ok:
        raise InvalidRequestError(field, problem)
