"""What the caller asked for, checked before any work is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.validation import check_scalar, nearest

__all__ = ("MONTHS_PER_UNIT", "Settings")

MONTHS_PER_UNIT = {"month": 1.0, "year": 12.0, "day": 1.0 / 30.436875, "week": 7.0 / 30.436875}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Names of columns, money and statistics of one analysis; every field is a keyword of ``analyse``."""

    tenure: str | None = None
    event: str | None = None
    id: str | None = None
    left: Any = None
    charge: str | float | None = None
    services: tuple[str, ...] = ()
    cause: str | None = None
    group: str | None = None
    ignore: tuple[str, ...] = ()
    tenure_unit: str = "month"
    window_months: int | None = None
    horizon: int = 24
    margin_share: float = 1.0
    monthly_discount: float = 0.01
    currency: str | None = None
    budget: float | None = None
    contact_cost: float = 1.0
    offer_cost: float = 0.0
    save_rate: float | None = None
    encoding: str = "utf-8-sig"
    block_rows: int = 50_000
    fit_rows: int = 200_000
    random_state: int = 0
    progress: bool = False

    def check(self) -> None:
        """Refuse numbers outside their legal range, by name."""
        for name, low, high, low_open in _NUMBERS:
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, (str, bytes)):
                raise InputError(f"{name} must be a number, not {value!r}")
            check_scalar(value, name, low=low, high=high, low_open=low_open, high_open=high == np.inf)
        for name, low, high in _WHOLE:
            value = getattr(self, name)
            if value is not None and not _is_whole(value):
                raise InputError(f"{name} must be a whole number, not {value!r}{_WHY.get(name, '')}")
            if value is not None:
                check_scalar(value, name, low=low, high=high)
        if self.tenure_unit not in MONTHS_PER_UNIT:
            raise InputError(f"tenure_unit must be one of {', '.join(MONTHS_PER_UNIT)}, not {self.tenure_unit!r}")

    def check_columns(self, columns: list[str]) -> None:
        """Refuse names that the table does not have, suggesting the nearest; tenure and event are needed."""
        for role in ("tenure", "event"):
            if getattr(self, role) is None:
                raise InputError(
                    f"{role} must name the column of {_MEANING[role]}; the columns are {', '.join(columns)}"
                )
        charge = self.charge if isinstance(self.charge, str) else None
        named = [self.id, self.tenure, self.event, charge, self.cause, self.group, *self.services, *self.ignore]
        for name in named:
            if name is not None and name not in columns:
                raise InputError(
                    f"there is no column {name!r}{nearest(name, columns)}; the columns are {', '.join(columns)}"
                )
        taken = {self.id, self.tenure, self.event, self.cause} - {None}
        for what, listed in (("services", self.services), ("ignore", self.ignore)):
            twice = [name for name in listed if name in taken]
            if twice:
                raise InputError(
                    f"column {twice[0]!r} has a role of its own (id, tenure, event or cause): not in {what}"
                )
        both = [name for name in self.services if name in self.ignore]
        if both:
            raise InputError(f"column {both[0]!r} is in services and in ignore; choose one")
        roles = [self.id, self.tenure, self.event, self.cause]
        given = [name for name in roles if name is not None]
        if len(set(given)) < len(given):
            raise InputError(
                f"id, tenure, event and cause must be different columns, not {', '.join(map(repr, given))}"
            )


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and float(value).is_integer()


_NUMBERS = (
    ("margin_share", 0.0, 1.0, True),
    ("monthly_discount", -1.0, np.inf, True),
    ("contact_cost", 0.0, np.inf, False),
    ("offer_cost", 0.0, np.inf, False),
    ("budget", 0.0, np.inf, False),
    ("save_rate", 0.0, 1.0, False),
)
_WHOLE = (
    ("horizon", 4, 600),
    ("window_months", 1, 1200),
    ("block_rows", 1, np.inf),
    ("fit_rows", 2, np.inf),
    ("random_state", 0, np.inf),
)
_WHY = {"window_months": ": tenure is counted in whole months"}
_MEANING = {"tenure": "time as a customer", "event": "who left"}
