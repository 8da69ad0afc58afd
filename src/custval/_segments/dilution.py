"""What do internal transfers cost in revenue per user, and when do they pay all the same?

A customer who moves to a cheaper plan is kept, but brings less. With a and b the monthly margins before and after, the
transfer dilutes the margin by a - b. It pays if enough of those who moved would otherwise have left: had the share s
left, the operator would hold (1 - s) of what the old plan brings, so the transfer breaks even at

    s* = 1 - (value after) / (value before),

with values over the further stay (the same stay: margins alone decide; else give the months expected in each plan).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_length, float_array, sample_weight_array
from custval._segments.labels import label_codes
from custval._segments.shares import half_width, level_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("TransferDilution", "transfer_dilution")

Partial = tuple[float | None, ...]


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class TransferDilution(Result):
    """One row for each kind of transfer, and the last for all of them together; arrays have shape (T + 1,).

    Attributes
    ----------
    origin, destination : tuple of str
        From and to; ``all`` in the last row.
    customers : ndarray
        Transfers.
    before, after : ndarray
        Mean monthly margin before and after.
    change : ndarray
        ``after - before``: below zero is dilution.
    change_std_error, change_lower, change_upper : tuple of float or None
        Error and interval of the mean change, from the differences of the same customers; None for one customer.
    monthly_total : ndarray
        Change a month of all who moved.
    relative_change : tuple of float or None
        ``change / before``; None where `before` is not above 0.
    break_even : tuple of float or None
        Share of those who moved who would have had to leave otherwise, for the transfer to pay: at or below 0 it pays
        even if nobody would have left. None where the value before is not above 0.
    break_even_std_error, break_even_lower, break_even_upper : tuple of float or None
        Its error (delta method of a ratio of means) and interval.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> from custval.segments import transfer_dilution
    >>> found = transfer_dilution([30.0, 34.0, 28.0], [24.0, 25.0, 23.0])
    >>> found.change.round(2).tolist(), round(found.break_even[-1], 3)
    ([-6.67, -6.67], 0.217)
    """

    origin: tuple[str, ...]
    destination: tuple[str, ...]
    customers: FloatArray
    before: FloatArray
    after: FloatArray
    change: FloatArray
    change_std_error: Partial
    change_lower: Partial
    change_upper: Partial
    monthly_total: FloatArray
    relative_change: Partial
    break_even: Partial
    break_even_std_error: Partial
    break_even_lower: Partial
    break_even_upper: Partial
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each kind of transfer.

        Returns
        -------
        pandas.DataFrame
            The fields by name.
        """
        import pandas as pd

        return pd.DataFrame({name: list(getattr(self, name)) for name in self.__slots__ if name != "conf_level"})


