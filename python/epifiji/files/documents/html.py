"""A document as one HTML file: its pictures are inside, it runs no script and asks no server for anything.

Texts may come from strangers, so each is escaped, and a policy in the file forbids everything but its own pictures and style.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from html import escape
from pathlib import Path

from epifiji.data.document import Block, Clip, Clips, Document, Picture, Section, Table, Text

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
PHOTO_QUALITY = 86


def write_html(path: Path, document: Document) -> None:
    """Write a document as HTML."""
    path.write_text("".join(_page(document)), "utf-8")


def _page(document: Document) -> Iterator[str]:
    title, subtitle = escape(document.title), escape(document.subtitle)
    yield "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n"
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    yield "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
    yield "<meta name='color-scheme' content='light dark'>\n"
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    yield f"<title>{title}</title>\n<style>{style}</style></head>\n<body><main>\n"
    yield f"<header><h1>{title}</h1><p>{subtitle}</p></header>\n"
    names = [section.heading for section in document.sections]
    if len(names) > 2:
        links = (f"<a href='#s{number}'>{escape(name)}</a>" for number, name in enumerate(names))
        yield f"<nav>{' '.join(links)}</nav>\n"
    for number, section in enumerate(document.sections):
        yield from _section(section, f"s{number}", 2)
    yield f"<footer>{escape(document.made_by)}</footer>\n</main></body></html>\n"


def _section(section: Section, name: str, level: int) -> Iterator[str]:
    """Write a section that opens and closes by a click on its heading."""
    opened, heading = " open" if section.shown else "", escape(section.heading)
    yield f"<details{opened} id='{name}' class='level{level}'><summary><h{level}>{heading}</h{level}></summary>\n"
    for block in section.blocks:
        yield from _block(block)
    for number, part in enumerate(section.parts):
        yield from _section(part, f"{name}-{number}", level + 1)
    yield "</details>\n"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Text):
        tags = {"code": ("<pre>", "</pre>"), "quote": ("<blockquote>", "</blockquote>")}
        begin, end = tags.get(block.kind, ("<p>", "</p>"))
        yield f"{begin}{escape(block.text)}{end}\n"
    elif isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, Picture):
        quality = PHOTO_QUALITY if block.photo else None
        light, dark = (_address(_webp(png, quality)) for png in (block.light, block.dark))
        yield f'<figure><picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        yield f'<img src="{light}" alt="{escape(block.caption)}"></picture>'
        yield f"<figcaption>{escape(block.caption)}</figcaption></figure>\n"
    else:
        yield from _clips(block)


def _table(table: Table) -> Iterator[str]:
    kind = "table" if table.columns else "table class='facts'"
    yield f"<div class='wide'><{kind}>"
    if table.columns:
        yield "<thead><tr>" + "".join(f"<th>{escape(name)}</th>" for name in table.columns) + "</tr></thead>"
    yield "<tbody>"
    for first, *others in table.rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in others)
        yield f"<tr><th>{escape(first)}</th>{cells}</tr>"
    yield "</tbody></table></div>\n"


def _clips(block: Clips) -> Iterator[str]:
    yield "<div class='clips'>\n"
    for clip in block.clips:
        yield from _clip(clip)
    yield "</div>\n"


def _clip(clip: Clip) -> Iterator[str]:
    red, green, blue = clip.colour
    text, details = f"{clip.number}: {clip.name}, {clip.details}", escape(clip.details).replace("\n", "<br>")
    yield f'<figure style="border-color: rgb({red}, {green}, {blue})"><picture>'
    yield f'<source media="(prefers-reduced-motion: reduce)" srcset="{_address(clip.still)}">'
    yield f'<img src="{_address(clip.moving)}" alt="{escape(text)}"></picture>'
    yield f"<figcaption><b>{clip.number}</b> {escape(clip.name)}<br><small>{details}</small></figcaption></figure>\n"


def _address(webp: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode('ascii')}"


def _webp(png: bytes, quality: int | None) -> bytes:
    """Convert a PNG to WebP, without loss if there is no quality."""
    from PIL import Image

    converted = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.save(converted, "WEBP", lossless=quality is None, quality=quality or 60, method=4)
    return converted.getvalue()
