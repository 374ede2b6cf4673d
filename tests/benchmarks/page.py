"""The map's page against DataMapPlot's and BERTopic's: megabytes, and seconds in headless Chromium, same rows.

    python tests/benchmarks/page.py [SOURCE ...] [--rows 100000] [--repeat 3] [--million]

The texts of the sources, 200 characters of each, are repeated with an id before each until there are enough. Points
are UMAP's of their words' TF-IDF, topics are k-means'. DataMapPlot's page holds its scripts (offline_mode), which npm
brings. First points: until a twentieth of the pixels that are coloured in the end are; all: until two pictures in a
row are the same. --million: also ours with a million points and no texts: until it is seen, and until it has moved.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from PIL import Image

from helpers.config import read_config
from helpers.text.load import load_rows
from helpers.text.strings import convert_rows
from helpers.topics.page import write_map

DEMO = read_config("demo")[1].source.path
CHARS = 200
TOPICS = 100
FLAGS = (
    "--no-sandbox --disable-gpu --use-angle=swiftshader --enable-unsafe-swiftshader --disable-background-networking "
    "--disable-component-update --disable-sync --disable-quic --no-first-run"
).split()
# What DataMapPlot 0.7.3 loads from a CDN, and the file of the npm package that is there.
SCRIPTS = {
    "https://unpkg.com/deck.gl@9.1/dist.min.js": ("deck.gl@9.1.9", "dist.min.js"),
    "https://unpkg.com/apache-arrow@latest/Arrow.es2015.min.js": ("apache-arrow@21.2.0", "Arrow.es2015.min.js"),
    "https://unpkg.com/d3@latest/dist/d3.min.js": ("d3@7.9.0", "dist/d3.min.js"),
}


def read_rows(sources: list[str], count: int) -> pd.DataFrame:
    """Return count texts of CHARS characters at most, each with its number before it."""
    texts = []
    for source in sources:
        rows, _ = load_rows(path=source)
        texts += convert_rows(rows)[0]["text"].str.slice(0, CHARS).tolist()
    texts = [f"{i} {texts[i % len(texts)]}"[:CHARS] for i in range(count)]
    return pd.DataFrame({"text": texts, "ids": [[f"{i:016x}"] for i in range(count)]})


def lay_out(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return points and topics of texts."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    from helpers.topics.reduce import reduce_vectors
    from helpers.vectors.embedder import unit_length

    words = TfidfVectorizer(min_df=3, max_features=30_000, sublinear_tf=True).fit_transform(texts)
    vectors = unit_length(TruncatedSVD(64, random_state=0).fit_transform(words).astype(np.float32))
    topics = MiniBatchKMeans(TOPICS, random_state=0, n_init=1).fit_predict(vectors)
    return reduce_vectors(vectors)[1], topics


def ours(path: Path, points: np.ndarray, topics: np.ndarray, rows: pd.DataFrame, labels: list[str]) -> None:
    """Write this kit's page with its defaults but for the size, so that the texts are equal."""
    table = pd.DataFrame({"topic": range(len(labels)), "label": labels})
    facts = write_map(points, table, topics, rows, path=path, title="100,000 texts", hover_chars=CHARS, max_mb=12)
    print("ours:", {name: value for name, value in facts.items() if name != "bytes"})


def stock(path: Path, points: np.ndarray, topics: np.ndarray, rows: pd.DataFrame, labels: list[str]) -> None:
    """Write DataMapPlot's page with its defaults, its scripts inside."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder  # where DataMapPlot looks for its cache
        import datamapplot
        from datamapplot import offline_mode_caching as cache

        cache.fetch_js_content = lambda url: _from_npm(*SCRIPTS[url], Path(folder))
        scripts, fonts = Path(folder, "js.json"), Path(folder, "fonts.json")
        scripts.write_text(json.dumps(cache.build_js_encoded_dictionary(list(SCRIPTS))))
        fonts.write_text(json.dumps({"Roboto": []}))
        Path(folder, "datamapplot").mkdir()
        Path(folder, "datamapplot", "datamapplot_css_encoded.json").write_text("{}")
        offline = {"offline_mode_js_data_file": str(scripts), "offline_mode_font_data_file": str(fonts)}
        names = np.array(labels, dtype=object)[topics]
        figure = datamapplot.create_interactive_plot(
            points, names, hover_text=rows["text"], title="100,000 texts", offline_mode=True, **offline
        )
        figure.save(str(path))


def plotly(path: Path, points: np.ndarray, topics: np.ndarray, rows: pd.DataFrame, labels: list[str]) -> None:
    """Write BERTopic's page of documents."""
    from bertopic import BERTopic
    from bertopic.cluster import BaseCluster
    from bertopic.dimensionality import BaseDimensionalityReduction

    texts = rows["text"].tolist()
    model = BERTopic(umap_model=BaseDimensionalityReduction(), hdbscan_model=BaseCluster())
    model.fit(texts, embeddings=points, y=topics)
    figure = model.visualize_documents(texts, reduced_embeddings=points, sample=1.0)
    figure.write_html(path, include_plotlyjs=True)


