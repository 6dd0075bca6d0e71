"""Every failure that the files service reports."""

from datetime import timedelta

import grpc

from services.kit.errors import ServiceError

DOMAIN = "gemini_balance.files.v1"


class NameTakenError(ServiceError):
    """The chosen name belongs to a file or an upload, whoever owns it."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "NAME_TAKEN"


class FileTooLargeError(ServiceError):
    """More bytes than Google takes for one file."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "FILE_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        """Name the limit in bytes."""
        super().__init__(f"a file has at most {limit} bytes", metadata={"limitBytes": str(limit)})


class OffsetMismatchError(ServiceError):
    """Bytes between what is safe and what was sent are missing."""

    code = grpc.StatusCode.ABORTED
    reason = "UPLOAD_OFFSET_MISMATCH"

    def __init__(self, committed_size: int) -> None:
        """Tell where the next byte belongs."""
        super().__init__(
            f"the next byte belongs at {committed_size}",
            metadata={"committedSize": str(committed_size)},
        )


class UploadPreemptedError(ServiceError):
    """A newer writer has begun."""

    code = grpc.StatusCode.ABORTED
    reason = "UPLOAD_PREEMPTED"


class WriterSilentError(ServiceError):
    """Nothing came from a writer for too long; what it had sent is safe if there is room."""

    code = grpc.StatusCode.ABORTED
    reason = "WRITER_SILENT"

    def __init__(self, seconds: float) -> None:
        """Tell how long it was waited for."""
        super().__init__(f"nothing came for {seconds:g} seconds")


class ReaderSilentError(ServiceError):
    """A reader took nothing for too long; the bytes on their way to it are memory of others."""

    code = grpc.StatusCode.ABORTED
    reason = "READER_SILENT"

    def __init__(self, seconds: float) -> None:
        """Tell how long it was waited for."""
        super().__init__(f"nothing was taken for {seconds:g} seconds")


class ServiceEndsError(ServiceError):
    """This replica ends; what the writer had sent is safe if there is room."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "SERVICE_ENDS"

    def __init__(self) -> None:
        """Say when another one is there."""
        super().__init__(
            "this replica ends, go on at another one", retry_delay=timedelta(seconds=1)
        )


class UploadUnknownError(ServiceError):
    """There is no such upload, or it was dropped."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "UPLOAD_UNKNOWN"


class UploadCancelledError(ServiceError):
    """The upload was given up."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "UPLOAD_CANCELLED"


class UploadFinalizedError(ServiceError):
    """The upload is finished."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "UPLOAD_FINALIZED"


class BuffersFullError(ServiceError):
    """The unfinished granules of all uploads have used up their room."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "BUFFERS_FULL"

    def __init__(self) -> None:
        """Say when to try again."""
        super().__init__(
            "too many unfinished uploads hold bytes: send a whole granule, or try again",
            retry_delay=timedelta(seconds=2),
        )


class ClientBuffersFullError(ServiceError):
    """The unfinished granules of one client's uploads have used up its share of their room."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "CLIENT_BUFFERS_FULL"

    def __init__(self) -> None:
        """Say when to try again."""
        super().__init__(
            "the client's unfinished uploads hold too many bytes: send a whole granule, finish "
            "one, or try again",
            retry_delay=timedelta(seconds=5),
        )


class TooManyUploadsError(ServiceError):
    """A client has as many open uploads as it may."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_UPLOADS"

    def __init__(self, limit: int) -> None:
        """Name the limit."""
        super().__init__(
            f"the client has {limit} open uploads: finish or cancel one",
            metadata={"limit": str(limit)},
            retry_delay=timedelta(seconds=30),
        )


class UpstreamUnavailableError(ServiceError):
    """Google could not be reached, or could not work, for too long."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "UPSTREAM_UNAVAILABLE"

    def __init__(self) -> None:
        """Say when to try again."""
        super().__init__("the upstream does not take the bytes", retry_delay=timedelta(seconds=2))


class UpstreamRefusedError(ServiceError):
    """Google refused a call about a file for good."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "UPSTREAM_REFUSED"

    def __init__(self, status: int, body: str) -> None:
        """Tell Google's answer."""
        super().__init__(
            f"the upstream answered {status}",
            metadata={"httpStatus": str(status), "body": body[:2048]},
        )


