"""What every part of a simulation shares: the market, the calendar, the seed and the size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._synth.calendar import Calendar
from custval._synth.scenario import Scenario
from custval._synth.streams import stream

__all__ = ("Setting",)


@dataclass(frozen=True, slots=True)
class Setting:
    """The market, months, seed, number of subscribers, records per subscriber and month, and behaviours of a world."""

    scenario: Scenario
    calendar: Calendar
    seed: int
    n_subscribers: int
    records_per_month: float
    behaviours: frozenset[str]

    @property
    def months(self) -> int:
        """The number of months."""
        return self.calendar.months

    def stream(self, table: str, block: int = 0, month: int = 0) -> np.random.Generator:
        """Return the random stream of one table, block and month."""
        return stream(self.seed, table, block, month)

    def rhythm(self, month: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the hours of a month and the share of its traffic before each of them."""
        return self.calendar.intensity(month, self.scenario.weekday_profile, self.scenario.hour_profile)
