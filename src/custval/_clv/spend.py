"""What does a customer spend on a purchase, pulled towards what all spend? Gamma-gamma and log-normal models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from custval._clv.levels import Levels
from custval._clv.likelihood_fit import Found, maximise
from custval._clv.model_summary import Estimate, delta_estimate, fit_report, warn_of
from custval._clv.purchases import CHECKS_ON_RANDOM_NUMBERS, number_matrix, refuse_sparse
from custval._clv.spend_maths import gamma_gamma_mean, gamma_gamma_slopes, log_normal_mean, log_normal_slopes
from custval._core.errors import DataWarning, InputError, warn
from custval._core.estimator import Estimator
from custval._core.frames import column, column_names, is_frame
from custval._core.randomness import generator
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, RandomState
from custval._core.validation import check_rows, check_scalar, float_array, nearest, sample_weight_array

__all__ = ("GammaGamma", "LogNormalSpend")

NOT_SPEND = "X holds frequency and spend, which must be whole and positive; the check fits random numbers"


class _Spend(Estimator):
    """What the models of spend share."""

    _estimator_type = "spend model"
    _positive_only = False
    expected_failed_checks: ClassVar[Mapping[str, str]] = dict.fromkeys(CHECKS_ON_RANDOM_NUMBERS, NOT_SPEND)
    _names: ClassVar[tuple[str, ...]] = ()
    _columns: ClassVar[tuple[str, ...]] = ()

    params_: dict[str, float]
    coef_: dict[str, FloatArray]
    covariance_: FloatArray | None
    covariance_names_: tuple[str, ...]
    std_error_: dict[str, float | None] | None
    log_likelihood_: float | None
    n_customers_: float | None
    weakly_identified_: tuple[str, ...]
    converged_: bool

    def __init__(self, *, time_unit: str = "purchase") -> None:
        self.time_unit = time_unit

    def interval(self, ask: Any, *, conf_level: float = 0.95) -> Estimate:
        """Return any answer of the model with its standard error and interval (delta method, log scale).

        Parameters
        ----------
        ask : callable
            From a model to numbers >= 0: ``lambda m: m.expected_spend(X)``.
        conf_level : float
            Level of the interval, within (0, 1).

        Returns
        -------
        Estimate
            Value, standard error, lower and upper bound, each of the shape of the answer.
        """
        self._check_fitted()
        return delta_estimate(self, ask, conf_level)

    def summary(self) -> str:
        """Return the fit as a few lines of text.

        Returns
        -------
        str
            Parameters with errors, and the likelihood.
        """
        self._check_fitted()
        return fit_report(self)

    @property
    def aic_(self) -> float | None:
        """Akaike's criterion."""
        self._check_fitted()
        return None if self.log_likelihood_ is None else 2.0 * (len(self._names) - self.log_likelihood_)

    @property
    def bic_(self) -> float | None:
        """Schwarz's criterion, with the number of customers."""
        self._check_fitted()
        if self.log_likelihood_ is None or self.n_customers_ is None:
            return None
        return float(len(self._names) * np.log(self.n_customers_) - 2.0 * self.log_likelihood_)

    def _store(self, found: Found, n: float) -> None:
        self.covariance_names_, self.n_customers_ = self._names, n
        self.coef_, self.encoder_, self.time_unit_ = {}, None, self.time_unit
        self.log_likelihood_, self.converged_ = found.value, found.converged
        warn_of(self, found)

    @classmethod
    def _known(cls, params: Mapping[str, float]) -> Self:
        model = cls()
        model.params_ = {name: float(params[name]) for name in cls._names}
        model.coef_, model.encoder_, model.time_unit_ = {}, None, model.time_unit
        model.covariance_, model.covariance_names_, model.std_error_ = None, (), None
        model.log_likelihood_, model.n_customers_ = None, None
        model.weakly_identified_, model.converged_ = (), True
        return model

    def _read(self, X: AnyFrame, *, fit: bool) -> list[FloatArray]:
        names = self._columns if fit else self._columns[:2]
        parts = [float_array(part, name) for part, name in zip(_parts(X, names), names, strict=True)]
        x = parts[0]
        check_rows((x >= 0) & (x == np.floor(x)), x, name="frequency", rule="be whole and >= 0")
        return parts


