"""Rows and a list of domains and uses -> which of them each text has, as an LLM says, or why there is no answer.

What is counted of it is told in uses_tables.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml

from helpers.files import fingerprint
from helpers.llm.ask import LLM, ask, choose
from helpers.llm.instructions import INSTRUCTIONS, SPARE, Chat, fill_instruction, first_tokens, without_marks
from helpers.llm.instructions import guess_tokens as guess

KINDS = {"domains": "domain", "uses": "use"}  # what is labelled, and what one of it is called
NONE = "None"
CHOICE_TOKENS = 64  # kept free for the longest name that is weighed
FEWEST = 16  # tokens of a text below which nothing can be told of it
LEAST = 1e-9  # probability below which a number is no longer told from nothing
MARKS = " \t\n*_`\"'.,;:"  # that some models put around a name


@dataclass(frozen=True)
class Labels:
    """The domains and the uses, each with what it means or "", in the order of the list."""

    domains: dict[str, str]
    uses: dict[str, str]

    @property
    def hash(self) -> str:
        """Return a hash of names, meanings and their order: rows labelled by equal lists can be put together."""
        return fingerprint({kind: list(self[kind].items()) for kind in KINDS})

    def __getitem__(self, kind: str) -> dict[str, str]:
        return asdict(self)[kind]


def read_labels(source: str = "default") -> Labels:
    """Return the list of the kit, or that of a YAML file with `domains` and `uses`.

    Each is a mapping of names to what they mean, or a list of names. Raises FileNotFoundError, and ValueError that
    names file and key, for what is not of this form: no name, a name that stands twice (in whatever case) or is None.
    """
    path = INSTRUCTIONS / "uses.yaml" if source == "default" else Path(source).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"uses.labels: no file {path}: expected `default`, or a YAML with {_listed(KINDS)}")
    try:
        pairs = _pairs(yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    keys = [key.value for key, _ in pairs or []]
    if sorted(keys) != sorted(KINDS):
        raise ValueError(f"{path}: expected the keys {_listed(KINDS)}, once each, and no other; got {_listed(keys)}")
    return Labels(**{key.value: _names(value, f"{path}: {key.value}") for key, value in pairs})


def labels_table(labels: Labels) -> pd.DataFrame:
    """Return the list to read: kind, label, meaning."""
    lines = [(KINDS[kind], name, meaning) for kind in KINDS for name, meaning in labels[kind].items()]
    return pd.DataFrame(lines, columns=["kind", "label", "meaning"])


def label_rows(
    rows: pd.DataFrame,
    labels: Labels,
    *,
    llm: LLM | None,
    mode: Literal["likelihood", "constrained"] = "likelihood",
    least: float = 0.2,
    most: int = 3,
    text_tokens: int = 256,
    log: Path,
    meanings: Path | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a line a labelled row, and a line a row without a valid answer: each row is in one, in the order of rows.

    rows: id and text, of which the first text_tokens are shown, fewer where list and text would not fit the model.
    Labelled: id; domains and uses, lists of at most `most` names, best first, empty where none fits; cut, whether only
    the beginning was shown; mode; model; labels, the list's hash; of likelihood domain_probabilities and
    use_probabilities, in the order of the list, that of "none fits" last, else null. Rejected: id, reason.

    likelihood: every name, and that none fits, is weighed as the whole answer; see balanced. Names with at least
    `least` are given, none where that none fits is likeliest. labelled.attrs["known"] has for each kind the share of
    labels that the model finds by their own meaning. constrained: the model writes the names, bound to the list. log:
    every prompt and reply; what stands there is not asked again. meanings: the same of the labels' own meanings, for
    other datasets too; in log where it is None. Raises ValueError without an LLM, and for a list that does not fit it.
    """
    if llm is None:
        raise ValueError(
            "uses needs a language model, and label.model is none: set uses.llm.model, for example to auto or to the "
            "name of a model that `python -m helpers models --list` shows"
        )
    texts, about = list(rows["text"]), {"llm": llm, "most": most, "text_tokens": text_tokens, "log": log}
    if mode == "likelihood":
        found, reasons = _weigh_all(texts, labels, least=least, meanings=meanings or log, **about)
    else:
        found, reasons = _write_all(texts, labels, **about)
    llm.free()
    good = [place for place, reason in enumerate(reasons) if not reason]
    bad = [place for place, reason in enumerate(reasons) if reason]
    table = found.iloc[good].assign(mode=mode, model=llm.name, labels=labels.hash)
    table.insert(0, "id", rows["id"].iloc[good].to_numpy())
    rejected = {"id": rows["id"].iloc[bad].to_numpy(), "reason": [reasons[place] for place in bad]}
    return table.reset_index(drop=True), pd.DataFrame(rejected, dtype=object)


