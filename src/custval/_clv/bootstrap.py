"""How sure is the value of a base, with no model of the hazard at all? The Bayesian bootstrap, from counts.

Each customer of the history gets a weight drawn from Exp(1); customers who look alike - same cell, months watched and
end - share one Gamma(count) weight, so a million customers cost as much as their distinct rows. Each draw gives a life
table by cell, and with it the value of today's customers by cell and tenure

    V(a) = sum_t m S(a+t) / S(a) v^t          (timing as in `discounted_value`)

so the draws of the total carry the whole uncertainty of the curves, correlated as it is. Past the last month with
enough customers at risk the mean hazard of the last `pooled` months goes on.

References
----------
Rubin, D. B. (1981), The Bayesian bootstrap, Annals of Statistics 9(1). Lo, A. Y. (1993), A Bayesian bootstrap for
censored data, Annals of Statistics 21(1): weights on the customers, product-limit of the weighted counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from custval._clv.checks import check_months, number_array
from custval._clv.discount import discount_points, survival_weights
from custval._clv.rates import discount_array
from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.randomness import generator
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray, RandomState, TextArray
from custval._core.validation import check_choice, check_length, check_rows, check_scalar, check_whole, float_array

__all__ = ("BootstrapValue", "bootstrap_value")

BLOCK_NUMBERS = 2**22


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class BootstrapValue(Result):
    """The value of today's customers with bootstrap intervals, by cell and in total.

    Attributes
    ----------
    cell : ndarray of shape (C,)
        Labels, sorted.
    customers : ndarray of shape (C,)
        Customers of today in the cell.
    value : ndarray of shape (C,)
        Value from the unweighted counts.
    std_error, lower, upper : ndarray of shape (C,)
        Standard deviation and percentiles of the draws.
    total : float
        Sum of `value`.
    total_std_error, total_lower, total_upper : float
        Of the draws of the sum.
    draws : ndarray of shape (B, C)
        Value by draw and cell.
    horizon : int
        Months ahead.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import bootstrap_value
    >>> from custval.survival import survival_target
    >>> rng = np.random.default_rng(0)
    >>> life = rng.geometric(0.04, 5000)
    >>> history = survival_target(np.minimum(life, 24), life <= 24)
    >>> found = bootstrap_value(history, margin=30.0, horizon=12, monthly_discount=0.01, random_state=0)
    >>> bool(found.total_lower < found.total < found.total_upper), found.draws.shape
    (True, (1000, 1))
    """

    cell: TextArray
    customers: FloatArray
    value: FloatArray
    std_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    total: float
    total_std_error: float
    total_lower: float
    total_upper: float
    draws: FloatArray
    horizon: int
    conf_level: float


class _Rows(NamedTuple):
    """Distinct histories: cell, months at risk (entry, duration], whether they left, and how many customers."""

    cell: IntArray
    entry: IntArray
    duration: IntArray
    left: IntArray
    customers: FloatArray


class _Base(NamedTuple):
    """Today's customers by cell and tenure, and what a month with one of them brings."""

    today: FloatArray  # (C, T + 1)
    margin: FloatArray  # (C,)
    weights: FloatArray  # (H,) of S(1..H)
    constant: float
    pooled: int


