"""How long do cohorts under contract stay, and what is the rest of their stay worth? The shifted beta-geometric model.

At each renewal a customer leaves with a chance theta of their own that never changes; theta is Beta(alpha, beta) over
customers. Those who leave easily go first, so the retention rate of a cohort rises by itself:

    retention   r(t) = (beta + t - 1) / (alpha + beta + t - 1)
    survival    S(t) = B(alpha, beta + t) / B(alpha, beta)
    residual    sum over t >= n of S(t) / S(n-1) v^(t-n)
                     = r(n) 2F1(1, beta + n; alpha + beta + n; v)        just before renewal n, v = 1 / (1 + d)

With the counts lost(t) and kept(t) at each renewal the log-likelihood is
sum lost(t) log(1 - r(t)) + kept(t) log r(t).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from custval._clv.checks import number_array, plain
from custval._core.errors import ConvergenceWarning, InputError, warn
from custval._core.estimator import Estimator
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_rows, check_scalar, check_whole, float_array

__all__ = ("ShiftedBetaGeometric",)

ALIKE = 1e5  # alpha + beta beyond which customers cannot be told from identical ones
MOST_TERMS = 2**18
ONE_RENEWAL = "cohorts must be seen over two renewals or more: one renewal cannot show how customers differ"
NOT_COHORTS = "X holds counts of cohorts, which never rise; the check fits random numbers"
# scikit-learn's checks that fit any table of numbers
CHECKS_ON_RANDOM_NUMBERS = (
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_empty_data_messages",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
)


class ShiftedBetaGeometric(Estimator):
    """The shifted beta-geometric model of contract renewals, from counts of customers by cohort and renewal.

    Parameters
    ----------
    time_unit : str
        Length of a contract term, such as ``month`` or ``year``: the unit of renewals and of discounts.

    Attributes
    ----------
    params_ : dict of str to float
        ``alpha`` and ``beta``, both > 0; the mean chance of leaving is alpha / (alpha + beta).
    covariance_ : ndarray of shape (2, 2) or None
        Of alpha and beta; None where made from known numbers or not identified.
    std_error_ : dict of str to float or None
        Of alpha and beta.
    log_likelihood_ : float or None
        At the maximum.
    time_unit_ : str
        Unit of renewals.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2007), How to project customer retention, Journal of Interactive Marketing 21(1),
    eq. 5-7. Fader, P. S. and Hardie, B. G. S. (2010), Customer-base valuation in a contractual setting, Marketing
    Science 29(1), eq. 6 for the residual lifetime.

    Examples
    --------
    >>> from custval.clv import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric(time_unit="year").fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'alpha': 0.668, 'beta': 3.806}
    >>> model.survival([7, 12]).round(3)
    array([0.489, 0.378])
    """

    __module__ = "custval.clv"
    _estimator_type = "cohort model"
    _positive_only = False
    _fit_metadata = ()
    expected_failed_checks: ClassVar[Mapping[str, str]] = dict.fromkeys(CHECKS_ON_RANDOM_NUMBERS, NOT_COHORTS)

    params_: dict[str, float]
    covariance_: FloatArray | None
    std_error_: dict[str, float] | None
    log_likelihood_: float | None

    def __init__(self, *, time_unit: str = "month") -> None:
        self.time_unit = time_unit

    def fit(self, X: Any, y: object = None) -> Self:
        """Fit alpha and beta to cohorts by maximum likelihood.

        Parameters
        ----------
        X : array of shape (R + 1,) or (cohorts, R + 1), or list of arrays
            Customers still there after 0, 1, ... renewals; column 0 is the size of the cohort. Younger cohorts end
            earlier: shorter rows of a list, or NaN at the end of a row. Whole numbers are not needed.
        y : None
            Not used.

        Returns
        -------
        ShiftedBetaGeometric
            Self.

        Raises
        ------
        InputError
            If counts rise, are negative or missing inside a row, if nobody left, if nobody was kept, or if there are
            fewer than two renewals.
        """
        del y  # scikit-learn's place for a target: cohorts have none
        counts = _renewals(X)
        point = _maximum(counts)
        value, _, information = _log_likelihood(point, counts)
        self.params_ = {"alpha": float(point[0]), "beta": float(point[1])}
        self.log_likelihood_ = value
        self.covariance_ = _covariance(point, information)
        error = None if self.covariance_ is None else np.sqrt(np.diag(self.covariance_))
        self.std_error_ = None if error is None else {"alpha": float(error[0]), "beta": float(error[1])}
        self.time_unit_ = self.time_unit
        return self

    @classmethod
    def from_params(cls, *, alpha: float, beta: float, time_unit: str = "month") -> Self:
        """Return the model of known parameters.

        Parameters
        ----------
        alpha, beta : float
            Parameters of the beta distribution of the chance to leave, > 0.
        time_unit : str
            Length of a contract term.

        Returns
        -------
        ShiftedBetaGeometric
            A model as if fitted, without errors.

        Raises
        ------
        InputError
            If a parameter is not positive.
        """
        model = cls(time_unit=time_unit)
        given = {"alpha": alpha, "beta": beta}
        model.params_ = {
            name: check_scalar(value, name, low=0.0, low_open=True, high=np.inf, high_open=True)
            for name, value in given.items()
        }
        model.covariance_, model.std_error_, model.log_likelihood_ = None, None, None
        model.time_unit_ = time_unit
        return model

    def retention_rate(self, renewals: ArrayLike) -> FloatArray | float:
        """Return the share of customers before each renewal who renew.

        Parameters
        ----------
        renewals : int or array of int
            Renewals, counted from 1.

        Returns
        -------
        float or ndarray
            r(t), within (0, 1), rising with t.
        """
        alpha, beta = self._params()
        return plain(retention(alpha, beta, _whole(renewals, 1)))

    def survival(self, renewals: ArrayLike, *, given: int = 0) -> FloatArray | float:
        """Return the share of customers still there after each of the coming renewals.

        Parameters
        ----------
        renewals : int or array of int
            Renewals from now, >= 0.
        given : int
            Renewals that the customers have already made.

        Returns
        -------
        float or ndarray
            S(given + t) / S(given), within (0, 1].
        """
        alpha, beta = self._params()
        made = check_whole(given, "given", low=0)
        # after `made` renewals theta is Beta(alpha, beta + made): the same model again
        return plain(surviving(alpha, beta + made, _whole(renewals, 0)))

    def discounted_residual_lifetime(
        self, renewal: ArrayLike, *, discount: float, horizon: int | None = None
    ) -> FloatArray | float:
        """Return the expected number of renewals still to come, discounted, just before a renewal.

        Parameters
        ----------
        renewal : int or array of int
            The renewal that is due next, >= 1; its own term is not discounted.
        discount : float
            Effective rate per contract term, > -1 (see :func:`monthly_rate` for other units).
        horizon : int, optional
            Renewals to count, >= 1; None counts all.

        Returns
        -------
        float or ndarray
            Sum over t >= n of S(t) / S(n-1) v^(t-n), in terms; times the margin of a term it is the residual value.

        Raises
        ------
        InputError
            If the sum has no limit: without a horizon a discount of 0 needs alpha > 1, and a negative one has none.

        Examples
        --------
        >>> from custval.clv import ShiftedBetaGeometric
        >>> model = ShiftedBetaGeometric.from_params(alpha=0.668, beta=3.806, time_unit="year")
        >>> round(model.discounted_residual_lifetime(1, discount=0.10), 4)
        5.4149
        """
        alpha, beta = self._params()
        due = _whole(renewal, 1)
        rate = check_scalar(discount, "discount", low=-1.0, low_open=True)
        if horizon is not None:
            ahead = np.arange(1.0, check_whole(horizon, "horizon", low=1) + 1.0)
            later = surviving(alpha, beta + due[..., None] - 1.0, ahead)
            return plain(later @ (1.0 + rate) ** (1.0 - ahead))
        if rate < 0.0 or (rate == 0.0 and alpha <= 1.0):
            raise InputError(
                f"the residual lifetime has no limit at a discount of {rate:g} (alpha = {alpha:.4g}): the most loyal "
                "customers stay for ever; give a discount > 0 or a horizon"
            )
        return plain(residual_lifetime(alpha, beta, due, 1.0 / (1.0 + rate)))

    def _params(self) -> tuple[float, float]:
        self._check_fitted()
        return self.params_["alpha"], self.params_["beta"]


def retention(alpha: float, beta: float, renewals: FloatArray) -> FloatArray:
    """Return r(t) = (beta + t - 1) / (alpha + beta + t - 1), Fader and Hardie (2007) eq. 7."""
    stays = beta + renewals - 1.0
    return np.asarray(stays / (alpha + stays))


def surviving(alpha: float, beta: ArrayLike, renewals: FloatArray) -> FloatArray:
    """Return S(t) = B(alpha, beta + t) / B(alpha, beta), Fader and Hardie (2007) eq. 6."""
    from scipy.special import betaln

    before = np.asarray(beta, dtype=np.float64)
    return np.asarray(np.exp(betaln(alpha, before + renewals) - betaln(alpha, before)), dtype=np.float64)


def residual_lifetime(alpha: float, beta: float, renewal: FloatArray, v: float) -> FloatArray:
    """Return r(n) 2F1(1, beta + n; alpha + beta + n; v), Fader and Hardie (2010) eq. 6; v = 1 needs alpha > 1.

    Gauss's continued fraction has positive steps only here, so it loses no digits; SciPy's 2F1 is nan for large beta.
    """
    if v == 1.0:
        return np.asarray((beta + renewal - 1.0) / (alpha - 1.0))
    terms, before = 64, np.zeros_like(renewal)
    while terms <= MOST_TERMS:
        ahead = _gauss_fraction(alpha, beta + renewal, v, terms)
        if np.allclose(ahead, before, rtol=1e-14, atol=0.0):
            return np.asarray(retention(alpha, beta, renewal) * ahead)
        terms, before = 2 * terms, ahead
    raise InputError(f"a discount of {1.0 / v - 1.0:.3g} is too small to sum without a horizon; give a horizon")


def _gauss_fraction(alpha: float, b: FloatArray, v: float, terms: int) -> FloatArray:
    """Return 2F1(1, b; alpha + b; v) by so many terms of Gauss's continued fraction (DLMF 15.7.5), from the end."""
    c = alpha + b - 1.0
    rest = np.ones_like(b)
    for m in range(terms - 1, -1, -1):
        even = (alpha + m) * (m + 1.0) / ((c + 2 * m + 1.0) * (c + 2 * m + 2.0))
        odd = (c + m) * (b + m) / ((c + 2 * m) * (c + 2 * m + 1.0))
        rest = 1.0 - odd * v / (1.0 - even * v / rest)
    return np.asarray(1.0 / rest)


