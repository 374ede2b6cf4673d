"""What all sections of the settings share: strict, readable by name, with the types that recur."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Names = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class Section(BaseModel):
    """Settings of one step; `**section` gives them to its function by name."""

    model_config = ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False)

    def keys(self) -> list[str]:
        """Return the settings' names, so that a section can be unpacked with `**`."""
        return list(type(self).model_fields)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a setting may be of any type
        return getattr(self, key)
