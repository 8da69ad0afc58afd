"""Who leaves, when and why, month by month: the monthly hazard of leaving for all causes at once.

The probability that a customer who is here at the start of month t leaves in it for cause k follows a multinomial
logit (or complementary log-log) of a baseline in t and the customer's columns. It is fitted from customer rows, from
person-months, or from a table of counts, to the same numbers, and it never builds a person-month table: see
:mod:`custval._survival.discrete_likelihood`.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custval._core.encoding import DesignEncoder
from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray
from custval._core.validation import (
    check_choice,
    check_length,
    check_scalar,
    check_whole,
    float_array,
    sample_weight_array,
)
from custval._survival.baseline import BASELINES, free_basis_ahead
from custval._survival.discrete_fit import DiscreteFit, FitOptions, Spells, fit_spells
from custval._survival.discrete_likelihood import LINKS, hazard, rates
from custval._survival.discrete_path import (
    Path,
    by_parameter,
    hazard_ahead,
    incidence_ahead,
    log_chance,
    mean_hazard,
    pullback_ahead,
    survival_ahead,
)
from custval._survival.discrete_reasons import Reasons, column_parts, top_reasons
from custval._survival.discrete_rows import (
    count_spells,
    customer_spells,
    months_stayed,
    read_counts,
    warn_rounded,
    with_cluster,
)
from custval._survival.discrete_summary import coefficient_table
from custval._survival.monthly import to_months
from custval._survival.target import read_target

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("DiscreteHazard",)


class DiscreteHazard(Estimator):
    """Monthly hazard of leaving for all causes at once: who leaves, when, why, and how sure are we.

    ``e_k = exp(baseline_k(month) + x @ coef_k)``; a customer who is here at the start of the month leaves in it for
    cause k with probability ``e_k / (1 + sum_j e_j)`` (logit) or ``(1 - exp(-sum_j e_j)) e_k / sum_j e_j`` (cloglog).

    Parameters
    ----------
    link : {"logit", "cloglog"}, default "logit"
        ``exp(coef)`` is an odds ratio against staying, or a hazard ratio in continuous time.
    baseline : {"free", "spline", "linear", "constant"}, default "free"
        How the hazard moves with tenure: one level for each month with departures (months without one have hazard 0),
        a natural cubic spline in log(1 + month) (best for small data and for forecasts), a line in it, or a constant.
    baseline_df : int, default 4
        Degrees of freedom of the spline besides its constant, >= 1; a cause with fewer than 5 departures for each
        takes fewer.
    l2 : float, default 0.0
        Penalty ``l2 / 2 * sum coef ** 2``, in raw units of X, not divided by n, >= 0. Baselines are not penalised.
    standardize_penalty : bool, default False
        Penalise the coefficients per standard deviation of their columns instead of per unit.
    tail : {"error", "hold"}, default "error"
        Past the last observed month: refuse, or hold the level of the baseline (of the last month for smooth
        baselines, the mean over the last 12 months by customers at risk for a free one).
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    unseen : {"error", "other"}, default "error"
        What to do at prediction with a level not seen in fitting: refuse it, or take it as the reference level.
    max_iter : int, default 50
        Most Newton steps.
    tol : float, default 1e-9
        Stop when the log-likelihood has at most this left to gain.

    Attributes
    ----------
    coef_ : ndarray of shape (p,), or (K, p) for several causes
        Coefficients in raw units of X.
    std_error_ : ndarray of the same shape
        Their standard errors from the information (with ``l2`` > 0 that of the penalised likelihood).
    robust_std_error_ : ndarray of the same shape, or None
        Sandwich standard errors; there with ``cluster`` or weights that are not whole numbers.
    covariance_ : ndarray of shape (P, P)
        Of all parameters: for each cause in turn its baseline, then its coefficients. Robust where that is there.
    log_likelihood_, log_likelihood_null_ : float
        Of the model, and of the baseline alone (penalty not counted).
    baseline_ : ndarray of shape (K, T)
        Hazard by cause of the average customer-month in months 1..T.
    feature_names_out_ : ndarray of str, shape (p,)
        Columns of the design matrix, in the order of ``coef_``.
    feature_names_in_ : ndarray of str
        Columns of the frame; only there when X was a frame.
    n_features_in_ : int
        Number of columns of X.
    causes_ : tuple of K str
        Names of the causes.
    time_unit_ : str
        Unit of the target's times.
    last_month_ : int
        T, the last observed month.
    n_iter_, n_events_ : int
        Newton steps; departures (those of whole weights, and of counts, as often as they count).
    encoder_ : DesignEncoder
        How frames become numbers.

    References
    ----------
    Allison (1982), Discrete-time methods for the analysis of event histories, Sociological Methodology 13, 61-98.
    Tutz and Schmid (2016), Modeling Discrete Time-to-Event Data, Springer, chapters 3 and 8.

    Examples
    --------
    >>> from custval.survival import DiscreteHazard, survival_target
    >>> fees = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> y = survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0])
    >>> model = DiscreteHazard(baseline="constant").fit(fees, y)
    >>> model.coef_.round(3)
    array([0.045])
    >>> model.predict_survival({"fee": [25.0]}, [1, 2, 3]).round(3)
    array([[0.812, 0.659, 0.535]])
    """

    __module__ = "custval.survival"
    _poor_score: ClassVar[bool] = True
    _fit_metadata: ClassVar[tuple[str, ...]] = ("sample_weight", "cluster")

    def __init__(
        self,
        *,
        link: str = "logit",
        baseline: str = "free",
        baseline_df: int = 4,
        l2: float = 0.0,
        standardize_penalty: bool = False,
        tail: str = "error",
        missing: str = "error",
        unseen: str = "error",
        max_iter: int = 50,
        tol: float = 1e-9,
    ) -> None:
        self.link = link
        self.baseline = baseline
        self.baseline_df = baseline_df
        self.l2 = l2
        self.standardize_penalty = standardize_penalty
        self.tail = tail
        self.missing = missing
        self.unseen = unseen
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None, cluster: Any = None) -> Self:
        """Learn baselines and coefficients of all causes from customer rows.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer; text and categories are coded (see ``feature_names_out_``).
        y : target of shape (n,)
            From :func:`survival_target`, or plain durations that all ended. Whole months; others are rounded
            (departures up, last looks down, entries up) and counted in one warning.
        sample_weight : array_like of shape (n,), optional
            Case weights, >= 0.
        cluster : array_like of shape (n,), optional
            Account or household: rows of one cluster may depend on each other, which the robust errors allow for.

        Returns
        -------
        DiscreteHazard
            The fitted model itself.

        Raises
        ------
        InputError
            When nobody left, a cause never occurs, or columns are constant or collinear without a penalty.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
        >>> y = survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0])
        >>> DiscreteHazard(baseline="constant").fit(X, y).feature_names_out_.tolist()
        ['contract=yearly', 'fee']
        """
        options = self._options()
        encoder = DesignEncoder(missing=self.missing, unseen=self.unseen).fit(X)
        matrix = encoder.transform(X)
        target = read_target(y)
        n = len(matrix)
        check_length(target.duration, n, name="y")
        if n == 1:
            raise InputError("Found array with 1 sample (one customer); a hazard needs at least 2 to compare")
        weight = sample_weight_array(sample_weight, n)
        monthly = to_months(y)
        keep = monthly.kept & (weight > 0)
        warn_rounded(target.duration, target.entry, target.event, monthly.kept)
        spells = customer_spells(matrix[keep], monthly.target[keep[monthly.kept]], weight[keep], encoder, target.causes)
        return self._learn(with_cluster(spells, cluster, keep), options, encoder, target.time_unit)

    def fit_counts(self, table: AnyFrame, *, time_unit: str = "month") -> Self:
        """Learn the same from a table of counts, as any engine's GROUP BY makes it.

        Parameters
        ----------
        table : frame
            One row for each cell and month: ``tenure`` (the month t = 1, 2, ...: the interval (t-1, t]), the columns of
            the cell, ``at_risk`` (customers there at the start of the month) and ``exits_<cause>`` for each cause.
        time_unit : str, default "month"
            Unit of the tenure.

        Returns
        -------
        DiscreteHazard
            The fitted model itself, with the numbers that :meth:`fit` gives for the customers behind the counts.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard
        >>> table = {"tenure": [1, 1, 2, 2], "paperless": [0, 1, 0, 1], "at_risk": [90, 80, 81, 64],
        ...          "exits_voluntary": [9, 16, 9, 16]}
        >>> DiscreteHazard().fit_counts(table).coef_.round(3)
        array([0.895])
        """
        options = self._options()
        counts = read_counts(table)
        encoder = DesignEncoder(missing=self.missing, unseen=self.unseen).fit(counts["cells"])
        spells = count_spells(encoder.transform(counts["cells"]), counts, encoder)
        return self._learn(spells, options, encoder, time_unit)

    def predict_hazard(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(leaves for each cause in the month ending `times` months from now | here at its start).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of int, shape (H,), optional
            Months from now, >= 1; None: 1, 2, ... up to the last observed month.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, K, H)
            Probabilities.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_hazard(X[:2], [1]).round(3).tolist()
        [[[0.333]], [[0.667]]]
        """
        when, stayed = self._ahead(times, given, X, least=1)
        return hazard_ahead(self._path(), self._log_customer(X), stayed, when)

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

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_survival(X[:2], [1, 2]).round(3).tolist()
        [[0.667, 0.444], [0.333, 0.111]]
        """
        when, stayed = self._ahead(times, given, X)
        return survival_ahead(self._path(), self._log_customer(X), stayed, when)

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

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_incidence(X[:2], [1, 2]).round(3).tolist()
        [[[0.333, 0.556]], [[0.667, 0.889]]]
        """
        when, stayed = self._ahead(times, given, X)
        return incidence_ahead(self._path(), self._log_customer(X), stayed, when)

    def predict_cumulative_hazard(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return the sum of the monthly hazards of all causes over the next `times` months.

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
            Expected departures of a customer who were replaced at once; the survival is the product of 1 - increments.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_cumulative_hazard(X[:2], [1, 2]).round(3).tolist()
        [[0.333, 0.667], [0.667, 1.333]]
        """
        when, stayed = self._ahead(times, given, X)
        every = np.arange(1, max(int(when.max(initial=0)), 1) + 1)
        grown = np.cumsum(hazard_ahead(self._path(), self._log_customer(X), stayed, every).sum(axis=1), axis=1)
        return np.where(when > 0, grown[:, when - 1], 0.0)

    def predict_risk(self, X: AnyFrame) -> FloatArray:
        """Return one number to rank customers by: their monthly probability of leaving, for any cause.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Probability for each month, averaged over the observed months by the customers at risk in them.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict_risk(X[:2]).round(3).tolist()
        [0.333, 0.667]
        """
        self._check_fitted()
        share: FloatArray = self.exposure_ / self.exposure_.sum()
        return mean_hazard(self._path(), self._log_customer(X), share)

    def predict(self, X: AnyFrame) -> FloatArray:
        """Return :meth:`predict_risk`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Monthly probability of leaving.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.predict(X[:2]).round(3).tolist()
        [0.333, 0.667]
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

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.expected_lifetime(X[:2], 2).round(3).tolist()
        [1.667, 1.333]
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
            Words, columns and contributions to the log rate, each (n, top).

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
        >>> y = survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.reasons({"contract": ["yearly"], "fee": [40]}).words[0].tolist()
        ['fee = 40 (high)', 'contract = yearly']
        """
        self._check_fitted()
        count = check_whole(top, "top", low=1)
        matrix = self._design(X)
        share = self._cause_share(self._customer_rates(matrix))
        parts = column_parts(matrix, self.center_, np.atleast_2d(self.coef_), share)
        return top_reasons(parts, matrix, self.center_, self.encoder_, X, top=count)

    def summary(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients with their uncertainty.

        Parameters
        ----------
        conf_level : float, default 0.95
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            One row for each cause and column: cause, feature, coef, std_error (robust where there is one), odds_ratio
            (logit) or hazard_ratio (cloglog) with lower and upper, z, p_value.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
        >>> y = survival_target([1, 2, 2, 1, 3], [1, 0, 1, 1, 0])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.summary()[["feature", "coef", "odds_ratio"]].round(2).to_dict("list")
        {'feature': ['contract=yearly', 'fee'], 'coef': [0.39, 0.08], 'odds_ratio': [1.48, 1.09]}
        """
        self._check_fitted()
        level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
        error = self.std_error_ if self.robust_std_error_ is None else self.robust_std_error_
        ratio = "odds_ratio" if self.link == "logit" else "hazard_ratio"
        return coefficient_table(self.coef_, error, self.causes_, self.feature_names_out_, level, ratio=ratio)

    def pullback(
        self,
        X: AnyFrame,
        survival_weight: FloatArray,
        exit_weight: FloatArray | None = None,
        *,
        given: ArrayLike | None = None,
    ) -> FloatArray:
        """Return how a weighted sum of each customer's predictions moves with the parameters.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        survival_weight : ndarray of shape (n, H)
            w: weight of being there at the end of months 1..H from now.
        exit_weight : ndarray of shape (n, K, H), optional
            c: weight of leaving for each cause in each of these months.
        given : float or array_like of shape (n,), optional
            Months already stayed; None: 0.

        Returns
        -------
        ndarray of shape (n, P)
            Gradient of ``sum_t w S(t) + sum_kt c (F_k(t) - F_k(t-1))``, in the order of ``covariance_``.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> model.pullback(X[:1], [[1.0, 1.0]]).round(3).tolist()
        [[-0.519, 0.259]]
        """
        self._check_fitted()
        weight = float_array(survival_weight, "survival_weight", ndim=2)
        matrix = self._design(X)
        check_length(weight, len(matrix), name="survival_weight")
        _, stayed = self._ahead(np.arange(1, weight.shape[1] + 1), given, X)
        exits = None if exit_weight is None else float_array(exit_weight, "exit_weight", ndim=3)
        wanted = (len(matrix), len(self.causes_), weight.shape[1])
        if exits is not None and exits.shape != wanted:
            raise InputError(f"exit_weight must have shape {wanted} (customers, causes, months), not {exits.shape}")
        slopes = pullback_ahead(self._path(), self._customer_rates(matrix), stayed, weight, exits)
        return by_parameter(slopes, matrix - self.center_, stayed, self._basis_ahead())

    def score(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood of a customer: higher is better, for choosing between settings.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        y : target of shape (n,)
            What happened to them; months past the last observed one need ``tail="hold"``.
        sample_weight : array_like of shape (n,), optional
            Case weights.

        Returns
        -------
        float
            Log-likelihood for each customer; minus infinity where a departure fell in a month with hazard 0, so choose
            between settings with a smooth baseline.

        Examples
        --------
        >>> from custval.survival import DiscreteHazard, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 2, 1], [0, 1, 1, 1])
        >>> model = DiscreteHazard(baseline="constant").fit(X, y)
        >>> round(model.score(X, y), 3)
        -0.955
        """
        self._check_fitted()
        monthly = to_months(y)
        log_customer = self._log_customer(X)
        weight = sample_weight_array(sample_weight, log_customer.shape[1])
        check_length(monthly.kept, len(weight), name="y")
        start, end, event = (monthly.target[name].astype(np.int64) for name in ("entry", "duration", "event"))
        self._check_reach(int(end.max(initial=0)))
        chances = log_chance(self._path(), log_customer[:, monthly.kept], start, end, event)
        return float(weight[monthly.kept] @ chances / weight.sum())

    def _options(self) -> FitOptions:
        check_choice(self.link, "link", LINKS)
        check_choice(self.baseline, "baseline", BASELINES)
        check_choice(self.tail, "tail", ("error", "hold"))
        return FitOptions(
            link=self.link,
            baseline=self.baseline,
            baseline_df=check_whole(self.baseline_df, "baseline_df", low=1),
            l2=check_scalar(self.l2, "l2", low=0, high=np.inf, high_open=True),
            standardize_penalty=bool(self.standardize_penalty),
            max_iter=check_whole(self.max_iter, "max_iter", low=1),
            tol=check_scalar(self.tol, "tol", low=0, low_open=True),
        )

    def _learn(self, spells: Spells, options: FitOptions, encoder: DesignEncoder, time_unit: str) -> Self:
        robust = spells.cluster is not None or bool((spells.weight != np.floor(spells.weight)).any())
        with _one_thread():
            fit = fit_spells(spells, options, robust=robust)
        self._store(fit, spells)
        self.encoder_, self.time_unit_ = encoder, time_unit
        self.n_features_in_ = len(encoder.input_names)
        if encoder.named:
            self.feature_names_in_ = np.array(encoder.input_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def _store(self, fit: DiscreteFit, spells: Spells) -> None:
        causes, p = fit.coef.shape
        covariance = fit.covariance if fit.robust is None else fit.robust
        self.coef_ = fit.coef[0] if causes == 1 else fit.coef
        self.covariance_ = covariance
        self.center_, self.level_, self.stays_ = fit.center, fit.level, fit.stays
        self.exposure_, self.tail_weight_, self.basis_ = fit.exposure, fit.tail, fit.basis
        self.std_error_ = self._errors(fit.covariance, causes, p)
        self.robust_std_error_ = None if fit.robust is None else self._errors(fit.robust, causes, p)
        self.log_likelihood_, self.log_likelihood_null_ = fit.log_likelihood, fit.log_likelihood_null
        self.n_iter_, self.n_events_ = fit.iterations, spells.departures
        self.feature_names_out_ = np.array(spells.features, dtype=object)
        self.causes_ = spells.causes
        self.last_month_ = len(fit.exposure)
        at_average = rates(fit.level[:, None, :-1], np.zeros((causes, 1, 1)))
        self.baseline_ = hazard(at_average, fit.stays[:-1], self.link)[0][:, 0]

    def _errors(self, covariance: FloatArray, causes: int, p: int) -> FloatArray:
        root = np.sqrt(np.clip(np.diag(covariance), 0, None))
        ends = np.cumsum([columns.shape[1] + p for columns in self._basis_ahead()])
        made = np.stack([root[end - p : end] for end in ends])
        return made[0] if causes == 1 else made

    def _basis_ahead(self) -> list[FloatArray]:
        if self.basis_ is not None:
            return list(self.basis_)
        return free_basis_ahead(self.level_, self.stays_, self.tail_weight_)

    def _path(self) -> Path:
        return Path(level=self.level_, stays=self.stays_, link=self.link)

    def _design(self, X: AnyFrame) -> FloatArray:
        self._check_fitted()
        return self.encoder_.transform(X, owner=type(self).__name__)

    def _customer_rates(self, matrix: FloatArray) -> FloatArray:
        # einsum, not BLAS: each row is then summed in the same order whatever rows stand beside it
        return np.asarray(np.einsum("np,kp->kn", matrix - self.center_, np.atleast_2d(self.coef_)))

    def _log_customer(self, X: AnyFrame) -> FloatArray:
        return self._customer_rates(self._design(X))

    def _cause_share(self, log_customer: FloatArray) -> FloatArray:
        """Return the share of each cause in the customer's rate at the average level, (n, K)."""
        level = np.exp(self.level_[:, :-1]) @ (self.exposure_ / self.exposure_.sum())
        rate = level[:, None] * np.exp(log_customer - log_customer.max(axis=0))
        return np.asarray((rate / rate.sum(axis=0)).T)

    def _ahead(
        self, times: ArrayLike | None, given: ArrayLike | None, X: AnyFrame, *, least: int = 0
    ) -> tuple[IntArray, IntArray]:
        """Return checked months ahead (H,) and completed months already stayed, (n,) or (1,)."""
        self._check_fitted()
        stayed = months_stayed(given, X)
        furthest = int(stayed.max(initial=0))
        if times is None:
            times = np.arange(1, max(self.last_month_ - furthest, 1) + 1)
        when = np.floor(float_array(np.atleast_1d(np.asarray(times)), "times", low=least) + 1e-9).astype(np.int64)
        self._check_reach(furthest + int(when.max(initial=0)))
        return when, stayed

    def _check_reach(self, month: int) -> None:
        if self.tail == "error" and month > self.last_month_:
            raise InputError(
                f"this reaches month {month} of a customer's stay, but the last observed month is {self.last_month_}; "
                "ask for fewer months, or hold the level of the last months with DiscreteHazard(tail='hold')"
            )


def _one_thread() -> Any:
    """Return a context in which BLAS uses one thread: the products are small, and more threads slow them down."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(limits=1, user_api="blas")