class _Renewals(NamedTuple):
    """Customers kept and lost at renewals 1..R, all cohorts together."""

    kept: FloatArray
    lost: FloatArray


def _renewals(cohorts: Any) -> _Renewals:
    """Return the counts at each renewal from the customers still there, checked."""
    rows = _rows(cohorts)
    longest = max(len(row) for row in rows)
    if longest < 3:
        raise InputError(ONE_RENEWAL)
    table = np.full((len(rows), longest), np.nan)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    _check_counts(table)
    before, after = table[:, :-1], table[:, 1:]
    seen = ~np.isnan(after)
    kept = np.where(seen, after, 0.0).sum(axis=0)
    lost = np.where(seen, before - after, 0.0).sum(axis=0)
    if (kept + lost > 0).sum() < 2:
        raise InputError(ONE_RENEWAL)
    if lost.sum() <= 0.0:
        raise InputError("nobody left at any renewal, so the chance to leave cannot be estimated; wait for departures")
    if kept.sum() <= 0.0:
        raise InputError("nobody was kept at any renewal, so retention cannot be estimated")
    return _Renewals(kept, lost)


def _rows(cohorts: Any) -> list[FloatArray]:
    if hasattr(cohorts, "toarray"):
        raise TypeError("Sparse data was passed for X, but dense data is required; use X.toarray()")
    if hasattr(cohorts, "to_numpy"):
        cohorts = cohorts.to_numpy()
    if not isinstance(cohorts, (list, tuple, np.ndarray)) or len(cohorts) == 0:
        raise InputError("X must hold counts of customers by cohort and renewal: an array, or a list of arrays")
    if np.ndim(cohorts[0]) == 0:
        cohorts = [cohorts]
    return [float_array(row, f"cohort {i}") for i, row in enumerate(_unmasked(cohorts))]


