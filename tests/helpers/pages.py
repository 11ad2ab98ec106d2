"""The README and the pages of the documentation, with and without the parts made from the code."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {page.relative_to(DOCS).as_posix(): page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}
TEXTS = {"README.md": README, **PAGES}
"""Everything that a user reads, by its file."""


def hooks() -> ModuleType:
    """Load the hooks that MkDocs runs when it builds the site."""
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def built(page: str) -> str:
    """Return a page's Markdown with the parts that are made from the code."""
    return hooks().on_page_markdown(PAGES[page])