class NoKeyError(ServiceError):
    """The key pool has no key for this now; metadata `refusal` tells its reason."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "NO_KEY"


class KeypoolUnavailableError(ServiceError):
    """The key pool does not answer. Nothing was decided."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "KEYPOOL_UNAVAILABLE"

    def __init__(self) -> None:
        """Say when to try again."""
        super().__init__("the key pool does not answer", retry_delay=timedelta(seconds=1))


class KeypoolRefusedError(ServiceError):
    """The key pool refused a call that should have been in order; trying again cannot help."""

    code = grpc.StatusCode.INTERNAL
    reason = "KEYPOOL_REFUSED"

    def __init__(self, code: str, reason: str) -> None:
        """Tell the key pool's status and reason."""
        super().__init__("the key pool refused a call", metadata={"code": code, "reason": reason})


class FileUnknownError(ServiceError):
    """There is no such file, or it is another client's; callers cannot tell which."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "FILE_UNKNOWN"

    def __init__(self, name: str) -> None:
        """Name the file."""
        super().__init__(f"no file {name}", metadata={"name": name})


class FileNotStoredError(ServiceError):
    """The bytes of the file were not kept, so it can only be used where it lies."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "FILE_NOT_STORED"

    def __init__(self, name: str) -> None:
        """Name the file."""
        super().__init__(f"the bytes of {name} are not kept", metadata={"name": name})


class FileProcessingError(ServiceError):
    """The file has arrived in the project, but Google is still working on it."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "FILE_PROCESSING"

    def __init__(self, name: str) -> None:
        """Name the file and say when to try again."""
        super().__init__(
            f"the upstream is still working on {name}",
            metadata={"name": name},
            retry_delay=timedelta(seconds=5),
        )


class FileFailedError(ServiceError):
    """Google cannot process the file in the project."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "FILE_FAILED"

    def __init__(self, name: str) -> None:
        """Name the file."""
        super().__init__(f"the upstream cannot process {name}", metadata={"name": name})


class KeptBytesUnavailableError(ServiceError):
    """The store of bytes does not give back what was kept."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "KEPT_BYTES_UNAVAILABLE"

    def __init__(self) -> None:
        """Say when to try again."""
        super().__init__(
            "the store does not give the kept bytes back", retry_delay=timedelta(seconds=5)
        )


class ResourceUnknownError(ServiceError):
    """The resource below which an upload goes is not the client's."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "RESOURCE_UNKNOWN"

    def __init__(self, name: str) -> None:
        """Name the resource."""
        super().__init__(f"no resource {name}", metadata={"name": name})


class MediumTooLargeError(ServiceError):
    """A generated medium is longer than what is kept."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "MEDIUM_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        """Name the limit in bytes."""
        super().__init__(f"a medium has at most {limit} bytes", metadata={"limitBytes": str(limit)})


class MediaFullError(ServiceError):
    """All generated media together have used up their room."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "MEDIA_FULL"

    def __init__(self, wait: timedelta) -> None:
        """Tell when the next one ends."""
        super().__init__("there is no room for more media", retry_delay=wait)


class AnswerTooLargeError(ServiceError):
    """An answer is longer than what is kept."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "ANSWER_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        """Name the limit in bytes."""
        super().__init__(
            f"an answer has at most {limit} bytes", metadata={"limitBytes": str(limit)}
        )


class AnswersFullError(ServiceError):
    """There is no room for an answer, however many others go."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "ANSWERS_FULL"

    def __init__(self) -> None:
        """Say so."""
        super().__init__("there is no room for the answer")


class AnswerUnknownError(ServiceError):
    """There is no such answer, no more, or it is another client's; callers cannot tell which."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "ANSWER_UNKNOWN"

    def __init__(self) -> None:
        """Say no more."""
        super().__init__("no such answer")


class MediumUnknownError(ServiceError):
    """There is no such medium, or its time is over."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "MEDIUM_UNKNOWN"

    def __init__(self) -> None:
        """Say no more: its id is a secret."""
        super().__init__("no such medium")
