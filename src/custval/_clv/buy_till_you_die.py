"""What every model of buying until leaving shares: fitting, covariates, errors, and the questions it answers.

A model brings its formulas (log-likelihood, chance of being there, purchases to come); this base fits them by maximum
likelihood on the different customers with their counts, and asks them. Static covariates move the scale of a process:
a positive coefficient means more purchases, or leaving sooner.

References
----------
Fader, P. S. and Hardie, B. G. S. (2007), Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models,
brucehardie.com/notes/019.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from custval._clv.levels import Levels
from custval._clv.likelihood_fit import numeric_slopes
from custval._clv.model_summary import Estimate, delta_estimate, fit_report
from custval._clv.purchase_likelihood import Problem, moved_theta
from custval._clv.purchases import CHECKS_ON_RANDOM_NUMBERS, Counted, Purchases, count_equal, read_purchases
from custval._core.encoding import DesignEncoder
from custval._core.errors import InputError
from custval._core.estimator import Estimator
from custval._core.frames import frame_length
from custval._core.randomness import generator
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, RandomState
from custval._core.validation import (
    check_length,
    check_rows,
    check_scalar,
    check_whole,
    float_array,
    nearest,
    sample_weight_array,
)

__all__ = ("BuyTillYouDie",)

NOT_PURCHASES = "X holds frequency, recency and age, which must fit each other; the check fits random numbers"
MANY = 5000  # customers from which counting the different ones pays
Theta = list[Any]


class BuyTillYouDie(Estimator):
    """Base of the models of customers who buy until they leave unseen."""

    _estimator_type = "purchase model"
    _positive_only = False
    _fit_metadata = ("sample_weight", "covariates")
    expected_failed_checks: ClassVar[Mapping[str, str]] = dict.fromkeys(CHECKS_ON_RANDOM_NUMBERS, NOT_PURCHASES)

    _names: ClassVar[tuple[str, ...]] = ()
    # which parameters a process moves, with the share of the effect: log theta_j += share * z'gamma
    _processes: ClassVar[Mapping[str, tuple[tuple[str, float], ...]]] = {}
    _discrete: ClassVar[bool] = False

    params_: dict[str, float]
    coef_: dict[str, FloatArray]
    covariance_: FloatArray | None
    covariance_names_: tuple[str, ...]
    std_error_: dict[str, float | None] | None
    log_likelihood_: float | None
    encoder_: DesignEncoder | None
    time_unit_: str
    n_customers_: float | None
    weakly_identified_: tuple[str, ...]
    converged_: bool

    def __init__(self, *, time_unit: str = "week", fixed: Mapping[str, float] | None = None, l2: float = 0.0) -> None:
        self.time_unit = time_unit
        self.fixed = fixed
        self.l2 = l2

    # ----- what a model brings -------------------------------------------------------------------------------------

    def _value(self, theta: Theta, seen: Purchases) -> FloatArray:
        raise NotImplementedError

    def _slopes(self, theta: Theta, seen: Purchases) -> tuple[FloatArray, Sequence[FloatArray]]:
        return numeric_slopes(lambda some: self._value(some, seen), theta)

    def _here(self, theta: Theta, seen: Purchases) -> FloatArray:
        raise NotImplementedError

    def _stay(self, theta: Theta, seen: Purchases, ahead: FloatArray) -> FloatArray:
        raise NotImplementedError

    def _buy(self, theta: Theta, seen: Purchases, horizon: FloatArray) -> FloatArray:
        raise NotImplementedError

    def _exactly(self, theta: Theta, seen: Purchases, horizon: FloatArray, count: int) -> FloatArray:
        raise NotImplementedError

    def _rest(self, theta: Theta, seen: Purchases, delta: float) -> FloatArray:
        raise NotImplementedError

    def _draw(self, theta: Theta, age: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
        raise NotImplementedError

    def _start(self, seen: Purchases, weight: FloatArray) -> dict[str, float]:
        raise NotImplementedError

    def _needs_gaps(self) -> bool:
        return False

    def _constant(self, data: Counted) -> float:
        """Return the part of the log-likelihood that no parameter moves."""
        del data
        return 0.0

    # ----- fitting -------------------------------------------------------------------------------------------------

    def fit(
        self,
        X: AnyFrame,
        y: object = None,
        *,
        sample_weight: ArrayLike | None = None,
        covariates: AnyFrame | None = None,
    ) -> Self:
        """Fit by maximum likelihood to customers, or to different customers with their counts.

        Parameters
        ----------
        X : frame, array of shape (n, 3) or PurchaseSummary
            ``frequency`` (repeat purchases), ``recency`` (time of the last one since the first) and ``age`` (time since
            the first, > 0), in the model's time unit. Models of a rhythm also need ``log_gaps``.
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            How many customers each row stands for, >= 0: a table of counts gives what the customers give.
        covariates : frame or array of n rows, optional
            What is known of each customer; each column moves each process of the model.

        Returns
        -------
        BuyTillYouDie
            Self.

        Raises
        ------
        InputError
            If a row cannot be a customer, if nobody bought again, or if an age is 0.
        """
        del y  # scikit-learn's place for a target: purchases have none
        self._check_settings()
        seen = read_purchases(X, time_unit=self.time_unit, discrete=self._discrete, gaps=self._needs_gaps())
        weight = sample_weight_array(sample_weight, len(seen.x))
        self._check_fittable(seen)
        encoder, design = self._encode(covariates, len(seen.x))
        data = count_equal(seen, weight, design)
        processes = dict.fromkeys(self._processes, 0 if design is None else design.shape[1])
        problem = Problem(self, data, processes, {**(self.fixed or {})}, check_scalar(self.l2, "l2", low=0.0))
        found = problem.solve(self._start(data.seen, data.weight))
        self.time_unit_, self.encoder_ = self.time_unit, encoder
        self.n_customers_ = float(weight.sum())
        problem.store(found)
        return self

    @classmethod
    def from_params(cls, *, time_unit: str | None = None, **params: float) -> Self:
        """Return the model of known parameters.

        Parameters
        ----------
        time_unit : str, optional
            Unit of recency, age and horizon; None takes week, for :class:`BGBB` month.
        **params : float
            The parameters by their names in the papers, each > 0 (and settings of the model, such as `k`).

        Returns
        -------
        BuyTillYouDie
            A model as if fitted, without errors.

        Raises
        ------
        InputError
            If a parameter is missing, unknown or not positive.
        """
        settings: dict[str, Any] = {name: params.pop(name) for name in cls._parameter_names() if name in params}
        if time_unit is not None:
            settings["time_unit"] = time_unit
        model = cls(**settings)
        model._check_settings()
        for name in params:
            if name not in cls._names:
                raise InputError(
                    f"{cls.__name__} has no parameter {name!r}{nearest(name, cls._names)}; it has "
                    f"{', '.join(cls._names)}"
                )
        gone = [name for name in cls._names if name not in params]
        if gone:
            raise InputError(f"{cls.__name__} needs {', '.join(cls._names)}; {', '.join(gone)} is missing")
        model.params_ = {name: _positive(params[name], name) for name in cls._names}
        model.coef_, model.encoder_, model.time_unit_ = {}, None, model.time_unit
        model.covariance_, model.covariance_names_, model.std_error_ = None, (), None
        model.log_likelihood_, model.n_customers_ = None, None
        model.weakly_identified_, model.converged_ = (), True
        return model

    def log_likelihood(
        self, X: AnyFrame, *, sample_weight: ArrayLike | None = None, covariates: AnyFrame | None = None
    ) -> float:
        """Return the log-likelihood of customers under the fitted parameters.

        Parameters
        ----------
        X : frame, array of shape (n, 3) or PurchaseSummary
            Customers as in ``fit``.
        sample_weight : array of shape (n,), optional
            How many customers each row stands for.
        covariates : frame or array of n rows, optional
            As in ``fit``.

        Returns
        -------
        float
            The sum over customers, at individual level (no x! and no t_x^(x-1) terms).
        """
        seen, theta = self._asked(X, covariates)
        weight = sample_weight_array(sample_weight, len(seen.x))
        if any(np.ndim(part) for part in theta):
            gaps = 0.0 if seen.log_gaps is None else float(weight @ seen.log_gaps)
            data = Counted(seen, None, weight, gaps)
        else:
            data = count_equal(seen, weight, None)
        return float(data.weight @ self._value(theta, data.seen)) + self._constant(data)

    # ----- questions -----------------------------------------------------------------------------------------------

    def probability_alive(
        self, X: AnyFrame, *, ahead: ArrayLike | None = None, covariates: AnyFrame | None = None
    ) -> FloatArray | float:
        """Return the chance that each customer is still there, now or later.

        Parameters
        ----------
        X : frame, array of shape (n, 3), PurchaseSummary, or three numbers for one customer
            Customers as in ``fit``; an age of 0 is a new customer.
        ahead : float or array of shape (n,), optional
            Time from now, >= 0, in the model's unit; None is now.
        covariates : frame or array of n rows, optional
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n,), or float for one customer
            Within [0, 1].
        """
        if isinstance(X, tuple) and len(X) == 3 and covariates is None and ahead is None:
            return self._alive_one(X)
        seen, theta = self._asked(X, covariates)
        later = _times(0.0 if ahead is None else ahead, "ahead", len(seen.x))
        if not later.any():
            return _answer(seen, theta, (), lambda rows: self._here(theta, rows))
        self._check_whole_times(later)
        return _answer(seen, theta, (later,), lambda rows, t: self._here(theta, rows) * self._stay(theta, rows, t))

    def expected_purchases(
        self,
        X: AnyFrame,
        horizon: ArrayLike,
        *,
        start: ArrayLike | None = None,
        covariates: AnyFrame | None = None,
        time_unit: str | None = None,
    ) -> FloatArray | float:
        """Return the purchases expected of each customer in an interval to come.

        Parameters
        ----------
        X : frame, array of shape (n, 3), PurchaseSummary, or three numbers for one customer
            Customers as in ``fit``; (0, 0, 0) is a new one.
        horizon : float or array of shape (n,)
            Length of the interval, >= 0, in the model's unit.
        start : float or array of shape (n,), optional
            Time from now at which it begins, >= 0; None is now.
        covariates : frame or array of n rows, optional
            As in ``fit``.
        time_unit : str, optional
            Unit of `horizon`: refused where it is not the model's.

        Returns
        -------
        ndarray of shape (n,), or float for one customer
            Expected number of purchases.

        Raises
        ------
        InputError
            If the unit is not the model's, or covariates are missing.
        """
        self._check_unit(time_unit)
        if isinstance(X, tuple) and len(X) == 3 and covariates is None and start is None:
            one = self._buy_one(X, horizon)
            if one is not None:
                return one
        seen, theta = self._asked(X, covariates)
        n = len(seen.x)
        length, begin = _times(horizon, "horizon", n), _times(0.0 if start is None else start, "start", n)
        self._check_whole_times(length, begin)

        def answer(rows: Purchases, first: FloatArray, last: FloatArray) -> FloatArray:
            bought = self._buy(theta, rows, last)
            if first.any():
                bought = np.maximum(bought - self._buy(theta, rows, first), 0.0)
            return self._here(theta, rows) * bought

        return _answer(seen, theta, (begin, begin + length), answer)

    def expected_purchases_new(self, horizon: ArrayLike, *, covariates: AnyFrame | None = None) -> FloatArray | float:
        """Return the repeat purchases expected of a new customer.

        Parameters
        ----------
        horizon : float or array of shape (n,)
            Time since the first purchase, >= 0, in the model's unit.
        covariates : frame or array of n rows, optional
            Needed where the model has covariates; a row for each new customer.

        Returns
        -------
        float or ndarray of shape (n,)
            Expected number of repeat purchases.
        """
        n = max(np.size(horizon), 1 if covariates is None else frame_length(covariates))
        found = np.asarray(
            self.expected_purchases(np.zeros((n, 3 + self._needs_gaps())), horizon, covariates=covariates)
        )
        return float(found[0]) if np.ndim(horizon) == 0 and covariates is None else found

    def purchase_probability(
        self, X: AnyFrame, horizon: ArrayLike, count: int, *, covariates: AnyFrame | None = None
    ) -> FloatArray | float:
        """Return the chance of exactly so many purchases within the horizon.

        Parameters
        ----------
        X : frame, array of shape (n, 3), PurchaseSummary, or three numbers for one customer
            Customers as in ``fit``; (0, 0, 0) is a new one.
        horizon : float or array of shape (n,)
            Length of the interval from now, >= 0, in the model's unit.
        count : int
            Number of purchases, >= 0.
        covariates : frame or array of n rows, optional
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n,), or float for one customer
            Within [0, 1]; sums to one over the counts.
        """
        seen, theta = self._asked(X, covariates)
        number, length = check_whole(count, "count", low=0), _times(horizon, "horizon", len(seen.x))
        self._check_whole_times(length)

        def answer(rows: Purchases, horizon: FloatArray) -> FloatArray:
            here = self._here(theta, rows)
            chance = here * self._exactly(theta, rows, horizon, number)
            return np.minimum(chance + (1.0 - here if number == 0 else 0.0), 1.0)

        return _answer(seen, theta, (length,), answer)

    def discounted_residual_purchases(
        self, X: AnyFrame, *, discount: float, covariates: AnyFrame | None = None
    ) -> FloatArray | float:
        """Return all purchases still to come, discounted to today (DERT).

        Parameters
        ----------
        X : frame, array of shape (n, 3), PurchaseSummary, or three numbers for one customer
            Customers as in ``fit``.
        discount : float
            Effective rate per unit of the model's time, > 0; the continuous rate is log(1 + discount).
        covariates : frame or array of n rows, optional
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n,), or float for one customer
            Times the margin of a purchase it is the residual value.

        Raises
        ------
        InputError
            If the discount is not positive.
        """
        rate = check_scalar(discount, "discount", low=0.0, low_open=True)
        seen, theta = self._asked(X, covariates)
        delta = float(np.log1p(rate))
        return _answer(seen, theta, (), lambda rows: self._here(theta, rows) * self._rest(theta, rows, delta))

    def interval(self, ask: Callable[[Any], ArrayLike], *, conf_level: float = 0.95) -> Estimate:
        """Return any answer of the model with its standard error and interval (delta method, log scale).

        Parameters
        ----------
        ask : callable
            From a model to numbers >= 0: ``lambda m: m.expected_purchases(X, 52)``.
        conf_level : float
            Level of the interval, within (0, 1).

        Returns
        -------
        Estimate
            Value, standard error, lower and upper bound, each of the shape of the answer.

        Raises
        ------
        InputError
            If the model has no covariance.
        """
        self._check_fitted()
        return delta_estimate(self, ask, conf_level)

    def simulate(
        self, age: ArrayLike, *, random_state: RandomState = None, covariates: AnyFrame | None = None
    ) -> dict[str, FloatArray]:
        """Return customers drawn from the model.

        Parameters
        ----------
        age : array of shape (n,)
            Time since the first purchase, > 0, in the model's unit.
        random_state : int, Generator or None
            Source of randomness.
        covariates : frame or array of n rows, optional
            As in ``fit``.

        Returns
        -------
        dict of str to ndarray of shape (n,)
            Columns ``frequency``, ``recency``, ``age`` (and ``log_gaps`` for a rhythm) that ``fit`` takes.
        """
        ages = float_array(age, "age", low=0.0, low_open=True)
        theta = self._theta(covariates, len(ages))
        rows = [np.broadcast_to(np.asarray(part, dtype=np.float64), ages.shape) for part in theta]
        return {**self._draw(rows, ages, generator(random_state)), "age": ages}

    def summary(self) -> str:
        """Return the fit as a few lines of text: parameters with errors, likelihood, what is weakly known.

        Returns
        -------
        str
            Lines of text.
        """
        self._check_fitted()
        return fit_report(self)

    @property
    def aic_(self) -> float | None:
        """Akaike's criterion: twice the number of parameters less twice the log-likelihood."""
        self._check_fitted()
        return None if self.log_likelihood_ is None else 2.0 * (len(self.covariance_names_) - self.log_likelihood_)

    @property
    def bic_(self) -> float | None:
        """Schwarz's criterion, with the number of customers."""
        self._check_fitted()
        if self.log_likelihood_ is None or self.n_customers_ is None:
            return None
        return float(len(self.covariance_names_) * np.log(self.n_customers_) - 2.0 * self.log_likelihood_)

    # ----- inner ---------------------------------------------------------------------------------------------------

    def _is_plain(self, X: tuple[float, float, float]) -> bool:
        """Say whether one customer can be answered without arrays: legal numbers, no covariates, a fitted model."""
        x, t_x, T = X
        try:
            legal = 0.0 <= t_x <= T < math.inf and x >= 0 and x == int(x) and (x > 0) == (t_x > 0)
        except (TypeError, ValueError, OverflowError):
            return False
        return legal and hasattr(self, "params_") and self.encoder_ is None

    def _alive_one(self, X: tuple[float, float, float]) -> float:
        return float(np.asarray(self.probability_alive(list(X))))

    def _buy_one(self, X: tuple[float, float, float], horizon: Any) -> float | None:
        del X, horizon
        return None

    def _asked(self, X: AnyFrame, covariates: AnyFrame | None) -> tuple[Purchases, Theta]:
        self._check_fitted()
        gaps = self._needs_gaps() and _has_gaps(X)
        seen = read_purchases(X, time_unit=self.time_unit_, discrete=self._discrete, gaps=gaps)
        return seen, self._theta(covariates, len(seen.x))

    def _theta(self, covariates: AnyFrame | None, n: int) -> Theta:
        """Return the parameters: numbers, or an array for each customer where covariates move them."""
        self._check_fitted()
        if self.encoder_ is None:
            if covariates is not None:
                raise InputError("this model was fitted without covariates; fit it with them, or leave them out")
            return [self.params_[name] for name in self._names]
        if covariates is None:
            raise InputError(
                f"this model was fitted with covariates ({', '.join(self.encoder_.input_names)}); give covariates= "
                "with a row for each customer"
            )
        design = self.encoder_.transform(covariates, owner=type(self).__name__)
        check_length(design, n, name="covariates")
        return moved_theta(self, [np.log(self.params_[name]) for name in self._names], self.coef_, design)

    def _encode(self, covariates: AnyFrame | None, n: int) -> tuple[DesignEncoder | None, FloatArray | None]:
        if covariates is None:
            return None, None
        encoder = DesignEncoder().fit(covariates)
        design = encoder.transform(covariates)
        check_length(design, n, name="covariates")
        flat = np.ptp(design, axis=0) == 0.0
        if flat.any():
            name = encoder.feature_names[int(flat.argmax())]
            raise InputError(f"covariate {name!r} is the same for every customer and tells nobody apart; drop it")
        return encoder, design

    def _check_settings(self) -> None:
        if not isinstance(self.time_unit, str) or not self.time_unit:
            raise InputError(f"time_unit must be a name such as 'week', not {self.time_unit!r}")
        for name, value in (self.fixed or {}).items():
            if name not in self._names:
                raise InputError(
                    f"fixed names {name!r}{nearest(name, self._names)}; the parameters are {', '.join(self._names)}"
                )
            _positive(value, f"fixed[{name!r}]")

    def _check_fittable(self, seen: Purchases) -> None:
        check_rows(
            seen.T > 0,
            seen.T,
            name="age",
            rule="be > 0",
            fix="who joined on the last day has not been seen yet: drop these customers from the fit",
        )
        if not (seen.x > 0).any():
            raise InputError(
                "nobody bought a second time, so neither buying nor leaving can be estimated; watch the "
                "customers for longer, or check that frequency counts repeat purchases"
            )

    def _check_unit(self, time_unit: str | None) -> None:
        self._check_fitted()
        if time_unit is not None and time_unit != self.time_unit_:
            raise InputError(
                f"the horizon is in {time_unit}s but the model was fitted in {self.time_unit_}s; give the "
                f"horizon in {self.time_unit_}s"
            )

    def _check_whole_times(self, *times: FloatArray) -> None:
        if self._discrete:
            for time in times:
                check_rows(time == np.floor(time), time, name="horizon", rule="be a whole number of chances to buy")


