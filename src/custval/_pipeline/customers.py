"""The customers' table, made block by block from what scoring kept.

Columns: customer_id, p_leave_3m, one p_leave_3m_<cause> for each cause, expected_months, lifetime_value,
lifetime_value_lower, lifetime_value_upper, quadrant, strategy, reason_1, reason_2, reason_3. What does not exist (money
without a charge, a second reason) is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._pipeline.quadrants import Quadrants
from custval._pipeline.scoring import REASONS, Z95, Scores, blocks_of, money_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("CustomerTable",)

HEAD_ROWS = 500_000
_BLOCK = 100_000


class CustomerTable:
    """All current customers; ``blocks()`` yields frames of them, so that the whole need not stand in memory as text."""

    def __init__(
        self,
        scores: Scores,
        causes: tuple[str, ...],
        quadrants: Quadrants | None,
        *,
        never_gone: float,
        largest_loss: float,
    ) -> None:
        self._scores = scores
        self._never_gone = never_gone
        self._largest_loss = largest_loss
        self._causes = causes
        self._quadrants = quadrants

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self._scores)

    def head(self, most: int = HEAD_ROWS) -> pd.DataFrame:
        """Return the first rows."""
        return self._frame(np.arange(min(most, len(self))))

    def blocks(self) -> Iterator[pd.DataFrame]:
        """Yield all rows."""
        for rows in blocks_of(len(self), _BLOCK):
            yield self._frame(rows)

    def _frame(self, rows: IntArray) -> pd.DataFrame:
        import pandas as pd

        scores = self._scores
        columns = {"customer_id": scores.ids.of(rows), "p_leave_3m": scores.p_leave[rows]}
        for k, cause in enumerate(self._causes):
            columns[f"p_leave_3m_{cause}"] = scores.p_cause[rows, k]
        columns["expected_months"] = scores.months[rows]
        columns.update(self._money(rows))
        frame = pd.DataFrame(columns)
        if self._quadrants is None:
            for name in ("quadrant", "strategy"):
                frame[name] = pd.Categorical.from_codes(np.full(len(rows), -1), dtype=pd.CategoricalDtype([""]))
        else:
            code = self._quadrants.code[rows]
            frame["quadrant"] = pd.Categorical.from_codes(code, dtype=pd.CategoricalDtype(list(self._quadrants.names)))
            frame["strategy"] = pd.Categorical.from_codes(
                code, dtype=pd.CategoricalDtype(list(self._quadrants.strategies))
            )
        for place in range(REASONS):
            words = pd.CategoricalDtype(scores.reason_words)
            frame[f"reason_{place + 1}"] = pd.Categorical.from_codes(scores.reason[rows, place], dtype=words)
        return frame

    def _money(self, rows: IntArray) -> dict[str, np.ndarray]:
        scores = self._scores
        names = ("lifetime_value", "lifetime_value_lower", "lifetime_value_upper")
        if scores.value is None or scores.std_error is None:
            return {name: np.full(len(rows), np.nan) for name in names}
        value, reach = scores.value[rows], Z95 * scores.std_error[rows].astype(np.float64)
        least, most = self._possible(rows)
        return dict(zip(names, (value, np.maximum(value - reach, least), np.minimum(value + reach, most)), strict=True))

    def _possible(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the least and the most that a customer can be worth: gone at once at the largest loss, never gone."""
        money = money_of(self._scores)
        whole = money.margin[rows] * self._never_gone
        return np.minimum(whole, 0.0) - self._largest_loss, np.maximum(whole, 0.0)