@public("segments")
def transfer_dilution(
    before: ArrayLike,
    after: ArrayLike,
    *,
    origin: Any = None,
    destination: Any = None,
    months_before: ArrayLike = 1.0,
    months_after: ArrayLike = 1.0,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> TransferDilution:
    """Return how much margin internal transfers dilute, by kind, and when they break even.

    Parameters
    ----------
    before, after : array of shape (n,)
        Monthly margin of each customer who moved, before and after.
    origin, destination : array of shape (n,), optional
        Plan, network or brand before and after; None is one kind.
    months_before, months_after : float or array of shape (n,), default 1
        Discounted months the customer would stay in the old plan (had they not left) and stays in the new one: the
        values of the break-even are margin x months.
    sample_weight : array of shape (n,), optional
        Case weights >= 0; whole ones equal duplicated rows.
    conf_level : float
        Level of the intervals, within (0, 1).

    Returns
    -------
    TransferDilution
        Dilution and break-even with intervals.

    Raises
    ------
    InputError
        If a value is missing or infinite, or lengths do not fit.

    References
    ----------
    Error of a ratio of means: Cochran, W. G. (1977), Sampling Techniques, equation 6.13.

    Examples
    --------
    >>> from custval.segments import transfer_dilution
    >>> found = transfer_dilution([30.0, 40.0], [24.0, 36.0], origin=["L", "L"], destination=["M", "M"])
    >>> found.to_frame()[["origin", "destination", "change", "monthly_total"]].values.tolist()
    [['L', 'M', -5.0, -10.0], ['all', 'all', -5.0, -10.0]]
    """
    level = level_of(conf_level)
    one, two = float_array(before, "before"), float_array(after, "after")
    check_length(two, len(one), name="after", other="before")
    if len(one) == 0:
        raise InputError("before is empty; at least one customer who moved is needed")
    weight = sample_weight_array(sample_weight, len(one))
    values = np.column_stack([one * _months(months_before, one), two * _months(months_after, one)])
    codes, names = _kinds(origin, destination, len(one))
    names = [name for k, name in enumerate(names) if weight[codes == k].any()]
    codes = np.searchsorted(np.unique(codes[weight > 0]), codes)
    rows = [_row(one, two, values, weight * (codes == k), level) for k in range(len(names))]
    rows.append(_row(one, two, values, weight, level))
    names = [*names, ("all", "all")]
    arrays = ("customers", "before", "after", "change", "monthly_total")
    columns: dict[str, Any] = {}
    for name in rows[0]:
        values_of = [row[name] for row in rows]
        columns[name] = frozen(np.array(values_of)) if name in arrays else tuple(values_of)
    return TransferDilution(
        origin=tuple(name for name, _ in names),
        destination=tuple(name for _, name in names),
        conf_level=level,
        **columns,
    )


def _months(months: ArrayLike, like: FloatArray) -> FloatArray:
    found = np.asarray(months, dtype=np.float64)
    if found.ndim:
        check_length(found, len(like), name="months", other="before")
    return float_array(np.broadcast_to(found, like.shape), "months", low=0.0)


def _kinds(origin: Any, destination: Any, n: int) -> tuple[IntArray, list[tuple[str, str]]]:
    """Return the kind of each transfer as a code, and the kinds that occur."""
    sides = []
    for name, labels in (("origin", origin), ("destination", destination)):
        found: tuple[IntArray, Sequence[str]] = (np.zeros(n, dtype=np.int64), ("any",))
        if labels is not None:
            check_length(labels, n, name=name, other="before")
            found = label_codes(labels, name=name)
        sides.append(found)
    (one, first), (two, second) = sides
    pair = one * len(second) + two
    distinct, codes = np.unique(pair, return_inverse=True)
    names = [(first[int(cell) // len(second)], second[int(cell) % len(second)]) for cell in distinct]
    return np.asarray(codes, dtype=np.int64), names


def _row(one: FloatArray, two: FloatArray, values: FloatArray, weight: FloatArray, level: float) -> dict[str, Any]:
    heads, z = float(weight.sum()), half_width(level)
    share = weight / heads
    whole = bool((weight == np.floor(weight)).all())
    n = heads if whole else float((weight > 0).sum())
    squares = weight if whole else weight**2

    def error(influence: FloatArray) -> float | None:
        """Return the error of a mean of influences, with n - 1 where n customers were seen."""
        return float(np.sqrt((squares * influence**2).sum() * n / (n - 1)) / heads) if n > 1 else None

    change = two - one
    mean = float(share @ change)
    before, after = float(share @ one), float(share @ two)
    spread = error(change - mean)
    kept, held = share @ values
    ratio = None if kept <= 0 else float(held / kept)
    doubt = None if ratio is None else error((values[:, 1] - ratio * values[:, 0]) / kept)
    even = None if ratio is None else 1.0 - ratio
    ends = (None, None) if even is None or doubt is None else (even - z * doubt, even + z * doubt)
    return {
        "customers": heads,
        "before": before,
        "after": after,
        "change": mean,
        "change_std_error": spread,
        "change_lower": None if spread is None else mean - z * spread,
        "change_upper": None if spread is None else mean + z * spread,
        "monthly_total": mean * heads,
        "relative_change": None if before <= 0 else mean / before,
        "break_even": even,
        "break_even_std_error": doubt,
        "break_even_lower": ends[0],
        "break_even_upper": ends[1],
    }
