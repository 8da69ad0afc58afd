"""Which recommender is best here? Each learns from what was held before a date, and what was taken after judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._assoc.baskets import Baskets
from custval._assoc.events import Events, read_events
from custval._assoc.recommending import METHODS, Recommender
from custval._assoc.utility import margin_array
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._core.validation import check_choice, check_scalar, check_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("RecommenderComparison", "compare_recommenders")


@public("assoc")
@dataclass(frozen=True, slots=True, eq=False)
class RecommenderComparison(Result):
    """How well each method foresaw what customers took.

    Attributes
    ----------
    method : tuple of str
        The methods, best hit rate first.
    hit_rate, hit_rate_std_error : ndarray of float64, shape (methods,)
        Share of the takers (customers who took something new) with at least one of k offers among what they took.
    ndcg : ndarray of float64, shape (methods,)
        Gain of the offers discounted by rank, over the best possible, mean over takers.
    margin_captured : ndarray of float64, shape (methods,)
        Margin of the offers that were taken over the margin of all that was taken; items count 1 without margins.
    coverage : ndarray of float64, shape (methods,)
        Share of items that are offered to somebody.
    calibration_ratio : ndarray of float64, shape (methods,)
        Takings foreseen over takings seen among all offers: 1 is right, above 1 promises too much; inf if nothing of
        what was offered was taken.
    brier : ndarray of float64, shape (methods,)
        Mean squared error of the chance of acceptance over all offers.
    takers : int
        Customers who took something new.
    customers : int
        Customers who were offered something or took something.
    k : int
        Offers for each customer.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.assoc import compare_recommenders
    >>> rng = np.random.default_rng(0)
    >>> rows = [(i, "sim", 0.0) for i in range(400)]
    >>> for i in range(400):
    ...     fan = i % 2 == 0
    ...     rows.append((i, "sport" if fan else "kids", rng.uniform(0, 12)))
    ...     rows.append((i, "box" if fan else "watch", rng.uniform(0, 24)))
    >>> table = {name: [row[j] for row in rows] for j, name in enumerate(("subscriber_id", "item", "time"))}
    >>> found = compare_recommenders(table, cut=12.0, horizon=12.0, k=1, methods=["rules", "popularity"])
    >>> found.method
    ('rules', 'popularity')
    """

    method: tuple[str, ...]
    hit_rate: FloatArray
    hit_rate_std_error: FloatArray
    ndcg: FloatArray
    margin_captured: FloatArray
    coverage: FloatArray
    calibration_ratio: FloatArray
    brier: FloatArray
    takers: int
    customers: int
    k: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each method.

        Returns
        -------
        pandas.DataFrame
            Columns method, hit_rate, hit_rate_std_error, ndcg, margin_captured, coverage, calibration_ratio, brier.

        Examples
        --------
        >>> from custval.assoc import compare_recommenders
        >>> table = {"subscriber_id": [1, 1, 2, 2], "item": ["a", "b", "a", "b"], "time": [0.0, 3.0, 0.0, 1.0]}
        >>> found = compare_recommenders(table, cut=2.0, horizon=2.0, k=1, methods=["popularity"])
        >>> found.to_frame()["hit_rate"].tolist()
        [1.0]
        """
        import pandas as pd

        names = ("hit_rate", "hit_rate_std_error", "ndcg", "margin_captured", "coverage", "calibration_ratio", "brier")
        return pd.DataFrame({"method": list(self.method), **{name: getattr(self, name) for name in names}})


@public("assoc")
def compare_recommenders(
    events: Any,
    *,
    cut: float | np.datetime64,
    horizon: float,
    k: int = 3,
    methods: Sequence[str | Recommender] = METHODS,
    margin: Mapping[Any, float] | None = None,
    customer: str = "subscriber_id",
    item: str = "item",
    time: str = "time",
) -> RecommenderComparison:
    """Compare recommenders on what customers took after a date, each having seen only what was held before.

    Chances are calibrated on the horizon before the cut, by a model that knew only what was held before that horizon;
    so nothing of the time judged is ever seen.

    Parameters
    ----------
    events : frame
        A long table with one row for each item that a customer took.
    cut : float or date
        What was taken before this time is known.
    horizon : float
        Takings from `cut` to `cut` + `horizon` are judged, > 0; days where times are dates.
    k : int
        Offers for each customer, >= 1.
    methods : sequence of str or Recommender
        The methods, or recommenders with settings of their own.
    margin : mapping of item to money, optional
        Rank offers by P(accept) x margin and weigh what was captured.
    customer, item, time : str
        Columns of the table.

    Returns
    -------
    RecommenderComparison
        One row for each method, best hit rate first.

    Raises
    ------
    InputError
        Nothing before the cut, nothing new taken after it, an unknown method.

    References
    ----------
    Cremonesi, Koren & Turrin (2010), Performance of recommender algorithms on top-N recommendation tasks.

    Examples
    --------
    >>> from custval.assoc import compare_recommenders
    >>> table = {"subscriber_id": [1, 1, 2, 2], "item": ["a", "b", "a", "b"], "time": [0.0, 3.0, 0.0, 1.0]}
    >>> compare_recommenders(table, cut=2.0, horizon=2.0, k=1, methods=["popularity"]).takers
    1
    """
    size = check_whole(k, "k", low=1)
    length = check_scalar(horizon, "horizon", low=0.0, low_open=True)
    moment = _moment(cut)
    data = read_events(events, customer=customer, item=item, time=time, window=0.0)
    first = _first_taken(data)
    before, later = first < moment, (first >= moment) & (first < moment + length)
    known = before.any(axis=1)
    if not known.any():
        raise InputError("nothing was taken before the cut; choose a later one")
    before, later = before[known], later[known]
    if not later.any():
        raise InputError("nothing new was taken between cut and cut + horizon; choose a longer horizon")
    earlier = (first < moment - length)[known]
    price = np.ones(len(data.items)) if margin is None else margin_array(margin, data.items)
    rows = []
    for choice in methods:
        model = _fitted(choice, data.items, before, earlier)
        rows.append(
            (_name(choice), _judged(model, data.items, (before, later), price, size, by_margin=margin is not None))
        )
    rows.sort(key=lambda row: -row[1][0])
    names = ("hit_rate", "hit_rate_std_error", "ndcg", "margin_captured", "coverage", "calibration_ratio", "brier")
    columns: dict[str, Any] = {name: frozen(np.array([row[1][j] for row in rows])) for j, name in enumerate(names)}
    takers = int(later.any(axis=1).sum())
    return RecommenderComparison(tuple(row[0] for row in rows), takers=takers, customers=len(before), k=size, **columns)


