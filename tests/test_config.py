import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from helpers.config import DATASETS, configured, file_stem, parse_overrides, place_files, read_config


@pytest.mark.parametrize("name", configured())
def test_every_dataset_of_the_kit_is_valid(name):
    stem, config = read_config(name)
    assert stem == name
    assert config.title == yaml.safe_load((DATASETS / f"{name}.yaml").read_text())["title"]


def test_the_six_datasets_of_the_old_notebook_are_there():
    wanted = {"puffin", "textbook_quality", "openhermes", "orca_best", "skunkdata", "dolly", "demo"}
    assert wanted <= set(configured())


def test_defaults_are_those_of_the_known_recipe():
    config = read_config("puffin")[1]
    assert (config.reduce.n_neighbors, config.reduce.n_components, config.reduce.min_dist) == (15, 5, 0.0)
    assert (config.reduce.metric, config.seed, config.cluster.min_cluster_size) == ("cosine", 42, 50)


def test_a_misspelt_key_is_named_with_its_file_and_what_is_allowed(tmp_path):
    path = tmp_path / "mail.yaml"
    path.write_text("title: Mail\nsource: {path: mail.jsonl}\nembed: {batch: 8}\n")
    with pytest.raises(ValueError, match=r"mail\.yaml: embed\.batch: not known; embed takes .*batch_size"):
        read_config(str(path))


def test_a_misspelt_section_is_named():
    with pytest.raises(ValueError, match="clster: not known.*did you mean cluster"):
        read_config("demo", {"clster.min_cluster_size": 3})


def test_a_wrong_type_says_what_came():
    with pytest.raises(ValueError, match='cluster.min_cluster_size: .*integer.*got "many"'):
        read_config("demo", {"cluster.min_cluster_size": "many"})


def test_a_setting_of_two_types_has_one_message():
    with pytest.raises(ValueError) as told:
        read_config("demo", {"cluster.min_cluster_size": "many", "describe.stop_words": 3})
    assert len(str(told.value).splitlines()) == 2
    assert re.search(
        "min_cluster_size: Input should be a valid integer.*, or input should be 'auto'; got", str(told.value)
    )


def test_known_topics_are_carried_to_where_they_are_compared():
    for keep, kept in (([], ["intent"]), ("intent", ["intent"]), (["a"], ["a", "intent"])):
        _, config = read_config("puffin", {"evaluate.truth": "intent", "text.keep": keep})
        assert config.text.keep == kept
    _, config = read_config("puffin", {"text.keep": ["a"]})
    assert config.text.keep == ["a"] and config.evaluate.truth is None


def test_columns_of_the_page_are_carried_to_it():
    settings = {"plot.hover_columns": ["day", "topic_id", "intent"], "evaluate.truth": "intent"}
    _, config = read_config("puffin", settings | {"cluster.column": "topic_id", "text.keep": "city"})
    assert config.text.keep == ["city", "intent", "day"]
    assert read_config("puffin", {"plot.hover_columns": "day"})[1].text.keep == ["day"]
    with pytest.raises(ValueError, match="plot.hover_columns"):
        read_config("puffin", {"plot.hover_columns": 3})


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ValueError) as told:
        read_config("demo", {"sample": -1, "embed.model": 3})
    assert "sample" in str(told.value) and "embed.model" in str(told.value)


@pytest.mark.parametrize("name", ["dmo", "no/such/file.csv", "missing.yaml", ""])
def test_an_unknown_dataset_says_what_is_expected(name):
    with pytest.raises(FileNotFoundError, match="demo"):
        read_config(name)


def test_broken_yaml_is_told_with_its_place(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("title: [unclosed\n")
    with pytest.raises(ValueError, match="not YAML.*line"):
        read_config(str(path))


def test_a_file_or_a_hub_name_is_a_dataset_without_a_yaml(tmp_path):
    path = tmp_path / "My Mails (2).jsonl.gz"
    path.write_bytes(b"")
    assert read_config(str(path))[0] == "my_mails_2"
    name, config = read_config("LDJnr/Puffin")
    assert (name, config.source.path) == ("puffin", "LDJnr/Puffin")


def test_a_source_beside_its_yaml_is_found_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "rows.csv").write_text("text\nhello\n")
    (tmp_path / "mine.yaml").write_text("title: Mine\nsource: {path: rows.csv}\n")
    monkeypatch.chdir("/")
    assert read_config(str(tmp_path / "mine.yaml"))[1].source.path == str(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (
            "title: Mine\nsource: {path: a.csv, also: {b: b.csv, b: c.csv}}\n",
            "'b' stands twice, the second time in line 2",
        ),
        ("title: Mine\nsource: a.csv\nseed: 1\nseed: 2\n", "'seed' stands twice, the second time in line 4"),
    ],
)
def test_what_stands_twice_is_not_lost_in_silence(text, key, tmp_path):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ValueError, match=key):
        read_config(str(tmp_path / "mine.yaml"))
    with pytest.raises(ValueError, match="'b' stands twice"):
        parse_overrides(["source.also={b: b.csv, b: c.csv}"])


