"""Who leaves, when and why, where columns act together in ways nobody wrote down: boosted trees on person-months."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custval._core.encoding import DesignEncoder, DesignMatrix
from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.randomness import generator
from custval._core.threads import one_thread
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, RandomState
from custval._core.validation import check_choice, check_length, check_scalar, check_whole, float_array, nearest
from custval._core.validation import sample_weight_array as weights_of
from custval._survival.boosted_fit import Months, Settings, calibrated_hazard, forecast, grow, held_out_brier
from custval._survival.boosted_trees import column_gain, log_odds, path_parts
from custval._survival.cox_data import stayed_array
from custval._survival.discrete_reasons import Reasons, top_reasons
from custval._survival.discrete_rows import warn_rounded
from custval._survival.monthly import to_months
from custval._survival.target import read_target

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("BoostedHazard",)

_CELLS = 1 << 21  # numbers at a time
_LEARNERS = ("sklearn", "lightgbm", "xgboost")
_TARGETS = ("incidence", "hazard")
_TAIL_MONTHS = 12
_MOST_MONTHS = 2000


class BoostedHazard(Estimator):
    """Who leaves, when and why by boosted trees: thresholds, interactions, all causes, probabilities that are true.

    Take it where forecasts are wanted more than reasons: a linear hazard says in one number what a column does, and is
    often as good, and of few customers better (concordance of 1,000 customers of SPSS's file: .75 against .76; of
    BigML's 3,333, where usage has a threshold: .84 against .77). The number of trees is that of the least integrated
    Brier score on customers held out; their forecasts then calibrate the model.

    Parameters
    ----------
    target : {"incidence", "hazard"}, default "incidence"
        What a tree is shown: whether a customer has left by a month, those censored before being made up for by the
        weights of others (best by Brier score; assumes that who is censored has nothing to do with the columns); or
        whether they left in it (censoring may depend on the columns; finer from one month to the next, as alert lists
        want it; needed for late entry).
    max_iter : int, default 200
        Most trees for each cause, >= 1.
    learning_rate : float, default 0.1
        Share of each tree's step that is taken, in (0, 1].
    max_leaf_nodes : int, default 4
        Leaves of a tree, >= 2; 4 leaves hold interactions of up to three columns.
    min_samples_leaf : int, default 40
        Least person-months in a leaf, >= 1.
    l2 : float, default 1.0
        Penalty on the values of leaves, >= 0.
    negatives : int, default 8
        Months drawn from each customer's stay, >= 1; their weights make up for the others.
    monotone : mapping from column to -1 or 1, default None
        Columns whose effect on leaving may only fall (-1) or rise (1).
    folds : int, default 2
        Parts held out in turn to stop and to calibrate; 0: neither (also where departures are few).
    booster : {"sklearn", "lightgbm", "xgboost"}, default "sklearn"
        Who grows the trees; the last two only where they are installed.
    tail : {"error", "hold"}, default "error"
        Past the last observed month: refuse, or hold the mean hazard of the last 12 months.
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    unseen : {"error", "other"}, default "error"
        What to do at prediction with a level not seen in fitting: refuse it, or take it as the reference level.
    random_state : int, numpy.random.Generator or None, default None
        Seed of the months drawn and of the folds.

    Attributes
    ----------
    trees_ : list of K dict
        The trees of each cause as arrays.
    n_iter_ : int
        Trees for each cause that were kept.
    stops_, brier_ : ndarray
        Numbers of trees tried, and the integrated Brier score of customers held out at each.
    calibration_ : ndarray of shape (2, T)
        a and b of ``log H' = a + b log H`` at months 1..T.
    causes_ : tuple of K str
        Names of the causes.
    last_month_ : int
        T, the last observed month.
    center_ : ndarray of shape (p,)
        The average customer.
    months_ : ndarray of int
        Months at which reasons are told: low, middle and high durations.
    time_unit_ : str
        Unit of the times.
    feature_names_out_ : ndarray of str, shape (p,)
        Columns of the design matrix.
    feature_names_in_ : ndarray of str
        Columns of the frame; only there when X was a frame.
    n_features_in_ : int
        Number of columns of X.
    encoder_ : DesignEncoder
        How frames become numbers.

    References
    ----------
    Friedman (2001), Greedy function approximation: a gradient boosting machine, Annals of Statistics 29, 1189-1232.
    Begg and Gray (1984), Biometrika 71, 11-18.
    Graf et al. (1999), Statistics in Medicine 18, 2529-2545.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import BoostedHazard, survival_target
    >>> rng = np.random.default_rng(0)
    >>> fee = rng.integers(1, 7, 600) * 10.0
    >>> months = np.ceil(rng.exponential(np.where(fee > 30, 6, 30)))
    >>> y = survival_target(np.minimum(months, 24), months <= 24)
    >>> model = BoostedHazard(max_iter=40, random_state=0).fit({"fee": fee}, y)
    >>> survival = model.predict_survival({"fee": [20.0, 30.0, 40.0, 50.0]}, [6])[:, 0]
    >>> bool(survival[:2].min() > 0.75), bool(survival[2:].max() < 0.45)
    (True, True)
    """

    __module__ = "custval.survival"
    _poor_score: ClassVar[bool] = True

    def __init__(
        self,
        *,
        target: str = "incidence",
        max_iter: int = 200,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 4,
        min_samples_leaf: int = 40,
        l2: float = 1.0,
        negatives: int = 8,
        monotone: Mapping[str, int] | None = None,
        folds: int = 2,
        booster: str = "sklearn",
        tail: str = "error",
        missing: str = "error",
        unseen: str = "error",
        random_state: RandomState = None,
    ) -> None:
        self.target = target
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2 = l2
        self.negatives = negatives
        self.monotone = monotone
        self.folds = folds
        self.booster = booster
        self.tail = tail
        self.missing = missing
        self.unseen = unseen
        self.random_state = random_state

    def fit(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None) -> Self:
        """Grow the trees of all causes, stop in time and calibrate.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer; text and categories are coded (see ``feature_names_out_``).
        y : target of shape (n,)
            From :func:`survival_target`. Whole months; others are rounded (departures up, last looks down, entries up)
            and counted in one warning.
        sample_weight : array_like of shape (n,), optional
            Case weights, >= 0.

        Returns
        -------
        BoostedHazard
            The fitted model itself.

        Raises
        ------
        InputError
            When nobody left, a cause never occurs, or somebody came late and the target is "incidence".
        """
        check_choice(self.tail, "tail", ("error", "hold"))
        encoder = DesignEncoder(missing=self.missing, unseen=self.unseen).fit(X)
        matrix = encoder.transform(X)
        settings = self._settings(encoder)
        target = read_target(y)
        check_length(target.duration, len(matrix), name="y")
        if len(matrix) == 1:
            raise InputError("Found array with 1 sample (one customer); a hazard needs at least 2 to compare")
        weight = weights_of(sample_weight, len(matrix))
        monthly = to_months(y)
        warn_rounded(target.duration, target.entry, target.event, monthly.kept)
        keep = monthly.kept & (weight > 0)
        rows = monthly.target[keep[monthly.kept]]
        data = Months(
            X=matrix[keep],
            entry=rows["entry"].astype(np.int64),
            duration=rows["duration"].astype(np.int64),
            event=rows["event"].astype(np.int64),
            weight=weight[keep],
            causes=len(target.causes),
        )
        _check_months(data, target.causes, self.target)
        with one_thread():
            grown = grow(data, settings)
        self.trees_, self.n_iter_ = list(grown.trees), grown.n_trees
        self.stops_, self.brier_ = grown.stops, grown.brier
        self.calibration_ = np.stack([grown.shift, grown.scale])
        self.causes_, self.time_unit_ = target.causes, target.time_unit
        self.last_month_ = int(data.duration.max())
        self.center_ = (data.weight / data.weight.sum()) @ data.X
        self.months_ = np.unique(np.quantile(data.duration, [0.25, 0.5, 0.75]).astype(np.int64).clip(1))
        self._keep_names(encoder)
        return self

    def predict_survival(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(still a customer `times` months from now | stayed `given` months).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Months from now, >= 0, completed months counting; None: 1, 2, ... up to the last observed month.
        given : float or array_like of shape (n,), optional
            Months already stayed, completed months counting; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Probabilities.
        """
        return np.exp(-self.predict_cumulative_hazard(X, times, given=given))

    def predict_cumulative_hazard(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return minus the log of the survival over the next `times` months.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Months from now, >= 0; None: 1, 2, ... up to the last observed month.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, H)
            Cumulative hazards.
        """
        matrix, when, stayed = self._ahead(X, times, given)
        made = np.empty((len(matrix), len(when)))
        for part, hazard, _, since in self._blocks(matrix, when, stayed):
            place = since[:, None] + when
            made[part] = np.take_along_axis(hazard, np.broadcast_to(place, made[part].shape), axis=1)
            made[part] -= np.take_along_axis(hazard, np.broadcast_to(since[:, None], (len(hazard), 1)), axis=1)
        return made

    def predict_incidence(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(left for each cause within `times` months from now | stayed `given` months).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Months from now, >= 0; None: 1, 2, ... up to the last observed month.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, K, H)
            Probabilities; with the survival they sum to one.
        """
        matrix, when, stayed = self._ahead(X, times, given)
        made = np.empty((len(matrix), len(self.causes_), len(when)))
        for part, hazard, share, since in self._blocks(matrix, when, stayed):
            now = np.take_along_axis(hazard, np.broadcast_to(since[:, None], (len(hazard), 1)), axis=1)
            staying = np.exp(-np.maximum(hazard - now, 0.0))
            grown = np.cumsum(share * -np.diff(staying, axis=1)[:, None], axis=2)
            grown = np.concatenate([np.zeros((*grown.shape[:2], 1)), grown], axis=2)
            place = np.broadcast_to(since[:, None] + when, (len(hazard), len(when)))[:, None]
            made[part] = np.take_along_axis(grown, place, axis=2)
        return made

    def predict_risk(self, X: AnyFrame) -> FloatArray:
        """Return one number to rank customers by: the months they lose before the last observed one.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Sum over months 1..T of the probability to have left.
        """
        return np.asarray((1.0 - self.predict_survival(X, np.arange(1, self._fitted_months() + 1))).sum(axis=1))

    def predict(self, X: AnyFrame) -> FloatArray:
        """Return :meth:`predict_risk`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Months lost.
        """
        return self.predict_risk(X)

    def expected_lifetime(self, X: AnyFrame, horizon: int, *, given: ArrayLike | None = None) -> FloatArray:
        """Return the expected months ahead, counted up to `horizon` (restricted mean).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        horizon : int
            Months ahead, >= 1.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n,)
            Months: ``E[min(T - given, horizon) | T > given]``.
        """
        months = check_whole(horizon, "horizon", low=1)
        return np.asarray(self.predict_survival(X, np.arange(months), given=given).sum(axis=1))

    def reasons(self, X: AnyFrame, top: int = 3) -> Reasons:
        """Return the columns that push each customer's risk above that of the average customer, in words.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        top : int, default 3
            How many reasons, >= 1.

        Returns
        -------
        Reasons
            Words, columns and contributions to the log odds along each customer's path through the trees, averaged
            over early, middle and late months and over the causes by their shares; each (n, top).
        """
        self._check_fitted()
        count = check_whole(top, "top", low=1)
        matrix = self._design(X)
        middle = int(self.months_[len(self.months_) // 2])
        _, share = forecast([log_odds(trees, matrix, middle) for trees in self.trees_], self.target)
        parts = np.zeros_like(matrix)
        for k, trees in enumerate(self.trees_):
            for month in self.months_.tolist():
                parts += share[:, k, -1:] * path_parts(trees, matrix, float(month)) / len(self.months_)
        return top_reasons(parts, matrix, self.center_, self.encoder_, X, top=count)

    def summary(self) -> pd.DataFrame:
        """Return how much each column, and the month, has to say.

        Returns
        -------
        pandas.DataFrame
            One row for each cause and column: cause, feature (``month`` first), share of the variance that the trees'
            splits explain, and number of splits.
        """
        import pandas as pd

        self._check_fitted()
        names = np.array(["month", *self.feature_names_out_], dtype=object)
        tables = []
        for cause, trees in zip(self.causes_, self.trees_, strict=True):
            gain = column_gain(trees, len(names))
            splits = np.bincount(trees["feature"][trees["feature"] >= 0], minlength=len(names))
            share = gain / max(float(gain.sum()), 1e-300)
            tables.append(pd.DataFrame({"cause": cause, "feature": names, "share": share, "splits": splits}))
        made: pd.DataFrame = pd.concat(tables, ignore_index=True)
        return made

    def score(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None) -> float:
        """Return minus the integrated Brier score over the observed months: higher is better, 0 is best.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        y : target of shape (n,)
            What happened to them, in whole months; who came late is left out.
        sample_weight : array_like of shape (n,), optional
            Case weights.

        Returns
        -------
        float
            Mean over months 1..T of the squared error of the forecast, those censored made up for by weights 1 / G.
        """
        matrix = self._design(X)
        target = read_target(y)
        check_length(target.duration, len(matrix), name="y")
        monthly = to_months(y)
        keep = np.flatnonzero(monthly.kept)
        rows = monthly.target
        data = Months(
            X=matrix[keep],
            entry=rows["entry"].astype(np.int64),
            duration=rows["duration"].astype(np.int64),
            event=rows["event"].astype(np.int64),
            weight=weights_of(sample_weight, len(matrix))[keep],
            causes=len(target.causes),
        )
        survival = self.predict_survival(data.X.view(DesignMatrix), np.arange(1, self.last_month_ + 1))
        return -held_out_brier(1.0 - survival, data)

    def _settings(self, encoder: DesignEncoder) -> Settings:
        check_choice(self.target, "target", _TARGETS)
        check_choice(self.booster, "booster", _LEARNERS)
        return Settings(
            max_iter=check_whole(self.max_iter, "max_iter", low=1),
            learning_rate=check_scalar(self.learning_rate, "learning_rate", low=0, high=1, low_open=True),
            max_leaf_nodes=check_whole(self.max_leaf_nodes, "max_leaf_nodes", low=2),
            min_samples_leaf=check_whole(self.min_samples_leaf, "min_samples_leaf", low=1),
            l2=check_scalar(self.l2, "l2", low=0, high=np.inf, high_open=True),
            negatives=check_whole(self.negatives, "negatives", low=1),
            folds=check_whole(self.folds, "folds", low=0),
            booster=self.booster,
            monotone=_signs(self.monotone, encoder),
            seed=int(generator(self.random_state).integers(2**31 - 1)),
            target=self.target,
        )

    def _keep_names(self, encoder: DesignEncoder) -> None:
        self.encoder_ = encoder
        self.feature_names_out_ = np.array(encoder.feature_names, dtype=object)
        self.n_features_in_ = len(encoder.input_names)
        if encoder.named:
            self.feature_names_in_ = np.array(encoder.input_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _fitted_months(self) -> int:
        self._check_fitted()
        return self.last_month_

    def _design(self, X: AnyFrame) -> FloatArray:
        self._check_fitted()
        return self.encoder_.transform(X, owner=type(self).__name__)

    def _ahead(self, X: AnyFrame, times: Any, given: Any) -> tuple[FloatArray, IntArray, IntArray]:
        """Return the design, checked months from now (H,), and completed months stayed (n,) or (1,)."""
        matrix = self._design(X)
        stayed = np.floor(stayed_array(given, len(matrix)) + 1e-9).astype(np.int64)
        furthest = int(stayed.max(initial=0))
        if times is None:
            times = np.arange(1, max(self.last_month_ - furthest, 1) + 1)
        when = np.floor(float_array(np.atleast_1d(np.asarray(times)), "times", low=0.0) + 1e-9).astype(np.int64)
        reach = furthest + int(when.max(initial=0))
        if self.tail == "error" and reach > self.last_month_:
            raise InputError(
                f"this reaches month {reach} of a customer's stay, but the last observed month is {self.last_month_}; "
                "ask for fewer months, or hold the level of the last ones with BoostedHazard(tail='hold')"
            )
        return matrix, when, stayed

    def _blocks(
        self, matrix: FloatArray, when: IntArray, stayed: IntArray
    ) -> Iterator[tuple[slice, FloatArray, FloatArray, IntArray]]:
        """Yield rows, their cumulative hazard at months 0..M (n, M + 1), shares of causes (n, K, M), months stayed."""
        months = int(stayed.max(initial=0) + when.max(initial=0))
        size = max(_CELLS // (max(months, self.last_month_) * (len(self.trees_) + 1)), 64)
        for start in range(0, len(matrix), size):
            part = slice(start, min(start + size, len(matrix)))
            hazard, share = self._path(matrix[part], months)
            yield part, hazard, share, stayed if len(stayed) == 1 else stayed[part]

    def _path(self, matrix: FloatArray, months: int) -> tuple[FloatArray, FloatArray]:
        """Return the calibrated cumulative hazard at months 0..M and each cause's share of a month's departures."""
        known = self.last_month_ if months > self.last_month_ else max(months, 1)
        raw, share = forecast([log_odds(trees, matrix, known) for trees in self.trees_], self.target)
        hazard = calibrated_hazard(raw, self.calibration_[0, :known], self.calibration_[1, :known])
        hazard = np.concatenate([np.zeros((len(hazard), 1)), hazard], axis=1)
        if months > known:
            back = min(_TAIL_MONTHS, known)
            rate = (hazard[:, -1:] - hazard[:, -1 - back : known - back + 1]) / back
            later = hazard[:, -1:] + rate * np.arange(1, months - known + 1)
            hazard = np.concatenate([hazard, later], axis=1)
            share = np.concatenate([share, np.repeat(share[:, :, -1:], months - known, axis=2)], axis=2)
        return hazard[:, : months + 1], share[:, :, :months]


def _signs(monotone: Any, encoder: DesignEncoder) -> IntArray:
    """Return -1, 0 or 1 for each column of the design."""
    made = np.zeros(len(encoder.feature_names), dtype=np.int64)
    for name, sign in (monotone or {}).items():
        if name not in encoder.input_names:
            raise InputError(f"monotone names {name!r}, which is not a column of X{nearest(name, encoder.input_names)}")
        if sign not in (-1, 1):
            raise InputError(f"monotone[{name!r}] must be -1 or 1, not {sign!r}")
        made[[j for j, source in enumerate(encoder.sources) if source == name]] = sign
    return made


def _check_months(data: Months, causes: tuple[str, ...], target: str) -> None:
    if not len(data.duration):
        raise InputError("no customer was at risk for a whole month; give longer durations or earlier entries")
    if int(data.duration.max()) > _MOST_MONTHS:
        raise InputError(f"duration reaches {data.duration.max()} months; if these are days, divide by 30.436875")
    counts = np.bincount(data.event, minlength=len(causes) + 1)[1:]
    if not counts.any():
        raise InputError(
            f"no customer left: all {len(data.event)} are censored, so there is nothing to learn about leaving; "
            "check how event is coded, or take a longer window"
        )
    if not counts.all():
        raise InputError(f"nobody left for cause {causes[int(np.argmin(counts))]!r}; leave it out of causes")
    if target == "incidence" and data.entry.any():
        raise InputError(
            f"{int((data.entry > 0).sum())} of {len(data.entry)} customers came under observation late, which "
            "target='incidence' cannot allow for; fit with BoostedHazard(target='hazard')"
        )
