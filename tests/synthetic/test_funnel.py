"""No prompt is lost on the way without a reason, and none counts twice."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.synthetic.funnel import LEFT, MOST, STEPS, count_by, count_steps, follow_prompts, plot_funnel, plot_left_by

PROMPTS = pd.DataFrame({"id": [*"abcdef"], "topic": [0, 0, 0, 1, 1, 2], "style": ["story"] * 6})
REJECTED = pd.DataFrame({"id": ["b", "e"], "reason": ["too short: 12 tokens", "no answer: the server is gone"]})
DROPPED = pd.DataFrame({"id": ["c", "d"], "reason": ["near-duplicate: .91 like a", "a rule of mine"]})


def lost(*pairs):
    return pd.DataFrame(pairs, columns=["id", "reason"])


def test_the_steps_stand_in_the_order_in_which_rows_are_lost():
    counts = count_steps(follow_prompts(PROMPTS, REJECTED, DROPPED))
    steps = ["prompts", "no answer", "too short", "contaminated", "near-duplicate", "a rule of mine"]
    assert counts["step"].tolist() == steps
    assert counts["gone"].tolist() == [0, 1, 1, 0, 1, 1] and counts["left"].tolist() == [6, 5, 4, 4, 3, 2]


@given(st.lists(st.sampled_from([*STEPS, LEFT, "another reason"]), max_size=60), st.booleans())
def test_all_prompts_are_accounted_for(gone, late):
    prompts = pd.DataFrame({"id": [str(at) for at in range(len(gone))], "topic": 0})
    reasons = lost(*((str(at), f"{step}: x") for at, step in enumerate(gone) if step != LEFT))
    followed = follow_prompts(prompts, *((lost(), reasons) if late else (reasons, lost())))
    assert followed["gone"].tolist() == gone
    counts = count_steps(followed)
    assert counts["gone"].sum() + counts["left"].iloc[-1] == len(gone)
    assert counts["left"].iloc[-1] == gone.count(LEFT) and counts["left"].is_monotonic_decreasing


def test_a_prompt_cannot_be_lost_twice_nor_one_of_another_plan():
    with pytest.raises(ValueError, match="lost twice"):
        follow_prompts(PROMPTS, REJECTED, lost(("b", "contaminated: x")))
    with pytest.raises(ValueError, match="no prompt, such as z"):
        follow_prompts(PROMPTS, REJECTED, lost(("z", "contaminated: x")))


def test_by_topic_each_step_has_its_column():
    lines = count_by(follow_prompts(PROMPTS, REJECTED, DROPPED), "topic")
    assert lines["prompts"].to_dict() == {"0": 3, "1": 2, "2": 1}
    assert lines["left"].to_dict() == {"0": 1, "1": 0, "2": 1}
    assert lines["share"].to_dict() == {"0": "33%", "1": "0%", "2": "100%"}
    assert lines.drop(columns=["prompts", "share"]).sum(axis=1).tolist() == lines["prompts"].tolist()


def test_two_topics_of_one_name_are_told_apart_and_titles_have_no_number():
    prompts = pd.DataFrame(
        {"id": [*"abc"], "topic": pd.array([1, 2, None], "Int64"), "subject": ["Food", "Food", "Tea"]}
    )
    lines = count_by(follow_prompts(prompts, lost(), lost()), "topic", "subject")
    assert lines["left"].to_dict() == {"1 Food": 1, "2 Food": 1, "Tea": 1}


def test_the_pictures_say_what_is_left_and_signs_in_names_are_no_formulas():
    followed = follow_prompts(PROMPTS, REJECTED, DROPPED)
    figure = plot_funnel(count_steps(followed), title="Mine $x_1$ <b>")
    assert "2 rows of 6 prompts, 33%" in figure.axes[0].get_title(loc="left")
    many = pd.DataFrame({"id": [str(at) for at in range(40)], "topic": [at % 20 for at in range(40)]})
    lines = count_by(follow_prompts(many, lost(), lost()), "topic")
    figure = plot_left_by(lines, names=[f"$topic_{at}$" for at in lines.index], title="By topic")
    assert f"the {MOST} with most prompts, of 20" in figure.axes[0].get_title(loc="left")
    figure.canvas.draw()
    assert isinstance(plot_funnel(count_steps(many.head(0).assign(gone="")), title="x"), str)
