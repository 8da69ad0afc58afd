"""Growing trees on person-months: which months are drawn, when to stop, and what makes the probabilities true.

**Person-months.** With ``target="hazard"`` a row is a month at risk and says whether the customer left in it. With
``target="incidence"`` a row is a month t and says whether the customer has left by t; who was censored before t is made
up for by weights 1 / G. Of the months of a customer one is drawn from each of a few stretches of equal length, weighing
as many months as its stretch: the weighted sum of any function over the drawn months has the sum over all months as its
mean, and the table never holds more than ``negatives + 1`` rows a customer. Months of departure are all kept where a
hazard is told.

**Causes.** One booster for each cause tells its odds against staying, from the rows of those who stay and those who
leave for it; ``p_k = exp(eta_k) / (1 + sum_j exp(eta_j))`` puts them together (Begg and Gray 1984).

**When to stop, and calibration.** Customers are split into folds; the trees grown without a fold foretell it. The
number of trees is that of the least integrated Brier score, and these same forecasts calibrate the whole: at month t

    log H'(t | x) = a(t) + b(t) log H(t | x),      H = -log S

is the fit of ``1 - exp(-H')`` to who has left by t, with weights 1 / G for those censored before.

References
----------
Begg and Gray (1984), Calculation of polychotomous logistic regression parameters using individualized regressions,
Biometrika 71, 11-18.
Graf, Schmoor, Sauerbrei and Schumacher (1999), Assessment and comparison of prognostic classification schemes for
survival data, Statistics in Medicine 18, 2529-2545.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np

from custval._core.errors import MissingExtraError
from custval._core.typing import FloatArray, IntArray
from custval._survival.boosted_trees import from_lightgbm, from_sklearn, from_xgboost, staged

__all__ = (
    "Grown",
    "Months",
    "Settings",
    "calibrated_hazard",
    "cause_hazards",
    "forecast",
    "grow",
    "hazard_months",
    "held_out_brier",
    "incidence_months",
)

Rows: TypeAlias = tuple[FloatArray, IntArray, FloatArray]  # columns, who left, weights
_STAGES = 12
_LOOKED_AT = 20_000  # customers that stopping and calibration look at, at most
_LEAST_EVENTS = 25  # departures of a cause in a fold, below which trees are neither stopped early nor calibrated
_PRIOR = 4.0  # weight of "as it is" in the calibration, in customers


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """How to grow: see the parameters of BoostedHazard; `monotone` (p,) are -1, 0, 1."""

    max_iter: int
    learning_rate: float
    max_leaf_nodes: int
    min_samples_leaf: int
    l2: float
    negatives: int
    folds: int
    booster: str
    monotone: IntArray
    seed: int
    target: str


@dataclass(frozen=True, slots=True, eq=False)
class Months:
    """Customers in whole months: X (n, p), entry, duration (n,), event (n,), weight (n,), K causes."""

    X: FloatArray
    entry: IntArray
    duration: IntArray
    event: IntArray
    weight: FloatArray
    causes: int

    def rows(self, keep: IntArray) -> Months:
        """Return the rows that `keep` names."""
        return Months(
            self.X[keep], self.entry[keep], self.duration[keep], self.event[keep], self.weight[keep], self.causes
        )


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """What was learned: trees of each cause, calibration a and b (T,), trees kept, scores (stops, Brier)."""

    trees: tuple[dict[str, Any], ...]
    shift: FloatArray
    scale: FloatArray
    n_trees: int
    stops: IntArray
    brier: FloatArray


def grow(data: Months, settings: Settings) -> Grown:
    """Return the boosters of all causes, stopped early and calibrated where there are enough departures."""
    rng = np.random.default_rng(settings.seed)
    last = int(data.duration.max())
    counts = np.bincount(data.event, minlength=data.causes + 1)[1:]
    plain = np.zeros(last), np.ones(last)
    if settings.folds < 2 or counts.min() < settings.folds * _LEAST_EVENTS:
        # too few to hold some back
        trees = _boosters(data, settings, settings.max_iter, rng)
        return Grown(trees, *plain, settings.max_iter, np.array([settings.max_iter]), np.zeros(1))
    stops, outside, squares, who = _held_out(data, settings, rng)
    weight, gone = _known(data.rows(who), last)
    brier = squares.mean(axis=1)
    best = _chosen(squares)
    shift, scale = _calibration(outside[best], weight, gone, data.weight[who])
    trees = _boosters(data, settings, int(stops[best]), rng)
    return Grown(trees, shift, scale, int(stops[best]), stops, brier)


def hazard_months(data: Months, cause: int, negatives: int, rng: np.random.Generator) -> Rows:
    """Return rows (month first), whether the month ended in a departure for `cause`, and the weight of the rows."""
    stayed = data.duration - data.entry - (data.event > 0)
    who, ahead, stretch = _drawn(stayed, np.minimum(stayed, negatives), rng)
    left = np.flatnonzero(data.event == cause)
    rows = np.concatenate([who, left])
    month = np.concatenate([data.entry[who] + 1 + ahead, data.duration[left]])
    weight = np.concatenate([stretch * data.weight[who], data.weight[left]])
    return _table(month, data.X, rows), np.repeat([0, 1], [len(who), len(left)]), weight


def incidence_months(data: Months, cause: int, negatives: int, rng: np.random.Generator) -> Rows:
    """Return rows (month first), whether the customer has left for `cause` by it, and the weight of the rows."""
    last = int(data.duration.max())
    n = len(data.duration)
    who, ahead, stretch = _drawn(np.full(n, last), np.full(n, min(negatives, last)), rng)
    month, end = 1 + ahead, data.duration[who]
    gone = (data.event[who] == cause) & (end <= month)
    there = end > month
    G = _staying_watched(data, last)
    weight = np.where(gone, 1 / G[np.maximum(end - 1, 0)], 0.0) + np.where(there, 1 / G[month], 0.0)
    keep = np.flatnonzero(weight)
    weight = (weight * stretch * data.weight[who])[keep]
    return _table(month[keep], data.X, who[keep]), gone[keep].astype(np.int64), weight


def _drawn(length: IntArray, number: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    """Return who, which of their ``length`` months (from 0) stands for each of ``number`` stretches, and its size."""
    who = np.repeat(np.arange(len(length)), number)
    place = np.arange(len(who)) - np.repeat(np.cumsum(number) - number, number)
    first = place * length[who] // number[who]
    stretch = (place + 1) * length[who] // number[who] - first
    return who, first + np.floor(rng.random(len(who)) * stretch).astype(np.int64), stretch


def _table(month: IntArray, X: FloatArray, rows: IntArray) -> FloatArray:
    made = np.empty((len(rows), X.shape[1] + 1))
    made[:, 0], made[:, 1:] = month, X[rows]
    return made


def forecast(odds: list[FloatArray], target: str) -> tuple[FloatArray, FloatArray]:
    """Return the cumulative hazard -log S (n, T), and each cause's share of those who leave in a month (n, K, T)."""
    told = cause_hazards(odds)
    if target == "hazard":
        return raw_hazard(told), _shares(told)
    staying = np.minimum.accumulate(np.maximum(1 - told.sum(axis=1), 1e-12), axis=1)
    return -np.log(staying), _shares(np.maximum(np.diff(told, axis=2, prepend=0.0), 0.0), told)


