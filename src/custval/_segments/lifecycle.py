"""Where in their life with us are customers: acquire, grow, mature, decline, silent, lost, win-back?

A stage is read from facts (tenure, silence, departure, return) and from one estimate, the slope of usage, which counts
only where it is clear of its error. Near the end of a contract a smaller fall counts. So that a noisy month does not
move a customer, a stage read from the slope holds only after two months in a row; facts hold at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column, column_names, is_frame
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_rows, check_scalar, check_whole, float_array
from custval._segments.labels import is_missing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("STAGES", "LifecycleStages", "lifecycle_stage", "settled_stages")

STAGES = ("acquire", "grow", "mature", "decline", "silent", "lost", "win-back")
ACQUIRE, GROW, MATURE, DECLINE, SILENT, LOST, WIN_BACK = range(7)
AT_ONCE = ("acquire", "silent", "lost", "win-back")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class LifecycleStages(Result):
    """The stage of each customer; arrays have shape (n,).

    Attributes
    ----------
    stage : ndarray of int64
        Code of the stage that holds, 0 to 6: acquire, grow, mature, decline, silent, lost, win-back.
    proposed : ndarray of int64
        What this month alone says: give it, with `stage`, to next month's call.
    names : tuple of str
        Of the stages.

    Examples
    --------
    >>> from custval.segments import lifecycle_stage
    >>> table = {"tenure_months": [1, 20], "slope": [0.2, -0.1], "slope_std_error": [0.1, 0.01]}
    >>> lifecycle_stage(table).label().tolist()
    ['acquire', 'decline']
    """

    stage: IntArray
    proposed: IntArray
    names: tuple[str, ...]

    def label(self) -> TextArray:
        """Return the name of each customer's stage.

        Returns
        -------
        ndarray of str objects of shape (n,)
            One of ``names`` for each customer.
        """
        return np.array(self.names, dtype=object)[self.stage]

    def to_frame(self) -> pd.DataFrame:
        """Return the number and share of customers in each stage.

        Returns
        -------
        pandas.DataFrame
            ``stage``, ``customers``, ``share``.
        """
        import pandas as pd

        heads = np.bincount(self.stage, minlength=len(self.names))
        return pd.DataFrame({"stage": self.names, "customers": heads, "share": heads / max(heads.sum(), 1)})


@public("segments")
def lifecycle_stage(
    X: AnyFrame,
    *,
    acquire_months: float = 3.0,
    silent_months: float = 1.0,
    lost_months: float = 3.0,
    least_slope: float = 0.02,
    conf_level: float = 0.8,
    renewal_months: float = 3.0,
    previous: ArrayLike | None = None,
    proposed: ArrayLike | None = None,
) -> LifecycleStages:
    """Return the lifecycle stage of each customer.

    The first that fits counts: lost (has left, or silent for `lost_months`), silent (for `silent_months`), win-back
    (returned less than `acquire_months` ago), acquire (tenure below `acquire_months`), decline and grow (a slope
    beyond `least_slope`, and clear of zero by its error), mature.

    Parameters
    ----------
    X : frame or mapping with a row for each customer
        ``tenure_months`` (>= 0, since joining or returning) and, where known, ``slope`` and ``slope_std_error``
        (relative change of usage or bill a month, see ``usage_slope``), ``slope_months`` (how many months it was read
        from, >= 3), ``months_since_last`` (silence), ``left`` and ``returned`` (true or false), ``months_to_end`` (of
        the contract; missing without one).
    acquire_months : float, default 3
        Length of the first stage, >= 0.
    silent_months, lost_months : float, default 1 and 3
        Silence from which a customer is silent, and lost; > 0 and rising.
    least_slope : float, default 0.02
        Least relative change a month that counts as growth or decline, >= 0.
    conf_level : float, default 0.8
        How clear of zero the slope must be: the two-sided level of its interval, within (0, 1). The interval is
        Student's with ``slope_months - 2`` degrees of freedom; without that column it is the normal one, which calls
        more customers clear than the level says (of six months without a trend 27 % rather than 20 %).
    renewal_months : float, default 3
        In so many months before the end of the contract a fall of any size that is clear of zero is decline, >= 0.
    previous, proposed : array of shape (n,), optional
        Codes of last month's result, both or none (-1: a new customer): a change between grow, mature and decline
        then holds only if it was proposed last month too. Facts (acquire, silent, lost, win-back) hold at once.

    Returns
    -------
    LifecycleStages
        Codes that hold, and what this month proposes.

    Raises
    ------
    InputError
        If a column or threshold is illegal.

    Examples
    --------
    >>> from custval.segments import lifecycle_stage
    >>> X = {"tenure_months": [30, 30, 30, 2], "months_since_last": [0, 2, 5, 0], "returned": [0, 0, 0, 1]}
    >>> lifecycle_stage(X).label().tolist()
    ['mature', 'silent', 'lost', 'win-back']
    """
    silent = check_scalar(silent_months, "silent_months", low=0.0, low_open=True)
    lost = check_scalar(lost_months, "lost_months", low=silent, low_open=True)
    first = check_scalar(acquire_months, "acquire_months", low=0.0)
    known = _read(X)
    n = len(known["tenure_months"])
    falls, rises = _trend(known, n, conf_level, least_slope, check_scalar(renewal_months, "renewal_months", low=0.0))
    quiet = known.get("months_since_last", np.zeros(n))
    young = known["tenure_months"] < first
    conditions = [
        (known.get("left", np.zeros(n)) > 0) | (quiet >= lost),
        quiet >= silent,
        young & (known.get("returned", np.zeros(n)) > 0),
        young,
        falls,
        rises,
    ]
    codes = np.select(conditions, [LOST, SILENT, WIN_BACK, ACQUIRE, DECLINE, GROW], default=MATURE).astype(np.int64)
    holds = _settled(codes, previous, proposed)
    return LifecycleStages(stage=frozen(holds), proposed=frozen(codes), names=STAGES)


@public("segments")
def settled_stages(
    codes: ArrayLike, *, months: int = 2, at_once: Sequence[str] = AT_ONCE, names: Sequence[str] = STAGES
) -> IntArray:
    """Return a panel of stages in which a change holds only after it was proposed so many months in a row.

    Parameters
    ----------
    codes : array of shape (n, T)
        Proposed stage of each customer by month, the oldest first.
    months : int, default 2
        Months in a row, >= 1; 1 changes nothing.
    at_once : sequence of str
        Stages that hold at once, and are left at once: facts, not estimates.
    names : sequence of str
        Of the stages, in the order of their codes.

    Returns
    -------
    ndarray of int64 of shape (n, T)
        Codes that hold; the first month holds as it is.

    Raises
    ------
    InputError
        If a code or a name is unknown.

    Examples
    --------
    >>> from custval.segments import settled_stages
    >>> settled_stages([[2, 3, 2, 3, 3]]).tolist()
    [[2, 2, 2, 2, 3]]
    """
    wait = check_whole(months, "months", low=1)
    panel = np.asarray(codes)
    if panel.ndim != 2 or panel.dtype.kind not in "iu":
        raise InputError(f"codes must be whole numbers of shape (n, months), not {panel.dtype} of shape {panel.shape}")
    last = len(names) - 1
    check_rows(((panel >= 0) & (panel <= last)).all(axis=1), panel, name="codes", rule=f"be codes from 0 to {last}")
    unknown = [name for name in at_once if name not in names]
    if unknown:
        raise InputError(f"at_once names {unknown[0]!r}, which is no stage; the stages are {', '.join(names)}")
    fact = np.isin(np.arange(last + 1), [list(names).index(name) for name in at_once])
    held = panel.astype(np.int64, copy=True)
    run = np.ones(len(held), dtype=np.int64)
    for t in range(1, held.shape[1]):
        now, before = panel[:, t], held[:, t - 1]
        run = np.where(now == panel[:, t - 1], run + 1, 1)
        moves = (run >= wait) | fact[now] | fact[before]
        held[:, t] = np.where(moves, now, before)
    return held


def _read(X: AnyFrame) -> dict[str, FloatArray]:
    """Return the columns that are known here, numbers in legal ranges."""
    if not is_frame(X):
        raise InputError("X must have named columns: a frame or a mapping, with tenure_months at least")
    names = column_names(X)
    ranges = {"tenure_months": 0.0, "slope": -np.inf, "slope_std_error": 0.0, "months_since_last": 0.0}
    ranges |= {"slope_months": 3.0, "left": 0.0, "returned": 0.0}
    wanted = [name for name in ranges if name in names or name == "tenure_months"]
    known = {name: float_array(column(X, name), f"column {name!r}", low=ranges[name]) for name in wanted}
    if "months_to_end" in names:
        known["months_to_end"] = _contract(np.asarray(column(X, "months_to_end")))
    for name, values in known.items():
        check_length(values, len(known["tenure_months"]), name=repr(name), other="'tenure_months'")
    return known


def _contract(values: TextArray) -> FloatArray:
    """Return the months to the end of the contract; without one it never ends."""
    if values.dtype == object:
        none = np.array([is_missing(value) for value in values.tolist()], dtype=bool)
    else:
        none = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    filled = np.where(none, np.inf, values) if none.any() else values
    return float_array(filled, "column 'months_to_end'", finite=False)


def _trend(
    known: dict[str, FloatArray], n: int, conf_level: float, least_slope: float, renewal: float
) -> tuple[BoolArray, BoolArray]:
    """Return who clearly declines and who clearly grows."""
    from custval._segments.shares import half_width, level_of

    least = check_scalar(least_slope, "least_slope", low=0.0)
    slope = known.get("slope", np.zeros(n))
    level = level_of(conf_level)
    width: Any = half_width(level)
    if "slope_months" in known:
        from scipy.special import stdtrit

        width = stdtrit(known["slope_months"] - 2.0, 0.5 + level / 2.0)
    margin = width * known.get("slope_std_error", np.zeros(n))
    ending = known.get("months_to_end", np.full(n, np.inf)) <= renewal
    falls = (slope < 0) & (slope + margin < 0) & ((slope <= -least) | ending)
    rises = (slope > 0) & (slope - margin > 0) & (slope >= least)
    return falls, rises


def _settled(codes: IntArray, previous: ArrayLike | None, proposed: ArrayLike | None) -> IntArray:
    if previous is None and proposed is None:
        return codes.copy()
    if previous is None or proposed is None:
        raise InputError("give previous and proposed, both of last month's result, or neither")
    held, said = np.asarray(previous), np.asarray(proposed)
    for name, values in (("previous", held), ("proposed", said)):
        check_length(values, len(codes), name=name)
        known = np.isin(values, np.arange(-1, len(STAGES)))
        check_rows(known, values, name=name, rule="be a code from 0 to 6, or -1 for a new customer")
    fact = np.isin(np.arange(-1, len(STAGES)), [-1, ACQUIRE, SILENT, LOST, WIN_BACK])
    moves = (codes == said) | fact[codes + 1] | fact[held.astype(np.int64) + 1]
    return np.where(moves, codes, held).astype(np.int64)
