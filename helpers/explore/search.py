"""A question, or rows -> the rows and topics of a map that are nearest to it by meaning, and the words that match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from helpers.clean.rules import first_broken, read_rules
from helpers.clean.words import locate_words, split_words
from helpers.explore.read_map import TopicMap
from helpers.files import read_value
from helpers.models import KNOWN
from helpers.runs import Run
from helpers.text.excerpt import one_line, shorten
from helpers.topics.describe import stop_word_list
from helpers.vectors.blocks import blocks
from helpers.vectors.embedder import Embedder, find_embedder, unit_length
from helpers.vectors.new_rows import READING

SHOWN = 200  # letters of a text
BEFORE = 60  # of them before the first word that matches
STEM = 4  # letters that words have in common at least, and
ENDING = 3  # letters by which one may be longer: crash, crashing
# What is put before texts by models that want it -> what the same models want before questions.
QUESTIONS = {"passage: ": "query: ", "search_document: ": "search_query: "}


def find_asker(run: Run) -> Embedder | None:
    """Return the embedder that questions to a run's map are read with; None where its vectors are the user's own.

    It is the map's own, with what its makers put before a question. Raises ValueError where it is not to be had.
    """
    if run.config.own_vectors:
        return None
    embedder = find_embedder(**run.config.embed)
    made_with = read_value(run.path("model") / READING).get("identity") if run.path("model").exists() else None
    if made_with not in (None, embedder.identity):
        raise ValueError(
            f"the map was made with {made_with}, and the embedder here is {embedder.identity}: set embed.model"
        )
    known = next((one.question for one in KNOWN if embedder.name in (one.name, one.hub_name)), "")
    return replace(embedder, prefix=QUESTIONS.get(embedder.prefix, embedder.prefix or known))


def search(
    topic_map: TopicMap,
    question: str,
    *,
    embedder: Embedder | None,
    n: int = 10,
    where: Sequence[str] = (),
    stops: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the n different texts nearest to a question: rank, id, similarity, topic, label, words, rows, text.

    similarity: cosine, from -1 to 1. words: those of the question that stand in the text, but for stops. rows: how many
    have the text. text: so much of it as is shown, from before the first of these words on. where: rules that the rows
    fulfil, see filter_rows. Of equal similarity, the first by id. embedder: see find_asker; ValueError without one.
    """
    vector = question_vector(question, embedder=embedder)
    return _hits(
        topic_map, vector, n=n, where=where, words=[word for word in _words(question) if word not in set(stops)]
    )


