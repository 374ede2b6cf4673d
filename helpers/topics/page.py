"""DataMapPlot's HTML -> one self-contained file that asks for nothing and runs no script but its own.

Lends DataMapPlot our scripts and fonts in place of its downloads; what is drawn is told in plot.py.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from helpers.assets import Asset, notices, read_assets

# Everything is forbidden but what is named: the page's own scripts by their hashes, its workers (made from blobs
# of its own), its style and its embedded fonts and pictures. There is no way to connect to anything.
POLICY = (
    "default-src 'none'; script-src {scripts}; worker-src blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)


@contextmanager
def offline_cache(*, folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """Give the arguments that make DataMapPlot build a page from our files alone, while the block runs.

    Raises FileNotFoundError when a file is missing or changed. The user's own DataMapPlot cache stays as it is.
    """
    files = read_assets(folder=folder)
    with tempfile.TemporaryDirectory() as home, _data_home(home):
        import platformdirs

        cache = Path(platformdirs.user_data_dir("datamapplot", ensure_exists=True))
        styles, scripts, fonts = (
            cache / "datamapplot_css_encoded.json",
            Path(home, "js.json"),
            Path(home, "fonts.json"),
        )
        scripts.write_text(json.dumps(_encoded(files, ".js")))
        fonts.write_text(json.dumps({"Roboto": _font_faces(files)}))
        if not styles.exists():
            styles.write_text(json.dumps(_encoded(files, ".css")))
        yield {
            "offline_mode": True,
            "offline_mode_js_data_file": str(scripts),
            "offline_mode_font_data_file": str(fonts),
        }


def seal(page: str, *, view: tuple[float, float, float, float]) -> str:
    """Return the page with this first view, without links to other places, with a policy that forbids connections.

    view: left, right, bottom, top. Scripts that the page holds now are allowed by their hashes; what slips in
    later does not run.
    """
    head, body = page.replace("\r\n", "\n").replace("\r", "\n").split("</head>", 1)
    body = _set_view(_await_fonts(body), view)
    body = body.replace('placeholder="🔍"', 'placeholder="Search labels and texts" aria-label="Search"')
    page = re.sub(r"<link\b[^>]*>", "", head) + "</head>" + body
    policy = POLICY.format(scripts=" ".join(sorted(f"'{_digest(script)}'" for script in _scripts(page))))
    opening = (
        f'<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="viewport" content="width=device-width">\n'
        f"<!-- Holds files of: {notices()} -->"
    )
    return _replace_once(page, r"<head>", opening)


def _await_fonts(page: str) -> str:
    # Labels are drawn once, in whatever font is there at that moment.
    wait = "await Promise.all([...document.fonts].map((face) => face.load()));"
    return _replace_once(page, r'<script type="module">', f'<script type="module">\n{wait}')


def _set_view(page: str, view: tuple[float, float, float, float]) -> str:
    # DataMapPlot fits the view to a share of the points, and gives a single point a view of no width. Its zoom
    # leaves a margin of 30 % above and below, and takes half of the width that is needed from left to right.
    left, right, bottom, top = 0.76 * np.array(view)
    edges = ", ".join(f"{edge:.6f}" for edge in (2 * left, 2 * right, bottom, top))
    return _replace_once(page, r"(?<=container: container,\n  bounds: )\[[^\]]*\]", f"[{edges}]")


def _replace_once(page: str, pattern: str, new: str) -> str:
    page, found = re.subn(pattern, lambda _: new, page)
    if found != 1:
        raise RuntimeError(f"DataMapPlot's page has {pattern!r} {found} times instead of once; install 0.7.3")
    return page


def _scripts(page: str) -> list[str]:
    """Return every script of the page: those between tags, and those that it unpacks from base64."""
    inline = re.findall(r"<script\b[^>]*>(.*?)</script>", page, flags=re.DOTALL)
    # A variable of the loader; its name is that of _encoded.
    packed = re.findall(r'const packed_\w+ = "([A-Za-z0-9+/=]+)"', page)
    return inline + [base64.b64decode(script).decode("ascii") for script in packed]


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _encoded(files: dict[Asset, bytes], suffix: str) -> dict[str, dict[str, str]]:
    """Return DataMapPlot's cache of scripts or styles: address -> name of a variable, content in base64."""
    cache = {}
    for asset, data in files.items():
        if asset.stands_for and asset.path.endswith(suffix):
            text = _as_ascii(data.decode()) if suffix == ".js" else data.decode()
            name = "packed_" + re.sub(r"\W", "_", asset.place)
            cache[asset.stands_for] = {
                "name": name,
                "encoded_content": base64.b64encode(text.encode()).decode(),
            }
    return cache


def _as_ascii(script: str) -> str:
    # The page decodes base64 as Latin-1, and a browser's tools would ask for a source map.
    script = re.sub(r"//# sourceMappingURL=\S*", "", script)
    return re.sub("[^\x00-\x7f]", lambda letter: f"\\u{ord(letter[0]):04x}", script).replace("\r", "")


def _font_faces(files: dict[Asset, bytes]) -> list[dict[str, str]]:
    """Return DataMapPlot's list of font faces; the letters that a file holds stand in the font's own style sheet."""
    sheets = [data.decode() for asset, data in files.items() if re.fullmatch(r"\d+\.css", asset.path)]
    rules = "".join(sheets).split("@font-face")
    faces = []
    for asset, data in files.items():
        if asset.path.endswith(".woff2"):
            rule = next(rule for rule in rules if asset.path in rule)
            faces.append(
                {
                    "style": "normal",
                    "weight": re.search(r"font-weight: (\d+)", rule)[1],
                    "unicode_range": re.search(r"unicode-range: ([^;]+)", rule)[1],
                    "type": "woff2",
                    "content": base64.b64encode(data).decode(),
                }
            )
    return faces


@contextmanager
def _data_home(folder: str) -> Iterator[None]:
    # DataMapPlot looks for its cache of style sheets in the user's data folder only; these name another one.
    names = ("XDG_DATA_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, folder))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
