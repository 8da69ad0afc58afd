"""A loyal share that never leaves, and how long the others stay: the mixture cure model.

``S(t | x) = loyal(x) + (1 - loyal(x)) S_0(t | x)``: the log odds of being loyal are linear in columns, and so is the
log time of leaving of those who are not. It suits services that some customers keep for good: the survival curve then
ends in a plateau, which a law that must reach zero cannot follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from custval._core.optimize import standard_errors
from custval._core.threads import one_thread
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray
from custval._core.validation import check_choice, check_scalar, check_whole
from custval._survival.aft import latency_starts, named_columns
from custval._survival.error_laws import LAWS, Law
from custval._survival.interval_target import Spans
from custval._survival.jets import CureFamily, LocationScale, row_jet
from custval._survival.parametric import ParametricModel
from custval._survival.parametric_fit import ParametricFit, Part, Rows, fit_rows
from custval._survival.parametric_summary import Block, parameter_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("MixtureCure",)

LATENCIES = ("weibull", "exponential", "lognormal", "loglogistic")


class MixtureCure(ParametricModel):
    """Share of customers who never leave, and time of leaving of the others, each with its columns.

    Parameters
    ----------
    latency : {"weibull", "exponential", "lognormal", "loglogistic"}, default "weibull"
        Law of the time of leaving of those who will leave, as in :class:`AFT`.
    loyal_columns, latency_columns : sequence of str or int, optional
        Columns of X that change the loyal share, and the time of leaving of the others: names for frames, positions for
        arrays; None: all, an empty list: none.
    l2 : float, default 0.0
        Penalty ``l2 / 2 * sum coef ** 2`` on the coefficients of both parts, in raw units of X, not divided by n, >= 0.
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    unseen : {"error", "other"}, default "error"
        What to do at prediction with a level not seen in fitting: refuse it, or take it as the reference level.
    max_iter : int, default 200
        Most Newton steps.
    tol : float, default 1e-9
        Stop when the log-likelihood has at most this left to gain.

    Attributes
    ----------
    loyal_coef_, coef_ : ndarray
        Coefficients of the log odds of being loyal, and of the log time of leaving of the others.
    loyal_std_error_, std_error_ : ndarray
        Their standard errors from the information (with ``l2`` > 0 that of the penalised likelihood).
    loyal_robust_std_error_, robust_std_error_ : ndarray or None
        Sandwich standard errors; there with ``cluster`` or weights that are not whole numbers.
    loyal_intercept_, intercept_ : float
        Of the two parts, at x = 0.
    loyal_share_, loyal_share_std_error_ : float
        Share of the average customer, and its standard error.
    scale_ : float
        Scale of the log time; 1 for the exponential.
    log_scale_std_error_ : float or None
        Standard error of its log; None for the exponential.
    covariance_ : ndarray of shape (P, P)
        Of the log odds of the average customer, ``loyal_coef_``, the location of the average customer, ``coef_`` and
        the log scale. Robust where that is there.
    log_likelihood_, log_likelihood_null_ : float
        Of the model, and without columns.
    loyal_feature_names_out_, latency_feature_names_out_ : ndarray of str
        Columns in the order of ``loyal_coef_`` and of ``coef_``.
    feature_names_out_, feature_names_in_ : ndarray of str
        Columns of the design, and of the frame (only there when X was a frame).
    center_ : ndarray of shape (p,)
        The average customer.
    n_features_in_, n_iter_, n_events_ : int
        Number of columns of X; Newton steps; rows that ended with a departure.
    causes_, time_unit_, last_time_ : tuple of one str, str, float
        Name of the departure, unit and last of the times.
    encoder_ : DesignEncoder
        How frames become numbers.

    Notes
    -----
    A loyal share can be told from late leavers only where the data reach well past most departures; with a short window
    its standard error says how little is known.

    References
    ----------
    Berkson and Gage (1952), Survival curve for cancer patients following treatment, JASA 47, 501-515.
    Farewell (1982), The use of mixture models for the analysis of survival data, Biometrics 38, 1041-1046.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import MixtureCure, survival_target
    >>> months = np.array([2, 3, 3, 4, 5, 6, 7, 9, 24, 30, 36, 30, 28, 35])
    >>> left = np.array([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    >>> fibre = {"fibre": np.array([0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1])}
    >>> model = MixtureCure(latency_columns=[]).fit(fibre, survival_target(months, left))
    >>> model.predict_loyal({"fibre": np.array([0, 1])}).round(3).tolist()
    [0.25, 0.667]
    >>> model.predict_survival({"fibre": np.array([0, 1])}, [6, 60]).round(3).tolist()
    [[0.472, 0.25], [0.765, 0.667]]
    """

    __module__ = "custval.survival"

    def __init__(
        self,
        *,
        latency: str = "weibull",
        loyal_columns: Sequence[str] | Sequence[int] | None = None,
        latency_columns: Sequence[str] | Sequence[int] | None = None,
        l2: float = 0.0,
        missing: str = "error",
        unseen: str = "error",
        max_iter: int = 200,
        tol: float = 1e-9,
    ) -> None:
        self.latency = latency
        self.loyal_columns = loyal_columns
        self.latency_columns = latency_columns
        self.l2 = l2
        self.missing = missing
        self.unseen = unseen
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: AnyFrame, y: Any, *, sample_weight: ArrayLike | None = None, cluster: Any = None) -> Self:
        """Learn both parts at once by maximum likelihood.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer; text and categories are coded (see ``feature_names_out_``).
        y : target of shape (n,)
            From :func:`survival_target` (one cause) or :func:`interval_target`, or plain durations that all ended.
        sample_weight : array_like of shape (n,), optional
            Case weights, >= 0.
        cluster : array_like of shape (n,), optional
            Account or household: rows of one cluster may depend on each other, which the robust errors allow for.

        Returns
        -------
        MixtureCure
            The fitted model itself.

        Raises
        ------
        InputError
            When nobody left, the target has several causes, or columns are constant or collinear without a penalty.
        """
        law = self._law()
        l2 = check_scalar(self.l2, "l2", low=0, high=np.inf, high_open=True)
        max_iter, tol = check_whole(self.max_iter, "max_iter", low=1), check_scalar(self.tol, "tol", low=0)
        read = self._read(X, y, sample_weight, cluster)
        self._keep_names(read)
        with one_thread():
            fit = fit_rows(
                Rows(read.matrix, read.spans, read.weight, read.cluster),
                CureFamily(LocationScale(law)),
                self._parts(law),
                lambda spans, weight: _starts(law, spans, weight),
                location=1,
                l2=l2,
                max_iter=max_iter,
                tol=tol,
                robust=read.robust,
            )
        self._store(fit, law)
        return self

    def predict_loyal(self, X: AnyFrame, *, given: ArrayLike | None = None) -> FloatArray:
        """Return P(never leaves | stayed `given`).

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        given : float or array_like of shape (n,), optional
            Time already stayed; None: 0. Who has stayed long is more likely to be loyal.

        Returns
        -------
        ndarray of shape (n,)
            Probabilities.
        """
        _, stayed = self._ahead([0.0], given, X)
        theta = self._theta(self._design(X))
        with np.errstate(divide="ignore", over="ignore"):
            now = self._family().log_survival(np.log(stayed), theta)
        return np.asarray(np.exp(np.minimum(-np.logaddexp(0, -theta[0]) - now, 0.0)))

    def summary(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the parameters with their uncertainty.

        Parameters
        ----------
        conf_level : float, default 0.95
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            One row for each parameter: part (loyal, time, log scale), feature, coef, std_error (robust where there is
            one), estimate (exp(coef): the ratio of the odds of being loyal, or of times) with lower and upper, z,
            p_value.
        """
        self._check_fitted()
        level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
        loyal = self.loyal_std_error_ if self.loyal_robust_std_error_ is None else self.loyal_robust_std_error_
        time = self.std_error_ if self.robust_std_error_ is None else self.robust_std_error_
        first = np.append(self.loyal_intercept_, self.loyal_coef_), np.append(self.loyal_intercept_std_error_, loyal)
        second = np.append(self.intercept_, self.coef_), np.append(self.intercept_std_error_, time)
        blocks = [
            Block("loyal", ["intercept", *self.loyal_feature_names_out_], *first, is_ratio=True),
            Block("time", ["intercept", *self.latency_feature_names_out_], *second, is_ratio=True),
        ]
        if self.log_scale_std_error_ is not None:
            value, spread = np.array([np.log(self.scale_)]), np.array([self.log_scale_std_error_])
            blocks.append(Block("log scale", ["intercept"], value, spread, is_ratio=True))
        return parameter_table(blocks, level)

    def _law(self) -> Law:
        check_choice(self.latency, "latency", LATENCIES)
        return LAWS[self.latency]

    def _columns(self) -> tuple[IntArray, IntArray]:
        every = np.arange(len(self.encoder_.feature_names))
        return (
            every if self.loyal_columns is None else named_columns(self.loyal_columns, self.encoder_, "loyal_columns"),
            every
            if self.latency_columns is None
            else named_columns(self.latency_columns, self.encoder_, "latency_columns"),
        )

    def _parts(self, law: Law) -> list[Part]:
        names = self.encoder_.feature_names
        loyal, latency = self._columns()
        parts = [
            Part("loyal share", loyal, tuple(f"{names[j]} (on the loyal share)" for j in loyal)),
            Part("intercept", latency, tuple(names[j] for j in latency)),
        ]
        return [*parts, Part("scale", np.zeros(0, dtype=np.int64), ())] if law.has_scale else parts

    def _store(self, fit: ParametricFit, law: Law) -> None:
        self.covariance_ = fit.covariance if fit.robust is None else fit.robust
        self.center_, self.level_ = fit.center, fit.level
        self.loyal_index_, self.latency_index_ = self._columns()
        self.loyal_coef_, self.coef_ = fit.coef[0], fit.coef[1]
        self.loyal_feature_names_out_ = self.feature_names_out_[self.loyal_index_]
        self.latency_feature_names_out_ = self.feature_names_out_[self.latency_index_]
        a, b = len(self.loyal_coef_), len(self.coef_)
        first, second = slice(0, a + 1), slice(a + 1, a + b + 2)
        self.loyal_std_error_, self.std_error_ = (
            standard_errors(fit.covariance[part, part])[1:] for part in (first, second)
        )
        robust = fit.robust
        self.loyal_robust_std_error_ = None if robust is None else standard_errors(robust[first, first])[1:]
        self.robust_std_error_ = None if robust is None else standard_errors(robust[second, second])[1:]
        self.loyal_intercept_, self.loyal_intercept_std_error_ = self._at_zero(
            first, self.loyal_coef_, self.loyal_index_, 0
        )
        self.intercept_, self.intercept_std_error_ = self._at_zero(second, self.coef_, self.latency_index_, 1)
        share = float(np.exp(-np.logaddexp(0, -fit.level[0])))
        self.loyal_share_ = share
        self.loyal_share_std_error_ = share * (1 - share) * float(standard_errors(self.covariance_[:1, :1])[0])
        self.scale_ = float(np.exp(fit.level[2])) if law.has_scale else 1.0
        self.log_scale_std_error_ = float(standard_errors(self.covariance_)[-1]) if law.has_scale else None
        self.log_likelihood_, self.log_likelihood_null_ = fit.log_likelihood, fit.log_likelihood_null
        self.n_iter_ = fit.iterations

    def _at_zero(self, part: slice, coef: FloatArray, columns: IntArray, predictor: int) -> tuple[float, float]:
        """Return the intercept of one predictor at x = 0, and its standard error."""
        back = np.append(1.0, -self.center_[columns])
        variance = float(back @ self.covariance_[part, part] @ back)
        return float(self.level_[predictor] - self.center_[columns] @ coef), float(np.sqrt(max(variance, 0.0)))

    def _family(self) -> CureFamily:
        return CureFamily(LocationScale(self._law()))

    def _predictors(self) -> list[tuple[float, FloatArray, IntArray]]:
        made = [
            (float(self.level_[0]), self.loyal_coef_, self.loyal_index_),
            (float(self.level_[1]), self.coef_, self.latency_index_),
        ]
        scale = [(float(level), np.zeros(0), np.zeros(0, dtype=np.int64)) for level in self.level_[2:]]
        return made + scale

    def _mean_for_ever(self, theta: FloatArray, stayed: FloatArray) -> FloatArray:
        """Return infinity: the loyal never leave."""
        return np.full_like(stayed + theta[0], np.inf)

    def _log_chance(self, theta: FloatArray, spans: Spans) -> FloatArray:
        return row_jet(self._family(), theta, spans).value


def _starts(law: Law, spans: Spans, weight: FloatArray) -> list[FloatArray]:
    """Return levels to start from: shares of those who were never seen to leave, and the times of those who were."""
    staying = float(weight[~spans.left].sum() / weight.sum())
    leavers = spans.rows(spans.left)
    own = latency_starts(law, leavers, weight[spans.left])[0]
    shares = [max(staying * part, 1e-3) for part in (0.95, 0.6, 0.2)]
    return [np.append(np.log(share / (1 - share)), own) for share in shares if share < 1]
