"""What is masked, what is left alone, and that turns move along; on texts that a person can check."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.text.redact import redact_texts


def frame(*texts, turns=None):
    ids = [f"r{n}" for n in range(len(texts))]
    turns = turns or [[0]] * len(texts)
    speakers = [["user"] * len(places) for places in turns]
    columns = {"text": texts, "turns": turns, "speakers": speakers, "topic": "x"}
    return pd.DataFrame({"id": ids, "position": range(len(texts)), **columns})


def masked(text, **settings):
    return redact_texts(frame(text), **settings)[0]["text"][0]


FOUND = [
    ("Write to john.doe+x@example.co.uk.", "Write to [EMAIL]."),
    ("邮箱john@example.com谢谢", "邮箱[EMAIL]谢谢"),
    ("jörg@müller.de", "[EMAIL]"),
    ("'a@b.io', <c@d.org>", "'[EMAIL]', <[EMAIL]>"),
    ("call 202-555-0143 now", "call [PHONE] now"),
    ("(555) 123-4567 or +1 555 123 4567", "[PHONE] or [PHONE]"),
    ("tel:+442079460958", "tel:[PHONE]"),
    ("+33 1 42 68 53 00", "[PHONE]"),
    ("my number is 2025550143.", "my number is [PHONE]."),
    ("my number is 2025550143.2025550143", "my number is [PHONE].[PHONE]"),
    ("4111 1111 1111 1111", "[CARD]"),
    ("4111-1111-1111-1111 123", "[CARD] 123"),
    ("Amex 378282246310005, 3782 822463 10005", "Amex [CARD], [CARD]"),
    ("卡号4111111111111111", "卡号[CARD]"),
    ("http://10.0.0.1:8080/x", "http://[IP]:8080/x"),
    ("from 2001:db8::1.", "from [IP]."),
    ("AKIAIOSFODNN7EXAMPLE", "[KEY]"),
    ("sk-proj-abcdefghijk1234567890", "[KEY]"),
    ("ghp_" + "a1" * 18, "[KEY]"),
    ("github_pat_11ABCDEFG0abcdefghij12", "[KEY]"),
    ("xoxb-123456789012-abcdef", "[KEY]"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "[KEY]"),
    ("hf_abcdefghijklmnopqrstuvwx", "[KEY]"),
    ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def_1", "Bearer [KEY]"),
    ("a\n-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----\nb", "a\n[KEY]\nb"),
    ("password: hunter2, ok", "password: [KEY], ok"),
    ('{"password": "hun ter2"}', '{"password": "[KEY]"}'),
    ("OPENAI_API_KEY=abcd1234", "OPENAI_API_KEY=[KEY]"),
    ("password: MyPass$word1", "password: [KEY]"),
    ("password: p@ss,word1.", "password: [KEY]."),
    ("pwd=Hello[1]World and password: Summer(2024)!", "pwd=[KEY] and password: [KEY]"),
    ("**Password:** hunter2", "**Password:** [KEY]"),
    ("mysql --password hunter2", "mysql --password [KEY]"),
    ("password\uff1ahunter2", "password\uff1a[KEY]"),
    ("Authorization: Bearer abcdefghijklmnop1234", "Authorization: Bearer [KEY]"),
    ("postgres://user:secretpw@localhost/db", "postgres://user:[KEY]@localhost/db"),
    ("whsec_abcdefghij123456", "[KEY]"),
]

LEFT_ALONE = [
    "on 2024-05-12 at 10:33:45, or 12/05/2024, or 12.05.2024",
    "it costs $1,200,000 or 1.234.567,89 EUR",
    "the years 1990-2000, 2001 2010 2020",
    "order 2025550143, #2025550143, invoice no. 2025550143",
    "version 1.2.3, version 1.2.3.4, v1.2.3.4, Chrome/120.0.0.0, react@18.2.0",
    "pi is 3.14159265358979, or 202.5550143, at 1700000000",
    "4111 1111 1111 1112 fails the check sum, ISBN 978-0-306-40615-7",
    "999.1.1.1 and 1.2.3.4.5 and 00:1a:2b:3c:4d:5e",
    "std::vector<a::b> and 12:30:45",
    "sk-learn-tutorial-for-beginners",
    "Forgot password? The secret: be kind. max_tokens=512",
    "password = input() and if password == stored: token = tokenizer.decode(x)",
    "What is -----BEGIN PRIVATE KEY----- for?",
    "def f(password: str) -> None, and enter your password: and press the key",
    "EAN 5901234123457, 4006381333931",
    "1 2 3 4 5 6 7 8 9 10 11 12 13",
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_finds_are_replaced_by_their_kind(text, expected):
    assert masked(text) == expected


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_alike_is_left_alone(text):
    assert masked(text) == text


def test_a_number_without_country_code_is_of_the_region():
    assert masked("Ruf an: 030 1234567", region="DE") == "Ruf an: [PHONE]"
    assert masked("Ruf an: 030 1234567", region="US") == "Ruf an: 030 1234567"


def test_counts_are_by_kind_and_only_the_kinds_asked_for_are_masked():
    texts = frame("a@b.io and c@d.io", "10.0.0.1")
    out, counts = redact_texts(texts, kinds=["email", "card"])
    assert out["text"].tolist() == ["[EMAIL] and [EMAIL]", "10.0.0.1"]
    assert counts == {"email": 2, "card": 0}


def test_no_kinds_change_nothing():
    texts = frame("a@b.io")
    out, counts = redact_texts(texts, kinds=[])
    pd.testing.assert_frame_equal(out, texts)
    assert counts == {}


def test_a_card_is_not_taken_for_a_phone_and_a_key_not_for_an_address():
    text = "5555-5555-5555-4444; password: me@home.org"
    assert masked(text) == "[CARD]; password: [KEY]"


def test_turns_move_along_exactly():
    parts = ["Mail a@b.io or 10.0.0.1\n", "ok\n", "", "202-555-0143"]
    texts = frame("".join(parts), turns=[[0, 24, 27, 27]])
    out, _ = redact_texts(texts)
    assert out["text"][0] == "Mail [EMAIL] or [IP]\nok\n[PHONE]"
    assert out["turns"][0] == [0, 21, 24, 24]
    assert texts["turns"][0] == [0, 24, 27, 27]


def test_a_find_does_not_span_two_turns():
    out, counts = redact_texts(frame("202-555-0143", turns=[[0, 4]]))
    assert out["text"][0] == "202-555-0143"
    assert counts["phone"] == 0


def test_other_columns_and_the_index_stay():
    texts = frame("a@b.io", "plain").set_index(pd.Index([7, 3]))
    out, _ = redact_texts(texts)
    pd.testing.assert_frame_equal(out.drop(columns=["text", "turns"]), texts.drop(columns=["text", "turns"]))
    assert out["text"].tolist() == ["[EMAIL]", "plain"]


def test_no_rows():
    out, counts = redact_texts(frame())
    assert len(out) == 0
    assert counts == {"key": 0, "email": 0, "card": 0, "ip": 0, "phone": 0}


def test_unknown_kind_and_region_say_what_is_known():
    with pytest.raises(ValueError, match="'mail' is not known; known are key, email, card, ip, phone"):
        redact_texts(frame("x"), kinds=["mail"])
    with pytest.raises(ValueError, match="'Germany' is not a country"):
        redact_texts(frame("x"), region="Germany")


@pytest.mark.parametrize(
    "piece", ["a", "a.", "a@", "1", "-----BEGIN PRIVATE KEY-----", "password ", "eyJ", "sk-", ":", "(", " "]
)
def test_five_megabytes_without_a_find_come_back_as_they_are(piece):
    text = piece * (5_000_000 // len(piece))
    assert masked(text) == text  # a pattern that backtracks would not end within the test's time limit


def test_many_numbers_are_all_found():
    out, counts = redact_texts(frame("call 202-555-0143, " * 3000))
    assert counts["phone"] == 3000
    assert "555" not in out["text"][0]


PIECES = st.sampled_from(
    [text for text, _ in FOUND] + LEFT_ALONE + ["[KEY]", "202", "555", "-", " ", "\n", "@", "x.io"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), min_size=1, max_size=6))
def test_twice_is_once_and_turns_stay_between_the_same_parts(parts):
    turns = [sum(map(len, parts[:n])) for n in range(len(parts))]
    once, _ = redact_texts(frame("".join(parts), turns=[turns]))
    twice, counts = redact_texts(once)
    pd.testing.assert_frame_equal(twice, once)
    assert sum(counts.values()) == 0
    bounds = [*once["turns"][0], len(once["text"][0])]
    found = [once["text"][0][a:b] for a, b in zip(bounds, bounds[1:], strict=False)]
    assert found == [masked(part) for part in parts]


def test_kept_columns_are_masked_and_ids_stay():
    out, counts = redact_texts(frame("a@b.io").assign(id="x@y.io", author="bob@example.com", score=1))
    assert (out["author"][0], out["id"][0], out["score"][0], counts["email"]) == ("[EMAIL]", "x@y.io", 1, 2)
