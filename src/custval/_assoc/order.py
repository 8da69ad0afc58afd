"""What is taken first, and how much counts what was seen long ago?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._assoc.events import Events, read_events
from custval._assoc.fisher import adjusted_p
from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray
from custval._core.validation import check_scalar, check_whole, float_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("AdoptionOrder", "adoption_order", "recency_weights")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class AdoptionOrder(Result):
    """Pairs of items with the order in which customers take them, surest order first.

    Attributes
    ----------
    first, second : tuple
        The item that comes first more often, and the other.
    both : ndarray of int64, shape (k,)
        Customers who took both at different times.
    first_share : ndarray of float64, shape (k,)
        Share of them who took `first` first, 0.5..1.
    median_gap : ndarray of float64, shape (k,)
        Median time from `first` to `second` among those.
    p_value, p_adjusted : ndarray of float64, shape (k,)
        Two-sided sign test of "either order is as likely", and after Benjamini-Hochberg over all pairs.

    Examples
    --------
    >>> from custval.assoc import adoption_order
    >>> table = {"subscriber_id": [1, 1, 2, 2, 3, 3], "item": ["sim", "tv"] * 3, "time": [0, 2, 0, 4, 0, 6]}
    >>> found = adoption_order(table, min_count=2)
    >>> found.first[0], found.second[0], float(found.median_gap[0]), float(found.p_value[0])
    ('sim', 'tv', 4.0, 0.25)
    """

    first: tuple[Any, ...]
    second: tuple[Any, ...]
    both: IntArray
    first_share: FloatArray
    median_gap: FloatArray
    p_value: FloatArray
    p_adjusted: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each pair.

        Returns
        -------
        pandas.DataFrame
            Columns first, second, both, first_share, median_gap, p_value, p_adjusted.

        Examples
        --------
        >>> from custval.assoc import adoption_order
        >>> table = {"subscriber_id": [1, 1], "item": ["sim", "tv"], "time": [0, 2]}
        >>> adoption_order(table).to_frame()["second"].tolist()
        ['tv']
        """
        import pandas as pd

        names = ("both", "first_share", "median_gap", "p_value", "p_adjusted")
        return pd.DataFrame(
            {
                "first": pd.Series(list(self.first), dtype=object),
                "second": pd.Series(list(self.second), dtype=object),
                **{name: getattr(self, name) for name in names},
            }
        )


@public("assoc")
def adoption_order(
    events: Any,
    *,
    min_count: int = 1,
    customer: str = "subscriber_id",
    item: str = "item",
    time: str = "time",
) -> AdoptionOrder:
    """Say for each pair of items which one customers take first, how surely, and how long before the other.

    Parameters
    ----------
    events : frame, or list of sequences
        A long table with one row for each item taken, or for each customer the items in time order.
    min_count : int
        Fewest customers with both items at different times, >= 1.
    customer, item, time : str
        Columns of the table.

    Returns
    -------
    AdoptionOrder
        The pairs, smallest p-value first.

    Raises
    ------
    InputError
        Missing values, a `min_count` below 1.

    Examples
    --------
    >>> from custval.assoc import adoption_order
    >>> adoption_order([["sim", "tv"], ["sim", "net", "tv"], ["tv", "sim"]]).both.tolist()
    [1, 1, 3]
    """
    from scipy.special import bdtr

    least = check_whole(min_count, "min_count", low=1)
    data = read_events(events, customer=customer, item=item, time=time, window=0.0)
    rows = _pairs(_first_times(data), least)
    both = np.array([row[2] for row in rows], dtype=np.int64)
    ahead = np.array([row[3] for row in rows], dtype=np.int64)
    # twice the chance of as few in the rarer order, if a fair coin decided
    p = np.minimum(1.0, 2 * bdtr((both - ahead).astype(np.float64), both, 0.5)) if rows else np.zeros(0)
    order = np.argsort(p, kind="stable")
    adjusted = adjusted_p(p)
    return AdoptionOrder(
        tuple(data.items[rows[i][0]] for i in order.tolist()),
        tuple(data.items[rows[i][1]] for i in order.tolist()),
        frozen(both[order]),
        frozen(ahead[order] / np.maximum(both[order], 1)),
        frozen(np.array([rows[i][4] for i in order.tolist()], dtype=np.float64)),
        frozen(p[order]),
        frozen(adjusted[order]),
    )


def _first_times(data: Events) -> FloatArray:
    first = np.full((len(data.items), data.n), np.inf)
    step, code = data.step[::-1], data.code[::-1]
    first[code, data.step_customer[step]] = data.step_time[step]
    return first


def _pairs(first: FloatArray, least: int) -> list[tuple[int, int, int, int, float]]:
    """Return (earlier, later, both, earlier first, median gap) for each pair with enough customers."""
    rows = []
    for i in range(len(first)):
        for j in range(i + 1, len(first)):
            known = np.isfinite(first[i]) & np.isfinite(first[j])
            gap = first[j, known] - first[i, known]
            gap = gap[gap != 0]
            if len(gap) < least:
                continue
            ahead = int((gap > 0).sum())
            one, two, sign = (i, j, 1) if 2 * ahead >= len(gap) else (j, i, -1)
            side = sign * gap[sign * gap > 0]
            rows.append((one, two, len(gap), len(side), float(np.median(side))))
    return rows


@public("assoc")
def recency_weights(age: ArrayLike, *, half_life: float) -> FloatArray:
    """Return weights that halve with age, so that supports speak of today: give them as ``sample_weight``.

    Parameters
    ----------
    age : array_like of shape (n,)
        Time since each customer's basket was seen, >= 0.
    half_life : float
        Age at which a basket counts half, > 0, in the same unit.

    Returns
    -------
    ndarray of float64, shape (n,)
        0.5 ** (age / half_life), in (0, 1].

    Raises
    ------
    InputError
        An age below 0, a half-life not above 0.

    Examples
    --------
    >>> from custval.assoc import recency_weights
    >>> recency_weights([0, 6, 12], half_life=6.0).tolist()
    [1.0, 0.5, 0.25]
    """
    span = check_scalar(half_life, "half_life", low=0.0, low_open=True)
    return np.asarray(0.5 ** (float_array(age, "age", low=0.0) / span), dtype=np.float64)
