"""The map's page in a real browser: it draws, finds and saves, asks for nothing, and takes no text for a command."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.text.excerpt import shorten
from helpers.topics.page import write_map
from helpers.topics.selection import selected_ids

pytestmark = pytest.mark.browser
COUNT = 5001
SAYS = ["purring", "barking", "singing"]
HOSTILE = [
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "</script><script>window.pwned=1</script>",
    "</title><svg onload=window.pwned=1>",
    "{{7*7}} ${window.pwned=1} `${window.pwned=1}`",
    "'\";window.pwned=1;//",
    "\u202egnp.exe",
    "a & b &lt; c",
    "=cmd|' /C calc'!A0",
]


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """A page of 5,001 points: cats and dogs, which are mammals, and birds; a tenth is in no topic."""
    path = tmp_path_factory.mktemp("page") / "map.html"
    rng = np.random.default_rng(0)
    kind = np.arange(COUNT) % 3
    points = rng.normal(size=(COUNT, 2)) * 0.6 + np.array([(0, 0), (6, 0), (3, 5)])[kind]
    row_topics = np.where(np.arange(COUNT) % 10 == 9, -1, kind)
    topics = pd.DataFrame({"topic": [0, 1, 2], "label": ["cats", "dogs", "birds"], "parent": [0, 0, 1]})
    topics["keywords"] = [["whisker", "paw"], ["leash"], ["feather"]]
    layers = pd.DataFrame(
        {
            "layer": ["fine"] * 3 + ["broad"] * 2,
            "topic": [0, 1, 2, 0, 1],
            "size": [1500, 1500, 1500, 3000, 1500],
            "parent": [0, 0, 1, -1, -1],
            "label": ["cats", "dogs", "birds", "mammals", "birds"],
        }
    )
    rows = pd.DataFrame(
        {
            "text": [f"row {i}:\n{SAYS[k]}" for i, k in enumerate(kind)],
            "turns": [[0, len(f"row {i}:\n")] for i in range(COUNT)],
            "speakers": [["user", "assistant"]] * COUNT,
            "ids": [[f"a{i}", f"b{i}"] if i == 4 else [f"a{i}"] for i in range(COUNT)],
            "confidence": rng.random(COUNT),
        }
    )
    days = pd.date_range("2024-01-01", periods=COUNT, freq="h").astype(str)
    columns = pd.DataFrame({"city": pd.Series(["Rome", "Oslo"])[np.arange(COUNT) % 2].tolist(), "day": days})
    about = {"layers": layers, "run": "pets", "title": "Pets", "sub_title": "5,001 rows"}
    write_map(points, topics, row_topics, rows, columns, path=path, **about)
    return path


def picture(page):
    """Return the map's part of the window as (height, width, 3) numbers."""
    shot = Image.open(io.BytesIO(page.screenshot(clip={"x": 330, "y": 0, "width": 880, "height": 860})))
    return np.asarray(shot.convert("HSV"))


def coloured(page):
    """Return the share of pixels that are neither white, grey nor black."""
    return float((picture(page)[..., 1] > 60).mean())


def found(page):
    return page.evaluate("topicMap.found === null ? null : topicMap.found.length")


def look_for(page, words, until):
    before = page.evaluate("topicMap.pictures")
    page.locator("#search").fill(words)
    until(page, f"topicMap.pictures > {before}", 10)


def place(page, row):
    """Return where on the screen a row's point is."""
    return page.evaluate(f"project(topicMap.view, topicMap.places[{2 * row}], topicMap.places[{2 * row + 1}])")


def test_the_page_is_drawn_and_asks_for_nothing(pets, visit_map):
    page = visit_map(pets)
    assert page.asked == [pets.as_uri()] and page.complaints == []
    assert 0.02 < coloured(page) < 0.6
    assert page.title() == page.locator("#title").inner_text() == "Pets"
    names = page.locator("#names button.placed").all_inner_texts()
    assert sorted(names) == ["birds", "cats", "dogs"]


def test_every_topic_has_its_colour_where_its_points_are(pets, visit_map):
    page = visit_map(pets)
    page.select_option("#layer", "none")
    page.wait_for_timeout(200)
    seen = picture(page)[..., 0].astype(int)
    for topic in page.evaluate("topicMap.topics.filter(({id}) => id >= 0)"):
        left, top = (int(edge) for edge in page.evaluate(f"project(topicMap.view, {topic['x']}, {topic['y']})"))
        wanted = Image.new("RGB", (1, 1), topic["colour"]).convert("HSV").getpixel((0, 0))[0]
        near = seen[top - 10 : top + 10, left - 340 : left - 320]
        assert (np.abs(near - wanted) < 12).mean() > 0.5


