"""Near-duplicates are those that comparing every text with every other finds; what goes is like a row that stays."""

import gzip
import json
import random

import numpy as np
import pandas as pd
import pytest
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.utils.word_tokenizers import WhitespaceTokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from helpers.clean import minhash
from helpers.clean.dedup import count_copies, drop_near_duplicates, find_near_duplicates, show_most_copied, show_pairs
from helpers.clean.minhash import choose_bands, min_hashes, propose_pairs, sign_texts
from helpers.clean.words import split_words


def framed(texts, name="r", **columns):
    return pd.DataFrame({"id": [f"{name}{i}" for i in range(len(texts))], "text": list(texts)} | columns)


def shingles(text, n):
    words = split_words(text)
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}


def jaccard(one, other, n=5):
    one, other = shingles(one, n), shingles(other, n)
    return len(one & other) / len(one | other)


def numbered(count, start=0):
    return [f"w{i}" for i in range(start, start + count)]


def like(text, similarity, seed=0):
    """Return a text of as many words whose Jaccard with it is the least that is not below similarity."""
    words = text.split()
    total = len(words) - 4
    shared = int(np.ceil(2 * total * similarity / (1 + similarity) - 1e-9))
    return " ".join(words[: shared + 4] + [f"x{seed}y{i}" for i in range(total - shared)])


def gone(copies):
    found = copies[copies["near_duplicate_of"].notna()]
    return dict(zip(found["id"], found["near_duplicate_of"], strict=True))


def naive(order, known, similar, threshold, within):
    """Return id -> how similar it is to which rows that stay, for those that go; similar: of two rows' ids."""
    staying = list(known)
    for id in order:
        if all(similar(id, one) < threshold for one in (staying if within else known)):
            staying.append(id)
    told = {}
    for id in set(order) - set(staying):
        close = [(similar(id, one), one) for one in (staying if within else known) if similar(id, one) >= threshold]
        told[id] = [one for one in close if one[1] in known] or close
    return told


TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=7).map(" ".join), max_size=9)
SETTINGS = st.fixed_dictionaries(
    {
        "threshold": st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.6, 0.75, 0.8, 1.0]),
        "words": st.integers(1, 3),
        "within": st.booleans(),
    }
)


@settings(max_examples=60)
@given(TEXTS, TEXTS, st.sampled_from(["longest", "first", "best"]), SETTINGS, st.randoms(use_true_random=False))
def test_copies_are_those_that_comparing_all_with_all_finds(texts, others, keep, asked, chance):
    rows = framed(texts, score=[chance.choice([1.0, 2.5, None]) for _ in texts]).astype({"score": float})
    known = framed(others, "k")
    by = "score" if keep == "best" else None
    copies, pairs = find_near_duplicates(rows, keep=keep, by=by, against=known, **asked)
    score = {id: -np.inf if np.isnan(one) else one for id, one in zip(rows["id"], rows["score"], strict=True)}
    length = dict(zip(rows["id"], map(len, texts), strict=True))
    order = {
        "first": list(rows["id"]),
        "longest": sorted(rows["id"], key=lambda id: (-length[id], id)),
        "best": sorted(rows["id"], key=lambda id: (-score[id], -length[id], id)),
    }[keep]

    text = dict(zip([*rows["id"], *known["id"]], [*texts, *others], strict=True))
    rest = asked["threshold"], asked["within"]
    told = naive(order, list(known["id"]), lambda *ids: jaccard(*map(text.get, ids), asked["words"]), *rest)
    assert copies["id"].tolist() == rows["id"].tolist() and set(gone(copies)) == set(told)
    for row in copies[copies["id"].isin(told.keys())].itertuples():
        assert (row.similarity, row.near_duplicate_of) in told[row.id] and row.similarity == max(told[row.id])[0]
        assert row.near_duplicate_in == ("against" if row.near_duplicate_of[0] == "k" else "rows")
    assert copies["copies"].tolist() == [list(gone(copies).values()).count(id) for id in copies["id"]]
    similarity = [jaccard(text[pair.id], text[pair.other], asked["words"]) for pair in pairs.itertuples()]
    assert pairs["similarity"].tolist() == similarity == sorted(similarity, reverse=True)
    assert all(one >= asked["threshold"] for one in similarity)
    assert asked["within"] or set(pairs["other_in"]) <= {"against"}
    told = {frozenset(pair) for pair in zip(pairs["id"], pairs["other"], strict=True)}
    assert len(told) == len(pairs) and told >= {frozenset(pair) for pair in gone(copies).items()}
    kept, dropped = drop_near_duplicates(rows, copies)
    assert sorted([*kept["id"], *dropped["id"]]) == sorted(rows["id"]) and set(dropped["id"]) == set(gone(copies))


