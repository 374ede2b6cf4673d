import pandas as pd
import pytest

pytestmark = pytest.mark.browser


def test_the_demos_map_opens_without_a_request_and_shows_its_topics(demo, page_scripts, visit):
    page = visit(demo / "map.html")
    page.wait_for_timeout(3000)
    assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert page.complaints == []
    assert "Chit-chat" in page.inner_text("body")
    topics = pd.read_parquet(demo / "topics.parquet")
    assert f"{len(topics) - 1} topics" in page.inner_text("body")
