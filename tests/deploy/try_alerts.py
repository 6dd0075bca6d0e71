"""Lets promtool read and run the alerts: `make try-alerts`, with promtool on the path."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from tests.deploy.test_monitoring import panels
from tests.support.manifests import of_kind, rendered


def main() -> int:
    """Check rules and queries, run the rules over made-up metrics, and return the exit code."""
    promtool = shutil.which("promtool")
    if promtool is None:
        sys.stderr.write("promtool is needed: apt install prometheus\n")
        return 1
    [rules] = of_kind(rendered("everything"), "PrometheusRule")
    # The tool reads queries as rules alone.
    queries = [
        {"record": f"panel:{number}", "expr": query}
        for number, query in enumerate(panels().values())
    ]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "rules.yaml").write_text(yaml.safe_dump(rules["spec"]))
        dashboard = {"groups": [{"name": "panels", "rules": queries}]}
        (place / "panels.yaml").write_text(yaml.safe_dump(dashboard))
        shutil.copy(Path(__file__).with_name("alerts.yaml"), place)
        for command in (
            ["check", "rules", "rules.yaml", "panels.yaml"],
            ["test", "rules", "alerts.yaml"],
        ):
            done = subprocess.run([promtool, *command], cwd=place, check=False)
            if done.returncode:
                return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
