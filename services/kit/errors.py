"""Errors that travel between services, and their form on the wire (AIP-193)."""

from datetime import timedelta

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status


class ServiceError(Exception):
    """A failure that a caller may act on.

    Subclasses set `code` and `reason`, which never change; the message may.
    """

    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    reason: str = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        metadata: dict[str, str] | None = None,
        retry_delay: timedelta | None = None,
        fields: dict[str, str] | None = None,
    ) -> None:
        """Describe the failure.

        Args:
            message: For people; lower case, without a full stop, without secrets.
            metadata: Facts that the message mentions, for machines.
            retry_delay: How long to wait before trying again can help.
            fields: Wrong fields of the request and what is wrong with each.
        """
        super().__init__(message)
        self.message = message
        self.metadata = metadata or {}
        self.retry_delay = retry_delay
        self.fields = fields or {}

    def to_status(self, domain: str) -> status_pb2.Status:
        """Return the google.rpc.Status of this error in an error domain."""
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        _add(
            status,
            error_details_pb2.ErrorInfo(reason=self.reason, domain=domain, metadata=self.metadata),
        )
        if self.retry_delay is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromTimedelta(self.retry_delay)
            _add(status, retry)
        if self.fields:
            bad = error_details_pb2.BadRequest()
            for field, description in self.fields.items():
                bad.field_violations.add(field=field, description=description)
            _add(status, bad)
        return status


class InvalidRequestError(ServiceError):
    """The request breaks the contract; sending it again cannot help."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"

    def __init__(self, field: str, problem: str) -> None:
        """Name the field and what is wrong with it."""
        super().__init__(f"{field}: {problem}", fields={field: problem})


class UnauthenticatedError(ServiceError):
    """The caller shows no service credential, or one that is not known."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "CREDENTIAL_INVALID"


class ScopeMissingError(ServiceError):
    """The caller's credential is good, but not for this."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "SCOPE_MISSING"


class StoreUnavailableError(ServiceError):
    """Redis does not answer. Nothing was decided."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "STORE_UNAVAILABLE"


class RemoteError(Exception):
    """A failure that another service reported over gRPC, read back.

    Attributes:
        code: The gRPC status.
        reason: The reason of its ErrorInfo, empty when it carried none.
        metadata: The metadata of its ErrorInfo.
        retry_delay: From its RetryInfo.
    """

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        """Read the details of a failed call."""
        super().__init__(error.details() or error.code().name)
        self.code = error.code()
        self.reason = ""
        self.metadata: dict[str, str] = {}
        self.retry_delay: timedelta | None = None
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin" and isinstance(value, bytes):
                self._read(status_pb2.Status.FromString(value))

    @property
    def is_away(self) -> bool:
        """Whether the service could not be reached or could not decide in time."""
        return self.code in {
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.CANCELLED,
        }

    def _read(self, status: status_pb2.Status) -> None:
        for detail in status.details:
            info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                self.reason, self.metadata = info.reason, dict(info.metadata)
            elif detail.Unpack(retry):
                self.retry_delay = retry.retry_delay.ToTimedelta()


def internal_status() -> status_pb2.Status:
    """Return the bare status of a bug: its text is for the log, not for callers."""
    return status_pb2.Status(code=code_pb2.INTERNAL, message="internal error")


async def abort_with(
    context: grpc.aio.ServicerContext[object, object], status: status_pb2.Status
) -> None:
    """End a call with a rich status."""
    await context.abort_with_status(rpc_status.to_status(status))


def _add(status: status_pb2.Status, detail: object) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)  # type: ignore[arg-type]  # stubs of google.rpc are not protobuf's
    status.details.append(packed)
