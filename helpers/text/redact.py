"""Texts -> the same texts with e-mail addresses, phone and card numbers, IP addresses and keys masked, and counts.

Names and postal addresses are left as they are: no pattern finds them reliably. Nothing is masked unless asked for.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pandas as pd
import regex
from tqdm import tqdm

from helpers.text.turns import ROLES

Span = tuple[int, int]

# Latin letters and digits end a find; other scripts write without spaces, so they may stand right beside one.
_ALONE = r"(?<![0-9A-Za-z_]){}(?![0-9A-Za-z_])"

# Possessive (`++`) and bounded parts only: each pattern is linear in the length of the text.
_KEYS = [
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----)(?s:.))*+-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----|(?:\s*+[A-Za-z0-9+/=]{40,}+)++)",
    _ALONE.format(r"(?:AKIA|ASIA)[0-9A-Z]{16}"),
    _ALONE.format(r"[sr]k[-_](?=[A-Za-z_-]{0,60}+\d)[0-9A-Za-z_-]{20,}+"),
    _ALONE.format(r"(?:gh[pousr]_[0-9A-Za-z]{30,}+|github_pat_[0-9A-Za-z_]{22,}+|glpat-[0-9A-Za-z_-]{20,}+)"),
    _ALONE.format(r"xox[abeoprs]-[0-9A-Za-z-]{10,}+"),
    _ALONE.format(r"AIza[0-9A-Za-z_-]{35}"),
    _ALONE.format(r"hf_[0-9A-Za-z]{20,}+"),
    _ALONE.format(r"(?:pk_(?:live|test)|whsec|npm|pypi)[_-][0-9A-Za-z_-]{16,}+"),
    _ALONE.format(r"SG\.[0-9A-Za-z_-]{16,}+\.[0-9A-Za-z_-]{16,}+"),
    _ALONE.format(r"eyJ[0-9A-Za-z_-]{8,}+\.[0-9A-Za-z_-]{8,}+\.[0-9A-Za-z_-]*+"),
]
_QUOTED = r"""(?:"(?P<value>[^"\n]{3,200})"|'(?P<value>[^'\n]{3,200})'|"""
_SIGN = r"[\"'*]{0,3}[ \t]{0,3}(?:[:=\uff1a]|=>|->)[ \t*]{0,4}"
_CERTAIN = [
    # A password may hold any sign; a full stop or comma at its end belongs to the sentence. Not `password: str`,
    # `your password: and then`, `password = input()`: a word of up to four small letters, or a call.
    r"(?i)(?<![A-Za-z])(?:password|passwd|passphrase|pwd)(?:"
    + _SIGN
    + r"|(?<=--password) )(?![=>])"
    + _QUOTED
    + r"(?-i:(?![a-z]{1,4}(?:[\s.,;:)]|$)|[a-z_.]{1,50}\(|None\b|True\b|False\b))"
    + r"(?P<value>[^\s\"']{3,200})(?<![.,;:]))",
    r"(?i)(?<![A-Za-z])bearer[ \t]+(?P<value>[0-9A-Za-z._~+/=-]{16,}+)",
    r"(?i)(?<![A-Za-z])[a-z][a-z0-9+.-]{1,20}+://[^\s/:@]{0,100}+:(?!\[KEY\]@)(?P<value>[^\s/@]{1,200}+)@",
]
_SETTING = (
    r"(?i)(?<![A-Za-z])(?:(?:api|access|secret|private|auth)[ _-]?key"
    r"|(?:(?:auth|access|api|bearer|client)[ _-]?)?(?:secret|token))"
    + _SIGN
    + _QUOTED
    + r"(?P<value>[^\s\"'=<>()\[\]{},;$]{3,200}+)(?![(\[]))"
)
_NAME = r"[\p{Latin}\p{Greek}\p{Cyrillic}\d._%+'&-]"
_HOST = r"[\p{Latin}\p{Greek}\p{Cyrillic}\d-]++"
_EMAIL = rf"(?<!{_NAME})['.]*+(?P<find>{_NAME}++@{_HOST}(?:\.{_HOST})++)"
_DASH = r"[ \u00a0\u2010-\u2015-]"
_CARDS = [  # the usual groups, longest first, so that a check code behind the number does not hide it
    _ALONE.format(rf"(?<!\d\.)[2-6]{digits}")
    for digits in (
        rf"\d{{3}}(?:{_DASH}?\d{{4}}){{3}}{_DASH}?\d{{3}}",
        rf"\d{{3}}(?:{_DASH}?\d{{4}}){{3}}",
        rf"\d{{3}}{_DASH}?\d{{6}}{_DASH}?\d{{4,5}}",
        rf"\d{{3}}(?:{_DASH}\d{{4}}){{2}}{_DASH}\d",
        r"\d{12,18}",
    )
]
_FIRST_DIGITS = {13: "4", 14: ("30", "36", "38"), 15: ("34", "37"), 16: ("2", "35", "4", "5", "6"), 19: ("4", "6")}
# Not `Chrome/120.0.0.0`, `v1.2.3.4`, `version 1.2.3.4` nor a fifth part.
_IPV4 = (
    r"(?i)(?<![0-9A-Za-z_.])(?<![A-Za-z]/)(?<!\b(?:v|ver|version|release|build)[.:]? )"
    r"\d{1,3}(?:\.\d{1,3}){3}(?!\.?[0-9A-Za-z_])"
)
# A first group of 3 or 4 is what routed addresses have, and what times and `a::b` in code have not.
_IPV6 = (
    r"(?<![0-9A-Za-z_:.])(?=[0-9A-Fa-f]{3,4}:|(?:[0-9A-Fa-f]{1,4}:){7})(?=[A-Fa-f:]*+\d)"
    r"(?:[0-9A-Fa-f]{1,4}::?){1,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z_]|:[0-9A-Fa-f])"
)
_SEVEN_DIGITS = r"\d(?:\D{0,5}\d){6}"  # no shorter number is taken for a phone: the cheap question comes first
# Numbers such as 555-123-4567 are written in this shape only, but are assigned to nobody, so not valid.
_NORTH_AMERICAN = _ALONE.format(r"(?<![\d.]-)(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![.-]\d)")
_NUMBERED = (
    r"(?i)(?:#|№|\b(?:order|invoice|ticket|tracking|ref|reference|case|booking|confirmation|item|sku|isbn|sn|serial"
    r"|id|transaction)\b)(?:\W|no|num|number|code|id|is){0,8}$"
)


