import pandas as pd
import pytest

pytestmark = pytest.mark.browser


def test_the_demos_map_opens_without_a_request_and_shows_its_topics(demo, visit_map):
    page = visit_map(demo / "map.html")
    assert page.asked == [(demo / "map.html").as_uri()] and page.complaints == []
    assert "Chit-chat" in page.title()
    topics = pd.read_parquet(demo / "topics.parquet")
    named = set(topics["label"]) - {"Unassigned"}
    assert f"{len(named)} topics" in page.locator("#about").inner_text()
    assert page.evaluate("topicMap.topics.length") == len(topics)
    assert 3 <= page.locator("#names button.placed").count()


def test_the_demos_report_opens_without_a_request_and_without_scripts(demo, visit):
    page = visit(demo / "report.html", java_script_enabled=False)
    assert page.asked == [(demo / "report.html").as_uri()] and page.complaints == []
    topics = pd.read_parquet(demo / "topics.parquet")
    read = " ".join(page.inner_text("body").split())
    assert [label for label in topics.loc[topics["topic"] != -1, "label"] if label not in read] == []
