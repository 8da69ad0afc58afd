"""What the caller asked for, checked before any work is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    window_months: float | None = None
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
        check_scalar(self.margin_share, "margin_share", low=0.0, high=1.0, low_open=True)
        check_scalar(self.monthly_discount, "monthly_discount", low=-1.0, low_open=True)
        check_scalar(self.horizon, "horizon", low=3, high=600)
        check_scalar(self.contact_cost, "contact_cost", low=0.0)
        check_scalar(self.offer_cost, "offer_cost", low=0.0)
        if self.window_months is not None:
            check_scalar(self.window_months, "window_months", low=0.0, low_open=True)
        if self.budget is not None:
            check_scalar(self.budget, "budget", low=0.0)
        if self.save_rate is not None:
            check_scalar(self.save_rate, "save_rate", low=0.0, high=1.0)
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
        roles = [self.id, self.tenure, self.event, self.cause]
        given = [name for name in roles if name is not None]
        if len(set(given)) < len(given):
            raise InputError(
                f"id, tenure, event and cause must be different columns, not {', '.join(map(repr, given))}"
            )


_MEANING = {"tenure": "time as a customer", "event": "who left"}
