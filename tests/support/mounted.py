"""A folder of files as a cluster mounts a Secret or a ConfigMap."""

from collections.abc import Mapping
from pathlib import Path


class Mounted:
    """All files change at once: they lie behind one link, which is moved as the kubelet does it."""

    def __init__(self, folder: Path, files: Mapping[str, bytes | str]) -> None:
        """Make the folder."""
        self.folder = folder
        self._version = 0
        folder.mkdir(parents=True)
        self.put(files)

    def path(self, name: str) -> Path:
        """Return where a file is found, whatever its content."""
        return self.folder / name

    def put(self, files: Mapping[str, bytes | str]) -> None:
        """Replace the contents."""
        self._version += 1
        version = self.folder / f"..{self._version}"
        version.mkdir()
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (version / name).write_bytes(data)
            if not (link := self.folder / name).is_symlink():
                link.symlink_to(Path("..data", name))
        moved = self.folder / "..data_tmp"
        moved.symlink_to(version.name)
        moved.replace(self.folder / "..data")