def test_the_policy_stops_what_a_script_might_try(pets, visit_map):
    page = visit_map(pets)
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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("BARKING", 1667),
        ("birds", 1501),  # the label; a row without a topic only sings
        ("feather", 1501),
        ("17: row singing", 17 + 1),
        ('"row 17:"', 1),
        ("a4711", 1),
        ("user", 0),  # who speaks is not what is said
        ("0barking", 0),  # nor is the sign that stands for the speaker
        ("nothing has this", 0),
        ("   ", None),
    ],
)
def test_search_finds_rows_by_text_topic_and_id(pets, words, expected, shared_page, until):
    look_for(shared_page, words, until)
    if words.startswith("17:"):  # by hand: rows whose number ends in 17 and that sing
        expected = sum(i % 3 == 2 for i in range(COUNT) if str(i).endswith("17"))
    assert found(shared_page) == expected
    assert shared_page.locator("#drawer").is_visible() == (expected is not None)


@pytest.fixture(scope="module")
def shared_page(pets, browser, drawn):
    """One open page for tests that leave it as it was."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.complaints = []
    page.goto(pets.as_uri())
    yield drawn(page)
    page.close()


def test_what_is_found_is_listed_marked_and_stands_out(pets, visit_map, until):
    page = visit_map(pets)
    before = coloured(page)
    look_for(page, "barking", until)
    assert page.locator("#count").inner_text() == "1,667 texts of 1,668 rows"
    assert page.locator("#rows tbody tr").count() == 100
    page.locator("#more").click()
    assert page.locator("#rows tbody tr").count() == 200
    assert set(page.locator("#rows mark").all_inner_texts()) == {"barking"}
    assert "assistant barking" in page.locator("#rows tbody tr").first.inner_text()
    page.locator("#close-list").click()
    page.wait_for_timeout(200)
    assert coloured(page) < 0.6 * before
    page.keyboard.press("Escape")
    until(page, "topicMap.found === null", 10)
    assert page.locator("#search").input_value() == ""


def test_over_a_point_stand_its_topic_who_says_what_and_its_columns(pets, visit_map, until):
    page = visit_map(pets)
    row = page.evaluate("topicMap.firstId.findIndex((first, at) => topicMap.firstId[at + 1] - first === 2)")
    assert row == 4
    page.evaluate("goToPlace(topicMap.places[8], topicMap.places[9], topicMap.firstScale * 300)")
    page.wait_for_timeout(600)
    left, top = place(page, row)
    page.mouse.move(left + 30, top + 30)
    page.mouse.move(left, top)
    until(page, "!document.querySelector('#over').hidden", 10)
    said = page.locator("#over").inner_text().split("\n")
    assert said[0] == "dogs" and "userrow 4:" in said and "assistantbarking" in said
    assert said[said.index("city") + 1] == "Rome" and said[said.index("equal texts") + 1] == "2"
    assert said[said.index("day") + 1] == "2024-01-01T04:00:00Z"
    page.mouse.move(left + 200, top + 200)
    until(page, "document.querySelector('#over').hidden", 10)


def test_the_tree_switches_topics_on_and_off(pets, visit_map, until):
    page = visit_map(pets)
    assert page.locator("#topics .name").all_inner_texts() == ["mammals", "cats", "dogs", "birds"]
    shown = "topicMap.ranges.reduce((sum, {count}) => sum + count, 0)"
    assert page.evaluate(shown) == COUNT
    page.get_by_label("Show mammals").uncheck()
    assert page.evaluate(shown) == 500 + 1501
    until(page, "document.querySelectorAll('#names button.placed').length === 1", 10)
    page.get_by_label("Show dogs").check()
    assert page.get_by_label("Show mammals").evaluate("(box) => box.indeterminate")
    page.locator("#unassigned").uncheck()
    assert page.evaluate(shown) == 1500 + 1501
    page.locator("#no-topics").click()
    assert page.evaluate(shown) == 0 and coloured(page) < 0.002
    page.locator("#all-topics").click()
    assert page.evaluate(shown) == 4501


def test_a_name_leads_to_its_rows_and_back(pets, visit_map):
    page = visit_map(pets)
    page.locator("#names button.placed", has_text="dogs").click()
    assert found(page) == 1500 and "1,500 texts of 1,501 rows" in page.locator("#count").inner_text()
    page.locator("#topics .name", has_text="mammals").click()
    assert found(page) == 3000
    page.locator("#chips button").click()
    assert found(page) is None and not page.locator("#drawer").is_visible()


def test_colours_follow_a_column_and_its_legend_filters(pets, visit_map):
    page = visit_map(pets)
    options = page.locator("#colour-by option").all_inner_texts()
    assert options == ["topic", "broad topics", "confidence", "city", "day"]
    page.select_option("#colour-by", label="city")
    colours = page.evaluate("[0, 1].map((row) => colourOf(topicMap.colouring)(row))")
    assert colours == [[0, 114, 178], [230, 159, 0]]  # the more frequent value first
    page.locator("#legend input").first.uncheck()
    assert page.evaluate("topicMap.ranges.reduce((sum, {count}) => sum + count, 0)") == COUNT // 2
    page.select_option("#colour-by", label="day")
    assert page.locator("#legend").inner_text().split() == ["2024-01-01", "2024-07-27"]
    assert page.evaluate("[0, topicMap.count - 1].map((row) => colourOf(topicMap.colouring)(row).join())") == [
        "68,1,84",
        "253,231,37",
    ]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_lasso_lists_its_rows_and_saves_their_ids(pets, kind, tmp_path, visit_map, until):
    page = visit_map(pets)
    page.keyboard.press("l")
    left, top = page.evaluate("project(topicMap.view, topicMap.topics[1].x, topicMap.topics[1].y)")
    corners = [(-40, -40), (40, -40), (40, 40), (-40, 40)]
    page.mouse.move(left - 40, top - 40)
    page.mouse.down()
    for right, down in corners:
        page.mouse.move(left + right, top + down, steps=4)
    page.mouse.up()
    until(page, "topicMap.found !== null", 10)
    # by the box itself: what lies in it, by the places that the page was given
    xs, ys = (
        np.array(page.evaluate(f"Array.from({{length: topicMap.count}}, (_, i) => topicMap.places[2 * i + {k}])"))
        for k in (0, 1)
    )
    scale, x, y = page.evaluate(f"[topicMap.view.scale, ...unproject(topicMap.view, {left}, {top})]")
    inside = np.flatnonzero((np.abs(xs - x) < 40 / scale) & (np.abs(ys - y) < 40 / scale))
    assert page.evaluate("topicMap.found") == inside.tolist() and len(inside) > 50
    with page.expect_download() as saving:
        page.locator(f"#save-{kind}").click()
    file = tmp_path / saving.value.suggested_filename
    saving.value.save_as(file)
    assert file.name == f"pets_selection.{kind}"
    wanted = [one for row in inside for one in ([f"a{row}", f"b{row}"] if row == 4 else [f"a{row}"])]
    assert selected_ids(file) == wanted
    assert page.complaints == []


def test_hostile_text_is_shown_and_not_obeyed(tmp_path, visit_map, until):
    path = tmp_path / "map.html"
    row_topics = np.arange(len(HOSTILE) * 4) % len(HOSTILE)
    title = " ".join(HOSTILE)
    points = np.column_stack([np.cos(row_topics), np.sin(row_topics)])
    labels = pd.DataFrame({"topic": range(len(HOSTILE)), "label": HOSTILE})
    labels["keywords"] = [[text] for text in HOSTILE]
    layers = pd.DataFrame({"layer": "broad", "topic": [0], "size": [36], "parent": [-1], "label": [HOSTILE[1]]})
    fine = pd.DataFrame({"layer": "fine", "topic": range(len(HOSTILE)), "size": 4, "parent": 0, "label": HOSTILE})
    texts = [HOSTILE[topic] for topic in row_topics]
    rows = pd.DataFrame({"text": texts, "ids": [[text] for text in texts], "turns": [[0]] * len(texts)})
    rows["speakers"] = [[text] for text in texts]
    columns = pd.DataFrame({HOSTILE[0]: texts})
    more = {"layers": pd.concat([fine, layers]), "run": "x", "hover_chars": 500}
    write_map(points, labels, row_topics, rows, columns, path=path, title=title, sub_title=title, **more)
    page = visit_map(path)
    assert page.title() == page.locator("#title").inner_text() == page.locator("#about").inner_text() == title
    assert sorted(page.evaluate("topicMap.names[0].topics.map(({button}) => button.textContent)")) == sorted(HOSTILE)
    page.locator("#list").click()
    cells = page.locator("#rows tbody tr").nth(1).locator("td").all_inner_texts()
    assert cells == [HOSTILE[1], f"{HOSTILE[1]} {HOSTILE[1]}", HOSTILE[1], HOSTILE[1]]
    for row in range(len(HOSTILE)):
        page.evaluate(f"showOver(400, 300, rowCard({row}))")
        speaker, said = page.locator("#over .role").inner_text(), page.locator("#over p").inner_text()
        assert speaker == shorten(HOSTILE[row], 60) and said == speaker + HOSTILE[row]
        page.evaluate(f"showOver(400, 300, topicCard(topicMap.topics[{row}]))")
    page.select_option("#colour-by", label=HOSTILE[0])
    assert sorted(page.locator("#legend bdi").all_inner_texts()) == sorted(HOSTILE)
    look_for(page, "pwned=1", until)
    assert found(page) == 4 * sum("pwned=1" in text for text in HOSTILE)
    saved = list(csv.reader(io.StringIO(page.evaluate("csv(listedRows())"))))
    wanted = [text for text in texts if "pwned=1" in text]
    assert json.loads(page.evaluate("json(listedRows())"))["ids"] == wanted == [line[0] for line in saved[1:]]
    assert page.evaluate("window.pwned") is None
    assert page.asked == [path.as_uri()] and page.complaints == []
    # a spreadsheet takes neither id nor label for a formula, and the notebook reads the id as it was
    formula = tmp_path / "formula.csv"
    formula.write_text(page.evaluate(f"csv([{len(HOSTILE) - 1}])"), newline="")
    assert formula.read_text().count("'=cmd") == 2 and selected_ids(formula) == [HOSTILE[-1]]


@pytest.fixture
def crowd(tmp_path):
    """A page of 150 topics with long names all over the place, in five broad ones."""
    path = tmp_path / "map.html"
    count = 150
    around = 2 * np.pi * (np.arange(3 * count) % 5) / 5
    points = np.random.default_rng(1).normal(size=(3 * count, 2)) + 3 * np.column_stack(
        [np.cos(around), np.sin(around)]
    )
    labels = pd.DataFrame({"topic": range(count), "label": [f"a topic with a long name {i}" for i in range(count)]})
    labels["parent"] = labels["topic"] % 5
    fine = labels.assign(layer="fine", size=3)
    broad = pd.DataFrame({"layer": "broad", "topic": range(5), "size": 90, "parent": -1, "label": list("abcde")})
    layers = pd.concat([fine, broad])
    write_map(points, labels, np.arange(3 * count) % count, path=path, title="Many", layers=layers)
    return path


def test_names_do_not_lie_on_one_another_and_more_of_them_come_with_zoom(crowd, visit_map):
    page = visit_map(crowd)
    page.select_option("#layer", "fine")
    boxes = """Array.from(document.querySelectorAll('#names button.placed'), (one) => {
        const {left, right, top, bottom} = one.getBoundingClientRect();
        return [left, right, top, bottom];
    })"""
    placed = []
    for _ in range(4):
        page.wait_for_timeout(500)
        edges = np.array(page.evaluate(boxes))
        left, right, top, bottom = (edges[:, None, k] for k in range(4))
        meet = (left < right.T - 0.5) & (left.T < right - 0.5) & (top < bottom.T - 0.5) & (top.T < bottom - 0.5)
        assert meet.sum() == len(edges)  # each meets itself
        placed.append(len(edges))
        page.locator("#zoom-in").click()
    assert 5 < placed[0] < placed[1] < placed[3] <= 150


def test_broad_names_stand_in_where_fine_ones_find_no_room(crowd, visit_map):
    page = visit_map(crowd)
    assert page.locator("#names button.placed").all_inner_texts() == list("abcde")
    layers = []
    for _ in range(10):
        page.locator("#zoom-in").click()
        page.wait_for_timeout(350)
        layers.append(page.evaluate("topicMap.placed.layer.name"))
    assert layers == sorted(layers) and layers[-1] == "fine"  # broad, then fine for good


def test_keys_move_the_map_and_switch_its_parts(pets, visit_map):
    page = visit_map(pets)
    view = "[topicMap.view.x, topicMap.view.y, topicMap.view.scale]"
    first = page.evaluate(view)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    x, y, scale = page.evaluate(view)
    assert x > first[0] and y > first[1] and scale == first[2]
    page.keyboard.press("+")
    page.wait_for_timeout(500)
    assert page.evaluate(view)[2] == pytest.approx(1.6 * scale)
    page.keyboard.press("0")
    page.wait_for_timeout(500)
    assert page.evaluate(view) == pytest.approx(first, abs=1e-6)
    page.keyboard.press("/")
    page.keyboard.type("dt")
    assert page.locator("#search").input_value() == "dt" and not page.evaluate("topicMap.dark")
    page.keyboard.press("Escape")
    page.locator("#stage").focus()
    page.keyboard.press("d")
    assert page.evaluate("topicMap.dark")
    page.wait_for_timeout(200)
    assert picture(page)[..., 2].mean() < 80
    page.keyboard.press("t")
    page.locator("#rows tbody tr").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("topicMap.marked") >= 0


def test_on_a_phone_fingers_move_and_pinch_the_map(pets, visit_map, until):
    page = visit_map(pets, viewport={"width": 390, "height": 780}, has_touch=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#title").is_visible() and not page.locator("#search").is_visible()
    page.locator("#toggle-panel").tap()
    assert page.locator("#search").is_visible()
    page.locator("#toggle-panel").tap()
    fingers = page.context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    scale, x = page.evaluate("[topicMap.view.scale, topicMap.view.x]")
    touch("touchStart", (100, 400))
    for step in range(1, 6):
        touch("touchMove", (100 + 20 * step, 400))
    touch("touchEnd")
    assert page.evaluate("topicMap.view.x") == pytest.approx(x - 100 / scale, rel=0.05)
    touch("touchStart", (150, 400), (250, 400))
    for step in range(1, 6):
        touch("touchMove", (150 - 10 * step, 400), (250 + 10 * step, 400))
    touch("touchEnd")
    assert page.evaluate("topicMap.view.scale") == pytest.approx(2 * scale, rel=0.05)
    page.evaluate("goToPlace(topicMap.places[2], topicMap.places[3], topicMap.firstScale * 100)")
    page.wait_for_timeout(600)
    page.touchscreen.tap(*place(page, 1))
    until(page, "!document.querySelector('#over').hidden", 10)
    assert "row 1:" in page.locator("#over").inner_text() and page.complaints == []


def test_a_browser_without_a_graphics_card_draws_the_same_map(pets, browser, visit_map, drawn):
    with_card = picture(visit_map(pets))
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind === 'webgl2' ? null : get.call(this, kind, ...more); };"
    )
    page.complaints = []
    page.goto(pets.as_uri())
    drawn(page)
    without = picture(page)
    page.close()
    both = (with_card[..., 1] > 60) & (without[..., 1] > 60)
    either = (with_card[..., 1] > 60) | (without[..., 1] > 60)
    assert both.sum() > 0.7 * either.sum()


def test_a_frame_that_may_not_save_offers_the_ids_to_copy(pets, visit, tmp_path, until, drawn):
    """JupyterLab shows files in such a sandbox."""
    around = tmp_path / "around.html"
    around.write_text(f'<iframe sandbox="allow-scripts" src="{pets.as_uri()}" width="1200" height="800"></iframe>')
    page = visit(around)
    inner = page.frames[1]
    inner.complaints = page.complaints
    inner.wait_for_timeout(500)
    drawn(inner)
    inner.locator("#search").fill('"row 17:"')
    until(inner, "topicMap.found?.length === 1", 10)
    inner.locator("#save-json").click()
    assert json.loads(inner.locator("#copy textarea").input_value())["ids"] == ["a17"]
    assert page.complaints == []


def test_a_page_in_a_frame_that_is_shown_later_is_drawn_then(pets, visit, drawn, tmp_path):
    around = tmp_path / "around.html"
    around.write_text(f'<iframe style="display: none" src="{pets.as_uri()}" width="1200" height="800"></iframe>')
    page = visit(around)
    page.wait_for_timeout(1000)
    page.evaluate("document.querySelector('iframe').style.display = 'block'")
    inner = page.frames[1]
    inner.complaints = page.complaints
    drawn(inner)
    inner.wait_for_timeout(500)
    assert inner.locator("#names button.placed").count() == 3 and page.complaints == []
    assert inner.evaluate("topicMap.view.scale") > 0 and coloured(page) > 0.02


def test_points_far_away_are_told_and_seen_at_the_second_press(tmp_path, visit_map):
    path = tmp_path / "map.html"
    points = np.vstack([np.random.default_rng(0).normal(size=(200, 2)), [[900.0, 0.0]] * 3])
    write_map(points, pd.DataFrame({"topic": [0], "label": ["all"]}), np.zeros(203, int), path=path, title="Far")
    page = visit_map(path)
    assert "3 points far from the others" in page.locator("#notes").inner_text()
    assert place(page, 202)[0] > 1280
    page.locator("#home").click()
    page.wait_for_timeout(500)
    assert 0 < place(page, 202)[0] < 1280 and 0 < place(page, 0)[0] < 1280
    page.locator("#home").click()
    page.wait_for_timeout(500)
    assert place(page, 202)[0] > 1280


@pytest.mark.parametrize(("count", "topic"), [(1, 0), (1, -1), (50, -1)])
def test_a_single_point_and_a_map_without_topics_are_drawn(count, topic, tmp_path, visit_map):
    path = tmp_path / "map.html"
    table = pd.DataFrame({"topic": [0], "label": ["all"]}) if topic == 0 else pd.DataFrame({"topic": [], "label": []})
    points = np.random.default_rng(0).normal(size=(count, 2))
    write_map(points, table, np.full(count, topic), path=path, title="Few")
    page = visit_map(path)
    page.select_option("#layer", "none")
    page.wait_for_timeout(300)
    assert (picture(page)[..., 2] < 235).sum() > 20  # something that is neither paper nor white
    page.locator("#list").click()
    assert page.locator("#rows tbody tr").count() == count and page.complaints == []
    assert page.locator("#save-csv").is_disabled()  # there are no ids


def test_escape_undoes_one_thing_at_a_time(pets, visit_map, until):
    page = visit_map(pets)
    look_for(page, "barking", until)
    page.locator("#stage").focus()
    page.keyboard.press("l")
    page.mouse.move(600, 300)
    page.mouse.down()
    page.mouse.move(700, 400, steps=3)
    page.keyboard.press("Escape")
    page.mouse.move(600, 420, steps=3)
    page.mouse.up()
    assert found(page) == 1667 and page.evaluate("!topicMap.rope && !topicMap.roping")
    page.locator("#colour-by").focus()
    page.keyboard.press("Escape")
    assert found(page) == 1667
    page.locator("#unassigned").click()
    page.keyboard.press("t")  # keys work beside a switch
    assert not page.locator("#drawer").is_visible()
    page.keyboard.press("Escape")
    assert found(page) is None


def test_without_scripts_the_page_says_where_to_look(pets, visit):
    page = visit(pets, java_script_enabled=False)
    assert "report.html" in page.inner_text("body") and not page.locator("#panel").is_visible()


def test_texts_of_many_finds_are_marked(tmp_path, visit_map, until):
    path = tmp_path / "map.html"
    rows = pd.DataFrame({"text": ["e " * 20_000], "ids": [["a"]]})
    table = pd.DataFrame({"topic": [0], "label": ["all"]})
    write_map(np.zeros((1, 2)), table, np.zeros(1, int), rows, path=path, title="Long", hover_chars=50_000)
    page = visit_map(path)
    look_for(page, "e", until)
    assert page.locator("#rows mark").count() == 20_000 and page.complaints == []


def test_a_legend_lists_the_frequent_values_and_the_rest_together(tmp_path, visit_map):
    path = tmp_path / "map.html"
    count = 1200
    values = [None] * 100 + [f"value {i % 300:03}" for i in range(count - 100)]
    table = pd.DataFrame({"topic": [0], "label": ["all"]})
    points = np.random.default_rng(0).normal(size=(count, 2))
    columns = pd.DataFrame({"kind": values})
    write_map(points, table, np.zeros(count, int), None, columns, path=path, title="Kinds")
    page = visit_map(path)
    page.select_option("#colour-by", label="kind")
    boxes = page.locator("#legend input")
    assert boxes.count() == 202
    assert page.locator("#legend label").nth(200).inner_text().split("\n")[0] == "100 other values"
    assert page.locator("#legend label").nth(201).inner_text().split("\n") == ["no value", "100"]
    shown = "topicMap.ranges.reduce((sum, {count}) => sum + count, 0)"
    boxes.nth(201).uncheck()
    assert page.evaluate(shown) == count - 100
    boxes.nth(200).uncheck()
    assert page.evaluate(shown) == count - 100 - 300  # 200 values stand four times, the other 100 three times


def test_a_page_that_cannot_be_read_says_so(pets, visit, tmp_path, until):
    broken = tmp_path / "map.html"
    broken.write_text(pets.read_text().replace('id="block-points">', 'id="block-points">AAAA'))
    page = visit(broken)
    until(page, "!document.querySelector('#problem').hidden", 20)
    assert "report.html" in page.locator("#problem").inner_text()
