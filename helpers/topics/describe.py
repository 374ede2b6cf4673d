"""Texts with topics -> keywords and representative rows of every topic, and a saved BERTopic that holds them.

BERTopic is assembled on the topics that there are, not fitted again. Names are left to label.py.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.compiled import keep_datashader
from helpers.files import write_folder, write_value
from helpers.topics.assigner import Assigner, fit_assigner, save_assigner
from helpers.vectors.embedder import Embedder, unit_length
from helpers.vectors.new_rows import READING

CANDIDATES = 200  # members nearest to the centre, among which the representative ones are chosen
LANGUAGE_SHARE = 0.05  # a language of fewer rows than this does not bring its stop words


def describe_topics(
    texts: pd.DataFrame,
    vectors: np.ndarray,
    clusters: pd.DataFrame,
    layers: pd.DataFrame | None = None,
    points: np.ndarray | None = None,
    *,
    embedder: Embedder,
    own_vectors: bool = False,
    reading: dict[str, Any] | None = None,
    languages: Sequence[str] = ("en",),
    model_folder: Path,
    top_n_words: int = 10,
    ngrams: int = 2,
    stop_words: str | Sequence[str] = "auto",
    diversity: float = 0.3,
    representatives: int = 8,
) -> pd.DataFrame:
    """Return a line a topic, the unassigned first: size, keywords by three methods, representative rows.

    texts: a line a row, with `vector` (its line in vectors and clusters). The columns are topic, size (rows),
    unique (texts), share (of all rows), name (of own clusters), keywords and their scores (c-TF-IDF), keybert, mmr,
    representative_ids; parent and stability from layers, see layers.py. The fitted BERTopic goes to model_folder, with
    the centroids beside it and what new rows are compared with, see assigner.py. points: the map; reading: how texts
    became vectors, see Config.reading. own_vectors: the vectors are not the embedder's, so KeyBERT embeds the texts
    that it compares with words.
    """
    unique = texts.drop_duplicates("vector").sort_values("vector").reset_index(drop=True)
    topics = clusters["topic"].to_numpy()
    full = np.asarray(vectors, dtype=np.float32)
    table = _sizes(topics[texts["vector"].to_numpy()], topics, clusters)
    chosen = {t: choose_representatives(full, np.flatnonzero(topics == t), n=representatives) for t in table["topic"]}
    table["representative_ids"] = [unique["id"].to_numpy()[chosen[topic]].tolist() for topic in table["topic"]]
    words = {"keywords": {}, "keyword_scores": {}, "keybert": {}, "mmr": {}}
    if not (topics != -1).any():
        shutil.rmtree(model_folder, ignore_errors=True)  # an older run's model would tell of topics that are gone
    else:
        stops = stop_word_list(stop_words, languages)
        documents = unique["text"].tolist()
        known = {} if own_vectors else dict(zip(documents, full, strict=True))
        model = _fit(documents, full, topics, embedder, known, top_n_words, ngrams, stops, diversity)
        words = _words(model)
        model.representative_docs_ = {t: unique["text"].to_numpy()[chosen[t]].tolist() for t in chosen}
        assigner = _fit_assigner(texts, full, clusters, points)
        write_folder(model_folder, lambda folder: _save(model, assigner, folder, full, topics, reading))
    for column, found in words.items():
        table[column] = [found.get(topic, []) for topic in table["topic"]]
    embedder.free()
    if layers is None:
        return table
    fine = layers.loc[layers["layer"] == "fine", ["topic", "parent", "stability"]]
    return table.merge(fine, on="topic", how="left").astype({"parent": "Int64"})


def choose_representatives(vectors: np.ndarray, members: np.ndarray, *, n: int, spread: float = 0.5) -> np.ndarray:
    """Return up to n of the members: near their centre, and unlike one another (maximal marginal relevance).

    vectors: (all, d) of unit length; members: their lines. spread: 0 takes the nearest ones, 1 only the most unlike.
    """
    if not len(members):
        return members
    centre = unit_length(vectors[members].mean(axis=0, keepdims=True))[0]
    near = members[np.argsort(-(vectors[members] @ centre), kind="stable")[:CANDIDATES]]
    to_centre, among = vectors[near] @ centre, vectors[near] @ vectors[near].T
    chosen = [0]
    while len(chosen) < min(n, len(near)):
        scores = (1 - spread) * to_centre - spread * among[:, chosen].max(axis=1)
        scores[chosen] = -np.inf
        chosen.append(int(np.argmax(scores)))
    return near[chosen]


def main_languages(counts: pd.DataFrame) -> list[str]:
    """Return the languages (ISO codes) of at least a twentieth of the rows, the most frequent first."""
    shares = counts["language"].value_counts(normalize=True)
    return [code for code, share in shares.items() if share >= LANGUAGE_SHARE and code != "und"] or ["en"]


def stop_word_list(stop_words: str | Sequence[str], languages: Sequence[str]) -> list[str]:
    """Return the stop words of languages (`auto`), of the languages named, or none (`none`)."""
    import stopwordsiso

    if stop_words == "none":
        return []
    wanted = languages if stop_words == "auto" else stop_words
    unknown = [code for code in wanted if not stopwordsiso.has_lang(code)]
    if unknown and stop_words != "auto":
        raise ValueError(f"describe.stop_words: no list for {unknown[0]!r}; there are {sorted(stopwordsiso.langs())}")
    return sorted(stopwordsiso.stopwords([code for code in wanted if code not in unknown]))


def open_model(model_folder: Path) -> Any:  # noqa: ANN401 - BERTopic, which is slow to import
    """Return the saved BERTopic of a run, to be asked for all that BERTopic can do without embedding new texts.

    It holds no embedder: BERTopic would fetch one by its name from the hub.
    """
    keep_datashader()
    from bertopic import BERTopic

    return BERTopic.load(str(model_folder))


def _fit_assigner(
    texts: pd.DataFrame, vectors: np.ndarray, clusters: pd.DataFrame, points: np.ndarray | None
) -> Assigner:
    """Return what new rows are compared with, made of what was fitted and not of what was itself assigned."""
    rows = np.bincount(texts["vector"], minlength=len(clusters))
    fitted = ~clusters["assigned"].to_numpy() if "assigned" in clusters else np.ones(len(clusters), dtype=bool)
    topics = clusters["topic"].to_numpy()[fitted]
    return fit_assigner(vectors[fitted], topics, None if points is None else points[fitted], rows=rows[fitted])


def _sizes(row_topics: np.ndarray, topics: np.ndarray, clusters: pd.DataFrame) -> pd.DataFrame:
    numbers = [-1, *range(topics.max(initial=-1) + 1)]
    table = pd.DataFrame({"topic": np.array(numbers, dtype=np.int64)})
    table["size"] = [int((row_topics == topic).sum()) for topic in numbers]
    table["unique"] = [int((topics == topic).sum()) for topic in numbers]
    table["share"] = table["size"] / max(1, len(row_topics))
    names = clusters.drop_duplicates("topic").set_index("topic")["name"] if "name" in clusters else {}
    table["name"] = pd.Series([names.get(topic) for topic in numbers], dtype=object)
    return table


def _fit(
    documents: list[str],
    vectors: np.ndarray,
    topics: np.ndarray,
    embedder: Embedder,
    known: dict[str, np.ndarray],
    top_n_words: int,
    ngrams: int,
    stops: list[str],
    diversity: float,
) -> Any:  # noqa: ANN401
    keep_datashader()
    from bertopic import BERTopic
    from bertopic.backend import BaseEmbedder
    from bertopic.cluster import BaseCluster
    from bertopic.dimensionality import BaseDimensionalityReduction
    from bertopic.representation import KeyBERTInspired, MaximalMarginalRelevance
    from bertopic.vectorizers import ClassTfidfTransformer

    class Words(BaseEmbedder):
        """Lets BERTopic embed words and rows with the embedder of this run, each once."""

        def embed(self, documents: Sequence[str], verbose: bool = False) -> np.ndarray:  # noqa: ARG002
            new = sorted({text for text in documents if text not in known}, key=len)
            every = range(0, len(new), 64)
            for start in tqdm(every, "describe", unit=" batch", mininterval=1, leave=False, disable=len(every) < 2):
                batch = new[start : start + 64]
                known.update(zip(batch, embedder.encode(batch), strict=True))
            return np.stack([known[text] for text in documents])

    class Assembled(BERTopic):
        """A BERTopic that keeps the topic numbers it is given; its own sorting moves topics of equal size."""

        def _sort_mappings_by_frequency(self, documents: pd.DataFrame) -> pd.DataFrame:
            self._update_topic_size(documents)
            self.topic_mapper_.add_mappings({t: t for t in set(self.topics_)}, topic_model=self)
            return documents

    print(f"describe: keywords of {topics.max() + 1} topics", flush=True)  # noqa: T201
    model = Assembled(
        embedding_model=Words(),
        umap_model=BaseDimensionalityReduction(),
        hdbscan_model=BaseCluster(),
        vectorizer_model=make_vectorizer(documents, stops, ngrams),
        ctfidf_model=ClassTfidfTransformer(reduce_frequent_words=True),  # or "yeah" leads half the topics of a chat
        representation_model={
            "KeyBERT": KeyBERTInspired(top_n_words=top_n_words),
            "MMR": MaximalMarginalRelevance(diversity=diversity, top_n_words=top_n_words),
        },
        top_n_words=top_n_words,
        calculate_probabilities=False,
        verbose=False,
    )
    model.fit_transform(documents, embeddings=vectors, y=topics)
    if model.topics_ != topics.tolist():
        raise RuntimeError("BERTopic moved topic numbers; its version is not one that this kit was tested with")
    return model


def make_vectorizer(documents: list[str], stops: list[str], ngrams: int) -> Any:  # noqa: ANN401
    """Return a CountVectorizer that finds words in these documents: without stop words where that leaves any.

    A dataset of only stop words, or only emoji, still gets keywords.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    words = CountVectorizer().build_tokenizer()
    split = sorted({part.lower() for stop in stops for part in words(stop)})  # as the vectorizer sees them: don, isn
    for stop, pattern in ((split, r"(?u)\b\w\w+\b"), ([], r"(?u)\b\w\w+\b"), ([], r"\S+")):
        vectorizer = CountVectorizer(stop_words=stop or None, token_pattern=pattern, ngram_range=(1, ngrams))
        analyze = vectorizer.build_analyzer()
        if any(analyze(document) for document in documents):
            return vectorizer
    raise ValueError("no text holds a single word or sign; topics cannot be described")


