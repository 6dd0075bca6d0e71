"""Waiting until a part can be used. Each probe returns then, and waits for ever otherwise."""

import asyncio

import grpc
import grpc.aio
import httpx
from grpc_health.v1 import health_pb2

from services.kit.redis_client import UNAVAILABLE, RedisError, open_redis

_PAUSE_SECONDS = 0.05
_ANSWER_SECONDS = 2.0


async def redis_answers(url: str) -> None:
    """Return once the store at a `REDIS_URL` answers a ping, its data loaded."""
    redis = open_redis(url, name="up")
    try:
        while True:
            try:
                await redis.ping()
            except (*UNAVAILABLE, RedisError):
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
    finally:
        await redis.aclose()


async def grpc_serves(target: str) -> None:
    """Return once the standard health service at a target says SERVING."""
    # A proxy from the environment is not for neighbours on this machine.
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 200)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        while True:
            try:
                answer = await check(health_pb2.HealthCheckRequest(), timeout=_ANSWER_SECONDS)
            except grpc.aio.AioRpcError:
                pass
            else:
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            await asyncio.sleep(_PAUSE_SECONDS)


async def http_ready(base_url: str) -> None:
    """Return once `/readyz` under a base address answers 200."""
    async with httpx.AsyncClient(trust_env=False, timeout=_ANSWER_SECONDS) as client:
        while True:
            try:
                answer = await client.get(f"{base_url}/readyz")
            except httpx.HTTPError:
                pass
            else:
                if answer.status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(_PAUSE_SECONDS)