@settings(max_examples=30)
@given(TEXTS, st.sampled_from(["longest", "best"]), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_never_matters(texts, keep, chance):
    rows = framed(texts, score=[chance.randint(0, 1) for _ in texts])
    asked = {"threshold": 0.4, "words": 2, "keep": keep, "by": "score" if keep == "best" else None}
    copies, pairs = find_near_duplicates(rows, **asked)
    mixed = rows.sample(frac=1, random_state=chance.randint(0, 9))
    again, others = find_near_duplicates(mixed, **asked)
    assert again["id"].tolist() == mixed["id"].tolist()
    pd.testing.assert_frame_equal(again.set_index("id").loc[copies["id"]].reset_index(), copies)
    pd.testing.assert_frame_equal(others, pairs)


@pytest.mark.parametrize("similarity", [0.6, 0.7, 0.8, 0.9])
def test_plants_are_found_from_their_own_similarity_on(similarity):
    text = " ".join(numbered(204))
    other = like(text, similarity)
    exact = jaccard(text, other)
    assert similarity <= exact < similarity + 0.01
    rows = framed([text, other, " ".join(numbered(204, 1000))])
    _, pairs = find_near_duplicates(rows, threshold=exact)
    assert pairs.values.tolist() == [["r1", "r0", "rows", exact]] or pairs.values.tolist() == [
        ["r0", "r1", "rows", exact]
    ]
    copies, pairs = find_near_duplicates(rows, threshold=float(np.nextafter(exact, 1)))
    assert not len(pairs) and not gone(copies)


def test_the_threshold_itself_is_alike():
    """Nine runs of five words each, eight in common of ten: exactly 0.8."""
    rows = framed([" ".join(numbered(13)), " ".join(numbered(13, 1))])
    copies, pairs = find_near_duplicates(rows, threshold=0.8)
    assert pairs["similarity"].tolist() == [0.8] and len(gone(copies)) == 1


def test_sentences_in_another_order_are_nearly_the_same():
    sentences = [" ".join(numbered(20, start)) + "." for start in range(0, 200, 20)]
    text, moved = " ".join(sentences), " ".join(sentences[5:] + sentences[:5])
    rows = framed([text, moved])
    copies, _ = find_near_duplicates(rows)
    assert gone(copies) == {"r1": "r0"} and copies["similarity"][1] == jaccard(text, moved) == 192 / 200


@pytest.mark.parametrize(
    ("text", "other", "far"),
    [
        ("¿Cómo estás hoy, amigo mío? Espero que todo vaya muy bien en casa.",
         "como ESTAS hoy amigo mio: espero que todo vaya muy bien en casa", "¿Qué tal el viaje? Cuéntame todo."),
        ("今天我们去看电影，然后在附近的餐馆吃晚饭，最后坐地铁回家休息。",
         "今天我们去看电影，然后在附近的餐馆吃晚饭，最后坐地铁回家休息吧。", "昨天他们没有去看那场演出，因为下雨了。"),
        ("วันนี้เราไปดูหนังแล้วกินข้าวเย็นที่ร้านใกล้บ้าน", "วันนี้เราไปดูหนังแล้วกินข้าวเย็นที่ร้านใกล้บ้านนะ", "เมื่อวานเขาไม่ได้มาเพราะฝนตก"),
        ("आज हम फिल्म देखने गए और फिर पास के होटल में खाना खाया और घर आए",
         "आज हम फिल्म देखने गए, और फिर पास के होटल में खाना खाया और घर आए।", "कल वे नहीं आए क्योंकि बहुत बारिश हुई"),
        ("🎉🎂🥳🎈🍰🎁🎶💃🕺🥂 🎉", "🎉🎂🥳🎈🍰🎁🎶💃🕺🥂🎉", "🌧🌧☔🌧🌧⛈🌧"),
    ],
    ids=["Spanish", "Chinese", "Thai", "Hindi", "emoji"],
)  # fmt: skip
def test_every_script_has_near_duplicates(text, other, far):
    copies, _ = find_near_duplicates(framed([text, other, far]))
    assert sorted(gone(copies)) in (["r0"], ["r1"]) and copies["near_duplicate_of"][2] is None


def test_nothing_goes_by_way_of_a_third():
    """B is like A and like C, which are not alike: A is the longest, and C has nobody in its place."""
    a, b, c = (" ".join(numbered(count, start)) for count, start in ((108, 0), (106, 8), (104, 16)))
    assert min(jaccard(a, b), jaccard(b, c)) >= 0.8 > jaccard(a, c)
    rows = framed([c, b, a])
    copies, pairs = find_near_duplicates(rows)
    assert list(gone(copies)) == ["r1"] and len(pairs) == 2
    assert copies["near_duplicate_of"][1] == max((jaccard(b, a), "r2"), (jaccard(b, c), "r0"))[1]


def test_who_stays_is_chosen():
    text = " ".join(numbered(100))
    rows = framed([text, text + " more", text + " " + "moremore"], score=[2.0, None, 1.0])
    for keep, by, stays in (("longest", None, "r2"), ("first", None, "r0"), ("best", "score", "r0")):
        copies, _ = find_near_duplicates(rows, keep=keep, by=by)
        assert set(gone(copies).values()) == {stays} and copies.set_index("id")["copies"][stays] == 2
    copies, _ = find_near_duplicates(rows[::-1], keep="first")
    assert set(gone(copies).values()) == {"r2"}


def test_rows_like_known_ones_go_and_known_ones_stay():
    text, alone = " ".join(numbered(100)), " ".join(numbered(100, 500))
    known = framed([text, text, "short"], "k")
    rows = framed([text + " end", text + " other end", alone, alone, "Short!"])
    copies, pairs = find_near_duplicates(rows, against=known)
    assert gone(copies) == {"r0": "k0", "r1": "k0", "r3": "r2", "r4": "k2"}
    assert copies["near_duplicate_in"].tolist() == ["against", "against", None, "rows", "against"]
    assert set(pairs["id"]) == {"r0", "r1", "r3", "r4"}
    copies, _ = find_near_duplicates(rows, against=known, within=False)
    assert gone(copies) == {"r0": "k0", "r1": "k0", "r4": "k2"}
    kept, dropped = drop_near_duplicates(rows.assign(other=range(5)), copies)
    assert kept["other"].tolist() == [2, 3]
    assert list(dropped) == "id text other reason near_duplicate_of near_duplicate_in similarity".split()
    assert set(dropped["reason"]) == {"near-duplicate"} and dropped["other"].tolist() == [0, 1, 4]
    counts = count_copies(copies).set_index("kind")["rows"]
    assert counts.to_dict() | {"rows": 5, "copies of known rows": 3, "left": 2} == counts.to_dict()


def test_permutations_are_those_of_datatrove():
    random_ = np.random.default_rng(0)
    texts = [random_.integers(0, 2**64, size=size, dtype=np.uint64) for size in (1, 2, 300)]
    offsets = np.cumsum([0, *map(len, texts)])
    for bands, rows in (choose_bands(0.8), choose_bands(0.95), (14, 8)):
        config = MinhashConfig(num_buckets=bands, hashes_per_bucket=rows)
        step = MinhashDedupSignature(".", config, language=WhitespaceTokenizer())
        wanted = [sum(step.get_signature(text[:, None]), []) for text in texts]
        assert min_hashes(offsets, np.concatenate(texts), bands=bands, rows=rows).tolist() == wanted


@given(st.floats(0.1, 1))
def test_bands_miss_one_of_a_hundred_at_the_threshold(threshold):
    bands, rows = choose_bands(threshold)
    assert bands * rows <= 160 and (1 - threshold**rows) ** bands <= 0.01
    more = 160 // (rows + 1)
    assert rows == 40 or (1 - threshold ** (rows + 1)) ** more > 0.01


def proposed(keys, **settings):
    return [divmod(int(pair), keys.shape[1]) for pair in propose_pairs(keys, **settings)]


@pytest.mark.parametrize("threshold", [0.8, 0.9])
def test_bands_propose_the_share_that_they_promise(threshold):
    texts = [" ".join(numbered(84, 1000 * i)) for i in range(1_000)]
    both = texts + [like(text, 0.8, seed=i) for i, text in enumerate(texts)]
    bands, rows = choose_bands(threshold)
    pairs = proposed(sign_texts(both, threshold=threshold).keys)
    found = sum(right - left == 1_000 for left, right in pairs) / 1_000
    wanted = 1 - (1 - jaccard(both[0], both[1_000]) ** rows) ** bands
    assert abs(found - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / 1_000)
    assert len(pairs) < 1_010


def test_proposed_pairs_are_all_of_a_group():
    keys = np.array([[5, 7, 5, 7, 5, 9], [1, 2, 3, 2, 5, 1]], dtype=np.uint64)
    pairs = [(0, 2), (0, 4), (0, 5), (1, 3), (2, 4)]
    assert proposed(keys) == proposed(keys, fixed=2) == pairs
    assert proposed(keys, fixed=3) == pairs[1:]
    assert proposed(keys, fixed=2, within=False) == pairs[:4]
    assert proposed(np.zeros((3, 0))) == []


def test_very_large_groups_are_compared_with_those_that_come_first(monkeypatch):
    monkeypatch.setattr(minhash, "COMPARED", 300)
    keys = np.zeros((1, 200))
    pairs = proposed(keys)
    assert {(left, right) for left in range(20) for right in range(left + 1, 200)} <= set(pairs)
    assert {(left, left + 1) for left in range(199)} <= set(pairs) and len(pairs) < 20 * 200 + 200
    pairs = proposed(keys, fixed=190)
    assert min(right for _, right in pairs) == 190 and len(pairs) <= 300 + 10


def test_very_many_copies_take_no_time_for_every_pair(monkeypatch):
    """Three thousand fillings of one form, all alike, and others that share half of their words only."""
    form = " ".join(numbered(200))
    alike = [f"{form} number {i}" for i in range(3_000)]
    half = [" ".join(numbered(100)) + " " + " ".join(numbered(100, 1_000 * i)) for i in range(1, 400)]
    monkeypatch.setattr(minhash, "COMPARED", 10_000)
    copies, pairs = find_near_duplicates(framed(alike + half))
    assert len(gone(copies)) == 2_999 and set(gone(copies).values()) == {"r1000"} and len(pairs) < 400_000
    assert copies["copies"].max() == 2_999 and copies["near_duplicate_of"][3_000:].isna().all()


def test_hostile_texts_and_empty_ones():
    texts = [
        "",
        " \n",
        "\x00",
        "\ud800\udc00",
        "<script>alert(1)</script>",
        "a",
        "a ",
        "!!!",
        "x " * 300_000,
        "x " * 299_999,
    ]
    copies, _ = find_near_duplicates(framed(texts))
    assert gone(copies) == {"r0": "r1", "r5": "r6", "r9": "r8"}
    for count in (0, 1):
        copies, pairs = find_near_duplicates(framed(texts[4 : 4 + count]))
        assert len(copies) == count and not gone(copies) and not len(pairs)
        assert len(drop_near_duplicates(framed(texts[4 : 4 + count]), copies)[0]) == count
    copies, _ = find_near_duplicates(framed([]), against=framed(texts, "k"))
    assert list(copies) == ["id", "near_duplicate_of", "near_duplicate_in", "similarity", "copies"] and copies.empty


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 1.2}, "threshold: expected a share of common words from 0.1 to 1, got 1.2"),
        ({"words": 0}, "words: expected one or more in a row, got 0"),
        ({"keep": "last"}, "keep: expected one of longest, first, best, got 'last'"),
        ({"keep": "best"}, "keep: best goes with the column of scores"),
        ({"keep": "best", "by": "rank"}, "rows: no column 'rank'; columns are id, text"),
        ({"keep": "best", "by": "text"}, "best_by: column 'text': expected numbers, got 'a'"),
        ({"rows": framed(["a", "b"]).assign(id="same")}, "'same' repeats"),
        ({"rows": framed(["a", None])}, "rows: expected texts, and row 'r1' has None"),
        ({"against": framed(["a"]).drop(columns="text")}, "against: no column 'text'"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        find_near_duplicates(change.pop("rows", framed(["a", "b"])), **change)


def test_copies_of_other_rows_are_refused():
    rows = framed(["a", "b"])
    copies, _ = find_near_duplicates(rows)
    with pytest.raises(ValueError, match="expected a line for each of these rows"):
        drop_near_duplicates(rows[:1], copies)
    with pytest.raises(ValueError, match="a column 'similarity' is added to those that go"):
        drop_near_duplicates(rows.assign(similarity=1), copies)


def test_what_is_shown_is_what_was_found():
    text = " ".join(numbered(100))
    rows = framed([text, f"{text} a", f"{text} a b c", " ".join(numbered(50, 500)), "alone"])
    known = framed([" ".join(numbered(51, 500))], "k")
    copies, pairs = find_near_duplicates(rows, against=known)
    shown = show_most_copied(rows, copies)
    assert shown[["id", "copies", "similarity"]].values.tolist() == [["r2", 2, jaccard(text, rows["text"][2])]]
    assert shown["text"][0].startswith("w0 w1") and shown["least_similar"][0].startswith("w0 w1")
    told = show_pairs(rows, pairs, against=known, n=2)
    assert told["similarity"].tolist() == sorted(pairs["similarity"])[:2]
    assert set(show_pairs(rows, pairs, against=known, n=9)["other_in"]) == {"rows", "against"}
    with pytest.raises(ValueError, match="give them as well"):
        show_pairs(rows, pairs)


@pytest.mark.shared
def test_real_conversations_with_plants_against_all_pairs(shared):
    with gzip.open(shared / "sharegpt_self_dialogue.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    texts = ["\n".join(turn["value"] for turn in record["conversations"]) for record in records]
    chance = random.Random(0)
    for text in chance.sample(texts, 1_000):
        words = text.split()
        for _ in range(chance.randint(1, 8)):
            words[chance.randrange(len(words))] = "another"
        texts.append(" ".join(words))
    rows = framed(texts)
    signed = sign_texts(texts, threshold=0.8)
    columns = np.unique(signed.shingles, return_inverse=True)[1]
    sets = sparse.csr_matrix((np.ones(len(columns), dtype=np.int32), columns, signed.offsets))
    both, sizes = sparse.triu(sets @ sets.T, 1).tocoo(), np.diff(signed.offsets)
    similarity = both.data / (sizes[both.row] + sizes[both.col] - both.data)
    for threshold in (0.6, 0.8):
        found = zip(both.row, both.col, similarity, strict=True)
        wanted = {frozenset([f"r{one}", f"r{other}"]): how for one, other, how in found if how >= threshold}
        _, pairs = find_near_duplicates(rows, threshold=threshold)
        told = {frozenset([pair.id, pair.other]): pair.similarity for pair in pairs.itertuples()}
        assert len(wanted) > 300 and told.items() <= wanted.items()
        assert len(told) >= 0.97 * len(wanted)
