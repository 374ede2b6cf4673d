"""The map's page in a real browser: it draws, asks for nothing, and takes no text for a command."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.topics.plot import write_map

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("page_scripts")]
DRAWN = "window.datamap?.pointLayer?.isLoaded && window.datamap?.labelLayer?.isLoaded && !!window.datamap.searchArray"
HOSTILE = [
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "</script><script>window.pwned=1</script>",
    "</title><svg onload=window.pwned=1>",
    "{{7*7}} ${window.pwned=1} `${window.pwned=1}`",
    "'\";window.pwned=1;//",
    "\u202egnp.exe",
    "a & b &lt; c",
]


def blobs(count=300, centres=((0, 0), (6, 0), (3, 5))):
    topic = np.arange(count) % len(centres)
    return np.random.default_rng(0).normal(size=(count, 2)) * 0.6 + np.array(centres)[topic], topic


def topics(*labels):
    return pd.DataFrame({"topic": range(len(labels)), "label": labels})


def coloured(picture):
    """Return the share of pixels of a picture's drawn part that are neither white, grey nor black."""
    drawn = Image.open(io.BytesIO(picture)).convert("HSV").crop((320, 0, 1280, 860))
    return float((np.asarray(drawn)[..., 1] > 60).mean())


def until(page, condition, seconds=60):
    """Wait for a condition; the page's policy forbids playwright's own way, which evaluates text in the page."""
    for _ in range(seconds * 10):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{condition} did not come true in {seconds} s; the page complained of {page.complaints}")


def wait(page):
    until(page, DRAWN)
    page.wait_for_timeout(500)


@pytest.fixture(scope="module")
def three_topics(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "map.html"
    points, rows = blobs()
    texts = [f"row {i}: {['purring', 'barking', 'singing'][t]}" for i, t in enumerate(rows)]
    table = topics("cats", "dogs", "birds")
    write_map(points, table, rows, texts, path=path, title="Pets", sub_title="300 rows")
    return path


def test_the_page_is_drawn_and_asks_for_nothing(three_topics, visit):
    page = visit(three_topics)
    wait(page)
    assert [url for url in page.asked if not url.startswith(("data:", "blob:"))] == [three_topics.as_uri()]
    assert page.complaints == []
    assert 0.005 < coloured(page.screenshot()) < 0.5
    assert page.title() == page.locator("#main-title").inner_text() == "Pets"
    assert page.evaluate("document.fonts.check('700 16px Roboto')")


def test_the_policy_stops_what_a_script_might_try(three_topics, visit):
    page = visit(three_topics)
    wait(page)
    attempt = """async () => {
        const script = document.createElement("script");
        script.textContent = "window.pwned = 1";
        document.head.append(script);
        const image = new Image();
        image.src = "http://127.0.0.1:9/x.png";
        return await fetch("http://127.0.0.1:9/").then(() => "sent", (error) => String(error));
    }"""
    # The browser reports a request before the policy stops it, so the policy's own report is what counts.
    page.evaluate(
        "window.stopped = []; addEventListener('securitypolicyviolation', e => stopped.push(e.effectiveDirective))"
    )
    assert "Failed to fetch" in page.evaluate(attempt)
    page.wait_for_timeout(300)
    assert page.evaluate("window.pwned") is None
    assert sorted(set(page.evaluate("stopped"))) == ["connect-src", "img-src", "script-src-elem"]


def test_search_finds_rows_by_text_and_by_label(three_topics, visit):
    page = visit(three_topics)
    wait(page)
    for words, expected in (("BARKING", 100), ("birds", 100), ("row 17:", 1), ("", 0)):
        page.locator("#text-search").fill(words)
        until(page, f"window.datamap.getSelectedIndices().size === {expected}", 10)


def test_a_tooltip_shows_the_label_and_the_text(tmp_path, visit):
    path = tmp_path / "map.html"
    text = HOSTILE[1] + "\nsecond line"
    write_map(np.zeros((5, 2)), topics(HOSTILE[0]), np.zeros(5, dtype=int), [text] * 5, path=path, title="t")
    page = visit(path)
    wait(page)
    page.mouse.move(500, 300)
    page.mouse.move(640, 430)
    until(page, "document.querySelector('.deck-tooltip')?.innerText", 10)
    assert page.locator(".deck-tooltip").inner_text() == f"{HOSTILE[0]}\n{text}"
    assert page.evaluate("window.pwned") is None


def test_hostile_text_is_shown_and_not_obeyed(tmp_path, visit):
    path = tmp_path / "map.html"
    rows = np.arange(len(HOSTILE) * 4) % len(HOSTILE)
    title = " ".join(HOSTILE)
    points = np.column_stack([np.cos(rows), np.sin(rows)])
    write_map(points, topics(*HOSTILE), rows, [HOSTILE[r] for r in rows], path=path, title=title, sub_title=title)
    page = visit(path)
    wait(page)
    assert page.evaluate("window.pwned") is None
    assert page.title() == title
    assert page.locator("#title-container span").all_inner_texts() == [title, title]
    assert page.evaluate("window.datamap.metaData.hover_text") == [f"{HOSTILE[r]}\n{HOSTILE[r]}" for r in rows]
    shown = page.evaluate("window.datamap.labelLayer.props.data.map((label) => label.label.replaceAll('\\n', ' '))")
    assert sorted(shown) == sorted(HOSTILE)
    assert [url for url in page.asked if not url.startswith(("data:", "blob:"))] == [path.as_uri()]
    assert page.complaints == []


def test_a_wide_map_is_seen_from_end_to_end(tmp_path, visit):
    path = tmp_path / "map.html"
    points = np.column_stack([np.arange(9.0), np.zeros(9)])
    write_map(points, topics("a"), np.zeros(9, dtype=int), [], path=path, title="t")
    page = visit(path)
    wait(page)
    ends = page.evaluate("[0, 8].map(i => datamap.deckgl.getViewports()[0].project([datamap.pointData.x[i], 0])[0])")
    assert 0 < ends[0] < 200 and 1080 < ends[1] < 1280
