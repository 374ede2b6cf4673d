"""A real Chromium for the tests of pages; without one they are skipped, or fail where REQUIRE_BROWSER=1 says so."""

import os
import shutil

import pytest

# WebGL in software, and none of the requests that a browser makes for itself.
FLAGS = (
    "--no-sandbox --disable-gpu --use-angle=swiftshader --enable-unsafe-swiftshader --disable-background-networking "
    "--disable-component-update --disable-sync --disable-quic --no-first-run"
).split()
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def lacking(what):
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what}, and REQUIRE_BROWSER=1 forbids to skip")
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser():
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        lacking("no Chromium on PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("the package playwright is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


DRAWN = "!!(window.topicMap?.ready && topicMap.pictures)"


def wait_until(page, condition, seconds=60):
    """Wait for a condition; the page's policy forbids playwright's own way, which evaluates text in the page."""
    for _ in range(seconds * 20):
        if page.evaluate(condition):
            return page
        page.wait_for_timeout(50)
    pytest.fail(f"{condition} did not come true in {seconds} s; the page complained of {page.complaints}")


@pytest.fixture(scope="session")
def until():
    """Wait for a condition on a page."""
    return wait_until


@pytest.fixture(scope="session")
def drawn():
    """Wait until a map has drawn its points and read its texts, and return its page."""
    return lambda page: wait_until(page, DRAWN)


@pytest.fixture
def visit_map(visit, drawn):
    """Open a map and wait until it is drawn."""
    return lambda path, **context: drawn(visit(path, **context))


@pytest.fixture
def visit(browser):
    """Open a file as a colleague would; what it asked for, complained of and showed stands on the page object."""
    opened = []

    def open_file(path, **context):
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 860}, "accept_downloads": True} | context)
        opened.append(page)
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda line: line.type == "error" and page.complaints.append(line.text))
        page.goto(path if isinstance(path, str) else path.as_uri())
        return page

    yield open_file
    for page in opened:
        page.close()