def _unmasked(cohorts: Any) -> list[Any]:
    """Return the rows with NaN at their end cut off (float_array refuses NaN elsewhere)."""
    rows = []
    for row in cohorts:
        if np.iscomplexobj(row):
            raise InputError("Complex data not supported; X must hold real numbers")
        array = np.asarray(row, dtype=object)
        last = len(array)
        while last and array[last - 1] is not None and array[last - 1] != array[last - 1]:
            last -= 1
        rows.append(array[:last])
    return rows


def _check_counts(table: FloatArray) -> None:
    sizes = table[:, 0]
    check_rows(sizes > 0, sizes, name="the size of a cohort (column 0)", rule="be > 0")
    negative = (table < 0).any(axis=1)
    check_rows(~negative, np.nanmin(table, axis=1), name="the counts of a cohort", rule="be >= 0")
    rises = np.diff(table, axis=1)
    rising = (rises > 0).any(axis=1)
    shown = table[np.arange(len(table)), np.where(rising, (rises > 0).argmax(axis=1) + 1, 0)]
    fix = "count the customers still there after each renewal, not those who left; winners-back are a new cohort"
    check_rows(~rising, shown, name="the counts of a cohort", rule="never rise", fix=fix)


def _log_likelihood(point: FloatArray, counts: _Renewals) -> tuple[float, FloatArray, FloatArray]:
    """Return the log-likelihood, its gradient and its second derivative in (alpha, beta)."""
    alpha, beta = point
    kept, lost = counts
    seen, left = kept + lost, lost.sum()
    stays = beta + np.arange(len(kept))
    whole = alpha + stays
    value = left * np.log(alpha) + kept @ np.log(stays) - seen @ np.log(whole)
    common, bend = seen @ (1.0 / whole), seen @ (1.0 / whole**2)
    gradient = np.array([left / alpha - common, kept @ (1.0 / stays) - common])
    second = np.array([[bend - left / alpha**2, bend], [bend, bend - kept @ (1.0 / stays**2)]])
    return float(value), gradient, second


