"""How many of each month's newcomers are still there after one month, two months, and so on? The cohort triangle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_rows, check_whole, sample_weight_array
from custval._segments.movements import read_stays
from custval._segments.shares import level_of, wilson_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("CohortTriangle", "cohort_retention")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class CohortTriangle(Result):
    """The share of each cohort still there at each age, as far as it has been watched; one entry for each cell.

    Attributes
    ----------
    cohort, age : ndarray of int of shape (cells,)
        Month of joining, and months since then: 0, 1, 2, ...
    size, retained : ndarray of shape (cells,)
        Customers of the cohort, and those of them still there at the end of the month.
    share, lower, upper : ndarray of shape (cells,)
        ``retained / size`` with Wilson's interval.
    until : int
        Last month watched.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> from custval.segments import cohort_retention
    >>> cohort_retention([1, 1, 1, 1, 2, 2], [2, 3, None, None, 3, None], until=3).triangle().loc[1].tolist()
    [1.0, 0.75, 0.5]
    """

    cohort: IntArray
    age: IntArray
    size: FloatArray
    retained: FloatArray
    share: FloatArray
    lower: FloatArray
    upper: FloatArray
    until: int
    conf_level: float

    def triangle(self, values: str = "share") -> pd.DataFrame:
        """Return a row for each cohort and a column for each age; ages not yet reached are missing.

        Parameters
        ----------
        values : str, default "share"
            Which field to show.

        Returns
        -------
        pandas.DataFrame
            The triangle.
        """
        return self.to_frame().pivot_table(index="cohort", columns="age", values=values)

    def pooled(self) -> pd.DataFrame:
        """Return the retention of all cohorts together by age: of those watched so long, how many stay each month.

        Returns
        -------
        pandas.DataFrame
            ``age``, ``at_risk``, ``left``, ``hazard``, ``survival``: the product of the monthly shares that stay.
        """
        import pandas as pd

        ages = np.arange(1, int(self.age.max()) + 1)
        now = {(int(c), int(a)): r for c, a, r in zip(self.cohort, self.age, self.retained, strict=True)}
        before = [(int(a), now[int(c), int(a) - 1]) for c, a in zip(self.cohort, self.age, strict=True) if a > 0]
        risk = np.bincount([a for a, _ in before], weights=[r for _, r in before], minlength=len(ages) + 1)[1:]
        kept = np.bincount(self.age, weights=self.retained, minlength=len(ages) + 1)[1:]
        hazard = np.where(risk > 0, (risk - kept) / np.where(risk > 0, risk, 1.0), 0.0)
        columns = {"age": ages, "at_risk": risk, "left": risk - kept, "hazard": hazard}
        return pd.DataFrame(columns | {"survival": (1.0 - hazard).cumprod()})


@public("segments")
def cohort_retention(
    start: ArrayLike,
    end: ArrayLike,
    *,
    until: int | None = None,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> CohortTriangle:
    """Return which share of each month's newcomers is still there at each age.

    Who leaves in the month of joining is lost at age 0; a cohort is shown up to the age at which the records end.

    Parameters
    ----------
    start : array of shape (n,)
        Month of joining, whole numbers.
    end : array of shape (n,)
        Month of leaving, >= `start`; missing (None or NaN) for those still there.
    until : int, optional
        Last month watched; None takes the last month seen. Departures after it do not count.
    sample_weight : array of shape (n,), optional
        How many customers each row stands for: a table of distinct stays gives the same triangle.
    conf_level : float
        Level of the intervals, within (0, 1).

    Returns
    -------
    CohortTriangle
        Shares with Wilson's intervals.

    Raises
    ------
    InputError
        If a stay ends before it begins, or a customer joins after `until`.

    Examples
    --------
    >>> from custval.segments import cohort_retention
    >>> cohort_retention([1, 1], [2, None], until=3, sample_weight=[10, 90]).share.tolist()
    [1.0, 0.9, 0.9]
    """
    level = level_of(conf_level)
    begin, finish, here = read_stays(start, end)
    weight = sample_weight_array(sample_weight, len(begin))
    seen = int(max(begin.max(), finish[~here].max() if not here.all() else begin.max()))
    last = seen if until is None else check_whole(until, "until")
    check_rows(
        begin <= last, begin, name="start", rule=f"be at or before until ({last})", fix="leave such customers out"
    )
    cohorts, where = np.unique(begin, return_inverse=True)
    size = np.bincount(where, weights=weight).astype(np.float64)
    if not (size > 0).all():
        raise InputError(f"the cohort of month {cohorts[size <= 0][0]} has no weight; leave it out")
    longest = last - int(cohorts[0]) + 1
    gone = ~here & (finish <= last)
    cell = where[gone] * longest + (finish - begin)[gone]
    left = np.bincount(cell, weights=weight[gone], minlength=len(cohorts) * longest).reshape(-1, longest)
    retained: FloatArray = np.maximum(size[:, None] - left.cumsum(axis=1), 0.0)
    row, age = np.nonzero(np.arange(longest)[None, :] <= (last - cohorts)[:, None])
    kept, base = retained[row, age], size[row]
    lower, upper = wilson_interval(kept, base, level)
    return CohortTriangle(
        cohort=frozen(cohorts[row].astype(np.int64)),
        age=frozen(age.astype(np.int64)),
        size=frozen(base),
        retained=frozen(kept),
        share=frozen(kept / base),
        lower=frozen(lower),
        upper=frozen(upper),
        until=last,
        conf_level=level,
    )
