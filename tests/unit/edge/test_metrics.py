"""Labels that clients or projects could choose are bounded."""

from prometheus_client import REGISTRY

from services.edge import metrics
from services.edge.usage import TokenUsage
from tests.support.edge_in_memory import EdgeInMemory, Script


def counted(model: str, kind: str = "input") -> float:
    labels = {"model": model, "kind": kind}
    return REGISTRY.get_sample_value("edge_tokens_total", labels) or 0


def use(model: str, tokens: int = 1) -> None:
    metrics.tokens(model, TokenUsage(tokens, 2 * tokens, 0, 3 * tokens))


def test_tokens_are_counted_by_model_and_kind() -> None:
    before = [counted("gemini-2.5-flash", kind) for kind in ("input", "output", "thought")]

    use("gemini-2.5-flash", 10)

    after = [counted("gemini-2.5-flash", kind) for kind in ("input", "output", "thought")]
    assert [now - then for now, then in zip(after, before, strict=True)] == [10, 20, 30]


def test_names_that_a_project_chose_are_counted_together() -> None:
    before = counted(metrics.OTHER_MODEL)

    for model in ("our-tuned-model", "Gemini-X", "gemini-" + "x" * 200, "batches.gemini-2.5-pro"):
        use(model)

    assert counted(metrics.OTHER_MODEL) == before + 4


def test_no_more_than_a_few_models_have_a_label_of_their_own() -> None:
    for number in range(1000):
        use(f"gemini-{number}")

    [tokens] = [each for each in REGISTRY.collect() if each.name == "edge_tokens"]
    models = {sample.labels["model"] for sample in tokens.samples}
    assert len(models) <= 65
    assert counted(metrics.OTHER_MODEL) > 900


async def test_an_answer_is_counted_once_and_from_its_first_byte_on() -> None:
    edge = EdgeInMemory()
    labels = {"dialect": "gemini", "route": "method"}

    def counts() -> list[float]:
        names = ("edge_request_seconds_count", "edge_first_byte_seconds_count")
        found = [REGISTRY.get_sample_value(name, labels) for name in names]
        with_status = {**labels, "status": "200"}
        return [
            each or 0
            for each in (*found, REGISTRY.get_sample_value("edge_requests_total", with_status))
        ]

    before = counts()
    target = "/v1beta/models/gemini-2.5-flash:generateContent"
    await edge.post(target, {"contents": [{"parts": [{"text": "hi"}]}]}, Script([b"{}"]))

    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1, 1]
    assert REGISTRY.get_sample_value("edge_requests_open") == 0


async def test_a_try_that_fails_is_counted_by_its_rule() -> None:
    edge = EdgeInMemory()

    def failures() -> float:
        rule = {"rule": "upstream.overloaded"}
        return REGISTRY.get_sample_value("edge_upstream_failures_total", rule) or 0

    before = failures()
    target = "/v1beta/models/gemini-2.5-flash:generateContent"
    await edge.post(
        target, {"contents": [{"parts": [{"text": "hi"}]}]}, Script([b"{}"], status=503)
    )

    assert failures() == before + 1
