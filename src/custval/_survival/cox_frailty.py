"""Customers of one account leave alike, for reasons that no column holds: Cox's model with a shared gamma frailty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_choice, check_scalar, float_array
from custval._survival.cox_baseline import cox_baseline, cumulative_at
from custval._survival.cox_data import NO_STRATA, check_reach, checked_data, learn_design, stayed_array
from custval._survival.cox_fit import (
    CoxData,
    CoxFit,
    cox_options,
    data_rows,
    fit_cox,
    last_times,
    one_thread,
    with_column,
)
from custval._survival.cox_frailty_fit import FrailtyFit, fit_frailty
from custval._survival.discrete_summary import coefficient_table
from custval._survival.groups import group_codes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("SharedFrailtyCox",)


class SharedFrailtyCox(Estimator):
    """Hazard ratios for customers of the same account, and how much accounts differ beyond their columns.

    Each account multiplies its customers' hazard by a gamma variable with mean 1; its variance is learned too. For
    clustered data without interest in the accounts, ``CoxPH().fit(X, y, cluster=account)`` is simpler.

    Parameters
    ----------
    ties : {"efron", "breslow"}, default "efron"
        What to do with departures at the same time.
    frailty_variance : float, optional
        Variance of the accounts' multipliers, > 0. None: the one with the highest marginal likelihood.
    tail : {"error", "hold"}, default "error"
        Past the last observed time: refuse, or hold the mean hazard of the last quarter of the observed time.
    missing : {"error", "indicator"}, default "error"
        What to do with missing values in X.
    unseen : {"error", "other"}, default "error"
        What to do at prediction with a level not seen in fitting.
    max_iter : int, default 500
        Most Newton steps for each variance that is tried.
    tol : float, default 1e-12
        Stop when the log-likelihood has at most this left to gain.

    Attributes
    ----------
    coef_ : ndarray of shape (p,)
        Log hazard ratios within an account, in raw units of X.
    std_error_ : ndarray of shape (p,)
        Their standard errors, given the variance (as in R).
    covariance_ : ndarray of shape (p, p)
        Of the coefficients.
    frailty_variance_ : float
        Variance of the accounts' multipliers.
    n_groups_ : int
        Accounts.
    log_likelihood_, log_likelihood_null_ : float
        Marginal log-likelihood (frailties integrated out); and the partial one without columns and frailties.
    log_likelihood_plain_ : float
        The partial log-likelihood with the columns but without frailties: twice the gain is the test of any frailty.
    baseline_ : CoxBaseline
        Cumulative hazard of the average customer in an account with multiplier 1.
    center_ : ndarray of shape (p,)
        The average customer.
    feature_names_out_ : ndarray of str, shape (p,)
        Columns of the design matrix, in the order of ``coef_``.
    feature_names_in_ : ndarray of str
        Columns of the frame; only there when X was a frame.
    n_features_in_ : int
        Number of columns of X.
    causes_ : tuple of str
        Name of the cause.
    time_unit_ : str
        Unit of the target's times.
    n_iter_ : int
        Newton steps, over all variances tried.
    encoder_ : DesignEncoder
        How frames become numbers.

    References
    ----------
    Nielsen, Gill, Andersen and Sorensen (1992), Scandinavian Journal of Statistics 19, 25-43.
    Therneau and Grambsch (2000), Modeling Survival Data, Springer, chapter 9.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import SharedFrailtyCox, survival_target
    >>> rng = np.random.default_rng(0)
    >>> account = np.repeat(np.arange(50), 4)
    >>> X, often = rng.normal(size=(200, 1)), rng.gamma(2, 0.5, 50)[account]
    >>> y = survival_target(rng.exponential(1 / often) * np.exp(-X[:, 0]))
    >>> model = SharedFrailtyCox().fit(X, y, group=account)
    >>> model.coef_.round(2), round(model.frailty_variance_, 2)
    (array([1.14]), 0.33)
    """

    __module__ = "custval.survival"
    _poor_score: ClassVar[bool] = True
    _fit_metadata: ClassVar[tuple[str, ...]] = ("group",)

    def __init__(
        self,
        *,
        ties: str = "efron",
        frailty_variance: float | None = None,
        tail: str = "error",
        missing: str = "error",
        unseen: str = "error",
        max_iter: int = 500,
        tol: float = 1e-12,
    ) -> None:
        self.ties = ties
        self.frailty_variance = frailty_variance
        self.tail = tail
        self.missing = missing
        self.unseen = unseen
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: AnyFrame, y: Any, *, group: Any = None, cluster: Any = None, l1: float = 0.0) -> Self:
        """Learn coefficients, the variance between accounts and the baseline.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer.
        y : target of shape (n,)
            From :func:`survival_target`, one cause; late entry is fine.
        group : array_like of shape (n,), optional
            Account of each row; None: every row is its own, which asks much of the data.
        cluster : None
            Refused: the frailty already says that rows of an account depend on each other.
        l1 : float
            Refused unless 0: a lasso has no standard errors, and the variance would follow its choices.

        Returns
        -------
        SharedFrailtyCox
            The fitted model itself.

        Raises
        ------
        InputError
            For `cluster` or `l1`, and whatever :meth:`CoxPH.fit` refuses.

        Examples
        --------
        >>> from custval.survival import SharedFrailtyCox, survival_target
        >>> X, y = [[0.0], [1.0], [0.5], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3, 5, 4])
        >>> model = SharedFrailtyCox(frailty_variance=0.5).fit(X, y, group=["a", "a", "b", "b", "c", "c"])
        >>> model.n_groups_
        3
        """
        if cluster is not None:
            raise InputError("SharedFrailtyCox takes no cluster: pass the accounts as group, or fit CoxPH with cluster")
        if l1 != 0:
            raise InputError("SharedFrailtyCox takes no l1: choose columns with cox_path first, then fit them here")
        check_choice(self.tail, "tail", ("error", "hold"))
        options = cox_options(ties=self.ties, l2=0.0, l1=0.0, max_iter=self.max_iter, tol=self.tol)
        fixed = self.frailty_variance
        if fixed is not None:
            fixed = check_scalar(fixed, "frailty_variance", low=0, high=np.inf, low_open=True, high_open=True)
        encoder, X = learn_design(X, missing=self.missing, unseen=self.unseen)
        data, target, _ = checked_data(X, y, encoder, sample_weight=None, strata=None, cluster=group)
        group_of = np.arange(len(data.duration)) if data.cluster is None else data.cluster
        with one_thread():
            plain = fit_cox(data, options, robust=False)
            rows = data_rows(with_column(data), self.ties)
            own = group_codes(group_of[rows.order], len(rows.order))[1]
            fit = fit_frailty(
                rows, own, plain.coef, ties=self.ties, variance=fixed, max_iter=options.max_iter, tol=options.tol
            )
        self.encoder_, self.causes_, self.time_unit_ = encoder, target.causes, target.time_unit
        self.n_groups_ = len(np.unique(group_of))
        self._store(fit, plain, data)
        return self

    def predict_risk(self, X: AnyFrame) -> FloatArray:
        """Return one number to rank customers by: their hazard against the average customer's in the same account.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Hazard ratios, > 0.

        Examples
        --------
        >>> from custval.survival import SharedFrailtyCox, survival_target
        >>> X, y = [[0.0], [1.0], [0.5], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3, 5, 4])
        >>> model = SharedFrailtyCox(frailty_variance=0.5).fit(X, y, group=["a", "a", "b", "b", "c", "c"])
        >>> model.predict_risk(X[:2]).round(2).tolist()
        [0.79, 1.18]
        """
        self._check_fitted()
        matrix = self.encoder_.transform(X, owner=type(self).__name__)
        return np.asarray(np.exp(np.clip(np.einsum("np,p->n", matrix - self.center_, self.coef_), -700, 700)))

    def predict(self, X: AnyFrame) -> FloatArray:
        """Return :meth:`predict_risk`.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.

        Returns
        -------
        ndarray of shape (n,)
            Hazard ratios.

        Examples
        --------
        >>> from custval.survival import SharedFrailtyCox, survival_target
        >>> X, y = [[0.0], [1.0], [0.5], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3, 5, 4])
        >>> model = SharedFrailtyCox(frailty_variance=0.5).fit(X, y, group=["a", "a", "b", "b", "c", "c"])
        >>> model.predict(X[:2]).round(2).tolist()
        [0.79, 1.18]
        """
        return self.predict_risk(X)

    def predict_survival(
        self, X: AnyFrame, times: ArrayLike | None = None, *, given: ArrayLike | None = None
    ) -> FloatArray:
        """Return P(still a customer `times` from now | stayed `given`) for customers of accounts not seen before.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            Customers.
        times : array_like of shape (H,), optional
            Times from now, >= 0; None: 1, 2, ... up to the last observed time.
        given : float or array_like of shape (n,), optional
            Time already stayed, >= 0; None: 0. Who stayed long is likely to have a small multiplier: that is allowed
            for.

        Returns
        -------
        ndarray of shape (n, H)
            Probabilities, averaged over accounts: ``(1 + theta r H(t)) ** (-1 / theta)`` and its ratio at two times.

        Examples
        --------
        >>> from custval.survival import SharedFrailtyCox, survival_target
        >>> X, y = [[0.0], [1.0], [0.5], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3, 5, 4])
        >>> model = SharedFrailtyCox(frailty_variance=0.5).fit(X, y, group=["a", "a", "b", "b", "c", "c"])
        >>> model.predict_survival(X[:2], [1, 3]).round(2).tolist()
        [[0.88, 0.46], [0.83, 0.34]]
        """
        risk = self.predict_risk(X)
        stayed = stayed_array(given, len(risk))
        if times is None:
            times = np.arange(1, max(int((self.baseline_.last - stayed).min()), 1) + 1)
        when = float_array(np.atleast_1d(np.asarray(times)), "times", low=0.0)
        hold = self.tail == "hold"
        if not hold:
            check_reach(stayed, float(when.max(initial=0.0)), self.baseline_.last)
        since, until = (
            np.log1p(self.frailty_variance_ * risk[:, None] * cumulative_at(self.baseline_, 0, at, hold=hold))
            for at in (stayed[:, None], stayed[:, None] + when)
        )
        return np.exp((since - until) / self.frailty_variance_)

    def summary(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients with their uncertainty.

        Parameters
        ----------
        conf_level : float, default 0.95
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            One row for each column: cause, feature, coef, std_error, hazard_ratio with lower and upper, z, p_value.

        Examples
        --------
        >>> from custval.survival import SharedFrailtyCox, survival_target
        >>> X, y = [[0.0], [1.0], [0.5], [1.0], [0.0], [1.0]], survival_target([1, 2, 3, 3, 5, 4])
        >>> model = SharedFrailtyCox(frailty_variance=0.5).fit(X, y, group=["a", "a", "b", "b", "c", "c"])
        >>> model.summary()["hazard_ratio"].round(2).tolist()
        [1.49]
        """
        self._check_fitted()
        level = check_scalar(conf_level, "conf_level", low=0, high=1, low_open=True, high_open=True)
        names = self.feature_names_out_
        return coefficient_table(self.coef_, self.std_error_, self.causes_, names, level, ratio="hazard_ratio")

    def _store(self, fit: FrailtyFit, plain: CoxFit, data: CoxData) -> None:
        self.coef_, self.covariance_, self.frailty_variance_ = fit.coef, fit.covariance, fit.variance
        self.std_error_ = np.sqrt(np.clip(np.diag(fit.covariance), 0, None))
        self.log_likelihood_, self.log_likelihood_null_ = fit.log_likelihood, plain.log_likelihood_null
        self.log_likelihood_plain_, self.n_iter_ = plain.log_likelihood, fit.iterations
        self.feature_names_out_ = np.array(data.features, dtype=object)
        self.center_ = data.X.mean(axis=0)
        made = CoxFit(
            coef=fit.coef,
            step=np.zeros_like(fit.coef),
            covariance=fit.covariance,
            robust=None,
            log_likelihood=fit.log_likelihood,
            log_likelihood_null=plain.log_likelihood_null,
            score_test=plain.score_test,
            iterations=fit.iterations,
            rows=fit.rows,
            sums=fit.sums,
        )
        unit = self.time_unit_
        self.baseline_ = cox_baseline(made, self.center_, last=last_times(data), strata=NO_STRATA, time_unit=unit)
        self.n_features_in_ = len(self.encoder_.input_names)
        if self.encoder_.named:
            self.feature_names_in_ = np.array(self.encoder_.input_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
