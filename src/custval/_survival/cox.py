"""How long will they stay, and what moves it: Cox's proportional hazards, with all that R's ``coxph`` combines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custval._core.errors import InputError
from custval._core.optimize import standard_errors
from custval._core.threads import one_thread
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_choice, check_length, check_scalar, float_array
from custval._survival.band import SurvivalBand, check_band, survival_band
from custval._survival.cox_ahead import log_spread, pullback_ahead, survival_ahead
from custval._survival.cox_baseline import cox_baseline, noise_cells
from custval._survival.cox_data import checked_data, learn_design, split_strata, strata_labels
from custval._survival.cox_diagnostics import CoxTests, chi_square_tail
from custval._survival.cox_fit import CoxData, CoxFit, cox_options, data_rows, fit_cox, last_times
from custval._survival.cox_forecasts import CoxForecasts
from custval._survival.cox_likelihood import log_likelihood, risk_sums
from custval._survival.discrete_summary import coefficient_table
from custval._survival.exits import weight_of_exits
from custval._survival.target import Target

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("CoxPH",)


class CoxPH(CoxForecasts):
    """Hazard of leaving as a baseline times ``exp(x b)``: what moves it, by how much, and how sure are we.

    Late entry, strata, case weights, ties, time-varying columns (several rows for a customer, with `cluster`), robust
    errors and a ridge penalty combine freely. Any time scale; nothing is assumed about the baseline.

    Parameters
    ----------
    ties : {"efron", "breslow"}, default "efron"
        What to do with departures at the same time; Efron's is closer to the truth.
    l2 : float, default 0.0
        Penalty ``l2 / 2 * sum coef ** 2``, in raw units of X, not divided by n, >= 0.
    l1 : float, default 0.0
        Penalty ``l1 * sum |coef|``, likewise; with it there are no standard errors.
    tail : {"error", "hold"}, default "error"
        Past the last observed time: refuse, or hold the mean hazard of the last quarter of the observed time.
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    unseen : {"error", "other"}, default "error"
        What to do at prediction with a level not seen in fitting: refuse it, or take it as the reference level.
    warm_start : bool, default False
        Begin the next fit at the coefficients of the last one.
    max_iter : int, default 50
        Most Newton steps.
    tol : float, default 1e-12
        Stop when the log-likelihood has at most this left to gain.

    Attributes
    ----------
    coef_ : ndarray of shape (p,)
        Log hazard ratios in raw units of X.
    std_error_ : ndarray of shape (p,), or None
        Their standard errors from the information (with ``l2`` > 0 that of the penalised likelihood).
    robust_std_error_ : ndarray of shape (p,), or None
        Sandwich standard errors; there with ``cluster`` or weights that are not whole numbers.
    covariance_ : ndarray of shape (p, p), or None
        Of the coefficients; robust where that is there.
    naive_covariance_ : ndarray of shape (p, p), or None
        Inverse information, whether or not there is a robust one.
    log_likelihood_, log_likelihood_null_ : float
        Partial log-likelihood at the coefficients, and with all of them 0 (penalty not counted).
    baseline_ : CoxBaseline
        Cumulative hazard of the average customer, by stratum, with its uncertainty.
    center_ : ndarray of shape (p,)
        The average customer.
    score_test_ : float
        Chi-square of all coefficients being 0, from the slope there.
    feature_names_out_ : ndarray of str, shape (p,)
        Columns of the design matrix, in the order of ``coef_``.
    feature_names_in_ : ndarray of str
        Columns of the frame; only there when X was a frame.
    n_features_in_ : int
        Number of columns of X.
    strata_ : tuple
        Labels of the strata.
    strata_columns_ : tuple of str, or None
        Columns of X that hold the strata, where they were named.
    causes_ : tuple of str
        Name of the cause.
    time_unit_ : str
        Unit of the target's times.
    n_events_ : int
        Rows that ended with a departure.
    n_iter_ : int
        Newton steps.
    encoder_ : DesignEncoder
        How frames become numbers.

    References
    ----------
    Cox (1972), Regression models and life-tables, Journal of the Royal Statistical Society B 34, 187-220.
    Therneau and Grambsch (2000), Modeling Survival Data: Extending the Cox Model, Springer.

    Examples
    --------
    >>> from custval.survival import CoxPH, survival_target
    >>> X = {"fee": [20.0, 30.0, 20.0, 40.0, 30.0, 40.0]}
    >>> model = CoxPH().fit(X, survival_target([3, 2, 3, 1, 3, 2], [0, 1, 1, 1, 0, 0]))
    >>> model.coef_.round(3)
    array([0.06])
    >>> model.predict_survival({"fee": [25.0]}, [1, 2, 3]).round(3)
    array([[0.896, 0.771, 0.541]])
    """

    __module__ = "custval.survival"
    _fit_metadata: ClassVar[tuple[str, ...]] = ("sample_weight", "strata", "cluster")

    def __init__(
        self,
        *,
        ties: str = "efron",
        l2: float = 0.0,
        l1: float = 0.0,
        tail: str = "error",
        missing: str = "error",
        unseen: str = "error",
        warm_start: bool = False,
        max_iter: int = 50,
        tol: float = 1e-12,
    ) -> None:
        self.ties = ties
        self.l2 = l2
        self.l1 = l1
        self.tail = tail
        self.missing = missing
        self.unseen = unseen
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.tol = tol

    @property
    def expected_failed_checks(self) -> dict[str, str]:
        """Return the checks of scikit-learn that do not hold here, with the reason."""
        reason = "a weight counts a row's ties once, copies count them each (as in R); Breslow's ties make them equal"
        if self.l2 == 0 and self.l1 == 0:
            reason = "collinear columns are refused where l2 = 0; " + reason
        elif self.ties == "breslow":
            return {}
        return {"check_sample_weight_equivalence_on_dense_data": reason}

    def fit(
        self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None, strata: Any = None, cluster: Any = None
    ) -> Self:
        """Learn coefficients and baseline.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer; text and categories are coded (see ``feature_names_out_``).
        y : target of shape (n,)
            From :func:`survival_target`, one cause; or plain durations that all ended. A customer whose columns change
            has a row for each stretch of time: ``entry`` and ``duration`` are its ends.
        sample_weight : array_like of shape (n,), optional
            Case weights, >= 0; rows of weight 0 are left out.
        strata : str, sequence of str, or array_like or frame of n rows, optional
            Groups with a baseline each: names of columns of X, which are then taken out of it, or labels.
        cluster : array_like of shape (n,), optional
            Customer, account or household: rows of one cluster may depend on each other, which robust errors allow for.

        Returns
        -------
        CoxPH
            The fitted model itself.

        Raises
        ------
        InputError
            When nobody left, columns are constant or collinear without a penalty, or `y` holds several causes.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X = {"contract": ["monthly", "yearly", "monthly", "yearly", "monthly"], "fee": [20, 20, 40, 40, 30]}
        >>> y = survival_target([3, 2, 2, 1, 4])
        >>> CoxPH().fit(X, y, strata="contract").feature_names_out_.tolist()
        ['fee']
        """
        check_choice(self.tail, "tail", ("error", "hold"))
        options = cox_options(ties=self.ties, l2=self.l2, l1=self.l1, max_iter=self.max_iter, tol=self.tol)
        rest, labels, named = split_strata(X, strata)
        encoder, rest = learn_design(rest, missing=self.missing, unseen=self.unseen)
        data, target, known = checked_data(
            rest, y, encoder, sample_weight=sample_weight, strata=labels, cluster=cluster
        )
        robust = data.cluster is not None or bool((data.weight != np.floor(data.weight)).any())
        start = self.coef_ if self.warm_start and len(getattr(self, "coef_", ())) == data.X.shape[1] else None
        with one_thread():
            fit = fit_cox(data, options, robust=robust, start=start)
        self.strata_, self.strata_columns_, self.encoder_ = known, named, encoder
        self._store(fit, data, target)
        return self

    def predict_survival_band(
        self,
        X: AnyFrame,
        times: ArrayLike | None = None,
        *,
        given: ArrayLike | None = None,
        strata: Any = None,
        conf_level: float = 0.95,
        conf_type: str = "log",
    ) -> SurvivalBand:
        """Return the survival with its standard error and bounds at each time.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0, not past the last observed time; None: 1, 2, ... up to it.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.
        strata : array_like or frame of n rows, optional
            Each customer's stratum, where the fit was given labels.
        conf_level : float, default 0.95
            Coverage at each time, between 0 and 1.
        conf_type : {"log", "log-log", "plain"}, default "log"
            Scale on which the bounds are symmetric.

        Returns
        -------
        SurvivalBand
            Survival, std_error, lower, upper, each (n, H).

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> band = CoxPH().fit(X, y).predict_survival_band(X[:1], [1, 2], conf_type="log-log")
        >>> band.lower.round(3).tolist(), band.upper.round(3).tolist()
        ([[0.057, 0.007]], [[0.956, 0.844]])
        """
        matrix = self._design(X)
        level = check_band(conf_level, conf_type)
        covariance = self._needed_covariance("a band")
        path, when = self._ahead(X, len(matrix), times, given, strata, hold=False)
        z, risk = matrix - self.center_, self._risk(matrix)
        error = log_spread(self.baseline_, path, when, z, risk=risk, covariance=covariance)
        told, unit = survival_ahead(path, risk), self.time_unit_
        return survival_band(when, told, error, level=level, conf_type=conf_type, time_unit=unit)

    def summary(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients with their uncertainty.

        Parameters
        ----------
        conf_level : float, default 0.95
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            One row for each column: cause, feature, coef, std_error (robust where there is one), hazard_ratio with
            lower and upper, z, p_value; with ``l1`` > 0 only coef and hazard_ratio.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).summary()[["feature", "coef", "hazard_ratio", "p_value"]].round(2).to_dict("list")
        {'feature': ['x0'], 'coef': [-0.94], 'hazard_ratio': [0.39], 'p_value': [0.45]}
        """
        self._check_fitted()
        level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
        error = self.std_error_ if self.robust_std_error_ is None else self.robust_std_error_
        known = np.zeros_like(self.coef_) if error is None else error
        table = coefficient_table(self.coef_, known, self.causes_, self.feature_names_out_, level, ratio="hazard_ratio")
        return table if error is not None else table[["cause", "feature", "coef", "hazard_ratio"]]

    def tests(self) -> CoxTests:
        """Return three tests of all coefficients being zero: likelihood ratio, Wald, score.

        Returns
        -------
        CoxTests
            Statistics, degrees of freedom and p-values; not for penalised fits.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).tests().statistic.round(3).tolist()
        [0.616, 0.575, 0.615]
        """
        self._check_fitted()
        if self.l1 > 0 or self.l2 > 0:
            raise InputError("these tests hold for fits without a penalty; fit with l1 = 0 and l2 = 0")
        wald = float(self.coef_ @ np.linalg.solve(self._needed_covariance("a test"), self.coef_))
        ratio = 2 * (self.log_likelihood_ - self.log_likelihood_null_)
        statistic = np.array([ratio, wald, self.score_test_])
        df = np.full(3, len(self.coef_))
        return CoxTests(np.array(["likelihood_ratio", "wald", "score"]), statistic, df, chi_square_tail(statistic, df))

    @property
    def forecast_covariance_(self) -> FloatArray | None:
        """Covariance of what :meth:`pullback` takes gradients in: the coefficients, then errors of the baseline.

        The baseline's own errors are standardised: they have variance 1 and go with nothing else. None without
        standard errors (``l1`` > 0).
        """
        self._check_fitted()
        if self.covariance_ is None:
            return None
        p = len(self.coef_)
        made = np.eye(p + noise_cells(self.baseline_).size)
        made[:p, :p] = self.covariance_
        return made

    def pullback(
        self,
        X: AnyFrame,
        survival_weight: FloatArray,
        exit_weight: FloatArray | None = None,
        *,
        given: ArrayLike | None = None,
        strata: Any = None,
    ) -> FloatArray:
        """Return how a weighted sum of each customer's predictions moves with the coefficients and the baseline.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        survival_weight : ndarray of shape (n, H)
            w: weight of being there after 1..H units of time from now.
        exit_weight : ndarray of shape (n, 1, H), optional
            c: weight of leaving in each of these units.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0.
        strata : array_like or frame of n rows, optional
            Each customer's stratum, where the fit was given labels.

        Returns
        -------
        ndarray of shape (n, P)
            Gradient of ``sum_t w S(t) + sum_t c (F(t) - F(t-1))``, in the order of ``forecast_covariance_``: in the
            coefficients, the baseline moving with them as it does in the fit, then in the baseline's own errors.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> CoxPH().fit(X, y).pullback(X[:1], [[1.0, 1.0]]).round(3).tolist()
        [[0.209, -0.394, -0.224, 0.0]]
        """
        matrix = self._design(X)
        weight = float_array(survival_weight, "survival_weight", ndim=2)
        check_length(weight, len(matrix), name="survival_weight")
        weight = weight + weight_of_exits(exit_weight, weight.shape)
        path, when = self._ahead(X, len(matrix), np.arange(1, weight.shape[1] + 1), given, strata)
        z, risk, cells = matrix - self.center_, self._risk(matrix), noise_cells(self.baseline_)
        hold = self.tail == "hold"
        return pullback_ahead(self.baseline_, path, when, z, risk=risk, weight=weight, cells=cells, hold=hold)

    def score(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None, strata: Any = None) -> float:
        """Return the partial log-likelihood for each departure among these customers: higher is better.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        y : target of shape (n,)
            What happened to them.
        sample_weight : array_like of shape (n,), optional
            Case weights.
        strata : array_like or frame of n rows, optional
            Each customer's stratum, where the fit was given labels.

        Returns
        -------
        float
            Log-likelihood of the order of departures, for each of them, against that of equal risks: 0 for a model that
            knows nothing.

        Examples
        --------
        >>> from custval.survival import CoxPH, survival_target
        >>> X, y = [[0.0], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3], [1, 1, 1, 0])
        >>> round(CoxPH().fit(X, y).score(X, y), 3)
        0.103
        """
        self._check_fitted()
        labels = strata_labels(X, strata, self.strata_columns_)
        data, _, _ = checked_data(X, y, self.encoder_, sample_weight=sample_weight, strata=labels, cluster=None)
        if not data.event.any():
            return 0.0
        rows = data_rows(data, self.ties)
        gained = [log_likelihood(risk_sums(b, rows, self.ties)) for b in (self.coef_, 0 * self.coef_)]
        return (gained[0] - gained[1]) / float(rows.mass.sum())

    def _store(self, fit: CoxFit, data: CoxData, target: Target) -> None:
        covariance = fit.covariance if fit.robust is None else fit.robust
        self.coef_, self.covariance_, self.naive_covariance_ = fit.coef, covariance, fit.covariance
        self.std_error_, self.robust_std_error_ = _root(fit.covariance), _root(fit.robust)
        self.log_likelihood_, self.log_likelihood_null_ = fit.log_likelihood, fit.log_likelihood_null
        self.score_test_, self.n_iter_ = fit.score_test, fit.iterations
        share = data.weight / data.weight.sum()
        self.center_ = fit.rows.center[0].copy() if data.stratum is None else share @ data.X
        self.n_events_ = int(np.count_nonzero(data.event))
        self.causes_, self.time_unit_ = target.causes, target.time_unit
        self.baseline_ = cox_baseline(
            fit, self.center_, last=last_times(data), strata=self.strata_, time_unit=target.time_unit
        )
        self._keep_names(data.features)

    def _needed_covariance(self, what: str) -> FloatArray:
        if self.covariance_ is None:
            raise InputError(f"{what} needs standard errors, which a fit with l1 > 0 does not have; fit with l1 = 0")
        return np.asarray(self.covariance_)


def _root(covariance: FloatArray | None) -> FloatArray | None:
    return None if covariance is None else standard_errors(covariance)