@public("clv")
def bootstrap_value(
    y: Any,
    cells: Any = None,
    *,
    margin: ArrayLike,
    horizon: int,
    monthly_discount: ArrayLike,
    timing: str = "end",
    sample_weight: ArrayLike | None = None,
    draws: int = 1000,
    pooled: int = 6,
    conf_level: float = 0.95,
    random_state: RandomState = None,
) -> BootstrapValue:
    """Return the value of today's customers with Bayesian-bootstrap intervals, from counts of their cells.

    Parameters
    ----------
    y : structured array of shape (n,)
        History of all customers in whole months (``survival_target``); those with event 0 are today's customers.
    cells : array of shape (n,), optional
        Label of each customer whose life table they share, such as contract x plan; None for one cell.
    margin : float or array of shape (n,)
        Money per month while a customer; its mean by cell, over today's customers, is what counts.
    horizon : int
        Months ahead, >= 1.
    monthly_discount : float
        Effective rate per month, > -1.
    timing : {"end", "start", "mid"}
        When in the month the margin comes in.
    sample_weight : array of shape (n,), optional
        Customers that each row stands for: counts of an engine's GROUP BY.
    draws : int
        Bootstrap draws, >= 2.
    pooled : int
        Months whose mean hazard goes on after the last month seen, >= 1.
    conf_level : float
        Level of the percentile intervals, within (0, 1).
    random_state : int, Generator or None
        Seed.

    Returns
    -------
    BootstrapValue
        Values, errors and draws by cell, and of the total.

    Raises
    ------
    InputError
        If durations are not whole months, nobody is there today, or an argument is illegal.

    References
    ----------
    Rubin, D. B. (1981), The Bayesian bootstrap, Annals of Statistics 9(1).

    Examples
    --------
    >>> from custval.clv import bootstrap_value
    >>> from custval.survival import survival_target
    >>> history = survival_target([3, 5, 5, 8, 8], [1, 1, 0, 0, 0])
    >>> found = bootstrap_value(history, margin=10.0, horizon=6, monthly_discount=0.0, draws=200, random_state=1)
    >>> round(found.total, 1)
    136.9
    """
    months, times = check_months(horizon), check_whole(draws, "draws", low=2)
    check_choice(timing, "timing", ("end", "start", "mid"))
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    entry, duration, left = _history(y)
    n = len(duration)
    labels, number = _cells(cells, n)
    weight = np.ones(n) if sample_weight is None else float_array(sample_weight, "sample_weight", low=0.0)
    check_length(weight, n, name="sample_weight", other="y")
    rows = _distinct(number, entry, duration, left, weight)
    base = _today(number, duration, np.where(left > 0, 0.0, weight), margin, labels)
    points = discount_points(discount_array(monthly_discount, 1)[:1], months, timing)
    unit = survival_weights(np.ones((1, 1)), points, timing)
    base = base._replace(
        weights=unit.scale[0] * unit.by_month[0],
        constant=float(unit.scale[0] * unit.constant[0]),
        pooled=check_whole(pooled, "pooled", low=1),
    )
    found = _values(rows, base, rows.customers[None, :])[0]
    drawn = np.empty((times, len(labels)))
    rng = generator(random_state)
    step = max(1, BLOCK_NUMBERS // (len(rows.customers) + base.today.size * months // 8 + 1))
    for start in range(0, times, step):
        size = min(step, times - start)
        drawn[start : start + size] = _values(
            rows, base, rng.standard_gamma(rows.customers, (size, len(rows.customers)))
        )
    tails = 0.5 - level / 2.0, 0.5 + level / 2.0
    lower, upper = np.quantile(drawn, tails, axis=0)
    whole = drawn.sum(axis=1)
    bounds = np.quantile(whole, tails)
    return BootstrapValue(
        cell=frozen(labels),
        customers=frozen(base.today.sum(axis=1)),
        value=frozen(found),
        std_error=frozen(drawn.std(axis=0, ddof=1)),
        lower=frozen(lower),
        upper=frozen(upper),
        total=float(found.sum()),
        total_std_error=float(whole.std(ddof=1)),
        total_lower=float(bounds[0]),
        total_upper=float(bounds[1]),
        draws=frozen(drawn),
        horizon=months,
        conf_level=level,
    )


def _history(y: Any) -> tuple[IntArray, IntArray, IntArray]:
    target = np.asarray(y)
    if target.dtype.names is None or not {"duration", "event"} <= set(target.dtype.names):
        raise InputError("y must be a target with duration and event, as survival_target makes it")
    late = target["entry"] if "entry" in target.dtype.names else np.zeros(len(target))
    parts = {"duration": float_array(target["duration"], "duration"), "entry": float_array(late, "entry")}
    for name, values in parts.items():
        check_rows(values == np.floor(values), values, name=name, rule="be whole months", fix="see to_months")
    left = (np.asarray(target["event"]) > 0).astype(np.int64)
    if left.all():
        raise InputError("every customer has left, so there is no base to value; give today's customers event 0")
    return parts["entry"].astype(np.int64), parts["duration"].astype(np.int64), left


def _cells(cells: Any, n: int) -> tuple[TextArray, IntArray]:
    if cells is None:
        return np.array(["all"]), np.zeros(n, dtype=np.int64)
    labels = np.asarray(cells)
    check_length(labels, n, name="cells", other="y")
    unique, number = np.unique(labels, return_inverse=True)
    return unique, np.asarray(number, dtype=np.int64)


def _distinct(cell: IntArray, entry: IntArray, duration: IntArray, left: IntArray, weight: FloatArray) -> _Rows:
    longest = int(duration.max()) + 1
    key = ((cell * longest + entry) * longest + duration) * 2 + left
    unique, place = np.unique(key, return_inverse=True)
    count = np.asarray(np.bincount(place, weights=weight), dtype=np.float64)
    some = count > 0
    rest, gone = np.divmod(unique[some], 2)
    rest, lasted = np.divmod(rest, longest)
    where, began = np.divmod(rest, longest)
    return _Rows(where, began, lasted, gone, count[some])


def _today(cell: IntArray, tenure: IntArray, weight: FloatArray, margin: ArrayLike, labels: TextArray) -> _Base:
    count, longest = len(labels), int(tenure.max())
    flat = cell * (longest + 1) + tenure
    today = np.bincount(flat, weights=weight, minlength=count * (longest + 1)).reshape(count, longest + 1)
    money = number_array(margin, "margin")
    if money.ndim:
        check_length(money, len(cell), name="margin", other="y")
    earned = np.bincount(cell, weights=weight * np.broadcast_to(money, cell.shape), minlength=count)
    heads = today.sum(axis=1)
    mean = np.divide(earned, heads, out=np.zeros(count), where=heads > 0)
    return _Base(np.asarray(today, dtype=np.float64), mean, np.zeros(0), 0.0, 1)


def _values(rows: _Rows, base: _Base, weight: FloatArray) -> FloatArray:
    """Return the value of today's customers by draw and cell, (B, C), from weights (B, rows)."""
    hazard, mean = _hazards(rows, base, weight)  # (B, C, T), (B, C)
    horizon, longest = len(base.weights), hazard.shape[2]
    pad = np.repeat(mean[:, :, None], horizon, axis=2)
    log_stay = np.log1p(-np.minimum(np.concatenate([hazard, pad], axis=2), 1.0 - 1e-12))
    kept = np.exp(np.concatenate([np.zeros((*hazard.shape[:2], 1)), np.cumsum(log_stay, axis=2)], axis=2))
    worth = np.full((*hazard.shape[:2], longest + 1), base.constant)
    for t in range(1, horizon + 1):
        worth += base.weights[t - 1] * kept[:, :, t : t + longest + 1] / kept[:, :, : longest + 1]
    value = np.einsum("bct,ct->bc", worth, base.today)
    return np.asarray(value * base.margin)


def _hazards(rows: _Rows, base: _Base, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the weighted hazard of months 1..T by draw and cell, and the mean of the last months, which goes on."""
    count, longest = base.today.shape[0], base.today.shape[1] - 1
    draws, width = len(weight), longest + 2
    offset = np.arange(draws)[:, None] * (count * width)

    def table(month: IntArray, keep: FloatArray) -> FloatArray:
        flat = (offset + (rows.cell * width + month)[None, :]).ravel()
        sums = np.bincount(flat, weights=(weight * keep).ravel(), minlength=draws * count * width)
        return np.asarray(sums, dtype=np.float64).reshape(draws, count, width)

    everyone = np.ones(len(rows.customers))
    # at risk in month t: entry < t <= duration, as differences that are summed up
    at_risk = np.cumsum(table(rows.entry + 1, everyone) - table(rows.duration + 1, everyone), axis=2)[:, :, 1:-1]
    exits = table(rows.duration, rows.left.astype(np.float64))[:, :, 1:-1]
    known = at_risk > 1e-9
    hazard = np.divide(exits, at_risk, out=np.zeros_like(exits), where=known)
    last = known.shape[2] - known[:, :, ::-1].argmax(axis=2)  # months with anybody at risk
    months = np.arange(1, known.shape[2] + 1)
    recent = (months > last[:, :, None] - base.pooled) & (months <= last[:, :, None])
    risk = (at_risk * recent).sum(axis=2)
    mean = np.divide((exits * recent).sum(axis=2), risk, out=np.zeros_like(risk), where=risk > 0)
    return np.where(months > last[:, :, None], mean[:, :, None], hazard), mean
