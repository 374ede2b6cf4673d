"""A plan has as many prompts of everything as was asked for, no two the same, the same ones from seeds in any order."""

import itertools
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from helpers.llm.ask import ask
from helpers.proportions import share_out
from helpers.synthetic.plan import chats_of
from helpers.synthetic.plan import plan_prompts as plan_any
from helpers.synthetic.preview import count_prompts, counts_table, estimate, join_left_out, plot_counts, some_prompts
from helpers.synthetic.shares import deal, share_cells
from helpers.synthetic.styles import AUDIENCES, STYLES
from helpers.synthetic_settings import Synthetic
from tests.scripted import Scripted

FEW = settings(max_examples=30)


def plan_prompts(seeds, **about):
    """Plan in English, unless a test asks for another language: to find out which it is takes a second."""
    return plan_any(seeds, **{"language": "en", **about})


def made(*sizes, kind="topics", first=0):
    """Return seeds: so many of each topic."""
    lines = [
        {"seed_id": f"r{topic}.{n}", "kind": kind, "topic": topic, "size": 10 * size, "subject": f"Topic {topic}",
         "keywords": ["a word"], "extract": f"The beginning of text {n} of topic {topic}."}
        for topic, size in enumerate(sizes, first) for n in range(size)
    ]  # fmt: skip
    return pd.DataFrame(lines).astype({"topic": "Int64"})


def titles(count):
    told = {"kind": "titles", "topic": pd.array([None] * count, "Int64"), "size": 1}
    names = {"seed_id": [f"t{n}" for n in range(count)], "subject": [f"How to {n}" for n in range(count)]}
    return pd.DataFrame({**names, **told})


def counts(prompts, *names):
    return Counter(map(tuple, prompts[list(names)].values.tolist()))


@pytest.mark.parametrize(
    ("count", "shares", "most", "found"),
    [
        (100, [1, 1, 1], None, [34, 33, 33]),
        (10, [0.1, 0.2, 0.7], None, [1, 2, 7]),  # as floats 0.7 * 10 falls short of 7
        (7, [0.45, 0.35, 0.2], None, [3, 3, 1]),  # 3.15, 2.45, 1.4
        (10, [5, 3, 2], [2, 9, 9], [2, 5, 3]),  # 8 are left for 3 : 2, so 4.8 and 3.2
        (0, [1, 2], None, [0, 0]),
        (3, [1, 1], [3, 0], [3, 0]),
    ],
)
def test_shares_become_the_nearest_whole_numbers(count, shares, most, found):
    assert share_out(count, shares, most).tolist() == found


@given(st.integers(0, 200), st.lists(st.integers(1, 30), min_size=1, max_size=8), st.data())
def test_shared_out_is_all_and_each_share_is_rounded_down_or_up(count, shares, data):
    exact = np.array(shares) * count / sum(shares)
    found = share_out(count, shares)
    assert found.sum() == count and (found >= np.floor(exact + 1e-9) - 1e-9).all() and (found <= np.ceil(exact)).all()
    off = np.abs(found - exact).sum()
    others = itertools.product(*({int(np.floor(one)), int(np.ceil(one))} for one in exact))
    assert all(np.abs(np.array(other) - exact).sum() >= off - 1e-9 for other in others if sum(other) == count)
    most = [data.draw(st.integers(0, count)) for _ in shares]
    assume(sum(most) >= count)
    capped = share_out(count, shares, most)
    assert capped.sum() == count and (capped <= most).all()


