"""How long do cohorts under contract stay, and what is the rest of their stay worth?

One estimator for each law of `contract_laws`, all with the same answers. Customers who leave easily go first, so the
retention rate of a cohort rises by itself, even where nobody's own chance changes; the residual lifetime

    sum over t >= n of S(t) / S(n-1) v^(t-n)          just before renewal n, v = 1 / (1 + d)

has a closed form for the geometric law, r / (1 - r v), and for the shifted beta-geometric law,
r(n) 2F1(1, beta + n; alpha + beta + n; v).
"""

from __future__ import annotations

from typing import Self

import numpy as np

from custval._clv.contract_laws import BETA_DISCRETE_WEIBULL, GEOMETRIC, SHIFTED_BETA_GEOMETRIC, gauss_fraction
from custval._clv.contract_model import ContractModel
from custval._core.errors import InputError
from custval._core.typing import FloatArray

__all__ = ("BetaDiscreteWeibull", "GeometricRetention", "ShiftedBetaGeometric")

MOST_TERMS = 2**18


class ShiftedBetaGeometric(ContractModel):
    """The shifted beta-geometric model of contract renewals, from cohorts or single customers.

    Parameters
    ----------
    time_unit : str
        Length of a contract term, such as ``month`` or ``year``: the unit of renewals and of discounts.

    Attributes
    ----------
    params_ : dict of str to float
        ``alpha`` and ``beta``, both > 0; the mean chance of leaving is alpha / (alpha + beta).
    std_error_ : dict of str to float or None
        Of alpha and beta; None where made from known numbers or not identified.
    coef_ : ndarray of shape (2, p) or None
        How columns move log alpha and log beta; None without columns.
    coef_std_error_ : ndarray of shape (2, p) or None
        Of `coef_`.
    covariance_ : ndarray of shape (P, P) or None
        Of alpha, beta and `coef_`, row by row.
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
    >>> round(model.discounted_residual_lifetime(1, discount=0.10), 3)
    5.414
    """

    __module__ = "custval.clv"
    _law = SHIFTED_BETA_GEOMETRIC

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
        return cls._known({"alpha": alpha, "beta": beta}, time_unit)

    def _check_limit(self, rate: float) -> None:
        alpha = self.params_["alpha"]
        if rate < 0.0 or (rate == 0.0 and alpha <= 1.0):
            raise InputError(
                f"the residual lifetime has no limit at a discount of {rate:g} (alpha = {alpha:.4g}): the most loyal "
                "customers stay for ever; give a discount > 0 or a horizon"
            )

    def _endless(self, due: FloatArray, v: float) -> FloatArray:
        return residual_lifetime(self.params_["alpha"], self.params_["beta"], due, v)


class BetaDiscreteWeibull(ContractModel):
    """The beta-discrete-Weibull model of contract renewals: each customer's chance to leave may change with the term.

    Parameters
    ----------
    time_unit : str
        Length of a contract term, such as ``month`` or ``year``: the unit of renewals and of discounts.

    Attributes
    ----------
    params_ : dict of str to float
        ``alpha``, ``beta`` and ``c``, all > 0; c = 1 is the shifted beta-geometric model, c > 1 says that a customer's
        own chance to leave rises with the terms stayed.
    std_error_ : dict of str to float or None
        Of the parameters; None where made from known numbers or not identified.
    coef_ : ndarray of shape (2, p) or None
        How columns move log alpha and log beta; None without columns.
    coef_std_error_ : ndarray of shape (2, p) or None
        Of `coef_`.
    covariance_ : ndarray of shape (P, P) or None
        Of alpha, beta, c and `coef_`, row by row.
    log_likelihood_ : float or None
        At the maximum.
    time_unit_ : str
        Unit of renewals.

    References
    ----------
    Fader, P. S., Hardie, B. G. S., Liu, Y., Davin, J. and Steenburgh, T. (2018), How to project customer retention
    revisited: the role of duration dependence, Journal of Interactive Marketing 43, eq. 6-8.

    Examples
    --------
    >>> from custval.clv import BetaDiscreteWeibull
    >>> model = BetaDiscreteWeibull(time_unit="year").fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'alpha': 0.214, 'beta': 1.427, 'c': 1.724}
    >>> round(model.survival(12), 3)
    0.404
    """

    __module__ = "custval.clv"
    _law = BETA_DISCRETE_WEIBULL

    @classmethod
    def from_params(cls, *, alpha: float, beta: float, c: float, time_unit: str = "month") -> Self:
        """Return the model of known parameters.

        Parameters
        ----------
        alpha, beta, c : float
            Parameters, > 0.
        time_unit : str
            Length of a contract term.

        Returns
        -------
        BetaDiscreteWeibull
            A model as if fitted, without errors.

        Raises
        ------
        InputError
            If a parameter is not positive.
        """
        return cls._known({"alpha": alpha, "beta": beta, "c": c}, time_unit)


