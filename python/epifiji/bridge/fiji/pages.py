"""The documentation's page about each command, to which the help of its dialog refers."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import unicodedata

PAGE = "windows"
"""The page with a section for each command, in the folder docs."""


def page_of(label: str) -> dict[str, str]:
    """Return the page about a command: its ``file`` in the source, and its ``address``, empty if there is no site.

    The address of the site is the project's URL *Documentation* in ``pyproject.toml``.
    """
    site = _site()
    address = f"{site.rstrip('/')}/{PAGE}.html#{anchor(label)}" if site else ""
    return {"file": f"docs/{PAGE}.md", "address": address}


def anchor(heading: str) -> str:
    """Return the anchor that MkDocs gives a heading."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


@functools.cache
def _site() -> str:
    """Return the address of the documentation's site, as the installed package names it; empty if it names none."""
    urls = importlib.metadata.metadata("epifiji").get_all("Project-URL") or ()
    parts = (url.partition(",") for url in urls)
    return next((address.strip() for name, _, address in parts if name.strip() == "Documentation"), "")
