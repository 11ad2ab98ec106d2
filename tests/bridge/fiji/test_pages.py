"""The documentation's pages to which the help of the dialogs refers."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from epifiji.bridge.fiji import pages
from epifiji.bridge.fiji.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the package name a site."""
    metadata = importlib.metadata.metadata("epifiji")
    del metadata["Project-URL"]
    metadata["Project-URL"] = "Source, https://host.invalid/code"
    metadata["Project-URL"] = "Documentation, https://docs.invalid/epifiji/"
    pages._site.cache_clear()
    monkeypatch.setattr(importlib.metadata, "metadata", lambda _: metadata)
    yield "https://docs.invalid/epifiji"
    pages._site.cache_clear()


def test_each_command_has_a_section_of_a_page(site: str) -> None:
    slugify = pytest.importorskip("markdown.extensions.toc").slugify
    for label in COMMANDS:
        page = pages.page_of(label)
        headings = re.findall(r"^#+ (.+)$", (ROOT / page["file"]).read_text(encoding="utf-8"), re.MULTILINE)
        address, _, anchor = page["address"].partition("#")
        assert address == f"{site}/{Path(page['file']).stem}.html"
        assert [heading for heading in headings if slugify(heading, "-") == anchor] == [label]


def test_without_a_site_there_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_site", lambda: "")
    assert pages.page_of("Detect Epithelial Events...") == {"file": "docs/windows.md", "address": ""}


def test_the_site_has_the_same_address_everywhere() -> None:
    """The address of the site is that of the project's URL *Documentation*, if it has one."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    urls = re.findall(r'^Documentation = "(.+)"$', project, re.MULTILINE)
    assert re.findall(r"^site_url: (.+)$", settings, re.MULTILINE) == urls
    assert "use_directory_urls: false" in settings, "pages are files that end with .html"
