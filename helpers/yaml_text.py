"""A text of YAML -> its values; a key that stands twice is an error, where readers of YAML take the last in silence."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

MERGE = "tag:yaml.org,2002:merge"  # of << keys, which may stand beside what they bring in


def read_yaml(text: str, *, as_texts: bool = False) -> Any:  # noqa: ANN401
    """Return what the text says; as_texts: numbers, dates and words such as yes stay as they are written.

    Raises yaml.YAMLError, for a key that stands twice in one object too.
    """
    return yaml.load(text, Loader=_Texts if as_texts else _Values)  # noqa: S506 - both build plain values only


class _EachOnce:
    """Of what reads YAML: refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        known = []
        for key in (key for key, _ in node.value if key.tag != MERGE):
            if (name := self.construct_object(key, deep=True)) in known:
                raise yaml.constructor.ConstructorError(
                    problem=f"{name!r} stands twice, the second time in line {key.start_mark.line + 1}"
                )
            known.append(name)
        return super().construct_mapping(node, deep)


class _Values(_EachOnce, yaml.SafeLoader):
    pass


class _Texts(_EachOnce, yaml.BaseLoader):
    pass