class GeometricRetention(ContractModel):
    """Contract renewals with one chance to leave for everybody: the yardstick of the other models.

    Parameters
    ----------
    time_unit : str
        Length of a contract term, such as ``month`` or ``year``: the unit of renewals and of discounts.

    Attributes
    ----------
    params_ : dict of str to float
        ``theta``, the chance to leave at a renewal, within (0, 1).
    std_error_ : dict of str to float or None
        Of theta; None where made from known numbers.
    coef_ : ndarray of shape (1, p) or None
        How columns move the log-odds of theta; None without columns.
    coef_std_error_ : ndarray of shape (1, p) or None
        Of `coef_`.
    covariance_ : ndarray of shape (P, P) or None
        Of theta and `coef_`.
    log_likelihood_ : float or None
        At the maximum.
    time_unit_ : str
        Unit of renewals.

    References
    ----------
    Gupta, S. and Lehmann, D. R. (2003), Customers as assets, Journal of Interactive Marketing 17(1).

    Examples
    --------
    >>> from custval.clv import GeometricRetention
    >>> model = GeometricRetention(time_unit="year").fit([1000, 800, 640])
    >>> round(model.params_["theta"], 6), round(model.discounted_residual_lifetime(1, discount=0.12), 6)
    (0.2, 2.8)
    """

    __module__ = "custval.clv"
    _law = GEOMETRIC

    @classmethod
    def from_params(cls, *, theta: float, time_unit: str = "month") -> Self:
        """Return the model of a known chance to leave.

        Parameters
        ----------
        theta : float
            Chance to leave at a renewal, within (0, 1).
        time_unit : str
            Length of a contract term.

        Returns
        -------
        GeometricRetention
            A model as if fitted, without errors.

        Raises
        ------
        InputError
            If theta is not within (0, 1).
        """
        return cls._known({"theta": theta}, time_unit)

    def _check_limit(self, rate: float) -> None:
        if 1.0 - self.params_["theta"] >= 1.0 + rate:
            raise InputError(f"the residual lifetime has no limit at a discount of {rate:g}; give a horizon")

    def _endless(self, due: FloatArray, v: float) -> FloatArray:
        stays = 1.0 - self.params_["theta"]
        return np.full_like(due, stays / (1.0 - stays * v))


def residual_lifetime(alpha: float, beta: float, renewal: FloatArray, v: float) -> FloatArray:
    """Return r(n) 2F1(1, beta + n; alpha + beta + n; v), Fader and Hardie (2010) eq. 6; v = 1 needs alpha > 1.

    Gauss's continued fraction has positive steps only here, so it loses no digits; SciPy's 2F1 is nan for large beta.
    """
    stays = beta + renewal - 1.0
    if v == 1.0:
        return np.asarray(stays / (alpha - 1.0))
    terms, before = 64, np.zeros_like(renewal)
    while terms <= MOST_TERMS:
        ahead = gauss_fraction(alpha, beta + renewal, v, terms)
        if np.allclose(ahead, before, rtol=1e-14, atol=0.0):
            return np.asarray(stays / (alpha + stays) * ahead)
        terms, before = 2 * terms, ahead
    raise InputError(f"a discount of {1.0 / v - 1.0:.3g} is too small to sum without a horizon; give a horizon")
