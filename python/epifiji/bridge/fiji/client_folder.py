"""Temporary folders with files that Fiji only shows. The client removes them after it has read the files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def client_folder(holds: str) -> Iterator[Path]:
    """Make a temporary folder, named after what it holds; if the block raises, it is removed."""
    folder = Path(tempfile.mkdtemp(prefix=f"epifiji-{holds}-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
