"""Rules as people write them, such as "score >= 3" -> rules that are safe to evaluate, and which rows fulfil them.

A rule is an expression over the columns that speaks of each row alone, so that it tells the same of a row whichever
others it is read with. What it may hold is listed here; the evaluation is pandas'.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

ASKS = {"isna", "notna", "isnull", "notnull"}  # for a value being there; a rule may hold for a row without it
METHODS = ASKS | {"isin", "between", "abs", "contains", "match", "fullmatch", "startswith", "endswith", "len"}
METHODS |= {"lower", "upper", "strip", "count"}
BEYOND = '"@" and "__" reach beyond the columns, of which alone a rule speaks; a column of such a name: `a__b`'
_SIGNS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr)
_NODES = (ast.Expression, ast.BoolOp, ast.boolop, ast.UnaryOp, ast.unaryop, ast.BinOp, *_SIGNS, ast.Compare, ast.cmpop)
_NODES += (ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple, ast.Call, ast.keyword, ast.Attribute)
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`([^`]*)`")  # texts, and names in backticks


class Rule(NamedTuple):
    """A rule as written and as evaluated, and its columns by the names they have there.

    Of these, those that must not be null, and those that are compared with numbers.
    """

    text: str
    code: str
    columns: dict[str, str]
    needed: list[str]
    numbers: list[str]


def read_rules(keep: Sequence[str], columns: Sequence[str]) -> list[Rule]:
    """Return the rules of rows with such columns, each once; ValueError names the rule and what is wrong with it."""
    if "rule" in columns:
        raise ValueError('the rows have a column "rule", as dropped rows get one: rename it')
    return [_read_rule(text, list(columns)) for text in dict.fromkeys([keep] if isinstance(keep, str) else keep)]


def read_numbers(values: pd.Series) -> pd.Series:
    """Return a column as numbers, those too that are written as texts, as all are in a CSV; a blank or nan is none.

    Raises ValueError that shows a value which is no number.
    """
    if pd.api.types.is_numeric_dtype(values):
        return values
    plain = values.map(lambda one: None if isinstance(one, str) and one.strip().lower() in ("", "nan") else one)
    told = pd.to_numeric(plain.map(lambda one: None if isinstance(one, (bool, list)) else one), errors="coerce")
    if len(wrong := values[told.isna() & plain.notna()]):
        raise ValueError(f"expected numbers, got {str(wrong.iloc[0])[:60]!r}")
    return told


def knows(rule: str, columns: Sequence[str]) -> bool:
    """Return whether rows with such columns have all that a rule speaks of."""
    try:
        return bool(read_rules([rule], columns))
    except ValueError:
        return False


def first_broken(rows: pd.DataFrame, rules: Sequence[Rule]) -> np.ndarray:
    """Return (n,) the number of the first rule that each row does not fulfil, -1 where it fulfils all."""
    first = np.full(len(rows), -1)
    for number, rule in enumerate(rules):
        first[(first < 0) & ~_fulfilled(rows, rule)] = number
    return first


def _fulfilled(rows: pd.DataFrame, rule: Rule) -> np.ndarray:
    found = rows[list(rule.columns.values())].reset_index(drop=True).set_axis(list(rule.columns), axis=1)
    # pandas takes null != 3 for true, and some of its methods give neither true nor false of a null.
    found = found[found[rule.needed].notna().all(axis=1)]
    fulfilled = np.zeros(len(rows), dtype=bool)
    if len(found):
        fulfilled[found.index] = _evaluate(found, rule)
    return fulfilled


def _evaluate(found: pd.DataFrame, rule: Rule) -> np.ndarray:
    # Objects that are all true and false, or texts, are what they are whichever rows are read together.
    loose = found.select_dtypes("object")
    found = found.assign(**loose.convert_dtypes())
    # A column without a value is of whichever type the rule takes it for.
    texts = [
        name for name in loose if loose[name].isna().all() and re.search(rf"\b{re.escape(name)}\.str\b", rule.code)
    ]
    found = found.astype(dict.fromkeys(texts, "string"))
    for name in [name for name in rule.numbers if pd.api.types.is_string_dtype(found[name])]:
        try:
            found[name] = read_numbers(found[name])
        except ValueError as error:
            raise ValueError(f'rule "{rule.text}" cannot be told of "{rule.columns[name]}": {error}') from None
    try:
        told = found.eval(rule.code, engine="python")
    except Exception as error:  # noqa: BLE001 - pandas raises whatever the types of the columns lead to
        kinds = ", ".join(f"{column} ({found[name].dtype})" for name, column in rule.columns.items())
        raise ValueError(f'rule "{rule.text}" cannot be told of the columns {kinds}: {error}') from None
    if not (isinstance(told, pd.Series) and pd.api.types.is_bool_dtype(told) and told.index.equals(found.index)):
        got = told.dtype if isinstance(told, pd.Series) else repr(told)
        raise ValueError(
            f'rule "{rule.text}" is to be true or false of each row, got {got}: compare, as in "score >= 3"'
        )
    return told.fillna(False).to_numpy(dtype=bool)


def _read_rule(text: str, columns: list[str]) -> Rule:
    def wrong(what: str) -> ValueError:
        return ValueError(f'rule "{text}": {what} (columns: {", ".join(map(str, columns))})')

    code, quoted = _unquoted(text.strip())
    if len(code.splitlines()) != 1:
        raise wrong("expected one line with an expression")
    try:
        tree = ast.parse(code, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if "@" in code:
            raise wrong(BEYOND) from None
        if re.search(r"[^=!<>]=[^=]", code):
            raise wrong("it sets a value; two equals signs compare, as in \"summary_label == 'Cats'\"") from None
        raise wrong(f"this is no expression over columns ({getattr(error, 'msg', error)})") from None
    if isinstance(tree.body, ast.Tuple):
        raise wrong('these are several rules: write a list of them, as in ["score >= 3", "topic != 4"]')
    if problem := _problem(tree):
        raise wrong(problem)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = {name: quoted.get(name, name) for name in sorted(names)}
    if not found:
        raise wrong("it names no column")
    for column in found.values():
        if column not in columns:
            near = difflib.get_close_matches(column, [name for name in columns if isinstance(name, str)], n=1)
            raise wrong(f'there is no column "{column}"' + (f'; did you mean "{near[0]}"?' if near else ""))
    asked = {node.func.value.id for node in ast.walk(tree) if _asks(node)}
    compared = {name for node in ast.walk(tree) if isinstance(node, ast.Compare) for name in _beside_numbers(node)}
    return Rule(
        text, code, found, [name for name in found if name not in asked], [name for name in found if name in compared]
    )


def _problem(tree: ast.AST) -> str:
    """Return what a rule may not hold and this one does, or nothing."""
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    texts = {func.value for func in called if isinstance(func, ast.Attribute)}
    if any(isinstance(node, ast.MatMult) or "__" in _name(node) for node in ast.walk(tree)):
        return BEYOND
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value is None:
            return 'nothing equals None; ask isna() or notna(), as in "duplicate_of.isna()"'
        if isinstance(node, ast.Attribute):
            known = node.attr in METHODS if node in called else node.attr == "str" and node in texts
        else:
            known = isinstance(node, _NODES) and (node not in called)
        if not known:
            told = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
            return f'"{told}" has no place in it; beside comparisons there are and, or, not, .str, {_listed(METHODS)}'
        if any(not _is_plain(values) for values in _memberships(node)):
            return "a row is looked for in a list of values, as in \"topic in [4, 7]\"; texts by .str.contains('x')"
    return ""


def _memberships(node: ast.AST) -> list[ast.expr]:
    """Return the lists that a node looks for a row's value in; another column would bring in the other rows."""
    if isinstance(node, ast.Compare):
        pairs = zip(node.ops, node.comparators, strict=True)
        return [values for sign, values in pairs if isinstance(sign, ast.In | ast.NotIn)]
    if isinstance(node, ast.Call) and _name(node.func) == "isin":
        return [*node.args, *(word.value for word in node.keywords)]
    return []


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple) and _is_constant(node)