def redact_texts(
    texts: pd.DataFrame,
    *,
    kinds: Sequence[str] = ("email", "phone", "card", "ip", "key"),
    region: str = "US",
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return texts with each find replaced by [EMAIL], [PHONE], [CARD], [IP] or [KEY], and how many of each kind.

    texts: frame with `text`, `turns` (character offsets, moved along with the text) and `speakers`; a find never spans
    two turns. Speakers that are no known role and the source's columns are redacted as well; ids stay. region: the
    country (ISO code) whose phone numbers may lack a country code. Redacting twice changes nothing more. Raises
    ValueError for an unknown kind or region.
    """
    finders = _finders(kinds, region)
    counts = Counter(dict.fromkeys(finders, 0))
    if not finders:
        return texts.copy(), {}
    kept = [name for name in texts if name not in ("id", "position", "text", "turns", "speakers")]
    texts = texts.assign(
        **{name: texts[name].map(lambda value: _redact_value(value, finders, counts)) for name in kept},
        speakers=_objects(texts, [_redact_speakers(names, finders, counts) for names in texts["speakers"]]),
    )
    rows = zip(texts["text"], texts["turns"], strict=True)
    shown = tqdm(rows, "redact", len(texts), unit=" texts", mininterval=1, disable=len(texts) < 2000)
    redacted = [_redact_turns(text, turns, finders, counts) for text, turns in shown]
    new_texts, new_turns = (_objects(texts, [both[part] for both in redacted]) for part in (0, 1))
    return texts.assign(text=new_texts, turns=new_turns), dict(counts)


def _objects(texts: pd.DataFrame, values: Sequence[object]) -> pd.Series:
    return pd.Series(values, index=texts.index, dtype=object)


def _finders(kinds: Sequence[str], region: str) -> dict[str, Callable[[str], Iterator[Span]]]:
    """Return {kind: its finder} for the kinds asked for; the order settles what an overlap is taken for."""
    import phonenumbers

    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"redact.region: {region!r} is not a country; expected an ISO code such as US, GB or DE")
    known = {
        "key": _find_keys,
        "email": _find_emails,
        "card": _find_cards,
        "ip": _find_addresses,
        "phone": lambda text: _find_phones(text, region),
    }
    unknown = [kind for kind in kinds if kind not in known]
    if unknown:
        raise ValueError(f"redact.kinds: {unknown[0]!r} is not known; known are {', '.join(known)}")
    return {kind: find for kind, find in known.items() if kind in kinds}


def _redact_turns(text: str, turns: Sequence[int], finders: dict, counts: Counter) -> tuple[str, list[int]]:
    """Return the text and its turns' offsets after redaction, turn by turn."""
    bounds = [0, *(int(offset) for offset in turns), len(text)]
    pieces = [_redact(text[start:end], finders, counts) for start, end in pairwise(bounds)]
    offsets, position = [], 0
    for piece in pieces[:-1]:
        position += len(piece)
        offsets.append(position)
    return "".join(pieces), offsets


def _redact_speakers(names: Sequence[str | None], finders: dict, counts: Counter) -> list[object]:
    """Return the speakers' names after redaction: from data, they may be addresses or numbers."""
    return [name if name in ROLES else _redact_value(name, finders, counts) for name in names]


def _redact_value(value: object, finders: dict, counts: Counter) -> object:
    return _redact(value, finders, counts) if isinstance(value, str) else value


def _redact(text: str, finders: dict, counts: Counter) -> str:
    """Return text without finds. What surrounds a number decides whether it is one: look again until none is left."""
    while True:
        before = text
        for kind, find in finders.items():
            spans = list(find(text))
            counts[kind] += len(spans)
            text = _mask(text, spans, f"[{kind.upper()}]")
        if text == before:
            return text


def _mask(text: str, spans: list[Span], mark: str) -> str:
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    return mark.join(text[end:start] for end, start in zip(ends, starts, strict=True))


def _apart(spans: list[Span]) -> Iterator[Span]:
    """Yield the spans in order of place, the longer first, without those that overlap one already given."""
    reached = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= reached:
            yield start, end
            reached = end


def _find_keys(text: str) -> Iterator[Span]:
    spans = [match.span() for pattern in _KEYS for match in regex.finditer(pattern, text)]
    certain = (match for pattern in _CERTAIN for match in regex.finditer(pattern, text))
    spans += [match.span("value") for match in certain if match["value"] != "[KEY]"]
    spans += [match.span("value") for match in regex.finditer(_SETTING, text) if _is_secret(match["value"])]
    return _apart(spans)


def _is_secret(value: str) -> bool:
    """Tell a secret from prose and code: `token: the word`, `secret = settings.secret` are none."""
    long_word = len(value) >= 12 and "." not in value and " " not in value
    return value != "[KEY]" and bool(long_word or regex.search(r"\d", value))


def _find_emails(text: str) -> Iterator[Span]:
    if "@" not in text:
        return
    for match in regex.finditer(_EMAIL, text):
        ending = match["find"].rsplit(".", 1)[1]
        if len(ending) > 1 and ending[0].isalpha():  # not `react@18.2.0`
            yield match.span("find")


def _find_cards(text: str) -> Iterator[Span]:
    matches = (match for pattern in _CARDS for match in regex.finditer(pattern, text, overlapped=True))
    return _apart([match.span() for match in matches if _is_card(match[0])])


def _is_card(number: str) -> bool:
    """Tell a card by its length, first digits and check digit; a third of all 13-digit numbers are bar codes."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    if not regex.sub(r"\D", "", number).startswith(_FIRST_DIGITS.get(len(digits), ())):
        return False
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


def _find_addresses(text: str) -> Iterator[Span]:
    matches = (match for pattern in (_IPV4, _IPV6) for match in regex.finditer(pattern, text))
    return _apart([match.span() for match in matches if _is_address(match[0])])


def _is_address(candidate: str) -> bool:
    try:
        ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return True


def _find_phones(text: str, region: str) -> Iterator[Span]:
    import phonenumbers

    if not regex.search(_SEVEN_DIGITS, text):
        return iter(())
    grouped = phonenumbers.Leniency.STRICT_GROUPING  # valid numbers, grouped as people of that country group them
    matcher = phonenumbers.PhoneNumberMatcher(text, region, grouped, max_tries=len(text) + 1)
    spans = [(match.start, match.end) for match in matcher]
    if phonenumbers.country_code_for_region(region) == 1:
        spans += [match.span() for match in regex.finditer(_NORTH_AMERICAN, text)]
    return _apart([span for span in spans if not _is_other_number(text, *span)])


def _is_other_number(text: str, start: int, end: int) -> bool:
    """Tell decimals and numbers that a word before them calls an order, an invoice, an id and so on."""
    before, number = text[max(0, start - 40) : start], text[start:end]
    decimal = regex.fullmatch(r"\d+\.\d+", number) or regex.search(r"\d[.,]$", before)
    bare = regex.fullmatch(r"\d+(?:[,;# ]+\d+)?", number)  # what follows a comma or # is read as an extension
    return bool(decimal or (bare and regex.search(_NUMBERED, before)))