def search_all(
    topic_map: TopicMap,
    questions: Sequence[str],
    *,
    embedder: Embedder | None,
    n: int = 10,
    where: Sequence[str] = (),
) -> pd.DataFrame:
    """Return what search does for each question, one after the other, with the column question before.

    Words that say little, by the languages of the rows, are not told as matches.
    """
    stops = stop_word_list("auto", topic_map.languages)
    asked = {"embedder": embedder, "n": n, "where": where, "stops": stops}
    found = [search(topic_map, one, **asked).assign(question=one) for one in dict.fromkeys(questions)]
    columns = ["question", "rank", "id", "similarity", "topic", "label", "words", "rows", "text"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def hits_table(hits: pd.DataFrame) -> pd.DataFrame | str:
    """Return hits to be read, similarities with two digits, or that nothing was asked or found."""
    if hits.empty:
        return "nothing was found: explore.questions has what is looked for, explore.where the rules that rows fulfil"
    return hits.assign(similarity=[f"{one:.2f}" for one in hits["similarity"]])


def rows_with_hits(topic_map: TopicMap, hits: pd.DataFrame | None) -> pd.DataFrame:
    """Return the map's rows with the column question: the first for which a row's text was found, else ""."""
    if hits is None or hits.empty:
        return topic_map.rows.assign(question="")
    own = topic_map.rows.set_index("id")["vector"]
    first = hits.assign(vector=own.loc[hits["id"]].to_numpy()).drop_duplicates("vector").set_index("vector")["question"]
    found = topic_map.rows["vector"].map(first).astype(object)
    return topic_map.rows.assign(question=found.where(found.notna(), ""))


def more_like(topic_map: TopicMap, ids: Sequence[str] | str, *, n: int = 10, where: Sequence[str] = ()) -> pd.DataFrame:
    """Return the n different texts nearest to the mean of some rows, without these, as search does; words are none."""
    lines = _lines(topic_map, ids)
    vector = unit_length(np.float32(topic_map.vectors[lines]).mean(axis=0, keepdims=True))[0]
    return _hits(topic_map, vector, n=n, where=where, without=lines)


def nearest_topics(topic_map: TopicMap, vector: np.ndarray, *, n: int = 5, among: int = 100) -> pd.DataFrame:
    """Return the n topics nearest to a vector (d,): topic, label, size, similarity, nearest.

    similarity: cosine to the topic's middle, by which they are sorted. nearest: share of the `among` nearest texts that
    are in it. vector: of question_vector, or of rows.
    """
    vector = np.asarray(vector, dtype=np.float32)
    topic_of = np.empty(len(topic_map.vectors), dtype=np.int64)
    topic_of[topic_map.rows["vector"]] = topic_map.rows["topic"]
    near = topic_of[np.argsort(-_similarities(topic_map, vector), kind="stable")[:among]]
    found = topic_map.topics.loc[topic_map.topics["topic"] != -1, ["topic", "label", "size"]]
    similarity = topic_map.centroids @ unit_length(vector[None])[0]
    table = found.assign(
        similarity=similarity[found["topic"].to_numpy()],
        nearest=[float((near == topic).mean()) for topic in found["topic"]],
    )
    return table.sort_values(["similarity", "topic"], ascending=[False, True]).head(n).reset_index(drop=True)


def question_vector(question: str, *, embedder: Embedder | None) -> np.ndarray:
    """Return the vector (d,) of a question, of unit length. Raises ValueError for an empty one, or no embedder."""
    if embedder is None:
        raise ValueError(
            "the vectors of this map are your own, and what made them is not known here: look for rows like others "
            "(more_like), or give nearest_topics a vector"
        )
    if not isinstance(question, str):
        raise ValueError(f"expected one question, got {question!r}: search_all takes several")
    if not question.strip():
        raise ValueError("explore.questions: expected a question or some words to look for, got nothing")
    return embedder.encode([question])[0]


def _hits(
    topic_map: TopicMap,
    vector: np.ndarray,
    *,
    n: int,
    where: Sequence[str],
    words: Sequence[str] = (),
    without: np.ndarray | None = None,
) -> pd.DataFrame:
    rows = topic_map.rows
    lines = rows["vector"].to_numpy()
    good = first_broken(rows, read_rules(where, rows.columns)) < 0
    wanted = np.bincount(lines[good], minlength=len(topic_map.vectors)) > 0
    if without is not None:
        wanted[without] = False
    similarity = np.where(wanted, _similarities(topic_map, vector), -np.inf)
    least = np.partition(similarity, -min(n, len(similarity)))[-min(n, len(similarity))]
    near = rows[good & (wanted & (similarity >= least))[lines]]  # few: only these are sorted
    near = near.assign(similarity=similarity[near["vector"].to_numpy()])
    found = near.sort_values(["similarity", "id"], ascending=[False, True]).drop_duplicates("vector").head(n)
    often = near["vector"].value_counts()
    matches = [_matches(text, words) for text in found["text"]]
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(found) + 1),
            "id": found["id"].to_numpy(),
            "similarity": found["similarity"].to_numpy(dtype=np.float64),
            "topic": found["topic"].to_numpy(),
            "label": found["topic"].map(topic_map.names).to_numpy(dtype=object),
            "words": [", ".join(dict.fromkeys(word for word, _ in one)) for one in matches],
            "rows": found["vector"].map(often).to_numpy(),
            "text": [_excerpt(text, one) for text, one in zip(found["text"], matches, strict=True)],
        }
    )


def _similarities(topic_map: TopicMap, vector: np.ndarray) -> np.ndarray:
    """Return (n,) float32, the cosine of every different text to a vector."""
    if vector.shape != (topic_map.vectors.shape[1],):
        raise ValueError(f"expected a vector of {topic_map.vectors.shape[1]} numbers, as the map's, got {vector.shape}")
    wanted, found = unit_length(vector[None])[0], np.empty(len(topic_map.vectors), dtype=np.float32)
    for lines, block in blocks(topic_map.vectors):
        found[lines] = (block @ wanted)[: lines.stop - lines.start]
    return found


def _lines(topic_map: TopicMap, ids: Sequence[str] | str) -> np.ndarray:
    """Return the lines of rows in vectors; ValueError for none, and for an id that no row has."""
    wanted = [ids] if isinstance(ids, str) else list(ids)
    places = pd.Index(topic_map.rows["id"]).get_indexer(wanted)
    if not wanted or (places < 0).any():
        strange = [one for one, place in zip(wanted, places, strict=True) if place < 0]
        raise ValueError(
            f"expected ids of rows, got {strange[0]!r}, which none has" if strange else "expected ids of rows"
        )
    return topic_map.rows["vector"].to_numpy()[places]


def _words(question: str) -> list[str]:
    return list(dict.fromkeys(split_words(question)))


def _matches(text: str, words: Sequence[str]) -> list[tuple[str, int]]:
    """Return the words of a text that are like one of these, and where each begins."""
    if not words:
        return []
    there, spans = locate_words(text)
    return [
        (word, int(start))
        for word, (start, _) in zip(there, spans, strict=True)
        if any(_like(word, one) for one in words)
    ]


def _like(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return short == long or (len(short) >= STEM and len(long) - len(short) <= ENDING and long.startswith(short))


def _excerpt(text: str, matches: Sequence[tuple[str, int]]) -> str:
    """Return so much of a text as is shown, from the start of a word before the first match on."""
    start = max(0, matches[0][1] - BEFORE) if matches else 0
    start = text.rfind(" ", 0, start) + 1 if start else 0
    return ("…" if start else "") + shorten(one_line(text[start:]), SHOWN)