def _beside_numbers(node: ast.Compare) -> Iterator[str]:
    """Yield the columns that a comparison holds beside numbers, or looks for in a list of them."""
    sides = [node.left, *node.comparators]
    values = [one.elts if isinstance(one, ast.List | ast.Tuple) else [one] for one in sides if _is_constant(one)]
    if values and all(isinstance(ast.literal_eval(one), int | float) for some in values for one in some):
        yield from (one.id for one in sides if isinstance(one, ast.Name))


def _is_constant(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


def _asks(node: ast.AST) -> bool:
    """Return whether a node asks for a column being null or not."""
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_method and node.func.attr in ASKS and isinstance(node.func.value, ast.Name)


def _name(node: ast.AST) -> str:
    """Return the name of a column or of what is asked of it."""
    return getattr(node, "attr", None) or getattr(node, "id", "")


def _listed(names: set[str]) -> str:
    return ", ".join(f"{name}()" for name in sorted(names))


def _unquoted(text: str) -> tuple[str, dict[str, str]]:
    """Return a rule with a plain name for each one in backticks, as those of several words have, and what each is."""
    names: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        column = match.group(1)
        return match.group(0) if column is None else names.setdefault(column, f"_column_{len(names)}")

    code = _QUOTED.sub(plain, text)
    return code, {name: column for column, name in names.items()}
