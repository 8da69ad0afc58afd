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
    """The market, months, seed, number of subscribers and records per subscriber and month of one world."""

    scenario: Scenario
    calendar: Calendar
    seed: int
    n_subscribers: int
    records_per_month: float

    @property
    def months(self) -> int:
        """The number of months."""
        return self.calendar.months

    def stream(self, table: str, block: int = 0, month: int = 0) -> np.random.Generator:
        """Return the random stream of one table, block and month."""
        return stream(self.seed, table, block, month)