class GammaGamma(_Spend):
    """What does a customer spend on a purchase, pulled towards what all spend? The gamma-gamma model.

    Spend must not hang on how often a customer buys: :func:`spend_dependence` tests it.

    Parameters
    ----------
    time_unit : str
        Name of what the spend is counted by.

    Attributes
    ----------
    params_ : dict of str to float
        ``p``, ``q``, ``gamma``: a purchase is Gamma(p, nu), nu is Gamma(q, gamma) over customers.
    covariance_ : ndarray of shape (3, 3) or None
        Of the logarithms of the parameters.
    std_error_ : dict of str to float, or None
        Of the parameters.
    log_likelihood_ : float
        At the maximum.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2013), The gamma-gamma model of monetary value, brucehardie.com/notes/025.

    Examples
    --------
    >>> from custval.clv import GammaGamma
    >>> model = GammaGamma.from_params(p=6.25, q=3.74, gamma=15.44)
    >>> round(model.expected_spend((2, 22.35)), 2)
    24.66
    """

    __module__ = "custval.clv"
    _names: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")
    _columns: ClassVar[tuple[str, ...]] = ("frequency", "mean_spend")
    # two columns of whole numbers happen to be customers
    expected_failed_checks: ClassVar[Mapping[str, str]] = {
        name: why
        for name, why in _Spend.expected_failed_checks.items()
        if name not in {f"check_sample_weights_{what}" for what in ("not_an_array", "not_overwritten", "shape")}
    }

    def fit(self, X: AnyFrame, y: object = None, *, sample_weight: ArrayLike | None = None) -> Self:
        """Fit p, q and gamma by maximum likelihood to customers with at least one purchase.

        Parameters
        ----------
        X : frame or array of shape (n, 2)
            ``frequency`` (purchases that the mean is over; customers with 0 are left out) and ``mean_spend`` (> 0).
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            How many customers each row stands for, >= 0.

        Returns
        -------
        GammaGamma
            Self.

        Raises
        ------
        InputError
            If a spend is not positive where there is a purchase, or too few customers bought.
        """
        del y
        x, m = self._read(X, fit=True)
        weight = sample_weight_array(sample_weight, len(x))
        keep = (x > 0) & (weight > 0)
        x, m, weight = (x, m, weight) if keep.all() else (x[keep], m[keep], weight[keep])
        if len(x) < 3 or float(m.max()) <= float(m.min()):
            raise InputError("fewer than 3 customers with different spend: the spread of spend cannot be estimated")
        warm = None
        if len(x) > 40_000:
            where = np.arange(0, len(x), len(x) // 8000)
            warm = gamma_gamma_slopes(x[where], m[where], weight[where] * float(weight.sum() / weight[where].sum()))
        mean = float(weight @ m / weight.sum())
        slopes = gamma_gamma_slopes(x, m, weight)
        found = maximise(slopes, np.log([3.0, 4.0, mean]), warm=warm, scale=float(weight.sum()))
        self.params_ = dict(zip(self._names, map(float, np.exp(found.point)), strict=True))
        self._store(found, float(weight.sum()))
        if self.params_["q"] <= 1.0:
            warn(
                f"q = {self.params_['q']:.3g} <= 1: spend has no population mean, so new customers have no expected "
                "spend; look for a few extreme amounts, or take LogNormalSpend",
                DataWarning,
            )
        return self

    @classmethod
    def from_params(cls, *, p: float, q: float, gamma: float) -> Self:
        """Return the model of known parameters.

        Parameters
        ----------
        p, q, gamma : float
            Parameters, > 0; `gamma` is in money.

        Returns
        -------
        GammaGamma
            A model as if fitted, without errors.
        """
        given = {"p": p, "q": q, "gamma": gamma}
        return cls._known({name: check_scalar(value, name, low=0.0, low_open=True) for name, value in given.items()})

    def expected_spend(self, X: AnyFrame | None = None) -> FloatArray | float:
        """Return the expected spend of a purchase to come.

        Parameters
        ----------
        X : frame, array of shape (n, 2), or two numbers for one customer, optional
            ``frequency`` and ``mean_spend``; frequency 0 is a new customer. None asks for a new customer.

        Returns
        -------
        ndarray of shape (n,), or float for one customer
            In money.

        Raises
        ------
        InputError
            If p x + q <= 1 for a customer: the mean does not exist (q <= 1 for new ones).
        """
        self._check_fitted()
        p, q, gamma = (self.params_[name] for name in self._names)
        given = (0.0, 0.0) if X is None else X
        x, m = self._read(given, fit=False)
        rule = f"make p x + q > 1 (p = {p:.3g}, q = {q:.3g}): below it the expected spend does not exist"
        check_rows(
            p * x + q > 1.0,
            x,
            name="frequency",
            rule=rule,
            fix="ask for customers with purchases only, or take LogNormalSpend",
        )
        value = gamma_gamma_mean(p, q, gamma, x, np.where(x > 0, m, 0.0))
        return float(value[0]) if _is_one(given) else value

    def simulate(self, frequency: ArrayLike, *, random_state: RandomState = None) -> dict[str, FloatArray]:
        """Return customers drawn from the model.

        Parameters
        ----------
        frequency : array of shape (n,)
            Purchases of each customer, >= 0.
        random_state : int, Generator or None
            Source of randomness.

        Returns
        -------
        dict of str to ndarray of shape (n,)
            ``frequency`` and ``mean_spend`` (0 where there is no purchase).
        """
        self._check_fitted()
        rng = generator(random_state)
        x = float_array(frequency, "frequency", low=0.0)
        nu = rng.gamma(self.params_["q"], 1.0 / self.params_["gamma"], len(x))
        size = np.where(x > 0, self.params_["p"] * x, 1.0)
        return {"frequency": x, "mean_spend": np.where(x > 0, rng.gamma(size) / nu / np.maximum(x, 1.0), 0.0)}

    def _read(self, X: AnyFrame, *, fit: bool) -> list[FloatArray]:
        x, m = super()._read(X, fit=fit)
        check_rows(
            (x == 0) | (m > 0),
            m,
            name="mean_spend",
            rule="be > 0 where there is a purchase",
            fix="leave out refunds and free purchases before the mean is taken",
        )
        return [x, m]


class LogNormalSpend(_Spend):
    """What does a customer spend on a purchase, where amounts are log-normal? Has a mean for every customer.

    Takes the logarithms of the amounts of each customer instead of their mean, so it also sees how much a
    customer's own purchases vary: the mean and the sum of squared deviations, which :func:`purchase_summary` brings.

    Parameters
    ----------
    time_unit : str
        Name of what the spend is counted by.

    Attributes
    ----------
    params_ : dict of str to float
        ``mu`` (mean of logarithms over customers), ``sigma`` (spread of a customer's own purchases), ``tau`` (spread
        between customers).
    covariance_ : ndarray of shape (3, 3) or None
        Of mu, log sigma and log tau.
    std_error_ : dict of str to float, or None
        Of the parameters.
    log_likelihood_ : float
        Of the logarithms of the amounts, up to the sum of the logarithms.

    References
    ----------
    Searle, S. R., Casella, G. and McCulloch, C. E. (1992), Variance Components, section 3.7.

    Examples
    --------
    >>> from custval.clv import LogNormalSpend
    >>> model = LogNormalSpend.from_params(mu=3.0, sigma=0.4, tau=0.5)
    >>> round(model.expected_spend((4, 3.4)), 2)
    31.25
    """

    __module__ = "custval.clv"
    _names: ClassVar[tuple[str, ...]] = ("mu", "sigma", "tau")
    _columns: ClassVar[tuple[str, ...]] = ("frequency", "mean_log_spend", "log_spend_squares")

    def fit(self, X: AnyFrame, y: object = None, *, sample_weight: ArrayLike | None = None) -> Self:
        """Fit mu, sigma and tau by maximum likelihood to customers with at least one purchase.

        Parameters
        ----------
        X : frame or array of shape (n, 3)
            ``frequency``, ``mean_log_spend`` and ``log_spend_squares`` (sum of squared deviations of the logarithms
            from their mean, 0 for one purchase).
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            How many customers each row stands for, >= 0.

        Returns
        -------
        LogNormalSpend
            Self.

        Raises
        ------
        InputError
            If squares are negative, or nobody bought twice.
        """
        del y
        x, mean, squares = self._read(X, fit=True)
        check_rows(squares >= 0, squares, name="log_spend_squares", rule="be >= 0")
        weight = sample_weight_array(sample_weight, len(x))
        keep = (x > 0) & (weight > 0)
        x, mean, squares, weight = x[keep], mean[keep], squares[keep], weight[keep]
        if not (squares > 0).any():
            raise InputError(
                "nobody has two purchases of different size: the spread of a customer's own purchases "
                "cannot be estimated"
            )
        levels = Levels.of(x, mean, squares)
        first = levels.first
        count = levels.totals(weight)
        centre = float(weight @ mean / weight.sum())
        sigma = np.sqrt(float(weight @ squares) / max(float(weight @ (x - 1.0)), 1.0))
        tau = max(float(np.sqrt(weight @ (mean - centre) ** 2 / weight.sum())), 0.1 * sigma)
        slopes = log_normal_slopes(x[first], mean[first] - centre, squares[first], count)
        found = maximise(slopes, np.array([0.0, np.log(sigma), np.log(tau)]), scale=float(weight.sum()))
        mu, log_sigma, log_tau = map(float, found.point)
        self.params_ = {"mu": mu + centre, "sigma": float(np.exp(log_sigma)), "tau": float(np.exp(log_tau))}
        self._store(found, float(weight.sum()))
        if self.covariance_ is not None:
            error = np.sqrt(np.diag(self.covariance_)) * [1.0, self.params_["sigma"], self.params_["tau"]]
            self.std_error_ = dict(zip(self._names, map(float, error), strict=True))
        return self

    @classmethod
    def from_params(cls, *, mu: float, sigma: float, tau: float) -> Self:
        """Return the model of known parameters.

        Parameters
        ----------
        mu : float
            Mean of the logarithms over customers.
        sigma, tau : float
            Spread within and between customers, > 0.

        Returns
        -------
        LogNormalSpend
            A model as if fitted, without errors.
        """
        sizes = {
            name: check_scalar(value, name, low=0.0, low_open=True)
            for name, value in {"sigma": sigma, "tau": tau}.items()
        }
        return cls._known({"mu": check_scalar(mu, "mu"), **sizes})

    def expected_spend(self, X: AnyFrame | None = None) -> FloatArray | float:
        """Return the expected spend of a purchase to come.

        Parameters
        ----------
        X : frame, array of shape (n, 2) or (n, 3), or two numbers for one customer, optional
            ``frequency`` and ``mean_log_spend``; frequency 0 is a new customer. None asks for a new customer.

        Returns
        -------
        ndarray of shape (n,), or float for one customer
            In money.
        """
        self._check_fitted()
        given = (0.0, 0.0) if X is None else X
        x, mean = self._read(given, fit=False)
        mu, sigma, tau = (self.params_[name] for name in self._names)
        value = log_normal_mean(mu, sigma, tau, x, np.where(x > 0, mean, 0.0))
        return float(value[0]) if _is_one(given) else value

    def simulate(self, frequency: ArrayLike, *, random_state: RandomState = None) -> dict[str, FloatArray]:
        """Return customers drawn from the model.

        Parameters
        ----------
        frequency : array of shape (n,)
            Purchases of each customer, >= 0.
        random_state : int, Generator or None
            Source of randomness.

        Returns
        -------
        dict of str to ndarray of shape (n,)
            ``frequency``, ``mean_log_spend`` and ``log_spend_squares``.
        """
        self._check_fitted()
        rng = generator(random_state)
        x = float_array(frequency, "frequency", low=0.0)
        mu, sigma, tau = (self.params_[name] for name in self._names)
        mean = rng.normal(mu, tau, len(x)) + rng.normal(0.0, sigma, len(x)) / np.sqrt(np.maximum(x, 1.0))
        squares = sigma**2 * rng.chisquare(np.maximum(x - 1.0, 1.0))
        return {
            "frequency": x,
            "mean_log_spend": np.where(x > 0, mean, 0.0),
            "log_spend_squares": np.where(x > 1, squares, 0.0),
        }


def _parts(X: AnyFrame, names: tuple[str, ...]) -> list[Any]:
    table = X.table if hasattr(X, "table") and hasattr(X, "time_unit") else X
    refuse_sparse(table)
    if is_frame(table):
        have = column_names(table)
        for name in names:
            if name not in have:
                raise InputError(
                    f"X has no column {name!r}{nearest(name, have)}; it needs {', '.join(names)}, which "
                    "purchase_summary makes from transactions with money"
                )
        return [column(table, name) for name in names]
    matrix = number_matrix(table, names)
    if matrix.ndim != 2 or matrix.shape[1] < len(names):
        raise InputError(f"X must have columns {', '.join(names)} in this order, not shape {np.shape(table)}")
    return [matrix[:, j] for j in range(len(names))]


def _is_one(X: AnyFrame) -> bool:
    return not hasattr(X, "table") and not is_frame(X) and np.ndim(X) == 1
