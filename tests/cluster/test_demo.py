"""From an empty cluster to answers, and on through what operators do."""

import asyncio

import httpx
import pytest

from tests.cluster.demo import WORKLOADS, Demo
from tests.hosts.report import note
from tests.hosts.traffic import Traffic
from tests.support.load import ASK, CHAT, GENERATE, MODEL
from tests.support.manifests import K8S, NAMESPACE


def test_both_dialects_are_answered(demo: Demo) -> None:
    headers = {"authorization": f"Bearer {demo.token}"}
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "please repeat toffee"}]}
    with httpx.Client(base_url=demo.url, headers=headers, trust_env=False, timeout=60) as client:
        gemini = client.post(GENERATE, json=ASK)
        openai = client.post(CHAT, json=chat)
        refused = client.post(CHAT, json=chat, headers={"authorization": "Bearer nobody"})

    assert gemini.status_code == 200, gemini.text
    assert "toffee" in openai.json()["choices"][0]["message"]["content"]
    assert refused.status_code == 401


def test_applying_it_again_changes_nothing(demo: Demo) -> None:
    def generations() -> str:
        columns = "custom-columns=:.kind,:.metadata.name,:.metadata.generation"
        return demo.kubectl("get", "deployments,statefulsets,networkpolicies", "-o", columns)

    before = generations()
    demo.node.kubectl("apply", "-k", str(K8S / "overlays/demo"))

    assert generations() == before


def test_pods_have_no_rights_and_no_token(demo: Demo) -> None:
    enforced = demo.node.kubectl(
        *("get", "namespace", NAMESPACE),
        *("-o", "jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}"),
    )
    inside = demo.kubectl(
        *("exec", "deployment/edge", "--", "python3", "-c"),
        "import os; print(os.getuid(), os.path.exists('/var/run/secrets/kubernetes.io'))",
    )

    assert enforced == "restricted"
    uid, has_token = inside.split()
    assert int(uid) > 0
    assert has_token == "False"


def test_the_operators_command_works_in_its_pod(demo: Demo) -> None:
    told = demo.kubectl("exec", "deployment/keypool", "--", "gemini-balance", "keys", "list")

    assert told.count("active") >= 3, told


@pytest.mark.parametrize("component", ["keypool", "files"])
async def test_a_pod_that_is_killed_fails_nothing(demo: Demo, component: str) -> None:
    workload = f"deployment/{component}"
    demo.kubectl("scale", workload, "--replicas=2")
    await asyncio.to_thread(demo.settle, workload)
    async with Traffic(demo, demo.url) as tally:
        pods = demo.kubectl(
            *("get", "pods", "--selector", f"app.kubernetes.io/component={component}"),
            *("-o", "name"),
        )
        await asyncio.to_thread(
            demo.kubectl, "delete", pods.split()[0], "--grace-period=0", "--force"
        )
        await asyncio.to_thread(demo.settle, workload)
        await tally.more(60)

    note(f"kubectl delete --force of a pod of {component}", tally)
    assert tally.failures == []


@pytest.mark.parametrize("workload", WORKLOADS[2:])
async def test_a_rolling_restart_fails_nothing(demo: Demo, workload: str) -> None:
    async with Traffic(demo, demo.url) as tally:
        demo.kubectl("scale", workload, "--replicas=2")
        await asyncio.to_thread(demo.settle, workload)
        await tally.more(30)
        demo.kubectl("rollout", "restart", workload)
        await asyncio.to_thread(demo.settle, workload)
        await tally.more(30)

    note(f"kubectl rollout restart {workload}", tally)
    assert tally.failures == []
