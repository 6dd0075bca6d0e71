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
from services.kit.grpc_stream import ClientStream
from services.kit.tracing import call_interceptors, trace_headers

T = TypeVar("T")


class ServiceChannel:
    """A channel to one service, and the way its calls are made.

    Every unary call has a deadline; failures are raised as `RemoteError`.
    """

    def __init__(
        self, target: str, credential: str, *, service: str, idempotent: Sequence[str] = ()
    ) -> None:
        """Open the channel; must happen inside the running event loop.

        Args:
            target: Such as `dns:///keypool-headless.ns.svc.cluster.local:50051`.
            credential: What this caller presents.
            service: Full name of the service, for its health and its methods.
            idempotent: Methods that are tried again when the service is unavailable.
        """
        self._credential = f"Bearer {credential}"
        self.channel = grpc.aio.insecure_channel(
            target,
            options=[
                ("grpc.service_config", _service_config(service, idempotent)),
                ("grpc.dns_min_time_between_resolutions_ms", 5_000),
                # A killed neighbour is back within a second or two.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.min_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1_000),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                # `http_proxy` is for the way to Google, not for neighbours.
                ("grpc.enable_http_proxy", 0),
                *FLOW_CONTROL,
            ],
            interceptors=call_interceptors(),
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
        entries = [("authorization", self._credential)]
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
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
        config["retryThrottling"] = {"maxTokens": 100, "tokenRatio": 0.1}
    return json.dumps(config)
