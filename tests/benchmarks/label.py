"""Labels of this kit against BERTopic's TextGeneration, the same model and topics in one process.

    python tests/benchmarks/label.py [RUN_FOLDER ...] [--truth=COLUMN,...] [--quantization 4bit] [--topics N]

A run folder is what `run topics` leaves behind, the demo's if none is named. BERTopic's loop asks one prompt at a time
and takes the first line, as its users do; it gets the same worked examples, texts and keywords. Printed are seconds a
prompt (this kit's first round and its whole cost), how well labels find rows that this kit's LLM was not shown, and,
with a column of rows.parquet that holds known classes (source_topic where the source calls them topic), how near labels
are to the name of the class that most of a topic's rows have.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.llm.ask import ask
from helpers.llm.find import find_llm
from helpers.runs import RUNS
from helpers.topics.cases import make_cases, make_ground
from helpers.topics.checks import clean_label
from helpers.topics.describe import open_model
from helpers.topics.label import keyword_label, label_topics
from helpers.topics.naming import Question, worked_examples
from helpers.vectors.embedder import find_embedder, unit_length

SHOWN = {"documents": 4, "document_tokens": 50}
SAID = {"context": "", "query_title": "Texts", "system_prompt": ""}
NEW_TOKENS = 32


def read_run(folder: Path, most: int | None) -> dict[str, pd.DataFrame | np.ndarray]:
    """Return a run's tables as label_topics takes them, of the largest topics only where `most` is given."""
    rows = pd.read_parquet(folder / "rows.parquet")
    topics = pd.read_parquet(folder / "topics.parquet")
    topics = topics.loc[:, ~topics.columns.str.contains("label|score|summary|keywords_")].assign(name=None)
    layers = pd.read_parquet(folder / "layers.parquet") if (folder / "layers.parquet").exists() else None
    if layers is None:
        fine = topics[topics["topic"] >= 0]
        layers = pd.DataFrame({"layer": "fine", "topic": fine["topic"], "size": fine["size"], "parent": -1})
    first = rows.drop_duplicates("vector").sort_values("vector").reset_index(drop=True)
    clusters = first[["topic", "confidence"]].copy()
    if most:
        topics, layers = topics[topics["topic"] < most], layers[layers["layer"] == "fine"]
        layers = layers[layers["topic"] < most].assign(parent=-1)
        clusters.loc[clusters["topic"] >= most, "topic"] = -1
    vectors = np.load(folder / "vectors.npy").astype(np.float32)
    return {"rows": rows, "topics": topics, "layers": layers, "clusters": clusters, "vectors": vectors}


def by_bertopic(run: dict, llm: object, folder: Path) -> tuple[list[str], float]:
    """Return a label a topic by BERTopic's own loop, and its seconds, the model being loaded."""
    from bertopic.representation import TextGeneration
    from transformers import pipeline

    worked = [
        turn
        for example in worked_examples("label")
        for turn in (
            {"role": "user", "content": _asked("\n".join(f"- {d}" for d in example["documents"]), example["keywords"])},
            {"role": "assistant", "content": example["labels"][0]},
        )
    ]
    system = "You name groups of similar texts with two to five words, and answer with the name only."
    chat = [
        {"role": "system", "content": system},
        *worked,
        {"role": "user", "content": _asked("[DOCUMENTS]", ["[KEYWORDS]"])},
    ]
    prompt = llm.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    generator = pipeline("text-generation", model=llm.model, tokenizer=llm.tokenizer)
    settings = {"max_new_tokens": NEW_TOKENS, "do_sample": False}
    asking = TextGeneration(
        generator, prompt=prompt, nr_docs=SHOWN["documents"], pipeline_kwargs=settings,
        doc_length=SHOWN["document_tokens"], tokenizer=_Words(llm.tokenizer),
    )  # fmt: skip
    model = open_model(folder / "model")
    named = run["topics"][run["topics"]["topic"] >= 0]
    words = {
        t: [(word, 1.0) for word in list(found)[:6]] for t, found in zip(named["topic"], named["keywords"], strict=True)
    }
    own = run["rows"].set_index("id")["text"]
    shown = {t: [own[row] for row in list(ids)[: SHOWN["documents"]]]
             for t, ids in zip(named["topic"], named["representative_ids"], strict=True)}  # fmt: skip
    model._extract_representative_docs = lambda *_: (shown, None, None, None)  # the same texts, and not their search
    started = time.perf_counter()
    found = asking.extract_topics(model, None, None, words)
    seconds = time.perf_counter() - started
    return [(found[topic][0][0].strip().splitlines() or [""])[0] for topic in named["topic"]], seconds


class Held:
    """An LLM whose memory is not given back, so that what is timed is asking and not loading."""

    def __init__(self, llm: object) -> None:
        self.llm = llm

    def __getattr__(self, name: str) -> object:
        return getattr(self.llm, name)

    def free(self) -> None:
        """Keep the model."""


class _Words:
    """A tokenizer as BERTopic wants it: it cuts texts to so many tokens."""

    def __init__(self, tokenizer: object) -> None:
        self.tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False)

    def decode(self, tokens: list[int]) -> str:
        return self.tokenizer.decode(tokens)


def _asked(documents: str, keywords: list[str]) -> str:
    return f"Texts:\n{documents}\nThese texts are about {', '.join(keywords[:6])}.\nThe name of this group:"