def _words(model: Any) -> dict[str, dict[int, list]]:  # noqa: ANN401
    """Return keywords, their scores and the two other selections by topic, without BERTopic's empty paddings."""
    kept = {topic: [pair for pair in pairs if pair[0]] for topic, pairs in model.topic_representations_.items()}
    aspects = {
        name: {topic: [word for word, _ in pairs if word] for topic, pairs in model.topic_aspects_[aspect].items()}
        for name, aspect in (("keybert", "KeyBERT"), ("mmr", "MMR"))
    }
    return {
        "keywords": {topic: [word for word, _ in pairs] for topic, pairs in kept.items()},
        "keyword_scores": {topic: [float(score) for _, score in pairs] for topic, pairs in kept.items()},
    } | aspects


def _save(
    model: Any,  # noqa: ANN401
    assigner: Assigner,
    folder: Path,
    vectors: np.ndarray,
    topics: np.ndarray,
    reading: dict[str, Any] | None,
) -> None:
    from safetensors.numpy import save_file

    notes = logging.getLogger("BERTopic")  # it warns that no embedding model is named: model.json of the run names it
    notes.disabled = True
    model.save(str(folder), serialization="safetensors", save_ctfidf=True, save_embedding_model=False)
    notes.disabled = False
    numbers = np.arange(topics.max() + 1)
    centroids = unit_length(np.stack([vectors[topics == t].mean(axis=0) for t in numbers]))
    save_file({"centroids": centroids}, folder / "centroids.safetensors")
    save_assigner(assigner, folder)
    write_value(folder / READING, reading or {})
