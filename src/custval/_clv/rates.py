"""Rates that say what they are: effective per year or per month, so that one is never taken for the other."""

from __future__ import annotations

from typing import TypeAlias, overload

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.typing import ArrayLike, FloatArray
from custval._core.validation import check_scalar, float_array

__all__ = ("AnnualRate", "MonthlyRate", "annual_rate", "discount_array", "monthly_rate")

Rate: TypeAlias = float | FloatArray


class MonthlyRate(float):
    """An effective rate per month, as :func:`monthly_rate` returns it: a float that :func:`annual_rate` understands.

    Parameters
    ----------
    x : float
        Rate per month, > -1.

    Examples
    --------
    >>> from custval.clv import MonthlyRate
    >>> round(MonthlyRate(0.01).annual(), 6)
    0.126825
    """

    __module__ = "custval.clv"
    __slots__ = ()

    def annual(self) -> AnnualRate:
        """Return the same rate per year."""
        return AnnualRate(np.expm1(12.0 * np.log1p(check_scalar(self, "monthly", low=-1.0, low_open=True))))


class AnnualRate(float):
    """An effective rate per year: every function that discounts by month converts it, none takes it for a monthly one.

    Parameters
    ----------
    x : float
        Rate per year, > -1.

    Examples
    --------
    >>> from custval.clv import AnnualRate, discounted_value
    >>> round(AnnualRate(0.10).monthly(), 6)
    0.007974
    >>> discounted_value([[0.9, 0.8]], 10.0, monthly_discount=AnnualRate(0.10)).round(3)
    array([16.803])
    """

    __module__ = "custval.clv"
    __slots__ = ()

    def monthly(self) -> MonthlyRate:
        """Return the same rate per month."""
        return MonthlyRate(np.expm1(np.log1p(check_scalar(self, "annual", low=-1.0, low_open=True)) / 12.0))


@overload
def monthly_rate(annual: float) -> MonthlyRate: ...
@overload
def monthly_rate(annual: FloatArray) -> FloatArray: ...
@public("clv")
def monthly_rate(annual: Rate) -> MonthlyRate | FloatArray:
    """Return the effective rate per month that compounds to `annual` in twelve months.

    Parameters
    ----------
    annual : float or ndarray of shape (n,)
        Effective rate per year, > -1: 0.10 is 10 % a year.

    Returns
    -------
    MonthlyRate or ndarray of shape (n,)
        (1 + annual)^(1/12) - 1, per month; a `MonthlyRate` is a float.

    Raises
    ------
    InputError
        If a rate is -100 % or below, or is known to be a monthly one.

    Examples
    --------
    >>> from custval.clv import monthly_rate
    >>> round(monthly_rate(0.10), 6)
    0.007974
    """
    if isinstance(annual, MonthlyRate):
        raise InputError(f"annual must be a rate per year, but {annual:g} is a MonthlyRate already")
    if np.ndim(annual) == 0:
        return AnnualRate(check_scalar(annual, "annual", low=-1.0, low_open=True)).monthly()
    return np.asarray(np.expm1(np.log1p(float_array(annual, "annual", low=-1.0, low_open=True)) / 12.0))


@overload
def annual_rate(monthly: float) -> AnnualRate: ...
@overload
def annual_rate(monthly: FloatArray) -> FloatArray: ...
@public("clv")
def annual_rate(monthly: Rate) -> AnnualRate | FloatArray:
    """Return the effective rate per year that `monthly` compounds to.

    Parameters
    ----------
    monthly : float or ndarray of shape (n,)
        Effective rate per month, > -1: 0.01 is 1 % a month.

    Returns
    -------
    AnnualRate or ndarray of shape (n,)
        (1 + monthly)^12 - 1, per year; an `AnnualRate` is a float.

    Raises
    ------
    InputError
        If a rate is -100 % or below, or is known to be a yearly one.

    Examples
    --------
    >>> from custval.clv import annual_rate
    >>> round(annual_rate(0.01), 6)
    0.126825
    """
    if isinstance(monthly, AnnualRate):
        raise InputError(f"monthly must be a rate per month, but {monthly:g} is an AnnualRate already")
    if np.ndim(monthly) == 0:
        return MonthlyRate(check_scalar(monthly, "monthly", low=-1.0, low_open=True)).annual()
    return np.asarray(np.expm1(12.0 * np.log1p(float_array(monthly, "monthly", low=-1.0, low_open=True))))


def discount_array(monthly_discount: ArrayLike | AnnualRate, n: int) -> FloatArray:
    """Return effective monthly rates > -1 as an array of length 1 or n; an AnnualRate is converted."""
    if isinstance(monthly_discount, AnnualRate):
        monthly_discount = monthly_discount.monthly()
    rates = np.atleast_1d(np.asarray(monthly_discount, dtype=np.float64))
    rates = float_array(rates, "monthly_discount", low=-1.0, low_open=True, fix="a rate of 1 % a month is 0.01")
    if len(rates) not in (1, n):
        raise InputError(f"monthly_discount has {len(rates)} values but there are {n} customers; give one, or one each")
    return rates