def _moment(cut: float | np.datetime64) -> float:
    if isinstance(cut, (int, float, np.number)):
        return check_scalar(cut, "cut")
    try:
        date = np.datetime64(cut)
    except ValueError:
        raise InputError(f"cut must be a number or a date, not {cut!r}") from None
    return float((date - np.datetime64(0, "D")) / np.timedelta64(1, "D"))


def _first_taken(data: Events) -> FloatArray:
    """Return when each customer first took each item, inf where never, shape (n, m)."""
    first = np.full((data.n, len(data.items)), np.inf)
    # steps rise in time: written from the last to the first, the first stays
    step, code = data.step[::-1], data.code[::-1]
    first[data.step_customer[step], code] = data.step_time[step]
    return first


def _name(choice: str | Recommender) -> str:
    return choice if isinstance(choice, str) else repr(choice)


def _fitted(choice: str | Recommender, items: tuple[Any, ...], before: BoolArray, earlier: BoolArray) -> Recommender:
    """Return the recommender as of the cut, calibrated by its like of one horizon earlier where that is possible."""
    if isinstance(choice, str):
        check_choice(choice, "method", METHODS)
        choice = Recommender(method=choice)
    model = _new(choice).fit(Baskets.from_matrix(before, items=items))
    past = earlier.any(axis=1)
    taken = before[past] & ~earlier[past]
    if taken.any():
        like = _new(choice).fit(Baskets.from_matrix(earlier[past], items=items))
        like.calibrate(_sets(earlier[past], items), _sets(taken, items))
        model.calibration_ = like.calibration_
    return model


def _new(model: Recommender) -> Recommender:
    return Recommender(**model.get_params(deep=False))


def _sets(held: BoolArray, items: tuple[Any, ...]) -> list[list[Any]]:
    return [[items[j] for j in np.flatnonzero(row)] for row in held]


def _judged(
    model: Recommender,
    items: tuple[Any, ...],
    held: tuple[BoolArray, BoolArray],
    price: FloatArray,
    k: int,
    *,
    by_margin: bool,
) -> tuple[float, ...]:
    """Return hit rate, its error, NDCG, captured margin, coverage, calibration ratio and Brier score."""
    before, later = held
    money = dict(zip(items, price.tolist(), strict=True)) if by_margin else None
    extra = {label: 0.0 for label in model.items_ if label not in items}
    made = model.recommend(_sets(before, items), k, margin=None if money is None else {**extra, **money})
    place = {label: position for position, label in enumerate(items)}
    row = np.asarray(made.customer, dtype=np.int64)
    code = np.array([place[label] for label in made.item.tolist()], dtype=np.int64)
    hit = later[row, code]
    takers = np.flatnonzero(later.any(axis=1))
    hits = np.zeros(len(before))
    np.add.at(hits, row, hit)
    rate = float((hits[takers] > 0).mean())
    gain = np.zeros(len(before))
    np.add.at(gain, row, hit / np.log2(made.rank + 1))
    best = _best_gain(np.minimum(later.sum(axis=1), k))
    chance = made.p_accept
    seen = float(hit.sum())
    return (
        rate,
        float(np.sqrt(rate * (1 - rate) / len(takers))),
        float((gain[takers] / best[takers]).mean()),
        float(price[code[hit]].sum() / max((later * price).sum(), 1e-300)),
        len(np.unique(code)) / len(items),
        float(chance.sum() / seen) if seen else np.inf,
        float(np.mean((chance - hit) ** 2)) if len(hit) else 0.0,
    )


def _best_gain(size: IntArray) -> FloatArray:
    gains = np.append(0.0, np.cumsum(1 / np.log2(np.arange(2, int(size.max(initial=0)) + 2))))
    return np.asarray(gains[size], dtype=np.float64)