def balanced(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return probabilities (n, k + 1) from which it is taken how readily the model says each of the k names, and none.

    known: the same of texts that are the meanings of the k names, each of which has one name that fits, and every name
    once: what the model says more often than that it says whatever it is asked (Zhao et al. 2021 hold such numbers
    against those of texts without content, to which "none" would be the right answer). That none fits counts with no
    less than an even share, so that a model that knows all meanings stays as it is. A line adds up to 1.

    >>> balanced(np.array([[0.4, 0.2, 0.4]]), np.array([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]])).round(2).tolist()
    [[0.3, 0.3, 0.4]]
    """
    known = known[~np.isnan(known).any(axis=1)]
    if not len(known):
        return found
    none = max(float(known[:, -1].mean()), 1 / known.shape[1])
    names = np.exp(np.log(np.maximum(known[:, :-1], LEAST)).mean(axis=0))
    even = found / np.append(names / names.sum() * max(1 - none, LEAST), none)
    return even / even.sum(axis=1, keepdims=True)


def _weigh_all(
    texts: Sequence[str],
    labels: Labels,
    *,
    llm: LLM,
    least: float,
    most: int,
    text_tokens: int,
    log: Path,
    meanings: Path,
) -> tuple[pd.DataFrame, list[str]]:
    columns: dict[str, list[Any]] = {}
    reasons, known = [""] * len(texts), {}
    for kind, one in KINDS.items():
        about = {"lists": {kind: labels[kind]}, "answer": one, "most": most}
        tokens = _room(llm, text_tokens, CHOICE_TOKENS, about)
        names = [*labels[kind], NONE]
        by_meaning = [_chat(meaning or name, llm, tokens, about) for name, meaning in labels[kind].items()]
        own = choose(by_meaning, names, llm=llm, log=meanings, doing=f"weigh {kind} by meaning")
        is_known = ~np.isnan(own).any(axis=1) & (own[:, :-1].argmax(axis=1) == np.arange(len(own)))
        known[kind] = float(is_known.mean())
        chats = [_chat(text, llm, tokens, about) for text in texts]
        weighed = balanced(choose(chats, names, llm=llm, log=log, doing=f"weigh {kind}"), own)
        columns[kind] = [_likeliest(line, names, least=least, most=most) for line in weighed]
        columns[f"{one}_probabilities"] = [line.astype(np.float32).tolist() for line in weighed]
        columns["cut"] = [_is_cut(text, llm, tokens) for text in texts]
        for place in np.flatnonzero(np.isnan(weighed).any(axis=1)):
            reasons[place] = reasons[place] or f"no answer that is one of the {kind}"
    table = _table(columns)
    table.attrs["known"] = known
    return table, reasons


def _likeliest(line: np.ndarray, names: Sequence[str], *, least: float, most: int) -> list[str]:
    """Return the names that are likely enough, best first; none where it is likeliest that none fits."""
    order = np.argsort(-line, kind="stable")
    if names[order[0]] == NONE:
        return []
    return [names[place] for place in order if names[place] != NONE and line[place] >= least][:most]


def _write_all(
    texts: Sequence[str], labels: Labels, *, llm: LLM, most: int, text_tokens: int, log: Path
) -> tuple[pd.DataFrame, list[str]]:
    longest = max(_count(json.dumps(name, ensure_ascii=False), llm) for kind in KINDS for name in labels[kind])
    room = 2 * most * (longest + 2) + SPARE
    about = {"lists": asdict(labels), "answer": "json", "most": most}
    tokens = _room(llm, text_tokens, room, about)
    chats = [_chat(text, llm, tokens, about) for text in texts]
    asking = {"llm": llm, "max_new_tokens": room, "log": log}
    replies = ask(chats, schema=_schema(labels, most), **asking, doing="label")
    again = [place for place, reply in enumerate(replies) if reply is None]
    # A server that binds replies to no list may write "E-commerce." or **Law**: that is read as it is meant.
    loose = ask([chats[place] for place in again], schema=_schema(None, 0), **asking, doing="label again")
    found = dict(enumerate(replies)) | dict(zip(again, loose, strict=True))
    reasons, columns = [], {"domains": [], "uses": [], "cut": [_is_cut(text, llm, tokens) for text in texts]}
    for reply in found.values():
        named = {kind: _known(reply[kind], labels[kind], most=most) if reply else None for kind in KINDS}
        lost = [kind for kind in KINDS if named[kind] is None]
        off = f"only {lost[0]} that are not in the list" if lost else ""
        reasons.append(f"no valid answer within {room} tokens" if reply is None else off)
        for kind in KINDS:
            columns[kind].append(named[kind])
    nothing = [None] * len(texts)
    return _table(columns | {"domain_probabilities": nothing, "use_probabilities": nothing}), reasons


def _schema(labels: Labels | None, most: int) -> dict[str, Any]:
    """Return the schema of an answer: of names of the list, or of any strings.

    That no name stands twice cannot be asked for, llguidance knows no uniqueItems.
    """
    parts = {
        kind: {"type": "array", "items": {"type": "string", "enum": list(labels[kind])}, "maxItems": most}
        if labels
        else {"type": "array", "items": {"type": "string"}}
        for kind in KINDS
    }
    return {"type": "object", "properties": parts, "required": list(KINDS), "additionalProperties": False}


def _known(said: Sequence[str], names: Mapping[str, str], *, most: int) -> list[str] | None:
    """Return the names of the list that were said, each once; None where something was said and nothing of it known."""
    plain = {name.casefold().strip(MARKS): name for name in names} | {NONE.casefold(): NONE}
    found = [plain.get(one.casefold().strip(MARKS)) for one in said]
    kept = list(dict.fromkeys(name for name in found if name is not None))
    return [name for name in kept if name != NONE][:most] if kept or not said else None


def _table(columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    order = ["domains", "uses", "cut", "domain_probabilities", "use_probabilities"]
    return pd.DataFrame({name: pd.Series(columns[name], dtype=bool if name == "cut" else object) for name in order})


def _chat(text: str, llm: LLM, tokens: int, about: Mapping[str, Any]) -> Chat:
    return fill_instruction("uses", text=first_tokens(text, tokens=tokens, llm=llm), none=NONE, **about)


def _is_cut(text: str, llm: LLM, tokens: int) -> bool:
    return first_tokens(text, tokens=tokens, llm=llm) != without_marks(text, llm)


def _room(llm: LLM, wanted: int, answer: int, about: Mapping[str, Any]) -> int:
    """Return how many tokens of a text are shown: as many as are wanted, or as fit the model beside list and answer."""
    left = llm.context - llm.count_tokens(fill_instruction("uses", text="", none=NONE, **about)) - answer - SPARE
    if left < min(FEWEST, wanted):
        raise ValueError(
            f"the list of uses.labels leaves {max(left, 0)} tokens for a text; {llm.name} reads {llm.context}: take "
            "shorter meanings or fewer labels, or another model"
        )
    return min(wanted, left)


def _count(text: str, llm: LLM) -> int:
    if llm.tokenizer is None:
        return guess(text)
    return len(llm.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _pairs(node: Any) -> list[tuple[Any, Any]] | None:  # noqa: ANN401 - a node of YAML
    """Return keys and values of a mapping as they are written: in a dict a name that stands twice would be lost."""
    return node.value if isinstance(node, yaml.MappingNode) else None


def _names(node: Any, where: str) -> dict[str, str]:  # noqa: ANN401
    """Return names and meanings of one kind."""
    pairs = [(one, None) for one in node.value] if isinstance(node, yaml.SequenceNode) else _pairs(node)
    if not pairs:
        raise ValueError(f"{where}: expected at least one name, as `Name: what it means` or `- Name`")
    found: dict[str, str] = {}
    for key, value in pairs:
        name = " ".join(str(key.value).split()) if isinstance(key, yaml.ScalarNode) else ""
        if not name or key.tag.endswith(":null"):
            raise ValueError(f"{where}: expected a name, got {str(key.value)[:60]!r} in line {key.start_mark.line + 1}")
        if name.casefold() in {*map(str.casefold, found), NONE.casefold()}:
            raise ValueError(f"{where}: {name!r} stands twice, or means that none fits: give it another name")
        if value is not None and not isinstance(value, yaml.ScalarNode):
            raise ValueError(f"{where}: {name}: expected what it means, a text, in line {value.start_mark.line + 1}")
        found[name] = "" if value is None or value.tag.endswith(":null") else " ".join(str(value.value).split())
    return found


def _listed(names: Any) -> str:  # noqa: ANN401 - any iterable
    return ", ".join(map(str, names)) or "nothing"
