"""Customers whose lifetime runs beside their purchases: Pareto/NBD, G/G/NBD, the NBD without an end, BG/BB by months.

The formulas are in `pareto_maths`, `gompertz_maths`, `nbd_maths` and `beta_bernoulli_maths`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from custval._clv import beta_bernoulli_maths, gompertz_maths, nbd_maths, pareto_maths
from custval._clv.beta_geometric_maths import Seen
from custval._clv.buy_till_you_die import BuyTillYouDie, Theta
from custval._clv.purchases import Purchases
from custval._core.errors import InputError
from custval._core.typing import FloatArray

__all__ = ("BGBB", "NBD", "GGompertzNBD", "ParetoNBD")


class NBD(BuyTillYouDie):
    """How often will customers buy if none of them ever leaves? The NBD, the yardstick of all others.

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
        ``r`` and ``alpha``: the purchase rate is Gamma(r, alpha). The other fitted values are those of :class:`BGNBD`.

    References
    ----------
    Ehrenberg, A. S. C. (1959), The pattern of consumer purchases, Applied Statistics 8(1), 26-41.

    Examples
    --------
    >>> from custval.clv import NBD
    >>> NBD.from_params(r=0.385, alpha=12.07).expected_purchases((2, 30.0, 39.0), 39.0).__round__(3)
    1.821
    """

    __module__ = "custval.clv"
    _names: ClassVar[tuple[str, ...]] = ("r", "alpha")
    _processes: ClassVar[Mapping[str, tuple[tuple[str, float], ...]]] = {"purchase": (("alpha", -1.0),)}

    def _slopes(self, theta: Theta, seen: Purchases) -> tuple[FloatArray, Sequence[FloatArray]]:
        return nbd_maths.log_likelihood(nbd_maths.Theta(*map(np.asarray, theta)), Seen(*seen[:3]))

    def _value(self, theta: Theta, seen: Purchases) -> FloatArray:
        return self._slopes(theta, seen)[0]

    def _here(self, theta: Theta, seen: Purchases) -> FloatArray:
        del theta  # nobody ever leaves
        return np.ones(len(seen.x))

    def _stay(self, theta: Theta, seen: Purchases, ahead: FloatArray) -> FloatArray:
        del theta, ahead
        return np.ones(len(seen.x))

    def _buy(self, theta: Theta, seen: Purchases, horizon: FloatArray) -> FloatArray:
        return nbd_maths.bought(nbd_maths.Theta(*map(np.asarray, theta)), Seen(*seen[:3]), horizon)

    def _exactly(self, theta: Theta, seen: Purchases, horizon: FloatArray, count: int) -> FloatArray:
        return nbd_maths.count_chance(nbd_maths.Theta(*map(np.asarray, theta)), Seen(*seen[:3]), horizon, count)

    def _rest(self, theta: Theta, seen: Purchases, delta: float) -> FloatArray:
        return nbd_maths.residual(nbd_maths.Theta(*map(np.asarray, theta)), Seen(*seen[:3]), delta)

    def _draw(self, theta: Theta, age: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
        r, alpha = theta
        return _bought_by(rng.gamma(r, 1.0 / alpha, len(age)), age, rng)

    def _start(self, seen: Purchases, weight: FloatArray) -> dict[str, float]:
        return {"r": 0.7, "alpha": 0.7 * float(weight @ seen.T) / float(weight @ seen.x)}


class ParetoNBD(BuyTillYouDie):
    """Who is still there, where customers may leave at any time, not only after a purchase? Pareto/NBD.

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
        ``r``, ``alpha`` (purchases: rate lambda is Gamma(r, alpha)), ``s``, ``beta`` (leaving: rate mu is
        Gamma(s, beta)). The other fitted values are those of :class:`BGNBD`.

    References
    ----------
    Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your customers: who are they and what will they
    do next?, Management Science 33(1), 1-24. Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV, Journal
    of Marketing Research 42(4).

    Examples
    --------
    >>> from custval.clv import ParetoNBD
    >>> model = ParetoNBD.from_params(r=0.553, alpha=10.578, s=0.606, beta=11.669)
    >>> round(model.probability_alive((26, 30.86, 31.0)), 4)
    0.9979
    >>> round(model.expected_purchases((26, 30.86, 31.0), 52.0), 2)
    25.46
    """

    __module__ = "custval.clv"
    _names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    _processes: ClassVar[Mapping[str, tuple[tuple[str, float], ...]]] = {
        "purchase": (("alpha", -1.0),),
        "dropout": (("beta", -1.0),),
    }

    def _slopes(self, theta: Theta, seen: Purchases) -> tuple[FloatArray, Sequence[FloatArray]]:
        return pareto_maths.log_likelihood(pareto_maths.Theta(*theta), Seen(*seen[:3], seen.known))

    def _value(self, theta: Theta, seen: Purchases) -> FloatArray:
        return self._slopes(theta, seen)[0]

    def _here(self, theta: Theta, seen: Purchases) -> FloatArray:
        return pareto_maths.alive(pareto_maths.Theta(*theta), Seen(*seen[:3]))

    def _stay(self, theta: Theta, seen: Purchases, ahead: FloatArray) -> FloatArray:
        return pareto_maths.staying(pareto_maths.Theta(*theta), Seen(*seen[:3]), ahead)

    def _buy(self, theta: Theta, seen: Purchases, horizon: FloatArray) -> FloatArray:
        return pareto_maths.bought(pareto_maths.Theta(*theta), Seen(*seen[:3]), horizon)

    def _exactly(self, theta: Theta, seen: Purchases, horizon: FloatArray, count: int) -> FloatArray:
        return pareto_maths.count_chance(pareto_maths.Theta(*theta), Seen(*seen[:3]), horizon, count)

    def _rest(self, theta: Theta, seen: Purchases, delta: float) -> FloatArray:
        return pareto_maths.residual(pareto_maths.Theta(*theta), Seen(*seen[:3]), delta)

    def _draw(self, theta: Theta, age: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
        r, alpha, s, beta = theta
        rate = rng.gamma(r, 1.0 / alpha, len(age))
        with np.errstate(divide="ignore"):
            life = rng.standard_exponential(len(age)) / rng.gamma(s, 1.0 / beta, len(age))
        return _bought_by(rate, np.minimum(life, age), rng)

    def _start(self, seen: Purchases, weight: FloatArray) -> dict[str, float]:
        age = float(weight @ seen.T) / float(weight.sum())
        rate = float(weight @ seen.x) / float(weight @ np.maximum(seen.t_x, 0.1 * seen.T))
        return {"r": 0.7, "alpha": 0.7 / rate, "s": 0.6, "beta": 0.5 * age}

    def _alive_one(self, X: tuple[float, float, float]) -> float:
        if not self._is_plain(X):
            return super()._alive_one(X)
        return pareto_maths.alive_one(tuple(self.params_.values()), X)

    def _buy_one(self, X: tuple[float, float, float], horizon: Any) -> float | None:
        if not self._is_plain(X) or not isinstance(horizon, (int, float)) or not 0.0 <= horizon < math.inf:
            return None
        p = tuple(self.params_.values())
        return pareto_maths.alive_one(p, X) * pareto_maths.bought_one(p, X, horizon)


class GGompertzNBD(BuyTillYouDie):
    """Who is still there, where leaving becomes likelier (or less likely) with age? G/G/NBD.

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
        ``r``, ``alpha`` (purchases), ``b``, ``s``, ``beta``: the rate of leaving is eta b e^(b t), eta is
        Gamma(s, beta). Small `b` with large ``beta`` is nearly Pareto/NBD; the two are then told apart only weakly.

    References
    ----------
    Bemmaor, A. C. and Glady, N. (2012), Modeling purchasing behavior with sudden "death", Management Science 58(5).

    Examples
    --------
    >>> from custval.clv import GGompertzNBD
    >>> model = GGompertzNBD.from_params(r=0.55, alpha=10.6, b=0.02, s=0.5, beta=0.3)
    >>> round(model.probability_alive((2, 30.43, 38.86)), 3)
    0.849
    """

    __module__ = "custval.clv"
    _names: ClassVar[tuple[str, ...]] = ("r", "alpha", "b", "s", "beta")
    _processes: ClassVar[Mapping[str, tuple[tuple[str, float], ...]]] = {
        "purchase": (("alpha", -1.0),),
        "dropout": (("beta", -1.0),),
    }

    def _value(self, theta: Theta, seen: Purchases) -> FloatArray:
        return gompertz_maths.log_likelihood(gompertz_maths.Theta(*theta), Seen(*seen[:3]))

    def _here(self, theta: Theta, seen: Purchases) -> FloatArray:
        return gompertz_maths.alive(gompertz_maths.Theta(*theta), Seen(*seen[:3]))

    def _stay(self, theta: Theta, seen: Purchases, ahead: FloatArray) -> FloatArray:
        return gompertz_maths.staying(gompertz_maths.Theta(*theta), Seen(*seen[:3]), ahead)

    def _buy(self, theta: Theta, seen: Purchases, horizon: FloatArray) -> FloatArray:
        return gompertz_maths.bought(gompertz_maths.Theta(*theta), Seen(*seen[:3]), horizon)

    def _exactly(self, theta: Theta, seen: Purchases, horizon: FloatArray, count: int) -> FloatArray:
        return gompertz_maths.count_chance(gompertz_maths.Theta(*theta), Seen(*seen[:3]), horizon, count)

    def _rest(self, theta: Theta, seen: Purchases, delta: float) -> FloatArray:
        return gompertz_maths.residual(gompertz_maths.Theta(*theta), Seen(*seen[:3]), delta)

    def _draw(self, theta: Theta, age: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
        r, alpha, b, s, beta = theta
        rate = rng.gamma(r, 1.0 / alpha, len(age))
        with np.errstate(divide="ignore"):
            life = np.log1p(rng.standard_exponential(len(age)) / rng.gamma(s, 1.0 / beta, len(age))) / b
        return _bought_by(rate, np.minimum(life, age), rng)

    def _start(self, seen: Purchases, weight: FloatArray) -> dict[str, float]:
        age = float(weight @ seen.T) / float(weight.sum())
        rate = float(weight @ seen.x) / float(weight @ np.maximum(seen.t_x, 0.1 * seen.T))
        return {"r": 0.7, "alpha": 0.7 / rate, "b": 0.5 / age, "s": 0.6, "beta": 0.3}


class BGBB(BuyTillYouDie):
    """Who is still there, where a month has a purchase or none? BG/BB, the model of discrete chances to buy.

    Parameters
    ----------
    time_unit : str
        Name of a chance to buy, such as ``month``.
    fixed : dict of str to float, optional
        Parameters that are known, by name.
    l2 : float
        Ridge penalty on the coefficients of covariates, >= 0.

    Attributes
    ----------
    params_ : dict of str to float
        ``alpha``, ``beta`` (a living customer buys with a chance that is Beta(alpha, beta)), ``gamma``, ``delta`` (and
        leaves before each chance with one that is Beta(gamma, delta)). P(alive) is that of being there at the next
        chance. The other fitted values are those of :class:`BGNBD`.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time noncontractual
    setting, Marketing Science 29(6), eq. 5, 7, 11-14.

    Examples
    --------
    >>> from custval.clv import BGBB
    >>> model = BGBB.from_params(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783, time_unit="year")
    >>> round(model.probability_alive((2, 4, 6)), 2)
    0.59
    """

    __module__ = "custval.clv"
    _names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")
    # the odds of a purchase, and of leaving, move by the coefficient
    _processes: ClassVar[Mapping[str, tuple[tuple[str, float], ...]]] = {
        "purchase": (("alpha", 0.5), ("beta", -0.5)),
        "dropout": (("gamma", 0.5), ("delta", -0.5)),
    }
    _discrete: ClassVar[bool] = True

    def __init__(self, *, time_unit: str = "month", fixed: Mapping[str, float] | None = None, l2: float = 0.0) -> None:
        super().__init__(time_unit=time_unit, fixed=fixed, l2=l2)

    def _value(self, theta: Theta, seen: Purchases) -> FloatArray:
        return beta_bernoulli_maths.log_likelihood(beta_bernoulli_maths.Theta(*theta), Seen(*seen[:3]))

    def _here(self, theta: Theta, seen: Purchases) -> FloatArray:
        return beta_bernoulli_maths.alive(beta_bernoulli_maths.Theta(*theta), Seen(*seen[:3]))

    def _stay(self, theta: Theta, seen: Purchases, ahead: FloatArray) -> FloatArray:
        return beta_bernoulli_maths.staying(beta_bernoulli_maths.Theta(*theta), Seen(*seen[:3]), ahead)

    def _buy(self, theta: Theta, seen: Purchases, horizon: FloatArray) -> FloatArray:
        return beta_bernoulli_maths.bought(beta_bernoulli_maths.Theta(*theta), Seen(*seen[:3]), horizon)

    def _exactly(self, theta: Theta, seen: Purchases, horizon: FloatArray, count: int) -> FloatArray:
        return beta_bernoulli_maths.count_chance(beta_bernoulli_maths.Theta(*theta), Seen(*seen[:3]), horizon, count)

    def _rest(self, theta: Theta, seen: Purchases, delta: float) -> FloatArray:
        return beta_bernoulli_maths.residual(beta_bernoulli_maths.Theta(*theta), Seen(*seen[:3]), delta)

    def _draw(self, theta: Theta, age: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
        alpha, beta, gamma, delta = theta
        if (age != np.floor(age)).any():
            raise InputError("age counts chances to buy: whole numbers")
        buys, leaves = rng.beta(alpha, beta), rng.beta(gamma, delta)
        x, t_x, here = np.zeros(len(age)), np.zeros(len(age)), np.ones(len(age), dtype=bool)
        for t in range(1, int(age.max()) + 1):
            here &= (rng.random(len(age)) >= leaves) & (t <= age)
            bought = here & (rng.random(len(age)) < buys)
            x, t_x = x + bought, np.where(bought, float(t), t_x)
        return {"frequency": x, "recency": t_x}

    def _start(self, seen: Purchases, weight: FloatArray) -> dict[str, float]:
        del seen, weight
        return {"alpha": 1.0, "beta": 1.0, "gamma": 0.7, "delta": 3.0}


def _bought_by(rate: FloatArray, until: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Return the purchases of Poisson customers up to `until`: their number, and the last of so many uniform times."""
    x = rng.poisson(rate * until).astype(np.float64)
    last = until * rng.random(len(until)) ** (1.0 / np.maximum(x, 1.0))
    return {"frequency": x, "recency": np.where(x > 0, np.maximum(last, 1e-300), 0.0)}
