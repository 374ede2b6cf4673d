"""Counts that a person can check, one table, one picture."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from helpers.text.audit import audit_table, audit_texts, count_texts, plot_lengths, shortest_and_longest, show_row

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def frame(*texts):
    ids = [f"r{n}" for n in range(len(texts))]
    return pd.DataFrame({"id": ids, "position": range(len(texts)), "text": texts, "turns": [[0]] * len(texts)})


NO_REJECTED = pd.DataFrame({"position": [], "reason": []})
ENGLISH = "The quick brown fox jumps over the lazy dog and goes home"
GERMAN = "Der Hund schläft heute den ganzen Tag vor dem Haus"


def test_counts_by_hand(words, capsys):
    counts = count_texts(frame(ENGLISH, GERMAN, "🎉🎉", ENGLISH), tokenizer=words)
    assert counts["id"].tolist() == ["r0", "r1", "r2", "r3"]
    assert counts["n_chars"].tolist() == [57, 50, 2, 57]
    assert counts["n_tokens"].tolist() == [12, 10, 1, 12]
    assert counts["language"].tolist() == ["en", "de", "und", "en"]
    assert list(counts) == ["id", "n_chars", "n_tokens", "language"]
    assert "longer than" not in capsys.readouterr().err  # the tokenizer's own limit of 3 is no news here


def test_special_tokens_do_not_count():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")
    assert len(tokenizer("one two")["input_ids"]) == 3
    counts = count_texts(frame("one two"), tokenizer=tokenizer, llm_tokenizer=tokenizer)
    assert counts["n_tokens"].tolist() == counts["n_llm_tokens"].tolist() == [2]


def test_order_is_kept_across_batches(words):
    texts = frame(*["x " * (n % 7 + 1) for n in range(2500)])
    assert count_texts(texts, tokenizer=words)["n_tokens"].tolist() == [n % 7 + 1 for n in range(2500)]


def test_languages_of_a_few_rows_evenly_spread(words):
    counts = count_texts(frame(*[ENGLISH] * 9), tokenizer=words, language_rows=3)
    assert counts["language"].tolist() == ["en", None, None, None, "en", None, None, None, "en"]
    assert count_texts(frame(), tokenizer=words).empty


@pytest.mark.parametrize("text", ["🎉🎉🎉", "12345", "!!!", "12:30 9/10", "a"])
def test_nothing_to_go_by_is_no_language(words, text):
    assert count_texts(frame(text), tokenizer=words)["language"].tolist() == ["und"]


@pytest.mark.shared
def test_languages_of_real_texts(words):
    path = SHARED / "data" / "multilingual_sib200_train.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no {path.name} beside the checkout")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][:600]
    counts = count_texts(frame(*[row["text"] for row in rows]), tokenizer=words)
    assert sum(found == row["lang"] for found, row in zip(counts["language"], rows, strict=True)) >= 590


@pytest.fixture
def audited(words):
    texts = frame("one two three four", "one", ENGLISH, "one", "one")
    counts = count_texts(texts, tokenizer=words, llm_tokenizer=words)
    rejected = pd.DataFrame({"reason": ["empty", "not text", "empty"]})
    return texts, counts, audit_texts(texts, counts, rejected, window=3, llm_window=10)


def test_audit_by_hand(audited):
    report = audited[2]
    report.pop("languages"), report.pop("language_shares")
    assert report == {
        "rows": 8,
        "kept": 5,
        "rejected": 3,
        "rejected_by_reason": {"empty": 2, "not text": 1},
        "repeated_ids": 0,
        "texts": 5,
        "unique": 3,
        "exact_duplicates": 2,
        "language_rows": 5,
        "chars": {"min": 3, "5 %": 3, "25 %": 3, "median": 3, "75 %": 18, "95 %": 49.2, "max": 57, "mean": 16.8},
        "tokens": {"min": 1, "5 %": 1, "25 %": 1, "median": 1, "75 %": 4, "95 %": 10.4, "max": 12, "mean": 3.8},
        "window": 3,
        "rows_over_window": 2,
        "share_over_window": 0.4,
        "tokens_lost": 1 + 9,
        "shortest_id": "r1",
        "longest_id": "r2",
        "llm_tokens": {"min": 1, "5 %": 1, "25 %": 1, "median": 1, "75 %": 4, "95 %": 10.4, "max": 12, "mean": 3.8},
        "llm_window": 10,
        "rows_over_llm_window": 1,
    } | {"chars": pytest.approx(report["chars"]), "tokens": pytest.approx(report["tokens"])} | {
        "llm_tokens": pytest.approx(report["llm_tokens"])
    }  # fmt: skip


def test_audit_is_plain_json_and_shares_add_up(audited):
    report = audited[2]
    assert json.loads(json.dumps(report)) == report
    assert sum(report["languages"].values()) == report["language_rows"] == 5
    assert sum(report["language_shares"].values()) == pytest.approx(1)
    assert report["rows"] == report["kept"] + report["rejected"]


def test_audit_of_no_rows_and_without_an_llm(words):
    report = audit_texts(frame(), count_texts(frame(), tokenizer=words), NO_REJECTED, window=3)
    assert (report["rows"], report["tokens"]["median"], report["longest_id"]) == (0, None, None)
    assert "llm_tokens" not in report
    assert json.loads(json.dumps(report)) == report
    assert audit_table(report)["value"].notna().sum() > 5


def test_the_table_is_readable(audited):
    table = audit_table(audited[2]).set_index("measure")["value"]
    assert table["rows"] == "8" and table["  empty"] == "2"
    assert table["longer than 3 tokens"] == "2 (40.0%)"
    assert table["tokens"].startswith("min 1, 5 % 1,") and table["tokens"].endswith("max 12, mean 4")


@pytest.mark.parametrize("sizes", [[37], [12] * 100, [0, 1, 200_000], list(range(1, 600))])
@pytest.mark.parametrize("llm_window", [None, 256, 2048])
def test_the_picture_shows_both_windows_and_its_labels_do_not_overlap(sizes, llm_window):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    counts = pd.DataFrame({"n_tokens": sizes, "n_llm_tokens": sizes})
    figure = plot_lengths(counts, window=254, llm_window=llm_window, title="A $ title_of 1$")
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    wanted = [254] if llm_window is None else [254, llm_window]
    assert [line.get_xdata()[0] for line in axes.lines] == wanted
    assert sum(bar.get_height() for bar in axes.patches) == len(sizes)
    texts = [*axes.get_legend().get_texts(), figure._suptitle, axes.xaxis.label, axes.yaxis.label]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    shown = [label for label in axes.get_xticklabels() if left <= label.get_position()[0] <= right]
    shown += [label for label in axes.get_yticklabels() if bottom <= label.get_position()[1] <= top]
    boxes = [text.get_window_extent() for text in [*texts, *shown]]
    assert not [1 for i, one in enumerate(boxes) for other in boxes[i + 1 :] if one.overlaps(other)]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)


def test_the_picture_counts_the_rows_beyond():
    counts = pd.DataFrame({"n_tokens": [10, 300, 400, 20]})
    labels = plot_lengths(counts, window=254).axes[0].get_legend().get_texts()
    assert [label.get_text() for label in labels] == [
        "embedder reads 254 tokens: 2 of 4 rows are longer (50.0%)"
    ]  # fmt: skip


def test_shortest_and_longest(audited):
    table = shortest_and_longest(*audited[:2])
    assert table["id"].tolist() == ["r1", "r2"]
    assert table["n_tokens"].to_dict() == {"shortest": 1, "longest": 12}
    long = shortest_and_longest(frame("x" * 999), pd.DataFrame({"n_tokens": [1]}))
    assert long["text"].str.len().tolist() == [200, 200]


def test_the_same_row_before_and_after():
    before = pd.DataFrame({"id": ["a", "b"], "record": ['{"text": "hi"}', '{"text": "' + "x" * 5000]})
    after = pd.DataFrame({"id": ["b", "a"], "text": ["x" * 5000, "hi"]})
    assert show_row(before, after, "a").to_dict("index") == {"a": {"before": '{"text": "hi"}', "after": "hi"}}
    assert show_row(before, after, "b").map(len).loc["b"].tolist() == [1000, 1000]
    with pytest.raises(ValueError, match="no row 'z' in the rows before; ids are such as"):
        show_row(before, after, "z")
