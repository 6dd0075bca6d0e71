"""One request is one trace, through all services, and nothing secret is in it."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.support.collector import Collector, Span, running_collector, tree
from tests.support.system import System, running_simulator_process, running_system

MODEL = "gemini-2.5-flash"
CHAT = "/v1/chat/completions"
PROMPT = "what nobody but the model may read"
BODY = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
BATCH = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
POOL = "gemini_balance.keypool.v1.KeyPoolService"
FILES = "gemini_balance.files.v1.FilesService"


@dataclass
class Asked:
    """A request of a client that makes traces of its own."""

    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))
    flags: str = "01"

    @property
    def headers(self) -> dict[str, str]:
        return {
            "traceparent": f"00-{self.trace_id}-{self.span_id}-{self.flags}",
            "tracestate": "vendor=told-to-nobody",
            "baggage": "customer=told-to-nobody",
        }


@dataclass
class Traced:
    """A running system and where its spans go."""

    system: System
    collector: Collector

    def client(self, **headers: str) -> httpx.Client:
        token = {"authorization": f"Bearer {self.system.secrets[1]}"}
        return httpx.Client(base_url=self.system.url, headers=token | headers, timeout=30)

    def below(self, asked: Asked, ending: str = "edge server") -> dict[str, object]:
        """Return the tree of a trace, once the span that ends last has come."""
        found = self.collector.until(asked.trace_id, ends(asked, ending))
        return tree(found, asked.span_id)


def ends(asked: Asked, ending: str) -> Callable[[list[Span]], bool]:
    """Return what tells that a trace is whole: its root is there, and both sides of each call."""

    def is_whole(spans: list[Span]) -> bool:
        known = {span.span_id for span in spans} | {asked.span_id}
        parents = {span.parent_id for span in spans}
        roots = [str(span) for span in spans if span.parent_id == asked.span_id]
        calls = {each.span_id for each in spans if each.kind == "client" and "/" in each.name}
        return (
            any(root.startswith(ending) for root in roots) and parents <= known and calls <= parents
        )

    return is_whole


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    folder = tmp_path_factory.mktemp("traced")
    keys = [f"AIzaTest{secrets.token_hex(16)}" for _ in range(2)]
    settings = BATCH | {"API_KEYS": ",".join(keys)}
    with (
        running_collector() as collector,
        running_simulator_process(folder) as simulator_url,
        running_system(
            folder, simulator_url, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **settings
        ) as system,
    ):
        system.secrets += keys
        # Who a client is, and which keys are free, is asked before.
        with httpx.Client(base_url=system.url) as client:
            token = {"authorization": f"Bearer {system.secrets[1]}"}
            assert client.post(CHAT, json=BODY, headers=token).status_code == 200
        yield Traced(system, collector)


def called(method: str, *scripts: str, by: str = "edge", of: str = "keypool") -> dict[str, object]:
    """Return the spans of a gRPC call whose server runs scripts in Redis."""
    ran: dict[str, object] = {f"{of} client EVALSHA {script}": {} for script in scripts}
    return {f"{by} client {method}": {f"{of} server {method}": ran}}


# The first request for a model asks the key pool; later ones may find a lease in stock.
@pytest.mark.parametrize(
    ("model", "stream"), [("gemini-2.5-pro", False), ("gemini-2.5-flash-lite", True)]
)
def test_a_chat_is_one_trace_from_the_client_to_redis_and_to_google(
    traced: Traced, model: str, stream: bool
) -> None:
    asked = Asked()

    with traced.client(**asked.headers) as client:
        body = BODY | {"model": model, "stream": stream}
        assert client.post(CHAT, json=body).status_code == 200

    below = traced.below(asked)
    [(root, spans)] = below.items()
    assert root == "edge server POST chat"
    assert isinstance(spans, dict)
    # It is asked anew every few seconds.
    spans.pop(f"edge client {POOL}/Authorize", None)
    assert spans == {
        "edge internal lease": called(f"{POOL}/AcquireLeases", "acquire"),
        f"edge client generate_content {model}": {},
    }


def test_an_upload_is_one_trace_through_the_files_service(traced: Traced) -> None:
    asked = Asked()

    with traced.client(**asked.headers) as client:
        sent = client.post("/v1/files", data={"purpose": "user_data"}, files={"file": b"A note."})
        assert sent.status_code == 200

    [(root, spans)] = traced.below(asked).items()
    assert root == "edge server POST openai_files"
    assert isinstance(spans, dict)
    created = spans[f"edge client {FILES}/CreateUpload"]
    written = spans[f"files server {FILES}/WriteUpload"]
    assert f"files server {FILES}/CreateUpload" in created
    assert "files client POST" in written
    assert "files client EVALSHA finish_upload" in written
    method = f"{POOL}/AcquireLeases"
    leased = called(method, "acquire", by="files")
    assert written[f"files client {method}"] == leased[f"files client {method}"]


def test_spans_tell_how_calls_ended_and_what_they_used(traced: Traced) -> None:
    asked = Asked()

    with traced.client(**asked.headers, **{"x-request-id": "of-a-client"}) as client:
        answer = client.post(CHAT, json=BODY).json()

    spans = {
        str(span): span for span in traced.collector.until(asked.trace_id, ends(asked, "edge"))
    }
    served = spans["edge server POST chat"].attributes
    assert served["http.response.status_code"] == 200
    assert served["gemini_balance.request_id"] == "of-a-client"
    assert served["gen_ai.usage.input_tokens"] == answer["usage"]["prompt_tokens"]
    assert served["gen_ai.usage.output_tokens"] == answer["usage"]["completion_tokens"]
    asked_google = spans[f"edge client generate_content {MODEL}"].attributes
    assert asked_google["gen_ai.request.model"] == MODEL
    assert asked_google["http.response.status_code"] == 200
    calls = [each.attributes for each in spans.values() if "rpc.method" in each.attributes]
    assert all(each["rpc.response.status_code"] == "OK" for each in calls)


async def test_each_try_has_a_span_and_failed_ones_tell_their_rule(traced: Traced) -> None:
    asked = Asked()
    async with traced.system.control() as control:
        await control.add_fault("overloaded")

    with traced.client(**asked.headers) as client:
        assert client.post(CHAT, json=BODY).status_code == 200

    spans = traced.collector.until(asked.trace_id, ends(asked, "edge server"))
    tries = [span.attributes for span in spans if span.name.startswith("generate_content")]
    assert sorted(each["http.response.status_code"] for each in tries) == [200, 503]
    [root] = [span for span in spans if span.parent_id == asked.span_id]
    assert root.events == ["try failed"]


def test_a_request_without_a_trace_begins_one(traced: Traced) -> None:
    with traced.client(**{"x-request-id": "begins-a-trace"}) as client:
        client.get("/v1/models")

    def roots(_: list[Span]) -> list[Span]:
        return [
            span
            for span in traced.collector.spans
            if span.attributes.get("gemini_balance.request_id") == "begins-a-trace"
        ]

    traced.collector.until("", lambda spans: bool(roots(spans)))
    [root] = roots([])
    assert root.parent_id == ""
    assert root.name == "GET models"


def test_a_client_that_does_not_sample_is_not_sampled(traced: Traced) -> None:
    unsampled, sampled = Asked(flags="00"), Asked()

    for asked in (unsampled, sampled):
        with traced.client(**asked.headers) as client:
            client.post(CHAT, json=BODY)

    traced.below(sampled)
    assert traced.collector.trace(unsampled.trace_id) == []


async def test_google_learns_nothing_of_traces(traced: Traced) -> None:
    asked = Asked()

    with traced.client(**asked.headers) as client:
        client.post(
            f"/v1beta/models/{MODEL}:generateContent",
            json={"contents": [{"parts": [{"text": "hi"}]}]},
        )
        client.post("/v1/files", data={"purpose": "user_data"}, files={"file": b"A note."})

    async with traced.system.control() as control:
        received = await control.requests(limit=10_000)
    told = {name for request in received for name, _ in request.headers}
    assert "x-goog-api-key" in told
    assert told & {"traceparent", "tracestate", "baggage"} == set()


def test_google_is_told_when_that_is_asked_for(
    traced: Traced, tmp_path_factory: pytest.TempPathFactory
) -> None:
    asked = Asked()
    folder = tmp_path_factory.mktemp("telling")
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": traced.collector.url, "TRACE_UPSTREAM": "true"}
    with (
        running_simulator_process(folder) as simulator_url,
        running_system(folder, simulator_url, **settings, **BATCH) as system,
    ):
        telling = Traced(system, traced.collector)
        with telling.client(**asked.headers) as client:
            client.post(CHAT, json=BODY)
            client.post("/v1/files", data={"purpose": "user_data"}, files={"file": b"A note."})
        spans = traced.collector.until(asked.trace_id, ends(asked, "edge server POST openai_files"))
        received = httpx.get(f"{simulator_url}/_sim/requests").json()["requests"]
    told = {value for each in received for name, value in each["headers"] if name == "traceparent"}
    called = {span.span_id for span in spans if span.name in {"POST", f"generate_content {MODEL}"}}
    assert told == {f"00-{asked.trace_id}-{span_id}-01" for span_id in called}
    assert len(called) >= 3


def test_nothing_secret_was_exported(traced: Traced) -> None:
    asked, system = Asked(), traced.system
    note = b"what stands in the file"
    with traced.client(**asked.headers) as client:
        started = client.post(
            "/upload/v1beta/files",
            headers={"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"},
            json={"file": {"displayName": "name-of-a-secret.txt"}},
        )
        address = httpx.URL(started.headers["x-goog-upload-url"])
        finish = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
        file = client.post(address, headers=finish, content=note).json()["file"]
        answer = client.post(CHAT, json=BODY).json()
        client.post(CHAT, json=BODY, headers={"x-request-id": system.secrets[1]})
        client.post(CHAT, json=BODY | {"model": system.secrets[1]})
        client.get(f"/v1beta/files?key={system.secrets[1]}")
        client.get("/v1/models", headers={"authorization": "Bearer sk-of-nobody-0123456789"})
    traced.below(asked)
    last = Asked()
    with traced.client(**last.headers) as client:
        client.get("/v1/models")
    traced.below(last)

    exported = b"".join(traced.collector.bodies)
    local = json.loads((system.data_dir / "secrets.json").read_text())
    secret = [
        *system.secrets,
        *(value for value in local.values() if isinstance(value, str)),
        *(PROMPT, answer["choices"][0]["message"]["content"], note.decode(), "sk-of-nobody"),
        *(address.params["upload_id"], "name-of-a-secret", file["name"], "told-to-nobody"),
        system.run_file["admin_credential"],
    ]
    assert b"gemini_balance.request_id" in exported
    assert [text for text in secret if text.encode() in exported] == []
