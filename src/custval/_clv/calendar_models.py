"""Customers whose purchases and leaving follow season and campaigns: Pareto/NBD and BG/BB with covariates in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from custval._clv import calendar_maths as maths
from custval._clv.likelihood_fit import maximise
from custval._clv.model_summary import Estimate, delta_estimate, fit_report, warn_of
from custval._core.encoding import DesignEncoder
from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import (
    check_choice,
    check_rows,
    check_scalar,
    check_whole,
    float_array,
    sample_weight_array,
)

__all__ = ("CalendarBGBB", "CalendarParetoNBD")

STEP = 1e-4


class _Calendar(Estimator):
    """What both models share."""

    _estimator_type = "purchase model"
    _positive_only = False
    _fit_metadata = ("sample_weight",)
    _names: ClassVar[tuple[str, ...]] = ()
    _start: ClassVar[tuple[float, ...]] = ()

    params_: dict[str, float]
    coef_: dict[str, FloatArray]
    covariance_: FloatArray | None
    covariance_names_: tuple[str, ...]
    std_error_: dict[str, float | None] | None
    log_likelihood_: float | None
    n_customers_: float | None
    weakly_identified_: tuple[str, ...]
    converged_: bool
    encoder_: DesignEncoder

    def __init__(self, *, time_unit: str = "month", fixed: Mapping[str, float] | None = None, l2: float = 0.0) -> None:
        self.time_unit = time_unit
        self.fixed = fixed
        self.l2 = l2

    def _rows(
        self, theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: maths.Histories
    ) -> tuple[FloatArray, FloatArray]:
        raise NotImplementedError

    def _coming(
        self, theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: maths.Histories, horizon: int
    ) -> FloatArray:
        raise NotImplementedError

    def _own(self, seen: maths.Histories, weight: FloatArray, design: FloatArray) -> FloatArray:
        """Return the sum of calendar rows that stands beside the purchase coefficients."""
        del seen, weight
        return np.zeros(design.shape[1])

    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        *,
        calendar: AnyFrame | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit by maximum likelihood to purchases by period.

        Parameters
        ----------
        X : array of shape (n, P)
            Purchases of each customer in each period of the calendar, whole numbers >= 0, the first purchase included;
            the first period with one is where the customer begins.
        y : None
            Not used.
        calendar : frame or array of at least P rows
            What is known of each period, such as month of the year or a campaign: numbers, or columns of text.
        sample_weight : array of shape (n,), optional
            How many customers each row stands for, >= 0.

        Returns
        -------
        self
            The fitted model.

        Raises
        ------
        InputError
            If counts are not whole, a customer never buys, nobody buys again, or the calendar is too short.
        """
        del y
        if calendar is None:
            raise InputError("calendar is missing: a row for each period; without one take ParetoNBD or BGBB")
        seen = _histories(X)
        if not (seen.again > 0).any():
            raise InputError("nobody bought a second time, so neither buying nor leaving can be estimated")
        weight = sample_weight_array(sample_weight, len(seen.born))
        encoder = DesignEncoder().fit(calendar)
        design = self._design(encoder, calendar, seen.counts.shape[1])[: seen.counts.shape[1]]
        problem = _Problem(self, seen, weight, design)
        found = maximise(problem.slopes, problem.start(), scale=float(weight.sum()), tol=1e-6)
        theta, g, h = problem.split(found.point)
        self.params_ = dict(zip(self._names, theta, strict=True))
        self.coef_ = {"purchase": g, "dropout": h}
        self.encoder_, self.time_unit_ = encoder, self.time_unit
        named = [f"{process}:{name}" for process in self.coef_ for name in encoder.feature_names]
        self.covariance_names_, self.n_customers_ = (*problem.free, *named), float(weight.sum())
        self.log_likelihood_ = found.value + problem.penalty / 2.0 * float(g @ g + h @ h)
        self.converged_ = found.converged
        warn_of(self, found)
        return self

    def probability_alive(self, X: ArrayLike, *, calendar: AnyFrame) -> FloatArray:
        """Return the chance that each customer is still there.

        Parameters
        ----------
        X : array of shape (n, P)
            Purchases by period, as in ``fit``.
        calendar : frame or array of more than P rows
            What is known of each period, the next one included.

        Returns
        -------
        ndarray of shape (n,)
            Within [0, 1].
        """
        seen, theta, paces = self._asked(X, calendar, 1)
        return self._rows(theta, paces, seen)[1]

    def expected_purchases(
        self, X: ArrayLike, horizon: int, *, calendar: AnyFrame, by_period: bool = False
    ) -> FloatArray:
        """Return the purchases expected of each customer over the coming periods.

        Parameters
        ----------
        X : array of shape (n, P)
            Purchases by period, as in ``fit``.
        horizon : int
            Periods ahead, >= 1.
        calendar : frame or array of at least P + horizon rows
            What is known of each period, the coming ones included.
        by_period : bool
            Whether to return each period apart.

        Returns
        -------
        ndarray of shape (n,) or (n, horizon)
            Expected number of purchases.
        """
        ahead = check_whole(horizon, "horizon", low=1)
        seen, theta, paces = self._asked(X, calendar, ahead)
        made = self._rows(theta, paces, seen)[1][:, None] * self._coming(theta, paces, seen, ahead)
        return made if by_period else made.sum(axis=1)

    def interval(self, ask: Any, *, conf_level: float = 0.95) -> Estimate:
        """Return any answer of the model with its standard error and interval (delta method, log scale).

        Parameters
        ----------
        ask : callable
            From a model to numbers >= 0.
        conf_level : float
            Level of the interval, within (0, 1).

        Returns
        -------
        Estimate
            Value, standard error, lower and upper bound.
        """
        self._check_fitted()
        return delta_estimate(self, ask, conf_level)

    def summary(self) -> str:
        """Return the fit as a few lines of text.

        Returns
        -------
        str
            Parameters and coefficients with errors, and the likelihood.
        """
        self._check_fitted()
        return fit_report(self)

    @property
    def aic_(self) -> float | None:
        """Akaike's criterion."""
        self._check_fitted()
        return None if self.log_likelihood_ is None else 2.0 * (len(self.covariance_names_) - self.log_likelihood_)

    @property
    def bic_(self) -> float | None:
        """Schwarz's criterion, with the number of customers."""
        self._check_fitted()
        if self.log_likelihood_ is None or self.n_customers_ is None:
            return None
        return float(len(self.covariance_names_) * np.log(self.n_customers_) - 2.0 * self.log_likelihood_)

    def _asked(
        self, X: ArrayLike, calendar: AnyFrame, ahead: int
    ) -> tuple[maths.Histories, tuple[float, ...], tuple[FloatArray, FloatArray]]:
        self._check_fitted()
        seen = _histories(X)
        design = self._design(self.encoder_, calendar, seen.counts.shape[1] + ahead)
        paces = np.exp(design @ self.coef_["purchase"]), np.exp(design @ self.coef_["dropout"])
        return seen, tuple(self.params_[name] for name in self._names), paces

    def _design(self, encoder: DesignEncoder, calendar: AnyFrame, least: int) -> FloatArray:
        design = encoder.transform(calendar, owner=type(self).__name__)
        if len(design) < least:
            raise InputError(
                f"calendar has {len(design)} periods but {least} are needed: the periods of X and those to come"
            )
        return design


