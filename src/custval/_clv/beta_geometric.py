"""BG/NBD and its kin: customers who buy at their own pace and may leave after each purchase, seen by nobody.

The formulas are in `beta_geometric_maths`; here is the fit and the questions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from custval._clv import beta_geometric_maths as maths
from custval._clv.buy_till_you_die import BuyTillYouDie, Theta
from custval._clv.purchases import Counted, Purchases
from custval._core.errors import InputError
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_whole

__all__ = ("BGCNBD", "BGNBD", "MBGCNBD", "MBGNBD")


class _BetaGeometric(BuyTillYouDie):
    """What the four models share."""

    _names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    # the odds a / b of leaving move by the coefficient, half of it in each
    _processes: ClassVar[Mapping[str, tuple[tuple[str, float], ...]]] = {
        "purchase": (("alpha", -1.0),),
        "dropout": (("a", 0.5), ("b", -0.5)),
    }
    _at_start: ClassVar[bool] = False

    def _rhythm(self) -> maths.Rhythm:
        return maths.Rhythm(1, self._at_start)

    def _slopes(self, theta: Theta, seen: Purchases) -> tuple[FloatArray, Sequence[FloatArray]]:
        return maths.log_likelihood(maths.Theta(*theta), _seen(seen), self._rhythm())

    def _value(self, theta: Theta, seen: Purchases) -> FloatArray:
        return self._slopes(theta, seen)[0]

    def _here(self, theta: Theta, seen: Purchases) -> FloatArray:
        return maths.alive(maths.Theta(*theta), _seen(seen), self._rhythm())

    def _stay(self, theta: Theta, seen: Purchases, ahead: FloatArray) -> FloatArray:
        return maths.staying(maths.Theta(*theta), _seen(seen), ahead, self._rhythm())

    def _buy(self, theta: Theta, seen: Purchases, horizon: FloatArray) -> FloatArray:
        return maths.bought(maths.Theta(*theta), _seen(seen), horizon, self._rhythm())

    def _exactly(self, theta: Theta, seen: Purchases, horizon: FloatArray, count: int) -> FloatArray:
        return maths.count_chance(maths.Theta(*theta), _seen(seen), horizon, count, self._rhythm())

    def _rest(self, theta: Theta, seen: Purchases, delta: float) -> FloatArray:
        return maths.residual(maths.Theta(*theta), _seen(seen), delta, self._rhythm())

    def _draw(self, theta: Theta, age: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
        return maths.draw(maths.Theta(*theta), age, self._rhythm(), rng)

    def _start(self, seen: Purchases, weight: FloatArray) -> dict[str, float]:
        rate = float(weight @ seen.x) / float(weight @ np.maximum(seen.t_x, 0.1 * seen.T))
        return {"r": 1.0, "alpha": 1.0 / (rate * self._rhythm().k), "a": 0.8, "b": 2.5}


class BGNBD(_BetaGeometric):
    """Who is still there and how often will they buy, where leaving follows a purchase? BG/NBD.

    The workhorse of prepaid bases: fits millions in well under a second. Customers without a repeat purchase count as
    still there (P(alive) = 1): a feature of the model; :class:`MBGNBD` lets them leave too.

    Parameters
    ----------
    time_unit : str
        Unit of recency, age and horizon.
    fixed : dict of str to float, optional
        Parameters that are known, by name.
    l2 : float
        Ridge penalty on the coefficients of covariates, >= 0.

    Attributes
    ----------
    params_ : dict of str to float
        ``r``, ``alpha`` (purchases: rate lambda is Gamma(r, alpha)), ``a``, ``b`` (leaving after a purchase with a
        chance that is Beta(a, b)).
    coef_ : dict of str to ndarray of shape (p,)
        Coefficients of the covariates on ``purchase`` (log rate) and ``dropout`` (log odds); empty without.
    covariance_ : ndarray of shape (P, P) or None
        Of the logarithms of the free parameters and of the coefficients, in the order of ``covariance_names_``.
    std_error_ : dict of str to float, or None
        Of the parameters and coefficients.
    log_likelihood_ : float
        At individual level (no x! and no t_x^(x-1) terms).
    weakly_identified_ : tuple of str
        Parameters that the data hardly tell: the standard error of the logarithm is above 1.
    converged_ : bool
        Whether the search reached the maximum.
    time_unit_ : str
        The unit of the fit.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting your customers" the easy way, Marketing Science
    24(2), eq. 6-10.

    Examples
    --------
    >>> from custval.clv import BGNBD
    >>> model = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> round(model.probability_alive((2, 30.43, 38.86)), 4)
    0.7266
    >>> round(model.expected_purchases((2, 30.43, 38.86), 39), 4)
    1.226
    """

    __module__ = "custval.clv"

    def _alive_one(self, X: tuple[float, float, float]) -> float:
        """Return the chance for one customer by plain arithmetic: microseconds."""
        if not self._is_plain(X):
            return super()._alive_one(X)
        x, t_x, T = X
        if x == 0:
            return 1.0
        p = self.params_
        odds = (p["r"] + x) * math.log1p((T - t_x) / (p["alpha"] + t_x))
        if odds > 700.0:
            return math.exp(-odds) * (p["b"] + x - 1.0) / p["a"]
        return 1.0 / (1.0 + p["a"] / (p["b"] + x - 1.0) * math.exp(odds))

    def _buy_one(self, X: tuple[float, float, float], horizon: Any) -> float | None:
        """Return the closed form where it keeps its digits: away from a = 1 and for moderate counts."""
        from scipy.special import hyp2f1

        if not self._is_plain(X) or not isinstance(horizon, (int, float)):
            return None
        x, _, T = X
        p = self.params_
        n, a, b, rate = p["r"] + x, p["a"], p["b"] + x, p["alpha"] + T
        moderate = 0.05 < abs(a - 1.0) < 50.0 and max(n, b) < 250.0 and a + b > 1.05
        if not moderate or not 0.0 < horizon < 3.0 * rate:
            return None
        here = self._alive_one(X)
        u = rate / (rate + horizon)
        left = u**n * float(hyp2f1(n, b, a + b - 1.0, 1.0 - u))
        if abs(1.0 - left) < 1e-3:
            return None
        return float(here * (a + b - 1.0) / (a - 1.0) * (1.0 - left))


class MBGNBD(_BetaGeometric):
    """Who is still there, where a customer may leave on the very first day too? MBG/NBD.

    Parameters
    ----------
    time_unit : str
        Unit of recency, age and horizon.
    fixed : dict of str to float, optional
        Parameters that are known, by name.
    l2 : float
        Ridge penalty on the coefficients of covariates, >= 0.

    Attributes
    ----------
    params_ : dict of str to float
        ``r``, ``alpha``, ``a``, ``b`` as in :class:`BGNBD`; the other fitted values are the same too.

    References
    ----------
    Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical validation and comparison of models for customer
    base analysis, International Journal of Research in Marketing 24(3), 201-209.

    Examples
    --------
    >>> from custval.clv import MBGNBD
    >>> model = MBGNBD.from_params(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> round(model.probability_alive((0, 0.0, 38.86)), 3)
    0.39
    """

    __module__ = "custval.clv"
    _at_start: ClassVar[bool] = True


class _Regular(_BetaGeometric):
    """Purchases with a rhythm: k steps from one to the next."""

    def __init__(
        self,
        *,
        k: int | str = "auto",
        time_unit: str = "week",
        fixed: Mapping[str, float] | None = None,
        l2: float = 0.0,
    ) -> None:
        super().__init__(time_unit=time_unit, fixed=fixed, l2=l2)
        self.k = k

    k_: int

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.k != "auto":
            self.k_ = check_whole(self.k, "k", low=1, high=MOST_STEPS)

    def _rhythm(self) -> maths.Rhythm:
        return maths.Rhythm(getattr(self, "k_", 1), self._at_start)

    def _needs_gaps(self) -> bool:
        return True

    def _constant(self, data: Counted) -> float:
        return (self._rhythm().k - 1) * data.total_log_gaps

    def fit(
        self,
        X: AnyFrame,
        y: object = None,
        *,
        sample_weight: ArrayLike | None = None,
        covariates: AnyFrame | None = None,
    ) -> Self:
        """Fit by maximum likelihood; with ``k="auto"`` the rhythm is the one of greatest likelihood.

        Parameters
        ----------
        X : frame, array of shape (n, 4) or PurchaseSummary
            ``frequency``, ``recency``, ``age`` and ``log_gaps`` (sum of the logarithms of the times between purchases,
            0 where there is none) in the model's time unit.
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            How many customers each row stands for, >= 0.
        covariates : frame or array of n rows, optional
            What is known of each customer.

        Returns
        -------
        BuyTillYouDie
            Self.

        Raises
        ------
        InputError
            If a row cannot be a customer, if nobody bought again, or if ``log_gaps`` is missing.
        """
        if self.k != "auto":
            return super().fit(X, y, sample_weight=sample_weight, covariates=covariates)
        best: dict[str, Any] | None = None
        for k in range(1, MOST_STEPS + 1):
            self.k_ = k
            super().fit(X, y, sample_weight=sample_weight, covariates=covariates)
            if best is not None and (self.log_likelihood_ or 0.0) <= best["log_likelihood_"]:
                break
            best = {name: value for name, value in vars(self).items() if name.endswith("_")}
        vars(self).update(best or {})
        return self

    @classmethod
    def from_params(cls, *, time_unit: str | None = None, **params: float) -> Self:
        """Return the model of known parameters; `k`, the rhythm, among them.

        Parameters
        ----------
        time_unit : str, optional
            Unit of recency, age and horizon; None takes week.
        **params : float
            ``k`` (a whole number) and ``r``, ``alpha``, ``a``, ``b``, each > 0.

        Returns
        -------
        BuyTillYouDie
            A model as if fitted, without errors.

        Raises
        ------
        InputError
            If a parameter is missing, unknown or not positive.
        """
        if "k" not in params:
            raise InputError(f"{cls.__name__} needs k, the number of steps from one purchase to the next")
        return super().from_params(time_unit=time_unit, **params)


MOST_STEPS = 30


class BGCNBD(_Regular):
    """Who is still there, where top-ups come in a rhythm? BG/CNBD-k: gaps are Erlang-k instead of random.

    The more regular a customer, the sooner silence means something. Needs the gaps between purchases (``log_gaps``);
    `k` = 1 is :class:`BGNBD`.

    Parameters
    ----------
    k : int or "auto"
        Steps from one purchase to the next, 1 to 30; "auto" takes the likeliest.
    time_unit : str
        Unit of recency, age and horizon.
    fixed : dict of str to float, optional
        Parameters that are known, by name.
    l2 : float
        Ridge penalty on the coefficients of covariates, >= 0.

    Attributes
    ----------
    k_ : int
        The rhythm of the fit.
    params_ : dict of str to float
        ``r``, ``alpha`` (of the rate of steps, k to a purchase), ``a``, ``b``; the other fitted values are those of
        :class:`BGNBD`. The log-likelihood has all terms that hang on k, so models of different k compare.

    References
    ----------
    Reutterer, T., Platzer, M. and Schroeder, N. (2021), Leveraging purchase regularity for predicting customer behavior
    the easy way, International Journal of Research in Marketing 38(1), eq. 3-10.

    Examples
    --------
    >>> from custval.clv import BGCNBD
    >>> truth = BGCNBD.from_params(k=3, r=1.5, alpha=1.0, a=0.8, b=4.0)
    >>> base = truth.simulate([52.0] * 1000, random_state=5)
    >>> BGCNBD().fit(base).k_
    3
    """

    __module__ = "custval.clv"


class MBGCNBD(_Regular):
    """Who is still there, where top-ups come in a rhythm and a customer may leave on the first day? MBG/CNBD-k.

    Parameters
    ----------
    k : int or "auto"
        Steps from one purchase to the next, 1 to 30; "auto" takes the likeliest.
    time_unit : str
        Unit of recency, age and horizon.
    fixed : dict of str to float, optional
        Parameters that are known, by name.
    l2 : float
        Ridge penalty on the coefficients of covariates, >= 0.

    Attributes
    ----------
    k_ : int
        The rhythm of the fit.
    params_ : dict of str to float
        ``r``, ``alpha``, ``a``, ``b``; the other fitted values are those of :class:`BGNBD`.

    References
    ----------
    Reutterer, T., Platzer, M. and Schroeder, N. (2021), Leveraging purchase regularity for predicting customer behavior
    the easy way, International Journal of Research in Marketing 38(1).

    Examples
    --------
    >>> from custval.clv import MBGCNBD
    >>> model = MBGCNBD.from_params(k=2, r=0.5, alpha=3.0, a=0.9, b=1.6)
    >>> round(model.probability_alive((6, 30.0, 38.86)), 3)
    0.612
    """

    __module__ = "custval.clv"
    _at_start: ClassVar[bool] = True


def _seen(seen: Purchases) -> maths.Seen:
    return maths.Seen(seen.x, seen.t_x, seen.T, seen.known)