def _positive(value: Any, name: str) -> float:
    return check_scalar(value, name, low=0.0, low_open=True, high=np.inf, high_open=True)


def _has_gaps(X: AnyFrame) -> bool:
    names = getattr(X, "columns", None)
    return "log_gaps" in list(names) if names is not None else False


def _times(values: ArrayLike, name: str, n: int) -> FloatArray:
    array = np.asarray(values, dtype=np.float64) if np.ndim(values) else np.full(n, float(values))  # type: ignore[arg-type]
    array = float_array(array, name, low=0.0)
    check_length(array, n, name=name)
    return array


def _answer(
    seen: Purchases, theta: Theta, columns: tuple[FloatArray, ...], ask: Callable[..., FloatArray]
) -> FloatArray | float:
    """Return ``ask(seen, *columns)``, once for equal customers where there are many and all share the parameters."""
    if seen.single or len(seen.x) < MANY or any(np.ndim(part) for part in theta):
        values = ask(seen, *columns)
        return float(values[0]) if seen.single else values
    levels = Levels.of(seen.x, seen.t_x, seen.T, *(part for part in columns if part[0] != part[-1] or np.ptp(part)))
    if 2 * len(levels) > len(seen.x):
        return ask(seen, *columns)
    first = levels.first
    few = Purchases(seen.x[first], seen.t_x[first], seen.T[first])
    return np.asarray(ask(few, *(part[first] for part in columns))[levels.index])