def first_round(run: dict, llm: object) -> tuple[int, float]:
    """Return how many prompts this kit's first draw asks, and its seconds, the model being loaded."""
    texts = run["rows"][["id", "text", "vector"]]
    looks = {**SHOWN, "draws": 1, "contrast": 0, "language": "auto", "seed": 42}
    cases, _ = make_cases(run["topics"], texts, run["vectors"], run["clusters"], llm=llm, **looks)
    question = Question(llm, "label", worked_examples("label"), SAID, Path(tempfile.mkdtemp()) / "log")
    chats = [question.chat(case, 0) for case in cases]
    schema = {"type": "object", "properties": {"label": {"type": "string", "maxLength": 60}}, "required": ["label"]}
    started = time.perf_counter()
    ask(chats, llm=llm, schema=schema, max_new_tokens=NEW_TOKENS, log=question.log)
    return len(chats), time.perf_counter() - started


def class_figures(labels: list[str], run: dict, truth: str, embed: object) -> dict[str, float]:
    """Return how labels agree with the names of the classes that most rows of their topics have."""
    rows = run["rows"]
    numbers = run["topics"].loc[run["topics"]["topic"] >= 0, "topic"]
    names = [rows.loc[rows["topic"] == number, truth].mode().iloc[0] for number in numbers]
    names = [re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", str(name)) for name in names]  # card_arrival, BookRestaurant
    overlap = [_overlap(label, name) for label, name in zip(labels, names, strict=True)]
    alike = (unit_length(embed([label or "-" for label in labels])) * unit_length(embed(names))).sum(axis=1)
    return {"words_of_class": float(np.mean(overlap)), "similarity_to_class": float(alike.mean())}


def _overlap(label: str, name: str) -> float:
    """Return the share of the class name's words that the label has, by their first five letters."""
    words, wanted = ({word[:5] for word in text.lower().replace(",", " ").split()} for text in (label, name))
    return len(words & wanted) / max(1, len(wanted))


def main() -> None:
    """Print a table a run."""
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("runs", nargs="*", type=Path, default=[RUNS / "demo"])
    parse.add_argument("--truth", default="", help="comma-separated, one a run, - for none")
    parse.add_argument("--model", default="auto")
    parse.add_argument("--quantization", default="4bit")
    parse.add_argument("--topics", type=int, help="the largest topics only")
    asked = parse.parse_args()
    embedder = find_embedder(model="auto")
    truths = (asked.truth.split(",") if asked.truth else []) + ["-"] * len(asked.runs)
    for folder, truth in zip(asked.runs, truths, strict=False):
        llm = find_llm(model=asked.model, quantization=asked.quantization)
        run = read_run(folder, asked.topics)
        texts = run["rows"][["id", "text", "vector"]]
        llm.model.generate(**llm.tokenizer("warm", return_tensors="pt").to(llm.model.device), max_new_tokens=2)
        stock, stock_seconds = by_bertopic(run, llm, folder)
        prompts, seconds = first_round(run, llm)
        log = Path(tempfile.mkdtemp()) / "labels.jsonl"
        started = time.perf_counter()
        data = (run["topics"], run["layers"], texts, run["vectors"], run["clusters"])
        held = Held(llm)
        table, _ = label_topics(*data, llm=held, embedder=embedder, log=log, **SHOWN)
        whole = time.perf_counter() - started
        named = table[table["topic"] >= 0]
        ours, numbers = named["label"].tolist(), named["topic"].tolist()
        cases, shown = make_cases(run["topics"], texts, run["vectors"], run["clusters"], llm=llm, contrast=2,
                                  language="auto", draws=2, seed=42, **SHOWN)  # fmt: skip
        ground = make_ground(
            texts, run["vectors"], run["clusters"], shown, embedder=embedder, own_vectors=False, seed=42
        )
        lines = {}
        for name, labels in {
            "this kit": ours,
            "BERTopic": [clean_label(label) or "-" for label in stock],
            "keywords (3)": named["keywords"].map(keyword_label).tolist(),
            "keywords (5)": [", ".join(list(words)[:5]) for words in named["keywords"]],
        }.items():
            rated = ground.rate(labels, numbers, report=True)
            lines[name] = {"accuracy": (rated["rank"] == 1).mean(), "finds": rated["finds"].mean()}
            lines[name] |= {"mean_rank": rated["rank"].mean()}
            if truth != "-":
                lines[name] |= class_figures(labels, run, truth, ground.embed)
        print(f"\n{folder.name}: {len(named)} topics, {llm.name} in {asked.quantization}")
        each, stock_each = seconds / prompts, stock_seconds / len(stock)
        print(f"seconds a prompt: BERTopic {stock_each:.2f}, this kit {each:.2f}, ratio {stock_each / each:.2f}")
        count = len(log.read_text().splitlines())
        print(f"all: BERTopic {stock_seconds:.0f} s for {len(stock)} prompts; this kit {whole:.0f} s for {count},")
        print("draws, second questions, layers and checks with them")
        print("sources", named["label_source"].value_counts().to_dict())
        print(pd.DataFrame(lines).T.round(3).to_string())
        for line, other in zip(named.itertuples(), stock, strict=True):
            words = ", ".join(list(line.keywords)[:4])
            print(f"  {line.topic:3} {line.label_source:8} {line.label} | {other[:70]} | {words}")


if __name__ == "__main__":
    main()
