"""The style of HTML documents: light or dark as the reader's system, and narrow or wide as the window."""

from __future__ import annotations

STYLE = """
:root { --back: #fff; --text: #20242b; --faint: #5c626d; --line: #dfe2e7; --panel: #f5f6f8; --mark: #2456c9; }
@media (prefers-color-scheme: dark) {
  :root { --back: #16181d; --text: #e6e8ec; --faint: #a3a9b5; --line: #343841; --panel: #1f2229; --mark: #8fb4ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1020px; margin: 0 auto; padding: 24px 20px 48px; }
header { border-bottom: 1px solid var(--line); margin-bottom: 8px; padding-bottom: 12px; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
header p { color: var(--faint); margin: 0; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 8px 0; }
a { color: var(--mark); }
h2, h3, h4 { display: inline; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; }
h3 { font-size: 1.08rem; }
h4 { font-size: 1rem; }
details.level2 { border-bottom: 1px solid var(--line); padding: 10px 0; }
details.level3, details.level4 { padding: 6px 0; }
summary { cursor: pointer; padding: 4px 0; }
summary::marker { color: var(--faint); }
p, blockquote { max-width: 46em; overflow-wrap: anywhere; margin: 8px 0; }
blockquote { border-left: 3px solid var(--mark); padding: 2px 0 2px 14px; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: 0.86rem; }
.wide { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 5px 18px 5px 0; text-align: left; vertical-align: top; }
thead th { color: var(--faint); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; white-space: nowrap; }
.facts tbody th { color: var(--faint); }
td { white-space: nowrap; }
.facts td { overflow-wrap: anywhere; white-space: normal; }
figure { margin: 10px 0; }
figure img { max-width: 100%; height: auto; border-radius: 4px; display: block; }
figcaption { color: var(--faint); font-size: 0.88rem; max-width: 60em; overflow-wrap: anywhere; padding-top: 4px; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(138px, 1fr)); gap: 12px; margin: 10px 0; }
.clips figure { border-left: 4px solid; padding-left: 8px; margin: 0; }
.clips img { width: 100%; image-rendering: pixelated; }
.clips figcaption { color: var(--text); line-height: 1.35; }
small { color: var(--faint); }
footer { color: var(--faint); font-size: 0.85rem; padding-top: 16px; }
@media (max-width: 600px) {
  .facts th, .facts td { display: block; padding: 0; }
  .facts tbody th { border-bottom: 0; padding-top: 6px; }
  .facts, .facts tbody, .facts tr { display: block; }
}
@media print { details { break-inside: avoid; } }
"""