@FEW
@given(
    st.integers(1, 150),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_styles_and_audiences_both_get_their_shares_where_all_pairs_are_written(count, lines, columns, random):
    full = np.ones((len(lines), len(columns)), dtype=bool)
    found = share_cells(count, lines, columns, full)
    assert found.sum(axis=1).tolist() == share_out(count, lines).tolist()
    assert found.sum(axis=0).tolist() == share_out(count, columns).tolist()
    assert (np.abs(found - np.outer(found.sum(axis=1), found.sum(axis=0)) / count) < 1.5).all()
    some = np.array([[random.random() < 0.6 for _ in columns] for _ in lines])
    some[np.arange(len(lines)), [random.randrange(len(columns)) for _ in lines]] = True
    found = share_cells(count, lines, columns, some)
    assert found.sum(axis=1).tolist() == share_out(count, lines).tolist() and not found[~some].any()


@FEW
@given(st.integers(1, 12), st.lists(st.integers(1, 9), min_size=3, max_size=3), st.tuples(*[st.integers(1, 9)] * 2))
@example(36, [6, 5, 9], (1, 1))
@example(9, [1, 1, 1], (1, 1))
def test_no_other_whole_numbers_with_these_sums_are_nearer_to_what_is_asked_for(count, lines, columns):
    found = share_cells(count, lines, columns, np.ones((3, 2), dtype=bool))
    by_line, by_column = share_out(count, lines), share_out(count, columns)
    wanted = np.outer(by_line, by_column) / count
    firsts = itertools.product(*(range(one + 1) for one in by_line))
    others = [np.array(first) for first in firsts if sum(first) == by_column[0]]
    nearest = min(np.abs(np.stack([other, by_line - other], axis=1) - wanted).sum() for other in others)
    assert found.sum(axis=0).tolist() == by_column.tolist() and found.sum(axis=1).tolist() == by_line.tolist()
    assert np.abs(found - wanted).sum() == pytest.approx(nearest)


def test_columns_are_as_near_to_their_shares_as_the_pairs_left_allow():
    """Half of all is a textbook, which is not for children: no more than half can be for them, though 90% are asked."""
    found = share_cells(100, [1, 1], [9, 1], np.array([[False, True], [True, True]]))
    assert found.tolist() == [[0, 50], [50, 0]]
    found = share_cells(12, [1, 1, 1], [1, 1], np.array([[False, True], [True, True], [True, True]]))
    assert found.tolist() == [[0, 4], [3, 1], [3, 1]]


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=6), st.lists(st.integers(1, 4), min_size=1, max_size=9), st.data()
)
def test_all_is_dealt_and_nobody_has_more_of_one_than_there_is_room_for(cells, most, data):
    assume(sum(cells) and max(cells) <= sum(most))
    room = [len(cells) * one for one in most]
    groups = share_out(sum(cells), [1] * len(most), room)
    starts = [data.draw(st.floats(0, 0.99)) for _ in cells]
    dealt = deal(cells, groups.tolist(), most, starts)
    assert [sum(taken.get(cell, 0) for taken in dealt) for cell in range(len(cells))] == cells
    assert all(number <= limit for taken, limit in zip(dealt, most, strict=True) for number in taken.values())


def test_dealt_evenly_every_group_gets_its_share_of_every_kind():
    dealt = deal([60, 30, 10], [10] * 10, [99] * 10, [0.2, 0.5, 0.8])
    assert all(abs(taken.get(cell, 0) - wanted) <= 1 for taken in dealt for cell, wanted in enumerate([6, 3, 1]))


def test_a_small_plan_is_as_worked_out_by_hand():
    prompts, left_out = plan_prompts(
        made(2, 2), prompts=8, styles={"story": 3, "how_to": 1}, audiences={"college": 1, "general": 1}
    )
    assert left_out.empty and len(prompts) == 8
    assert counts(prompts, "style") == {("story",): 6, ("how_to",): 2}
    assert counts(prompts, "audience") == {("college",): 4, ("general",): 4}
    assert counts(prompts, "topic") == {(0,): 4, (1,): 4}
    assert counts(prompts, "topic", "style") == {(0, "story"): 3, (1, "story"): 3, (0, "how_to"): 1, (1, "how_to"): 1}
    assert set(counts(prompts, "seed_id").values()) == {2}
    assert set(counts(prompts, "seed_id", "style", "audience").values()) == {1}


