"""Who may call, how errors look, and what is refused before anything happens."""

from collections.abc import Awaitable
from typing import Any

import grpc
import grpc.aio
import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.kit.errors import RemoteError
from tests.support.keypool import CREDENTIALS, Keypool, duration, secret_of, settings

DOMAIN = "gemini_balance.keypool.v1"
METHODS = [
    method
    for file in (keypool_pb2.DESCRIPTOR, admin_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
    for method in service.methods
]
WRONG_SCOPES = {
    "KeyPoolService": ["operator", "files"],
    "KeyAdminService": ["edge", "batch-job", "files"],
}


async def call(keypool: Keypool, method: MethodDescriptor, credential: str | None) -> Any:
    """Call any method with an empty request."""
    service = method.containing_service.full_name
    request_type = message_factory.GetMessageClass(method.input_type)
    response_type = message_factory.GetMessageClass(method.output_type)
    call = keypool.channel.unary_unary(
        f"/{service}/{method.name}",
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )
    metadata = (("authorization", credential),) if credential is not None else ()
    return await call(request_type(), timeout=10, metadata=metadata)


def info_of(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """Return the ErrorInfo that every error must carry."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            assert isinstance(value, bytes)
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info
    raise AssertionError("no ErrorInfo")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
class TestCredentials:
    @pytest.mark.parametrize(
        "credential", [None, "", "Bearer", "Bearer ", "Bearer wrong", "edge-credential-0123456789"]
    )
    async def test_every_method_needs_one(
        self, keypool: Keypool, method: MethodDescriptor, credential: str | None
    ) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(keypool, method, credential)

        assert failure.value.code() is grpc.StatusCode.UNAUTHENTICATED
        info = info_of(failure.value)
        assert (info.reason, info.domain) == ("CREDENTIAL_INVALID", DOMAIN)

    async def test_every_method_needs_the_right_scope(
        self, keypool: Keypool, method: MethodDescriptor
    ) -> None:
        for name in WRONG_SCOPES[method.containing_service.name]:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(keypool, method, f"Bearer {CREDENTIALS[name][0]}")

            assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert info_of(failure.value).reason == "SCOPE_MISSING"

    async def test_every_method_answers_an_empty_request_in_order(
        self, keypool: Keypool, method: MethodDescriptor
    ) -> None:
        name = {"KeyPoolService": "edge", "KeyAdminService": "operator"}
        credential = CREDENTIALS[name[method.containing_service.name]][0]

        failure = await failure_of(call(keypool, method, f"Bearer {credential}"))

        if failure is not None:
            assert failure.code() not in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
            assert info_of(failure).domain == DOMAIN


async def failure_of(calling: Awaitable[Any]) -> grpc.aio.AioRpcError | None:
    """Return how a call failed, None when it did not."""
    try:
        await calling
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def test_reflection_needs_a_credential_and_lists_the_services(keypool: Keypool) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(keypool.channel)  # type: ignore[arg-type]
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    bearer = (("authorization", f"Bearer {CREDENTIALS['files'][0]}"),)

    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stub.ServerReflectionInfo(iter([request]), timeout=10).read()
    answers = stub.ServerReflectionInfo(iter([request]), timeout=10, metadata=bearer)
    answer = await answers.read()
    answers.cancel()

    assert failure.value.code() is grpc.StatusCode.UNAUTHENTICATED
    names = {service.name for service in answer.list_services_response.service}
    assert names >= {f"{DOMAIN}.KeyPoolService", f"{DOMAIN}.KeyAdminService"}


async def test_health_needs_no_credential(keypool: Keypool) -> None:
    stub: Any = health_pb2_grpc.HealthStub(keypool.channel)

    for name in ("", f"{DOMAIN}.KeyPoolService", f"{DOMAIN}.KeyAdminService"):
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


acquire = keypool_pb2.AcquireLeasesRequest
settlement = keypool_pb2.Settlement
succeeded = keypool_pb2.OUTCOME_SUCCEEDED
evidence = keypool_pb2.Evidence
use = keypool_pb2.UnleasedUse
new_key = admin_pb2.NewKey
BAD_REQUESTS: list[tuple[str, Any, str]] = [
    ("AcquireLeases", acquire(count=257), "count"),
    ("AcquireLeases", acquire(count=-1), "count"),
    ("AcquireLeases", acquire(model="a/b"), "model"),
    ("AcquireLeases", acquire(model="m" * 129), "model"),
    ("AcquireLeases", acquire(model="m\n"), "model"),
    ("AcquireLeases", acquire(pool="a}b"), "pool"),
    ("AcquireLeases", acquire(request_id="a b"), "request_id"),
    ("AcquireLeases", acquire(client_id="a/b"), "client_id"),
    ("AcquireLeases", acquire(operation=99), "operation"),  # type: ignore[arg-type]
    ("AcquireLeases", acquire(estimated_input_tokens=-1), "estimated_input_tokens"),
    ("AcquireLeases", acquire(hold=duration(2.5)), "hold"),
    ("AcquireLeases", acquire(hold=duration(-1)), "hold"),
    ("AcquireLeases", acquire(lifetime=duration(0)), "lifetime"),
    ("AcquireLeases", acquire(lifetime=duration(3601)), "lifetime"),
    ("AcquireLeases", acquire(wait_budget=duration(-1)), "wait_budget"),
    ("AcquireLeases", acquire(known_epoch=-1), "known_epoch"),
    ("AcquireLeases", acquire(required_project_id="a b"), "required_project_id"),
    ("AcquireLeases", acquire(excluded_project_ids=[""]), "excluded_project_ids[0]"),
    (
        "AcquireLeases",
        acquire(excluded_key_ids=[f"k{number}" for number in range(65)]),
        "excluded_key_ids",
    ),
    ("AcquireLeases", acquire(required_resources=["files/a b"]), "required_resources[0]"),
    (
        "AcquireLeases",
        acquire(settlements=[settlement(lease_id="x")]),
        "settlements[0].outcome",
    ),
    (
        "SettleLeases",
        keypool_pb2.SettleLeasesRequest(settlements=[settlement(outcome=succeeded)]),
        "settlements[0].lease_id",
    ),
    (
        "SettleLeases",
        keypool_pb2.SettleLeasesRequest(
            settlements=[
                settlement(lease_id="x", outcome=succeeded, evidence=evidence(body=b"x" * 16_385))
            ]
        ),
        "settlements[0].evidence.body",
    ),
    (
        "SettleLeases",
        keypool_pb2.SettleLeasesRequest(
            settlements=[settlement(lease_id="x", outcome=succeeded)] * 1001
        ),
        "settlements",
    ),
    (
        "SettleLeases",
        keypool_pb2.SettleLeasesRequest(unleased_uses=[use(key_id="k1")]),
        "unleased_uses[0].report_id",
    ),
    (
        "SettleLeases",
        keypool_pb2.SettleLeasesRequest(unleased_uses=[use(report_id="1", key_id="k 1")]),
        "unleased_uses[0].key_id",
    ),
    (
        "BindResource",
        keypool_pb2.BindResourceRequest(binding=keypool_pb2.Binding(project_id="p")),
        "binding.resource_name",
    ),
    (
        "BindResource",
        keypool_pb2.BindResourceRequest(binding=keypool_pb2.Binding(resource_name="files/a")),
        "binding.project_id",
    ),
    (
        "ResolveResources",
        keypool_pb2.ResolveResourcesRequest(
            resource_names=[f"files/{number}" for number in range(257)]
        ),
        "resource_names",
    ),
    ("ListResources", keypool_pb2.ListResourcesRequest(page_size=-1), "page_size"),
    ("ListResources", keypool_pb2.ListResourcesRequest(page_token="!"), "page_token"),
    ("ListResources", keypool_pb2.ListResourcesRequest(page_token="W10="), "page_token"),
    ("UnbindResource", keypool_pb2.UnbindResourceRequest(), "resource_name"),
    ("Authorize", keypool_pb2.AuthorizeRequest(), "token"),
    ("Authorize", keypool_pb2.AuthorizeRequest(token="x" * 513), "token"),
    ("Explain", keypool_pb2.ExplainRequest(model="a b"), "model"),
    ("CreateKeys", admin_pb2.CreateKeysRequest(), "keys"),
    (
        "CreateKeys",
        admin_pb2.CreateKeysRequest(keys=[new_key(secret=secret_of(1))] * 1001),
        "keys",
    ),
    ("CreateKeys", admin_pb2.CreateKeysRequest(keys=[new_key(secret="short")]), "keys[0].secret"),
    (
        "CreateKeys",
        admin_pb2.CreateKeysRequest(keys=[new_key(secret="with spaces inside")]),
        "keys[0].secret",
    ),
    (
        "CreateKeys",
        admin_pb2.CreateKeysRequest(keys=[new_key(secret="schlüssel-0123")]),
        "keys[0].secret",
    ),
    (
        "CreateKeys",
        admin_pb2.CreateKeysRequest(keys=[new_key(secret=secret_of(1), project_id="a/b")]),
        "keys[0].project_id",
    ),
    (
        "CreateKeys",
        admin_pb2.CreateKeysRequest(keys=[new_key(secret=secret_of(1), proxy_url="ftp://x")]),
        "keys[0].proxy_url",
    ),
    (
        "CreateKeys",
        admin_pb2.CreateKeysRequest(keys=[new_key(secret=secret_of(1), proxy_url="http://x:y")]),
        "keys[0].proxy_url",
    ),
    (
        "CreateKeys",
        admin_pb2.CreateKeysRequest(keys=[new_key(secret=secret_of(1), note="x" * 513)]),
        "keys[0].note",
    ),
    ("GetKey", admin_pb2.GetKeyRequest(), "key_id"),
    ("ListKeys", admin_pb2.ListKeysRequest(page_size=-1), "page_size"),
    ("ListKeys", admin_pb2.ListKeysRequest(state=77), "state"),  # type: ignore[arg-type]
    ("UpdateKey", admin_pb2.UpdateKeyRequest(key=admin_pb2.Key(key_id="k1")), "update_mask"),
    (
        "UpdateKey",
        admin_pb2.UpdateKeyRequest(
            key=admin_pb2.Key(key_id="k1"), update_mask=FieldMask(paths=["state"])
        ),
        "update_mask",
    ),
    (
        "UpdateKey",
        admin_pb2.UpdateKeyRequest(
            key=admin_pb2.Key(key_id="k1", weight=-1), update_mask=FieldMask(paths=["weight"])
        ),
        "key.weight",
    ),
    ("CreateToken", admin_pb2.CreateTokenRequest(token="short"), "token"),
    ("CreateToken", admin_pb2.CreateTokenRequest(token="new\r\nline-12345"), "token"),
    ("CreateToken", admin_pb2.CreateTokenRequest(scopes=["root"]), "scopes"),
    ("CreateToken", admin_pb2.CreateTokenRequest(allowed_models=["a b"]), "allowed_models[0]"),
    (
        "UpdateToken",
        admin_pb2.UpdateTokenRequest(
            token=admin_pb2.Token(token_id="t1"), update_mask=FieldMask(paths=["scopes"])
        ),
        "token.scopes",
    ),
    ("RevokeToken", admin_pb2.RevokeTokenRequest(), "token_id"),
]
ADMIN_METHODS = {
    method.name for method in METHODS if method.containing_service.name == "KeyAdminService"
}


async def test_bad_requests_name_the_field(keypool: Keypool) -> None:
    for method, request, field in BAD_REQUESTS:
        caller = keypool.admin if method in ADMIN_METHODS else keypool.pool

        with pytest.raises(RemoteError) as failure:
            await getattr(caller, method)(request)

        error = failure.value
        told = (method, error.code.name, error.reason, str(error).partition(": ")[0])
        assert told == (method, "INVALID_ARGUMENT", "INVALID_REQUEST", field)


async def test_no_error_quotes_a_secret(keypool: Keypool) -> None:
    secret = "with spaces " + secret_of(1)
    requests = [
        ("CreateKeys", admin_pb2.CreateKeysRequest(keys=[new_key(secret=secret)])),
        ("CreateToken", admin_pb2.CreateTokenRequest(token=secret)),
    ]

    for method, request in requests:
        with pytest.raises(RemoteError) as failure:
            await getattr(keypool.admin, method)(request)
        assert secret_of(1) not in str(failure.value)


async def test_leases_named_by_one_caller_are_not_given_to_another(keypool: Keypool) -> None:
    await keypool.add_keys(secret_of(1))
    request = acquire(request_id="1", model="m")

    [mine] = (await keypool.pool.AcquireLeases(request)).leases
    [other] = (await keypool.as_caller("batch-job").AcquireLeases(request)).leases

    assert mine.lease_id != other.lease_id


async def test_only_open_leases_of_ours_can_be_renewed(keypool: Keypool) -> None:
    await keypool.add_keys(secret_of(1))
    [lease] = (await keypool.acquire()).leases
    renew = keypool_pb2.RenewLeaseRequest
    answer = await keypool.pool.RenewLease(renew(lease_id=lease.lease_id, lifetime=duration(600)))
    await keypool.settle(settlement(lease_id=lease.lease_id, outcome=succeeded))

    with pytest.raises(RemoteError) as ended:
        await keypool.pool.RenewLease(renew(lease_id=lease.lease_id))
    with pytest.raises(RemoteError) as unknown:
        await keypool.pool.RenewLease(renew(lease_id="made up"))

    assert answer.expire_time.ToMilliseconds() > lease.expire_time.ToMilliseconds() + 200_000
    assert (ended.value.code.name, ended.value.reason) == ("FAILED_PRECONDITION", "LEASE_LAPSED")
    assert (unknown.value.code.name, unknown.value.reason) == ("NOT_FOUND", "LEASE_UNKNOWN")


def test_settings_show_no_secret() -> None:
    shown = repr(
        settings(
            "redis://:hunter2@h:1/0",
            api_keys=[secret_of(1)],
            allowed_tokens=["sk-a-token"],
            auth_token="sk-an-operator",
        )
    )

    for secret in (
        secret_of(1),
        "hunter2",
        "sk-a-token",
        "sk-an-operator",
        *CREDENTIALS["edge"][0:1],
    ):
        assert secret not in shown


async def test_a_grant_tells_the_clock_that_its_times_are_by(keypool: Keypool) -> None:
    await keypool.add_keys(secret_of(1))
    request = acquire(request_id="one", model="m")

    granted = await keypool.pool.AcquireLeases(request)
    repeated = await keypool.pool.AcquireLeases(request)

    [lease] = granted.leases
    left = lease.use_by.ToNanoseconds() - granted.now.ToNanoseconds()
    assert 0 < left < lease.expire_time.ToNanoseconds() - granted.now.ToNanoseconds()
    assert [again.lease_id for again in repeated.leases] == [lease.lease_id]
    assert repeated.now.ToNanoseconds() >= granted.now.ToNanoseconds()
