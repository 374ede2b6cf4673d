from hypothesis import given
from hypothesis import strategies as st

from helpers.shown import percent


@given(st.floats(0, 1))
def test_only_all_and_none_are_shown_as_such(share):
    assert (percent(share) == "100%") == (share == 1) and (percent(share) == "0%") == (share == 0)
    assert abs(int(percent(share)[:-1]) / 100 - share) <= 0.01