def test_a_missing_file_is_looked_for_where_its_name_was_written(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text("title: Mine\nsource: {path: minee.csv}\n")
    assert read_config(str(tmp_path / "mine.yaml"))[1].source.path == str(tmp_path / "minee.csv")
    monkeypatch.chdir(tmp_path)
    assert place_files({"synthetic.titles": "no.txt"}) == {"synthetic.titles": str(tmp_path / "no.txt")}
    plain = {"source.path": "owner/name", "label.model": "a/b", "explore.run": "other"}
    assert place_files(plain) == plain


def test_overrides_are_read_as_yaml():
    given = parse_overrides(
        ["cluster.min_cluster_size=50", "redact.kinds=[email, ip]", "title=a=b", "label.model=none"]
    )
    assert given == {
        "cluster.min_cluster_size": 50,
        "redact.kinds": ["email", "ip"],
        "title": "a=b",
        "label.model": "none",
    }
    with pytest.raises(ValueError, match="expected key=value"):
        parse_overrides(["sample"])


def test_cutting_beyond_the_embedders_window_is_refused_not_done_silently():
    config = read_config("demo", {"truncate.max_tokens": 300})[1]
    assert config.cut(512)["max_tokens"] == 300
    with pytest.raises(ValueError, match="300 is more than the 254"):
        config.cut(254)


@given(st.text(max_size=60))
def test_a_run_is_never_outside_its_folder(name):
    stem = file_stem(name)
    assert stem and set(stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")


def test_a_source_may_be_named_in_one_word_and_a_broken_override_is_told(tmp_path):
    (tmp_path / "a.yaml").write_text("title: A\nsource: LDJnr/Puffin\n")
    assert read_config(str(tmp_path / "a.yaml"))[1].source.path == "LDJnr/Puffin"
    (tmp_path / "b.yaml").write_text("title: A\nsource: [a, b]\n")
    with pytest.raises(ValueError, match="source: expected a path"):
        read_config(str(tmp_path / "b.yaml"))
    with pytest.raises(ValueError, match="--set title=.*not YAML"):
        parse_overrides(["title=[x"])


def test_a_setting_without_its_section_and_columns_named_twice_are_told():
    with pytest.raises(ValueError, match="did you mean cluster.min_cluster_size"):
        read_config("demo", {"min_cluster_size": 5})
    with pytest.raises(ValueError, match="'a' is named twice"):
        read_config("demo", {"reduce.columns": ["a", "a"]})
    with pytest.raises(ValueError, match="'topic' and 'source_topic' would get one name"):
        read_config("demo", {"text.keep": ["topic", "source_topic"]})


@pytest.mark.parametrize("name", ["data/secret.jsonl.bz2", "mails/a.xlsx"])
def test_the_path_of_a_file_that_is_not_there_is_never_asked_of_the_hub(name):
    with pytest.raises(FileNotFoundError, match="no dataset"):
        read_config(name)


def test_the_tree_knows_whether_a_size_is_set():
    def is_set(**cluster):
        return read_config("demo", {f"cluster.{name}": value for name, value in cluster.items()})[1].tree["size_is_set"]

    assert is_set(min_cluster_size=80) and not is_set(min_cluster_size="auto")
    assert not is_set(min_cluster_size=80, topics=20)  # it is looked for


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"label.available_labels": ["A"], "label.default_label": ""}, "expected two different labels or more"),
        ({"label.available_labels": ["A", " "]}, "none of them empty"),
        ({"label.language": "xx"}, "expected auto or an ISO code of a language"),
        ({"label.labels": 3, "label.examples": [{"keywords": ["a"], "labels": ["b"]}]}, "each needs 3 labels"),
    ],
)
def test_what_no_model_could_be_asked_is_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        read_config("demo", settings)


def test_labels_of_a_list_are_read_as_they_are_written():
    def labels(given):
        return read_config("demo", {"label.available_labels": given})[1].label.available_labels

    assert labels([1, 2]) == {"1": "", "2": ""} and labels([True, "a"]) == {"yes": "", "a": ""}
    assert labels({"Food": None, "Music": "songs"}) == {"Food": "", "Music": "songs"}


def test_columns_that_exploring_names_are_kept_unless_the_map_or_a_notebook_makes_them(tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text('{"text": "one", "day": "2024-01-01", "uses": "x"}\n')
    asked = {"explore.time": "day", "explore.classes": "uses", "explore.sources": "truncated"}
    assert read_config(str(source), asked)[1].text.keep == ["day"]
    with pytest.raises(ValueError, match="explore.time: Input should be a valid string"):
        read_config(str(source), {"explore.time": ["a", "b"]})
    assert read_config(str(source), {"explore.base": 2023})[1].explore.base == "2023"