@FEW
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
    st.dictionaries(st.sampled_from(STYLES["topics"]), st.integers(1, 5), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(AUDIENCES), st.integers(1, 5), min_size=1, max_size=4),
    st.integers(1, 40),
    st.sampled_from(["even", "size"]),
    st.integers(0, 3),
    st.randoms(use_true_random=False),
)
def test_every_plan_meets_its_shares_repeats_nothing_and_does_not_depend_on_the_order(
    sizes, styles, audiences, count, by, seed, random
):
    seeds, about = made(*sizes), {"styles": styles, "audiences": audiences, "by": by, "seed": seed}
    about |= {"combinations": "none"}
    try:
        prompts, _ = plan_prompts(seeds, prompts=count, **about)
    except ValueError as error:
        possible = int(str(error).split(" different ones are possible")[0].split("and ")[-1])
        assert possible < count
        prompts, _ = plan_prompts(seeds, prompts=possible, **about)
        count = possible
    assert len(prompts) == count and prompts["id"].is_unique
    texts = [json.dumps(chat) for chat in chats_of(prompts)]
    assert len(set(texts)) == count
    for name, shares in (("style", styles), ("audience", audiences)):
        wanted = share_out(count, list(shares.values()))
        found = prompts[name].value_counts().reindex(list(shares), fill_value=0)
        assert found.tolist() == wanted.tolist()
    assert max(counts(prompts, "seed_id", "style", "audience").values()) == 1
    for topic, part in prompts.groupby("topic"):
        used = part["seed_id"].value_counts().reindex([f"r{topic}.{n}" for n in range(sizes[topic])], fill_value=0)
        assert used.max() - used.min() <= 1
    order = list(range(len(seeds)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(plan_prompts(seeds.iloc[order], prompts=count, **about)[0], prompts)


def test_topics_get_as_many_each_or_as_their_size_says_or_a_number_each():
    assert set(plan_prompts(made(9, 3), prompts=20)[0]["topic"].value_counts()) == {10}
    by_size = plan_prompts(made(9, 3), prompts=20, by="size")[0]
    assert by_size["topic"].value_counts().to_dict() == {0: 15, 1: 5}
    each = plan_prompts(made(9, 3, 1), per_topic=7)[0]
    assert each["topic"].value_counts().to_dict() == {0: 7, 1: 7, 2: 7}
    bare = made(1, 1).assign(extract="")
    each = plan_prompts(bare, per_topic=9, styles={"story": 1})[0]
    assert each["topic"].value_counts().to_dict() == {0: 5, 1: 5}  # a story is not written for researchers


def test_every_style_is_spread_over_every_topic():
    prompts, _ = plan_prompts(made(*[20] * 10), prompts=210)
    per_topic = pd.crosstab(prompts["topic"], prompts["style"])
    assert per_topic.shape == (10, 7) and per_topic.min().min() >= 2 and per_topic.max().max() <= 4
    assert pd.crosstab(prompts["topic"], prompts["audience"]).min().min() >= 1


def test_more_prompts_than_are_possible_are_refused_with_how_many_are():
    about = {"styles": {"story": 1, "how_to": 1}, "audiences": {"college": 1, "general": 1}}
    assert len(plan_prompts(made(2, 1), prompts=12, **about)[0]) == 12
    message = "13 prompts are asked for, and 12 different ones are possible with 3 seeds and 4 combinations"
    with pytest.raises(ValueError, match=message):
        plan_prompts(made(2, 1), prompts=13, **about)
    about["styles"] = {"story": 3, "how_to": 1}  # three quarters in one style, of which six are possible
    with pytest.raises(ValueError, match="9 prompts are asked for, and 8 different"):
        plan_prompts(made(2, 1), prompts=9, **about)


def test_the_topic_is_shown_with_its_probability_and_always_where_nothing_else_is():
    """A known program drew this without a seed, so that no two runs had the same prompts."""
    prompts, _ = plan_prompts(made(*[60] * 5), prompts=600, show_topic=0.5)
    assert 0.42 < prompts["shown"].mean() < 0.58
    for one in prompts.itertuples():
        assert (f'the topic "{one.subject}"' in one.prompt[-1]["content"]) == one.shown
    again = plan_prompts(made(*[60] * 5), prompts=600, show_topic=0.5)[0]
    assert again["shown"].equals(prompts["shown"])
    for share in (0, 1):
        assert set(plan_prompts(made(5), show_topic=share, prompts=20)[0]["shown"]) == {bool(share)}
    bare = made(1, 1).assign(extract="")
    assert plan_prompts(bare, show_topic=0, prompts=9)[0]["shown"].all()
    assert not plan_prompts(made(3, first=-1), show_topic=1, prompts=9)[0]["shown"].any()


def test_the_rows_of_no_topic_are_never_given_a_name():
    prompts, _ = plan_prompts(made(5, first=-1).assign(subject="Unassigned"), show_topic=1, prompts=30)
    assert not any("Unassigned" in turn["content"] for chat in chats_of(prompts) for turn in chat)


def test_the_id_changes_with_whatever_the_prompt_is_made_of():
    def ids(seeds=None, **settings):
        return set(plan_prompts(made(3) if seeds is None else seeds, prompts=9, show_topic=1, **settings)[0]["id"])

    others = [{}, {"words": 300}, {"language": "es"}, {"seeds": made(3).assign(subject="Other")}]
    others.append({"seeds": made(3).assign(extract=lambda table: table["extract"] + "!")})
    found = [ids(**other) for other in others]
    assert ids() == found[0] and all(not one & other for one, other in itertools.combinations(found, 2))


def test_combinations_that_are_left_out_are_told_and_their_shares_go_to_others():
    prompts, left_out = plan_prompts(made(9, 9), prompts=90)
    pairs = counts(prompts, "style", "audience")
    assert ("academic_textbook", "young_children") not in pairs and len(pairs) == 7 * 6 - len(left_out)
    assert left_out["name"].iloc[0] == "academic_textbook for young_children" and set(left_out["what"]) == {
        "combination"
    }
    assert set(prompts["audience"].value_counts()) == {15} and set(prompts["style"].value_counts()) == {12, 13}


def test_a_language_is_asked_for_by_name_or_taken_from_the_extracts():
    def language(seeds, **settings):
        told = plan_any(seeds, prompts=1, **settings)[0]["prompt"].iloc[0][0]["content"]
        return told.rpartition("Write in ")[2]

    spanish = made(2).assign(extract="La levadura convierte el azúcar de la masa en gas y en alcohol mientras reposa.")
    assert language(spanish) == "Spanish." and language(spanish, language="de") == "German."
    assert language(titles(3).assign(subject="How to bake a loaf of bread at home")) == "English."


def test_every_kind_of_seed_has_its_styles():
    prompts, _ = plan_prompts(titles(30), prompts=60)
    assert set(prompts["style"]) == {"how_to"} and prompts["topic"].isna().all() and not prompts["shown"].any()
    assert set(counts(prompts, "seed_id").values()) == {2}
    assert all(f'"{one.subject}"' in one.prompt[-1]["content"] for one in prompts.itertuples())
    pairs = made(4, kind="instructions").assign(question="Why is it so?", answer="Because.").drop(columns="extract")
    with pytest.raises(ValueError, match=r"the seeds r0\.\d and r0\.\d make the same prompt in"):
        plan_prompts(pairs, prompts=40)
    pairs["question"] += pairs["seed_id"]
    prompts, _ = plan_prompts(pairs, prompts=30)
    assert set(prompts["style"]) == set(STYLES["instructions"])
    with pytest.raises(ValueError, match="expected seeds of one kind, got titles, topics: plan each kind by itself"):
        plan_prompts(pd.concat([titles(2), made(2)]))
    with pytest.raises(ValueError, match="every seed needs an id of its own, and 't0' is there several times"):
        plan_prompts(pd.concat([titles(2), titles(1)]))


def test_templates_of_the_users_own_take_part_under_their_own_name(tmp_path):
    path = tmp_path / "poem.md"
    path.write_text("# user\nA poem in {{ language }} for {{ audience }} from:\n{{ extract }}")
    readers = tmp_path / "poets.md"
    readers.write_text("poets")
    prompts, _ = plan_prompts(made(4), prompts=4, styles={str(path): 1, "story": 1}, audiences={str(readers): 1})
    own = prompts[prompts["style"] == "poem"]
    assert len(own) == 2 and set(prompts["audience"]) == {"poets"}
    assert own["prompt"].iloc[0][0]["content"].startswith("A poem in English for poets from:\nThe beginning of text")
    with pytest.raises(ValueError, match="poem.md: uses none of seed, topic"):
        plan_prompts(made(4).assign(extract=""), styles={str(path): 1})
    path.write_text("# user\n{{ audience }} {{ language }} {{ seed[:9] }}")
    with pytest.raises(ValueError, match="make the same prompt in poem for poets: let the style's template tell"):
        plan_prompts(made(4), prompts=4, show_topic=0, styles={str(path): 1}, audiences={str(readers): 1})


def test_a_plan_is_saved_and_the_same_chats_are_sent_later(tmp_path):
    prompts, _ = plan_prompts(made(4), prompts=6)
    prompts.to_parquet(tmp_path / "prompts.parquet")
    kept = pd.read_parquet(tmp_path / "prompts.parquet")
    assert chats_of(kept) == chats_of(prompts)
    llm = Scripted(lambda chat, _: chat[-1]["content"][:9])
    ask(chats_of(prompts), llm=llm, log=tmp_path / "log")
    ask(chats_of(kept), llm=llm, log=tmp_path / "log")
    assert len(llm.asked) == 6
    assert kept["n_tokens"].between(500, 2500).all()
    counted = plan_prompts(made(4), prompts=6, llm=llm)[0]
    assert counted["n_tokens"].tolist() == [llm.count_tokens(chat) for chat in chats_of(counted)]


def test_settings_are_those_of_the_plan():
    how = Synthetic(styles=["story", "how_to"], audiences="general", prompts=4, words=90)
    prompts, _ = plan_prompts(made(4), **how.planning)
    assert counts(prompts, "style") == {("story",): 2, ("how_to",): 2} and set(prompts["audience"]) == {"general"}
    assert "about 90 words" in prompts["prompt"].iloc[0][0]["content"]


def test_the_preview_counts_everything_before_anything_is_written():
    prompts, left_out = plan_prompts(made(9, 4), prompts=40, by="size")
    table = counts_table(prompts)
    assert table["subject"].tolist() == ["Topic 0", "Topic 1", "all"]
    assert table["prompts"].tolist() == [28, 12, 40] and table["named"].iloc[-1] == prompts["shown"].sum()
    for names in (STYLES["topics"], AUDIENCES):
        assert (table[names].sum(axis=1) == table["prompts"]).all()
    assert count_prompts(prompts)["prompts"].sum() == 40
    assert counts_table(plan_prompts(titles(3), prompts=6)[0])["prompts"].tolist() == [2, 2, 2, 6]
    assert join_left_out(left_out, left_out)["rows"].sum() == 0
    figure = plot_counts(prompts)
    assert "40 prompts" in figure.get_suptitle() and len(figure.axes[0].texts) == 42
    shown = some_prompts(prompts, count=2)
    assert shown.count("[system]") == shown.count("[user]") == 2 and shown == some_prompts(prompts[::-1], count=2)


def test_tokens_and_hours_are_told_at_a_rate():
    prompts, _ = plan_prompts(made(9), prompts=40, language="en")
    told = estimate(prompts, words=500, max_new_tokens=1000, tokens_per_second=10).set_index("what")
    assert told.loc["tokens of the texts"].tolist() == ["28,000", "40,000"]  # 1.4 tokens a word
    assert told.loc["time at 10 tokens a second"].tolist() == ["47 minutes", "1.1 hours"]
    assert told.loc["tokens of the prompts", "expected"] == f"{prompts['n_tokens'].sum():,}"
    assert "take care" not in told.index and len(estimate(prompts)) == 3
    tight = estimate(prompts, words=500, max_new_tokens=600, llm=Scripted(None)).set_index("what")
    assert tight.loc["take care", "expected"] == "500 words take about 700 tokens: most texts will be cut"
    small = estimate(prompts, words=100, max_new_tokens=1900, llm=Scripted(None)).set_index("what")
    assert small.loc["take care", "expected"].startswith("40 prompts with a text of 1,900 tokens exceed the 2,000")


@pytest.mark.parametrize("most", [1, 5, 8, 30, 40])
@pytest.mark.parametrize("styles", [{"story": 9, "blog_post": 1}, None])
def test_no_topic_gets_more_than_it_is_to_have_and_shares_stand(most, styles):
    prompts = plan_prompts(made(1, 1, 40), per_topic=most, styles=styles)[0]
    assert prompts["topic"].value_counts().max() <= most and prompts["topic"].value_counts()[2] == most
    share = prompts["style"].value_counts(normalize=True)
    wanted = pd.Series(styles) / 10 if styles else pd.Series(1 / 7, share.index)
    assert (share.reindex(wanted.index, fill_value=0) - wanted).abs().max() <= 1 / len(prompts)


def test_topics_with_few_seeds_get_as_many_as_there_is_room_for():
    assert len(plan_prompts(made(1, 1, 1), per_topic=36)[0]) == len(plan_prompts(made(1, 1, 1), prompts=63)[0]) == 63