def _maximum(counts: _Renewals) -> FloatArray:
    """Return (alpha, beta) at the maximum, searched in logarithms so that both stay positive."""
    from scipy.optimize import minimize

    scale = 1.0 / (counts.kept + counts.lost).sum()

    def value(logs: FloatArray) -> float:
        return float(-scale * _log_likelihood(np.exp(logs), counts)[0])

    def slope(logs: FloatArray) -> FloatArray:
        point = np.exp(logs)
        return np.asarray(-scale * _log_likelihood(point, counts)[1] * point)

    def bend(logs: FloatArray) -> FloatArray:
        point = np.exp(logs)
        _, gradient, second = _log_likelihood(point, counts)
        return np.asarray(-scale * (second * np.outer(point, point) + np.diag(gradient * point)))

    # the mean chance to leave is seen at the first renewal; start with customers who differ much
    mean = np.clip(counts.lost[0] / (counts.kept[0] + counts.lost[0]), 0.01, 0.99)
    start = np.log([mean, 1.0 - mean])
    found = minimize(value, start, jac=slope, hess=bend, method="trust-exact", options={"gtol": 1e-12, "maxiter": 200})
    return np.exp(np.asarray(found.x, dtype=np.float64))


def _covariance(point: FloatArray, second: FloatArray) -> FloatArray | None:
    """Return the inverse information, or None with a diagnosis where the data do not identify both parameters."""
    if point.sum() > ALIKE or np.linalg.eigvalsh(-second)[0] <= 0.0:
        warn(
            "retention does not rise from renewal to renewal, so customers cannot be told from identical ones (alpha "
            f"+ beta = {point.sum():.3g}); use the retention rate of all of them, as in constant_retention_value",
            ConvergenceWarning,
        )
        return None
    return np.asarray(np.linalg.inv(-second), dtype=np.float64)


def _whole(values: ArrayLike, least: int) -> FloatArray:
    """Return renewals as whole numbers >= `least`."""
    counts = number_array(values, "renewals", low=float(least))
    flat = counts.ravel()
    check_rows(flat == np.floor(flat), flat, name="renewals", rule="be whole numbers")
    return counts