def _from_npm(package: str, path: str, folder: Path) -> str:
    command = [shutil.which("npm") or "npm", "pack", package, "--ignore-scripts", "--silent"]
    tarball = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    with tarfile.open(folder / tarball) as archive:
        return archive.extractfile(f"package/{path}").read().decode()


def measure(path: Path) -> SimpleNamespace:
    """Return seconds until the page's first points, until all of it, and what it asked the network for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.set_default_timeout(180_000)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        started = time.perf_counter()
        page.goto(path.as_uri(), wait_until="commit")
        seen = [(0.0, np.zeros((1, 1)))]
        while len(seen) < 3 or not coloured(seen[-1][1]) or not np.array_equal(seen[-1][1], seen[-2][1]):
            if time.perf_counter() - started > 180:
                break
            shot = picture(page)
            seen.append((time.perf_counter() - started, shot))
        whole = coloured(seen[-1][1])
        first = next((at for at, shot in seen if whole and coloured(shot) > whole / 20), None)
        moved = move(page, seen[-1][1]) if "million" in path.stem else None
        browser.close()
    outside = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    return SimpleNamespace(first=first, all=seen[-2][0], moved=moved, asked=outside)


def picture(page) -> np.ndarray:  # noqa: ANN001 - playwright's Page
    """Return the middle of the window, away from panels, as pixels; a busy page may refuse for a moment."""
    from playwright.sync_api import Error

    while True:
        try:
            shot = page.screenshot(clip={"x": 340, "y": 100, "width": 800, "height": 700})
            break
        except Error:
            time.sleep(0.05)
    return np.asarray(Image.open(io.BytesIO(shot)).convert("HSV"))


def coloured(shot: np.ndarray) -> int:
    """Return how many pixels are neither white, grey nor black."""
    return int((shot[..., 1] > 60).sum()) if shot.ndim == 3 else 0


def move(page, before: np.ndarray) -> float:  # noqa: ANN001
    """Return the seconds from a drag of 100 pixels until the map has moved."""
    page.mouse.move(700, 400)
    page.mouse.down()
    started = time.perf_counter()
    page.mouse.move(800, 400, steps=2)
    page.mouse.up()
    while np.array_equal(picture(page), before):
        pass
    return time.perf_counter() - started


def main() -> None:
    """Write the pages, open each in turn as often as asked, and print a table of medians."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("sources", nargs="*", default=[DEMO])
    ask.add_argument("--rows", type=int, default=100_000)
    ask.add_argument("--repeat", type=int, default=3)
    ask.add_argument("--million", action="store_true")
    asked = ask.parse_args()
    rows = read_rows(asked.sources, asked.rows)
    points, topics = lay_out(rows["text"].tolist())
    labels = [f"topic {topic}" for topic in range(TOPICS)]
    with tempfile.TemporaryDirectory() as folder:
        pages = {}
        for write in (ours, stock, plotly):
            pages[write.__name__] = Path(folder, f"{write.__name__}.html")
            started = time.perf_counter()
            write(pages[write.__name__], points, topics, rows, labels)
            print(f"{write.__name__}: written in {time.perf_counter() - started:.1f} s", file=sys.stderr)
        if asked.million:
            pages["ours, a million points, no texts"] = Path(folder, "million.html")
            many = points[np.arange(1_000_000) % len(points)]
            many = many + np.random.default_rng(0).normal(scale=0.05, size=many.shape)
            table = pd.DataFrame({"topic": range(TOPICS), "label": labels})
            row_topics = topics[np.arange(1_000_000) % len(points)]
            write_map(many, table, row_topics, path=Path(folder, "million.html"), title="A million", max_mb=20)
        found = {name: [] for name in pages}
        for _ in range(asked.repeat):
            for name, path in pages.items():
                found[name].append(measure(path))
        for name, path in pages.items():
            line = {"page": name, "MB": round(path.stat().st_size / 1e6, 1)}
            for what in ("first", "all", "moved"):
                seconds = [getattr(one, what) for one in found[name]]
                known = [second for second in seconds if second is not None]
                line[what] = f"{statistics.median(known):.1f} ({min(known):.1f}-{max(known):.1f})" if known else "never"
            print(line | {"requests": sorted({url for one in found[name] for url in one.asked})})


if __name__ == "__main__":
    main()