def _shares(parts: FloatArray, other: FloatArray | None = None) -> FloatArray:
    """Return parts (n, K, T) over their sum; where that is nothing those of `other`, or equal ones."""
    total = parts.sum(axis=1, keepdims=True)
    spare = np.full_like(parts, 1 / parts.shape[1]) if other is None else _shares(other)
    return np.where(total > 0, parts / np.where(total > 0, total, 1.0), spare)


def cause_hazards(odds: list[FloatArray]) -> FloatArray:
    """Return monthly hazards of all causes, (n, K, T), from the log odds of each against staying."""
    stacked = np.stack(odds, axis=1)
    top = np.maximum(stacked.max(axis=1, keepdims=True), 0.0)
    raised = np.exp(stacked - top)
    return np.asarray(raised / (np.exp(-top) + raised.sum(axis=1, keepdims=True)))


def calibrated_hazard(hazard: FloatArray, shift: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the calibrated cumulative hazard (n, T) of a raw one (n, T), never falling."""
    made = np.exp(shift + scale * np.log(np.maximum(hazard, 1e-300)))
    return np.asarray(np.maximum.accumulate(np.minimum(made, 700.0), axis=1))


def raw_hazard(hazards: FloatArray) -> FloatArray:
    """Return the cumulative hazard -log S of monthly hazards (n, K, T), (n, T)."""
    return np.asarray(np.cumsum(-np.log1p(-np.minimum(hazards.sum(axis=1), 1 - 1e-12)), axis=1))


def _held_out(
    data: Months, settings: Settings, rng: np.random.Generator
) -> tuple[IntArray, list[FloatArray], FloatArray, IntArray]:
    """Return the numbers of trees tried, what each foretells to customers held out, its squared errors, and who.

    Foretold are cumulative hazards (n, T); squared errors (stops, n) are those of all causes and months together.
    """
    n, last = len(data.duration), int(data.duration.max())
    fold = np.empty(n, dtype=np.int64)
    for code in range(data.causes + 1):  # as many of each kind in each fold
        mine = rng.permutation(np.flatnonzero(data.event == code))
        fold[mine] = np.arange(len(mine)) % settings.folds
    stops = np.unique(np.geomspace(max(settings.max_iter // 8, 1), settings.max_iter, _STAGES).astype(np.int64))
    looked = np.sort(rng.permutation(n)[:_LOOKED_AT])
    outside = [np.empty((len(looked), last)) for _ in stops]
    squares = np.empty((len(stops), len(looked)))
    weight, _ = _known(data.rows(looked), last)
    for f in range(settings.folds):
        trees = _boosters(data.rows(np.flatnonzero(fold != f)), settings, settings.max_iter, rng)
        mine = np.flatnonzero(fold[looked] == f)
        own = data.rows(looked[mine])
        told = zip(*(staged(one, own.X, last, stops.tolist()) for one in trees), strict=True)
        for place, odds in enumerate(told):
            hazard, share = forecast(list(odds), settings.target)
            outside[place][mine] = hazard
            squares[place, mine] = _squares(hazard, share, own, weight[mine])
    return stops, outside, squares, looked


def _squares(hazard: FloatArray, share: FloatArray, data: Months, weight: FloatArray) -> FloatArray:
    """Return each customer's squared error of the incidences of all causes, mean over months, (n,)."""
    survival = np.exp(-hazard)
    left = np.concatenate([np.ones((len(survival), 1)), survival[:, :-1]], axis=1) - survival
    month = np.arange(1, hazard.shape[1] + 1)
    total = np.zeros(len(hazard))
    for k in range(share.shape[1]):
        gone = (data.event == k + 1)[:, None] & (data.duration[:, None] <= month)
        total += (weight * (gone - np.cumsum(share[:, k] * left, axis=1)) ** 2).mean(axis=1)
    return total


def _chosen(squares: FloatArray) -> int:
    """Return the place of the most trees that are no worse than the best by more than a standard error.

    Scores of neighbours differ by less than chance, and too few trees forget the rarer causes.
    """
    best = int(np.argmin(squares.mean(axis=1)))
    worse = squares - squares[best]
    slack = worse.std(axis=1) / np.sqrt(squares.shape[1])
    return int(np.flatnonzero(worse.mean(axis=1) <= slack)[-1])


def _known(data: Months, last: int) -> tuple[FloatArray, FloatArray]:
    """Return the weight of each customer at months 1..last, and whether they have left by then, both (n, T)."""
    month = np.arange(1, last + 1)
    late = data.entry > 0
    G = _staying_watched(data, last)
    left = (data.event > 0)[:, None] & (data.duration[:, None] <= month)
    there = data.duration[:, None] > month
    weight = left / G[np.maximum(data.duration - 1, 0)][:, None] + there / G[month]
    # who came late would count from a landmark only; the others are enough to calibrate with
    return np.where(late[:, None], 0.0, weight * data.weight[:, None]), left.astype(np.float64)


def _staying_watched(data: Months, last: int) -> FloatArray:
    """Return the chance of not being censored by months 0..last; departures leave before the censorings of a month."""
    size = last + 1
    lost = np.bincount(data.duration[data.event == 0], weights=data.weight[data.event == 0], minlength=size)
    gone = np.bincount(data.duration[data.event > 0], weights=data.weight[data.event > 0], minlength=size)
    came = np.bincount(data.entry + 1, weights=data.weight, minlength=size + 1)[:size]
    there = np.cumsum(came) - np.append(0.0, np.cumsum(lost + gone)[:-1]) - gone
    chance = np.cumprod(1 - np.divide(lost, there, out=np.zeros(size), where=there > 1e-9))
    return np.asarray(np.maximum(chance, 0.02))  # the last few customers must not count for all the others


def _brier(left: FloatArray, weight: FloatArray, gone: FloatArray) -> float:
    return float((weight * (gone - left) ** 2).mean())


def held_out_brier(left: FloatArray, data: Months) -> float:
    """Return the integrated Brier score of the chances to have left by months 1..T, (n, T), for whole customers."""
    last = left.shape[1]
    cut = np.minimum(data.duration, last)
    event = np.where(data.duration > last, 0, data.event)
    weight, gone = _known(Months(data.X, np.minimum(data.entry, cut), cut, event, data.weight, data.causes), last)
    return _brier(left, weight, gone)


def _calibration(
    hazard: FloatArray, weight: FloatArray, gone: FloatArray, case: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return a and b of each month, (T,): Fisher scoring of all months at once, drawn towards a = 0, b = 1."""
    z = np.log(np.clip(hazard, 1e-12, 50.0))
    middle = z.mean(axis=0)
    z = z - middle
    prior = _PRIOR * case.mean()
    a, b = middle.copy(), np.ones_like(middle)
    spread = np.maximum(z.var(axis=0), 1e-6)
    for _ in range(25):
        eta = np.clip(a + b * z, -30.0, 4.0)
        H = np.exp(eta)
        p = np.clip(-np.expm1(-H), 1e-9, 1 - 1e-9)
        slope = weight * (gone - p) * H / p  # of the log-likelihood in eta
        told = weight * H**2 * (1 - p) / p
        g0 = slope.sum(axis=0) - prior * (a - middle)
        g1 = (slope * z).sum(axis=0) - prior * spread * (b - 1)
        i00 = told.sum(axis=0) + prior
        i01, i11 = (told * z).sum(axis=0), (told * z**2).sum(axis=0) + prior * spread
        det = i00 * i11 - i01**2
        da, db = (i11 * g0 - i01 * g1) / det, (i00 * g1 - i01 * g0) / det
        a, b = a + np.clip(da, -1, 1), np.maximum(b + np.clip(db, -0.5, 0.5), 0.05)
        if max(np.abs(da).max(), np.abs(db).max()) < 1e-6:
            break
    return a - b * middle, b


def _boosters(data: Months, settings: Settings, trees: int, rng: np.random.Generator) -> tuple[dict[str, Any], ...]:
    made = []
    draw = hazard_months if settings.target == "hazard" else incidence_months
    for cause in range(1, data.causes + 1):
        rows = draw(data, cause, settings.negatives, rng)
        made.append(_LEARNERS[settings.booster](rows, settings, trees, int(rng.integers(2**31 - 1))))
    return tuple(made)


def _booster(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as missing:
        text = f"{name} is not installed here; pip install {name}, or grow the trees with booster='sklearn'"
        raise MissingExtraError(text) from missing


def _directions(s: Settings) -> IntArray:
    """Return the sign of each column's effect, the month first: who has left stays away."""
    return np.append(0 if s.target == "hazard" else 1, s.monotone).astype(np.int64)


def _with_sklearn(rows: Rows, s: Settings, trees: int, seed: int) -> dict[str, Any]:
    table, left, weight = rows
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        learning_rate=s.learning_rate,
        max_iter=trees,
        max_leaf_nodes=s.max_leaf_nodes,
        min_samples_leaf=s.min_samples_leaf,
        l2_regularization=s.l2,
        early_stopping=cast("Any", False),  # noqa: FBT003 - its stubs know the text only
        monotonic_cst=_directions(s),
        random_state=seed,
    )
    return from_sklearn(model.fit(table, left, sample_weight=weight))


def _with_lightgbm(rows: Rows, s: Settings, trees: int, seed: int) -> dict[str, Any]:
    table, left, weight = rows
    lightgbm: Any = _booster("lightgbm")
    chosen = {
        "objective": "binary",
        "learning_rate": s.learning_rate,
        "num_leaves": s.max_leaf_nodes,
        "min_data_in_leaf": s.min_samples_leaf,
        "lambda_l2": s.l2,
        "monotone_constraints": _directions(s).tolist(),
        "seed": seed,
        "verbosity": -1,
        "num_threads": 1,
        "deterministic": True,
    }
    return from_lightgbm(lightgbm.train(chosen, lightgbm.Dataset(table, left, weight=weight), num_boost_round=trees))


def _with_xgboost(rows: Rows, s: Settings, trees: int, seed: int) -> dict[str, Any]:
    table, left, weight = rows
    xgboost: Any = _booster("xgboost")
    chosen = {
        "objective": "binary:logistic",
        "eta": s.learning_rate,
        "grow_policy": "lossguide",
        "max_depth": 0,
        "max_leaves": s.max_leaf_nodes,
        "min_child_weight": s.min_samples_leaf / 20,
        "lambda": s.l2,
        "monotone_constraints": tuple(_directions(s).tolist()),
        "seed": seed,
        "nthread": 1,
        "tree_method": "hist",
    }
    return from_xgboost(xgboost.train(chosen, xgboost.DMatrix(table, left, weight=weight), num_boost_round=trees))


_LEARNERS: dict[str, Callable[..., dict[str, Any]]] = {
    "sklearn": _with_sklearn,
    "lightgbm": _with_lightgbm,
    "xgboost": _with_xgboost,
}
