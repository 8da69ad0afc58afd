"""How likely is a customer of each stage, tier or segment to leave this month, and why?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column_names, is_frame
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_length, check_rows, float_array
from custval._segments.labels import label_codes
from custval._segments.shares import level_of, wilson_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("StageHazards", "stage_hazards")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class StageHazards(Result):
    """Chance to leave within the month, by stage; arrays have shape (S,), those by cause (K, S).

    Attributes
    ----------
    stage : tuple of str
        Names.
    at_risk, left : ndarray
        Customer-months seen, and departures among them.
    hazard, lower, upper : ndarray
        ``left / at_risk`` with Wilson's interval; 0 within (0, 1) for a stage without customers.
    ratio : tuple of float or None
        Hazard over that of all stages together; None where nobody left.
    causes : tuple of K str
        Causes of departure.
    hazard_by_cause, lower_by_cause, upper_by_cause : ndarray of shape (K, S)
        The same by cause.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> from custval.segments import stage_hazards
    >>> found = stage_hazards(["mature", "decline"], [0, 1], at_risk=[900, 40], names=("mature", "decline"))
    >>> found.hazard
    array([0.   , 0.025])
    """

    stage: tuple[str, ...]
    at_risk: FloatArray
    left: FloatArray
    hazard: FloatArray
    lower: FloatArray
    upper: FloatArray
    ratio: tuple[float | None, ...]
    causes: tuple[str, ...]
    hazard_by_cause: FloatArray
    lower_by_cause: FloatArray
    upper_by_cause: FloatArray
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each stage, with ``hazard_<cause>`` and its bounds.

        Returns
        -------
        pandas.DataFrame
            Counts and hazards.
        """
        import pandas as pd

        shown = ("stage", "at_risk", "left", "hazard", "lower", "upper", "ratio")
        table: dict[str, Any] = {name: list(getattr(self, name)) for name in shown}
        for k, cause in enumerate(self.causes):
            table[f"hazard_{cause}"] = self.hazard_by_cause[k]
            table[f"hazard_{cause}_lower"] = self.lower_by_cause[k]
            table[f"hazard_{cause}_upper"] = self.upper_by_cause[k]
        return pd.DataFrame(table)


@public("segments")
def stage_hazards(
    stage: Any,
    left: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    causes: Sequence[str] | None = None,
    at_risk: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> StageHazards:
    """Return the monthly hazard of each stage, tier or segment, with intervals, at all and by cause.

    Parameters
    ----------
    stage : array of shape (n,)
        Stage at the start of the month: one row for each customer-month, or for each cell of a table of counts.
    left : array of shape (n,) or (n, K)
        Departures in the month: 0 or 1, or counts; with K columns, by cause.
    names : sequence of str, optional
        Stages in their order; None takes those seen. Codes 0, 1, ... name them by place.
    causes : sequence of K str, optional
        Names of the causes; None takes those of the columns of a frame, else ``cause 1`` and so on.
    at_risk : array of shape (n,), optional
        Customer-months that each row stands for; None is one each. Departures are counts of them.
    conf_level : float
        Level of the intervals, within (0, 1).

    Returns
    -------
    StageHazards
        Hazards with Wilson's intervals.

    Raises
    ------
    InputError
        If a stage is missing or unknown, or more leave than are at risk.

    Examples
    --------
    >>> from custval.segments import stage_hazards
    >>> found = stage_hazards([2, 2, 3, 3], [0, 0, 0, 1], names=("acquire", "grow", "mature", "decline"))
    >>> found.hazard[2:], found.ratio[3]
    (array([0. , 0.5]), 2.0)
    """
    level = level_of(conf_level)
    labels = np.asarray(stage)
    by_place = names is not None and labels.dtype.kind in "iu"
    codes, known = label_codes(labels, range(len(names or ())) if by_place else names, name="stage")
    known = tuple(str(name) for name in names) if by_place and names is not None else known
    if causes is None and is_frame(left):
        causes = column_names(left)
    many = np.ndim(left) > 1
    exits = float_array(left, "left", low=0.0, ndim=2 if many else 1)
    check_length(exits, len(codes), name="left", other="stage")
    exits = exits if many else exits[:, None]
    if len(codes) == 0:
        raise InputError("stage is empty; at least one customer-month is needed")
    risk = np.ones(len(codes)) if at_risk is None else float_array(at_risk, "at_risk", low=0.0)
    check_length(risk, len(codes), name="at_risk", other="stage")
    if not risk.any():
        raise InputError("at_risk is zero in every row; at least one customer-month must be at risk")
    total = exits.sum(axis=1)
    check_rows(total <= risk * (1 + 1e-12), total, name="departures of a row", rule="be at most its customers at risk")
    reasons = tuple(f"cause {k + 1}" for k in range(exits.shape[1])) if causes is None else tuple(map(str, causes))
    if len(reasons) != exits.shape[1]:
        raise InputError(f"causes has {len(reasons)} names but left has {exits.shape[1]} columns")
    count = len(known)
    base = np.bincount(codes, weights=risk, minlength=count).astype(np.float64)
    gone = np.array([np.bincount(codes, weights=column, minlength=count) for column in exits.T], dtype=np.float64)
    every = gone.sum(axis=0)
    lower, upper = wilson_interval(every, base, level)
    lows, highs = wilson_interval(gone, np.broadcast_to(base, gone.shape), level)
    safe = np.where(base > 0, base, 1.0)
    whole = float(every.sum() / base.sum())
    return StageHazards(
        stage=known,
        at_risk=frozen(base),
        left=frozen(every),
        hazard=frozen(every / safe),
        lower=frozen(lower),
        upper=frozen(upper),
        ratio=tuple(float(h / whole) if whole > 0 and b > 0 else None for h, b in zip(every / safe, base, strict=True)),
        causes=reasons,
        hazard_by_cause=frozen(gone / safe),
        lower_by_cause=frozen(lows),
        upper_by_cause=frozen(highs),
        conf_level=level,
    )
