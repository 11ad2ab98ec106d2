"""Folders in which the client finds what is only shown: it removes them when it has read them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def client_folder(holds: str) -> Iterator[Path]:
    """Make a temporary folder, named after what it holds; it is removed here where the block raises."""
    folder = Path(tempfile.mkdtemp(prefix=f"epifiji-{holds}-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
