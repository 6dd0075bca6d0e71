"""Channels to other services: balanced, health-checked, with a credential."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.kit.context import REQUEST_ID_HEADER, request_id
from services.kit.errors import RemoteError
from services.kit.grpc_flow import FLOW_CONTROL
from services.kit.grpc_line import CLIENT_LINE
from services.kit.grpc_stream import ClientStream
from services.kit.renewed_channel import RenewedChannel
from services.kit.tls import TlsFiles
from services.kit.tracing import call_interceptors, trace_headers

T = TypeVar("T")


class ServiceChannel:
    """A channel to one service, and the way its calls are made.

    Every unary call has a deadline; failures are raised as `RemoteError`.

    Attributes:
        channel: What stubs are made of.
        credential: What this caller presents besides its certificate; empty for nothing. It may
            change at any time.
    """

    def __init__(
        self,
        target: str,
        credential: str,
        *,
        service: str,
        idempotent: Sequence[str] = (),
        tls: TlsFiles | None = None,
    ) -> None:
        """Open the channel; must happen inside the running event loop.

        Args:
            target: Such as `dns:///keypool-headless.ns.svc.cluster.local:50051`.
            credential: See above.
            service: Full name of the service, for its health and its methods.
            idempotent: Methods that are tried again when the service is unavailable.
            tls: This caller's certificate; without one the line is not encrypted.

        Raises:
            TlsFilesError: The files of `tls` cannot be used.
        """
        self.credential = credential
        options: list[tuple[str, Any]] = [
            ("grpc.service_config", _service_config(service, idempotent)),
            *CLIENT_LINE,
            *FLOW_CONTROL,
        ]
        shared: dict[str, Any] = {"options": options, "interceptors": call_interceptors()}
        self.channel: grpc.aio.Channel = (
            RenewedChannel(tls, lambda shown: grpc.aio.secure_channel(target, shown, **shared))
            if tls
            else grpc.aio.insecure_channel(target, **shared)
        )
        self._service = service
        self._health: Any = health_pb2_grpc.HealthStub(self.channel)

    async def call(
        self,
        method: Callable[..., Awaitable[T]],
        request: Any,
        *,
        timeout: float,
        wait_for_ready: bool = False,
    ) -> T:
        """Make a unary call.

        Args:
            method: A method of the stub on `channel`.
            request: Its request.
            timeout: Deadline in seconds; it travels to the server.
            wait_for_ready: Wait for a connection instead of failing at once.

        Raises:
            RemoteError: The call failed.
        """
        try:
            return await method(
                request,
                timeout=timeout,
                metadata=self.metadata(),
                wait_for_ready=wait_for_ready,
            )
        except grpc.aio.AioRpcError as error:
            raise RemoteError(error) from error

    def stream(self, method: Callable[..., Any]) -> ClientStream[Any]:
        """Open a call that sends a stream; it waits for a connection.

        Args:
            method: A method of the stub on `channel`.
        """
        return ClientStream(method(metadata=self.metadata(), wait_for_ready=True))

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what travels with each call."""
        entries = []
        if self.credential:
            entries.append(("authorization", f"Bearer {self.credential}"))
        if current := request_id.get():
            entries.append((REQUEST_ID_HEADER, current))
        return (*entries, *trace_headers())

    async def is_serving(self) -> bool:
        """Whether the service says of itself that it serves."""
        try:
            response = await self._health.Check(
                health_pb2.HealthCheckRequest(service=self._service), timeout=2, wait_for_ready=True
            )
        except grpc.aio.AioRpcError:
            return False
        return bool(response.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()


def _service_config(service: str, idempotent: Sequence[str]) -> str:
    methods = [{"service": service, "method": name} for name in idempotent]
    config: dict[str, Any] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": service},
    }
    if methods:
        # No `timeout` here: Python reads it wrongly (grpc/grpc#34547).
        config["methodConfig"] = [
            {
                "name": methods,
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    # A server that ends says CANCELLED to a call that came at the last moment.
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ]
        config["retryThrottling"] = {"maxTokens": 100, "tokenRatio": 0.1}
    return json.dumps(config)
