"""What every section of the settings has."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Cannot be changed once made; refuses keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
