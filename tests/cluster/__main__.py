"""Runs all scenarios, or those that pytest is told: `make try-cluster`, as root."""

import sys
from pathlib import Path

import pytest

from tests.cluster.building import build_programs
from tests.cluster.images import build_images
from tests.cluster.sandbox import enter, is_inside

if __name__ == "__main__":
    if not is_inside():
        build_programs()
        build_images()
    enter("tests.cluster")
    options = ["-q", "-s", "-x", "-p", "no:cacheprovider", "--timeout=1200", *sys.argv[1:]]
    sys.exit(pytest.main([str(Path(__file__).parent), *options]))