class _Problem:
    """The likelihood as a function of the logarithms of the free parameters and of the coefficients."""

    def __init__(self, model: _Calendar, seen: maths.Histories, weight: FloatArray, design: FloatArray) -> None:
        self.model, self.seen, self.weight, self.design = model, seen, weight, design
        self.fixed = dict(model.fixed or {})
        for name, value in self.fixed.items():
            check_choice(name, "fixed", model._names)
            check_scalar(value, f"fixed[{name!r}]", low=0.0, low_open=True)
        self.free = [name for name in model._names if name not in self.fixed]
        self.penalty = check_scalar(model.l2, "l2", low=0.0)
        self.own = model._own(seen, weight, design)

    def start(self) -> FloatArray:
        """Return where to begin."""
        known = dict(zip(self.model._names, self.model._start, strict=True))
        return np.concatenate([np.log([known[name] for name in self.free]), np.zeros(2 * self.design.shape[1])])

    def split(self, point: FloatArray) -> tuple[tuple[float, ...], FloatArray, FloatArray]:
        """Return all parameters and the coefficients of both processes."""
        p, width = len(self.free), self.design.shape[1]
        known = self.fixed | dict(zip(self.free, map(float, np.exp(point[:p])), strict=True))
        return tuple(known[name] for name in self.model._names), point[p : p + width], point[p + width :]

    def value(self, point: FloatArray) -> float:
        """Return the penalised log-likelihood."""
        theta, g, h = self.split(point)
        # the next period's pace is not part of the likelihood
        paces = np.append(np.exp(self.design @ g), 1.0), np.append(np.exp(self.design @ h), 1.0)
        rows = self.model._rows(theta, paces, self.seen)[0]
        return float(self.weight @ rows + self.own @ g - self.penalty / 2.0 * (g @ g + h @ h))

    def slopes(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Return the value with its gradient by central differences."""
        moves = STEP * np.eye(len(point))
        ahead = [(self.value(point + move) - self.value(point - move)) / (2.0 * STEP) for move in moves]
        return self.value(point), np.array(ahead)


class CalendarParetoNBD(_Calendar):
    """Who is still there, where season and campaigns move purchases and leaving? Pareto/NBD with covariates in time.

    Parameters
    ----------
    time_unit : str
        Name of a period of the calendar.
    fixed : dict of str to float, optional
        Parameters that are known, by name.
    l2 : float
        Ridge penalty on the coefficients, >= 0.

    Attributes
    ----------
    params_ : dict of str to float
        ``r``, ``alpha``, ``s``, ``beta`` as in :class:`ParetoNBD`, at a calendar of zeros.
    coef_ : dict of str to ndarray of shape (p,)
        On the logarithm of the rates of ``purchase`` and ``dropout``.
    covariance_ : ndarray of shape (P, P) or None
        Of the logarithms of the parameters and of the coefficients, in the order of ``covariance_names_``.

    References
    ----------
    Bachmann, P., Meierer, M. and Naef, J. (2021), The role of time-varying contextual factors in latent attrition
    models for customer base analysis, Marketing Science 40(4).

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import CalendarParetoNBD
    >>> rng = np.random.default_rng(0)
    >>> december = (np.arange(36) % 12 == 11).astype(float)[:, None]
    >>> bought = rng.poisson(rng.gamma(1.0, 0.5, (300, 1)) * np.exp(0.7 * december[:24, 0]))
    >>> bought[:, 0] = 1
    >>> gone = rng.geometric(0.05, 300)[:, None]
    >>> model = CalendarParetoNBD(l2=1.0).fit(np.where(np.arange(24) < gone, bought, 0), calendar=december)
    >>> bool(model.coef_["purchase"][0] > 0.4)
    True
    """

    __module__ = "custval.clv"
    _names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    _start: ClassVar[tuple[float, ...]] = (0.8, 2.0, 0.6, 8.0)

    def _rows(
        self, theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: maths.Histories
    ) -> tuple[FloatArray, FloatArray]:
        return maths.pareto_alive(theta, paces, seen)

    def _coming(
        self, theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: maths.Histories, horizon: int
    ) -> FloatArray:
        return maths.pareto_bought(theta, paces, seen, horizon)

    def _own(self, seen: maths.Histories, weight: FloatArray, design: FloatArray) -> FloatArray:
        again = seen.counts.copy()
        again[np.arange(len(again)), seen.born] = 0.0
        return np.asarray((weight @ again) @ design)


class CalendarBGBB(_Calendar):
    """Who is still there, where a month has a purchase or none and months differ? BG/BB with covariates in time.

    Parameters
    ----------
    time_unit : str
        Name of a period of the calendar.
    fixed : dict of str to float, optional
        Parameters that are known, by name.
    l2 : float
        Ridge penalty on the coefficients, >= 0.

    Attributes
    ----------
    params_ : dict of str to float
        ``alpha``, ``beta``, ``gamma``, ``delta`` as in :class:`BGBB`, at a calendar of zeros.
    coef_ : dict of str to ndarray of shape (p,)
        On the log-odds of a ``purchase`` and of ``dropout``.
    covariance_ : ndarray of shape (P, P) or None
        Of the logarithms of the parameters and of the coefficients, in the order of ``covariance_names_``.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time noncontractual
    setting, Marketing Science 29(6).

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import BGBB, CalendarBGBB
    >>> bought = np.array([[1, 1, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 1, 1]] * 40)
    >>> campaign = np.array([0, 1, 0, 0, 1, 0, 0])[:, None]
    >>> known = {"alpha": 1.2, "beta": 0.8, "gamma": 0.7, "delta": 2.8}
    >>> model = CalendarBGBB(fixed=known, l2=1.0).fit(bought, calendar=campaign)
    >>> model.probability_alive(bought[:3], calendar=campaign).shape
    (3,)
    """

    __module__ = "custval.clv"
    _names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")
    _start: ClassVar[tuple[float, ...]] = (1.0, 1.0, 0.7, 3.0)

    def _rows(
        self, theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: maths.Histories
    ) -> tuple[FloatArray, FloatArray]:
        return maths.bernoulli_alive(theta, paces, seen)

    def _coming(
        self, theta: tuple[float, ...], paces: tuple[FloatArray, FloatArray], seen: maths.Histories, horizon: int
    ) -> FloatArray:
        return maths.bernoulli_bought(theta, paces, seen, horizon)


def _histories(X: ArrayLike) -> maths.Histories:
    """Return purchases by period, checked, with the first and the last period of each customer."""
    counts = float_array(X, "X", low=0.0, ndim=2)
    flat = counts.reshape(len(counts), -1)
    check_rows((flat == np.floor(flat)).all(axis=1), flat.max(axis=1), name="purchases of a period", rule="be whole")
    bought = counts > 0
    check_rows(
        bought.any(axis=1),
        counts.sum(axis=1),
        name="purchases of a customer",
        rule="be > 0",
        fix="a customer begins with the first purchase: leave out who has none",
    )
    last = counts.shape[1] - 1 - bought[:, ::-1].argmax(axis=1)
    return maths.Histories(counts, bought.argmax(axis=1).astype(np.int64), last.astype(np.int64))
