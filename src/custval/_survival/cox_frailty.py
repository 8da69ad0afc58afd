"""Customers of one account leave alike, for reasons that no column holds: Cox's model with a shared gamma frailty."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from custval._core.errors import InputError
from custval._core.optimize import standard_errors
from custval._core.threads import one_thread
from custval._core.typing import AnyFrame
from custval._core.validation import check_choice, check_scalar
from custval._survival.cox_baseline import cox_baseline
from custval._survival.cox_data import checked_data, learn_design, split_strata
from custval._survival.cox_fit import (
    CoxData,
    CoxFit,
    CoxOptions,
    cox_options,
    data_rows,
    fit_cox,
    last_times,
    with_column,
)
from custval._survival.cox_forecasts import CoxForecasts
from custval._survival.cox_frailty_fit import FrailtyFit, fit_frailty
from custval._survival.discrete_summary import coefficient_table
from custval._survival.groups import group_codes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("SharedFrailtyCox",)


class SharedFrailtyCox(CoxForecasts):
    """Hazard ratios for customers of the same account, and how much accounts differ beyond their columns.

    Each account multiplies its customers' hazard by a gamma variable with mean 1; its variance is learned too. For
    clustered data without interest in the accounts, ``CoxPH().fit(X, y, cluster=account)`` is simpler. Risks compare
    customers within an account; curves, incidences, lifetimes and hazards are those of a customer of an account not
    seen before, averaged over accounts: ``S(t) = (1 + theta r H(t)) ** (-1 / theta)``, its ratio at two times for those
    who stayed (who stayed long is likely to have a small multiplier).

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
    n_groups_, n_events_ : int
        Accounts; rows that ended with a departure.
    strata_, strata_columns_ : tuple; the second may be None
        Labels of the strata, and the columns of X that hold them, where they were named.
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
    _fit_metadata: ClassVar[tuple[str, ...]] = ("group", "strata")

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

    def fit(
        self,
        X: AnyFrame,
        y: Any,
        *,
        group: Any = None,
        strata: Any = None,
        cluster: Any = None,
        l1: float = 0.0,
        **unknown: Any,
    ) -> Self:
        """Learn coefficients, the variance between accounts and the baseline.

        Parameters
        ----------
        X : frame or array of shape (n, columns)
            What is known of each customer.
        y : target of shape (n,)
            From :func:`survival_target`, one cause; late entry is fine.
        group : array_like of shape (n,), optional
            Account of each row; None: every row is its own, which asks much of the data.
        strata : str, sequence of str, or array_like or frame of n rows, optional
            Groups with a baseline each, as in :meth:`CoxPH.fit`; an account may have customers in several.
        cluster : None
            Refused: the frailty already says that rows of an account depend on each other.
        l1 : float
            Refused unless 0: a lasso has no standard errors, and the variance would follow its choices.
        **unknown
            Refused by name. ``sample_weight``: whether a customer of weight 2 is two customers who share the account,
            or an account met twice, a weight does not say.

        Returns
        -------
        SharedFrailtyCox
            The fitted model itself.

        Raises
        ------
        InputError
            For `cluster`, `sample_weight` or `l1`, and whatever :meth:`CoxPH.fit` refuses.

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
        # not a named argument: scikit-learn would take it for one that is supported
        if unknown.pop("sample_weight", None) is not None:
            raise InputError(
                "SharedFrailtyCox takes no sample_weight: a weight does not say whether it repeats the customer or the "
                "account; repeat the rows, or fit CoxPH with sample_weight and cluster"
            )
        if unknown:
            raise TypeError(f"SharedFrailtyCox.fit takes no {next(iter(unknown))!r}; it takes group and strata")
        if l1 != 0:
            raise InputError("SharedFrailtyCox takes no l1: choose columns with cox_path first, then fit them here")
        check_choice(self.tail, "tail", ("error", "hold"))
        options = cox_options(ties=self.ties, l2=0.0, l1=0.0, max_iter=self.max_iter, tol=self.tol)
        fixed = self.frailty_variance
        if fixed is not None:
            fixed = check_scalar(fixed, "frailty_variance", low=0, high=np.inf, low_open=True, high_open=True)
        rest, labels, named = split_strata(X, strata)
        encoder, rest = learn_design(rest, missing=self.missing, unseen=self.unseen)
        owner = type(self).__name__
        data, target, known = checked_data(
            rest, y, encoder, sample_weight=None, strata=labels, cluster=None, group=group, owner=owner
        )
        group_of = np.arange(len(data.duration)) if data.cluster is None else data.cluster
        if group_of.max() == 0:
            raise InputError("group holds one account only, so how much accounts differ cannot be told; fit CoxPH")
        with one_thread():
            plain = _fit_plain(data, options)
            rows = data_rows(with_column(data), self.ties)
            own = group_codes(group_of[rows.order], len(rows.order))[1]
            fit = fit_frailty(
                rows, own, plain.coef, ties=self.ties, variance=fixed, max_iter=options.max_iter, tol=options.tol
            )
        self.encoder_, self.causes_, self.time_unit_ = encoder, target.causes, target.time_unit
        self.strata_, self.strata_columns_ = known, named
        self.n_groups_, self.n_events_ = len(np.unique(group_of)), int(np.count_nonzero(data.event))
        self._store(fit, plain, data)
        return self

    @property
    def _spread_out(self) -> float:
        return float(self.frailty_variance_)

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
        self.std_error_ = standard_errors(fit.covariance)
        self.log_likelihood_, self.log_likelihood_null_ = fit.log_likelihood, plain.log_likelihood_null
        self.log_likelihood_plain_, self.n_iter_ = plain.log_likelihood, fit.iterations
        self._keep_names(data.features)
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
        self.baseline_ = cox_baseline(made, self.center_, last=last_times(data), strata=self.strata_, time_unit=unit)


def _fit_plain(data: CoxData, options: CoxOptions) -> CoxFit:
    """Return the fit without frailties; a penalty, which would cure some data, is CoxPH's."""
    try:
        return fit_cox(data, options, robust=False)
    except InputError as error:
        raise InputError(re.sub("fit with l2 > 0( or l1 > 0)?", "fit CoxPH with l2 > 0", str(error))) from None
