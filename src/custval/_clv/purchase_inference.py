"""How far can a parameter move, is the larger model better, how sure is an answer without the normal law?

Profile likelihood: the parameter is held, the others are fitted anew, and the interval is where twice the loss of
log-likelihood stays below the quantile of chi-squared. Parametric bootstrap: bases of the same ages are drawn from the
fitted model and fitted anew.

References
----------
Pawitan, Y. (2001), In All Likelihood, sections 3.4 and 6.5. Efron, B. and Tibshirani, R. J. (1993), An
Introduction to the Bootstrap, sections 6.5 and 13.3.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._clv.model_summary import Estimate
from custval._clv.purchases import read_purchases
from custval._core.doors import public
from custval._core.errors import ConvergenceWarning, InputError
from custval._core.progress import track
from custval._core.randomness import generator
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, RandomState
from custval._core.validation import check_choice, check_scalar, check_whole, sample_weight_array

__all__ = (
    "LikelihoodRatio",
    "ProfileLikelihood",
    "bootstrap_interval",
    "likelihood_ratio_test",
    "profile_likelihood",
    "spend_dependence",
)

REACH = 12.0  # how far from the maximum, in logarithms, an end is looked for


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class LikelihoodRatio(Result):
    """Whether a larger model fits better than chance would make it.

    Attributes
    ----------
    statistic : float
        Twice the gain in log-likelihood.
    degrees : int
        Parameters more.
    p_value : float
        Chance of such a gain where the smaller model is true.

    Examples
    --------
    >>> from custval.clv import BGNBD, likelihood_ratio_test
    >>> truth = BGNBD.from_params(r=0.4, alpha=5.0, a=0.8, b=2.5)
    >>> base = truth.simulate([52.0] * 800, random_state=1)
    >>> test = likelihood_ratio_test(BGNBD().fit(base), BGNBD(fixed={"a": 0.8}).fit(base))
    >>> test.degrees, test.p_value > 0.01
    (1, True)
    """

    statistic: float
    degrees: int
    p_value: float


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class ProfileLikelihood(Result):
    """The log-likelihood as one parameter moves and the others follow.

    Attributes
    ----------
    parameter : str
        Its name.
    values, log_likelihood : ndarray of shape (m,)
        Places of the parameter, and the greatest log-likelihood there.
    lower, upper : float or None
        Ends of the interval; None where the likelihood never falls enough: the data set no limit on that side.
    conf_level : float
        Level of the interval.

    Examples
    --------
    >>> from custval.clv import BGNBD, profile_likelihood
    >>> base = BGNBD.from_params(r=0.4, alpha=5.0, a=0.8, b=2.5).simulate([52.0] * 800, random_state=1)
    >>> found = profile_likelihood(BGNBD().fit(base), base, "r")
    >>> found.lower < 0.4 < found.upper
    True
    """

    parameter: str
    values: FloatArray
    log_likelihood: FloatArray
    lower: float | None
    upper: float | None
    conf_level: float


@public("clv")
def likelihood_ratio_test(full: Any, restricted: Any) -> LikelihoodRatio:
    """Return whether the larger of two nested models, fitted to the same customers, fits better.

    Parameters
    ----------
    full, restricted : fitted models
        `restricted` is `full` with parameters fixed or covariates left out.

    Returns
    -------
    LikelihoodRatio
        Statistic, degrees of freedom and p-value (chi-squared).

    Raises
    ------
    InputError
        If a model has no likelihood, the customers differ, or `full` has no more parameters.

    Examples
    --------
    >>> from custval.clv import BGNBD, likelihood_ratio_test
    >>> base = BGNBD.from_params(r=0.4, alpha=5.0, a=0.8, b=2.5).simulate([52.0] * 800, random_state=1)
    >>> likelihood_ratio_test(BGNBD().fit(base), BGNBD(fixed={"r": 2.0}).fit(base)).p_value < 1e-6
    True
    """
    from scipy.special import chdtrc

    for model in (full, restricted):
        model._check_fitted()
        if model.log_likelihood_ is None:
            raise InputError("a model made from known parameters has no likelihood; fit both to the same customers")
    if full.n_customers_ != restricted.n_customers_:
        raise InputError(
            f"the models were fitted to {full.n_customers_:g} and {restricted.n_customers_:g} customers; fit both to "
            "the same"
        )
    degrees = len(full.covariance_names_) - len(restricted.covariance_names_)
    if degrees < 1:
        raise InputError(f"full must have more parameters than restricted, not {degrees} more")
    gain = max(2.0 * (full.log_likelihood_ - restricted.log_likelihood_), 0.0)
    return LikelihoodRatio(gain, degrees, float(chdtrc(degrees, gain)))


@public("clv")
def profile_likelihood(
    model: Any,
    X: AnyFrame,
    parameter: str,
    *,
    sample_weight: ArrayLike | None = None,
    conf_level: float = 0.95,
    points: int = 9,
) -> ProfileLikelihood:
    """Return the profile likelihood of a parameter, with the interval it gives.

    Parameters
    ----------
    model : fitted model of buying until leaving
        Without covariates.
    X : frame, array of shape (n, 3) or PurchaseSummary
        The customers it was fitted to.
    parameter : str
        Name of a free parameter.
    sample_weight : array of shape (n,), optional
        As in ``fit``.
    conf_level : float
        Level of the interval, within (0, 1).
    points : int
        Places of the curve, evenly spaced in logarithms over the interval, >= 3.

    Returns
    -------
    ProfileLikelihood
        Curve and interval.

    Raises
    ------
    InputError
        If the parameter is not free, or the model has covariates.

    Examples
    --------
    >>> from custval.clv import BGNBD, profile_likelihood
    >>> base = BGNBD.from_params(r=0.4, alpha=5.0, a=0.8, b=2.5).simulate([52.0] * 800, random_state=1)
    >>> profile_likelihood(BGNBD().fit(base), base, "alpha", points=5).values.shape
    (5,)
    """
    from scipy.special import chdtri

    model._check_fitted()
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    number = check_whole(points, "points", low=3)
    if model.encoder_ is not None:
        raise InputError("profiles are made of models without covariates; the interval of `interval` holds them all")
    check_choice(parameter, "parameter", model.covariance_names_)
    limit = 0.5 * float(chdtri(1, 1.0 - level))
    follow = _Follow(model, X, sample_weight, parameter)
    centre = float(np.log(model.params_[parameter]))
    error = (model.std_error_ or {}).get(parameter)
    stride = 2.0 * error / model.params_[parameter] if error else 1.0
    ends = [_end(follow, centre, side * stride, limit) for side in (-1.0, 1.0)]
    low, high = (centre + side * 3.0 * stride if end is None else end for end, side in zip(ends, (-1, 1), strict=True))
    places = np.linspace(low, high, number)
    return ProfileLikelihood(
        parameter,
        frozen(np.exp(places)),
        frozen(np.array([follow(float(place)) for place in places])),
        None if ends[0] is None else float(np.exp(ends[0])),
        None if ends[1] is None else float(np.exp(ends[1])),
        level,
    )


class _Follow:
    """The greatest log-likelihood with one parameter held, the others starting where they were."""

    def __init__(self, model: Any, X: AnyFrame, weight: ArrayLike | None, parameter: str) -> None:
        self.model, self.X, self.weight, self.parameter = model, X, weight, parameter
        self.top = float(model.log_likelihood_)

    def __call__(self, log: float) -> float:
        held = _fresh(self.model)
        held.fixed = {**(self.model.fixed or {}), self.parameter: float(np.exp(log))}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # far from the maximum others may run off
            held.fit(self.X, sample_weight=self.weight)
        return float(held.log_likelihood_)


def _end(follow: _Follow, centre: float, stride: float, limit: float) -> float | None:
    """Return where the profile has fallen by `limit`, by bracketing and bisection with secants."""
    near, far = centre, centre + stride
    fall_near, fall_far = 0.0, follow.top - follow(far)
    while fall_far < limit:
        near, fall_near, far = far, fall_far, far + stride
        if abs(far - centre) > REACH:
            return None
        fall_far = follow.top - follow(far)
    for _ in range(30):
        # a profile is nearly a parabola: straight in the root of the fall
        roots = np.sqrt(np.maximum([fall_near, fall_far, limit], 0.0))
        tried = near + (far - near) * float(np.clip((roots[2] - roots[0]) / (roots[1] - roots[0]), 0.02, 0.98))
        fall = follow.top - follow(tried)
        if abs(fall - limit) < 1e-5 or abs(far - near) < 1e-9:
            return tried
        if fall < limit:
            near, fall_near = tried, fall
        else:
            far, fall_far = tried, fall
    return (near + far) / 2.0


@public("clv")
def bootstrap_interval(
    model: Any,
    X: AnyFrame,
    ask: Callable[[Any], ArrayLike],
    *,
    sample_weight: ArrayLike | None = None,
    replications: int = 200,
    conf_level: float = 0.95,
    random_state: RandomState = None,
    progress: bool = False,
) -> Estimate:
    """Return any answer of a model with its interval by the parametric bootstrap (percentiles).

    Parameters
    ----------
    model : fitted model of buying until leaving
        Without covariates.
    X : frame, array of shape (n, 3) or PurchaseSummary
        The customers it was fitted to: their ages are those of the drawn bases.
    ask : callable
        From a model to numbers: ``lambda m: m.expected_purchases_new(52)``.
    sample_weight : array of shape (n,), optional
        How many customers each row stands for: whole numbers.
    replications : int
        Bases drawn, >= 20.
    conf_level : float
        Level of the interval, within (0, 1).
    random_state : int, Generator or None
        Source of randomness.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Estimate
        The fitted answer, its standard error and the percentiles.

    Examples
    --------
    >>> from custval.clv import NBD, bootstrap_interval
    >>> base = NBD.from_params(r=0.8, alpha=10.0).simulate([52.0] * 300, random_state=1)
    >>> fitted = NBD().fit(base)
    >>> year = lambda m: m.expected_purchases_new(52)
    >>> found = bootstrap_interval(fitted, base, year, replications=40, random_state=1)
    >>> bool(found.lower[0] < found.value[0] < found.upper[0])
    True
    """
    model._check_fitted()
    if model.encoder_ is not None:
        raise InputError("the bootstrap draws from models without covariates")
    rounds = check_whole(replications, "replications", low=20)
    level = check_scalar(conf_level, "conf_level", low=0.0, high=1.0, low_open=True, high_open=True)
    rng = generator(random_state)
    seen = read_purchases(X, time_unit=model.time_unit_)
    weight = sample_weight_array(sample_weight, len(seen.T))
    if (weight != np.floor(weight)).any():
        raise InputError("sample_weight must hold whole numbers: the bootstrap draws so many customers for each row")
    ages = np.repeat(seen.T, weight.astype(np.int64))
    value = np.atleast_1d(np.asarray(ask(model), dtype=np.float64)).ravel()
    whole = bool((np.floor(seen.T) == seen.T).all() and (seen.t_x == np.floor(seen.t_x)).all())
    drawn = np.empty((rounds, len(value)))
    for i in track(range(rounds), progress=progress, label="bootstrap"):
        drawn[i] = np.ravel(np.asarray(ask(_again(model, ages, whole, rng))))
    low, high = np.quantile(drawn, [0.5 - level / 2.0, 0.5 + level / 2.0], axis=0)
    return Estimate(frozen(value), frozen(drawn.std(axis=0, ddof=1)), frozen(low), frozen(high), level)


def _again(model: Any, ages: FloatArray, whole: bool, rng: np.random.Generator) -> Any:
    """Return the model fitted to a base drawn from it, in whole units where the customers were."""
    base = model.simulate(ages, random_state=rng)
    if whole and not model._discrete and not model._needs_gaps():
        base = {**base, "recency": np.ceil(base["recency"])}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # some drawn bases tell less than the one seen
        return _fresh(model).fit(base)


def _fresh(model: Any) -> Any:
    """Return an unfitted model of the same settings, with the rhythm that was chosen."""
    return type(model)(**{**model.get_params(), **({"k": model.k_} if hasattr(model, "k_") else {})})


@public("clv")
def spend_dependence(
    model: Any, X: AnyFrame, spend: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> dict[str, Any]:
    """Return whether customers who spend more buy more often or leave later: what gamma-gamma assumes not to be.

    The model is fitted anew with the standardised logarithm of spend as a covariate of purchases and leaving.

    Parameters
    ----------
    model : model of buying until leaving
        Its class and settings are used; it need not be fitted.
    X : frame, array of shape (n, 3) or PurchaseSummary
        Customers with their purchases.
    spend : array of shape (n,)
        Mean spend of each customer, > 0; leave out customers without one.
    sample_weight : array of shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    dict of str to float or LikelihoodRatio
        ``correlation`` of log spend with log(1 + frequency); for each process the coefficient for one standard
        deviation of log spend, and ``test``, a likelihood-ratio test of both.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import BGNBD, spend_dependence
    >>> base = BGNBD.from_params(r=0.6, alpha=5.0, a=0.8, b=2.5).simulate([52.0] * 1500, random_state=1)
    >>> spend = np.random.default_rng(0).gamma(6.0, 5.0, 1500)
    >>> spend_dependence(BGNBD(), base, spend)["test"].p_value > 0.001
    True
    """
    money = np.asarray(spend, dtype=np.float64)
    if money.ndim != 1 or not (money > 0).all():
        raise InputError("spend must be > 0 for each customer; leave out customers without a purchase to take it from")
    log = np.log(money)
    if np.ptp(log) <= 0.0:
        raise InputError("spend is the same for every customer, so nothing can hang on it")
    standard = ((log - log.mean()) / log.std())[:, None]
    settings = {name: value for name, value in model.get_params().items() if name != "l2"}
    alone = type(model)(**settings).fit(X, sample_weight=sample_weight)
    both = type(model)(**settings).fit(X, sample_weight=sample_weight, covariates=standard)
    seen = read_purchases(X)
    counts = np.log1p(seen.x)
    flat = np.ptp(counts) <= 0.0
    return {
        "correlation": 0.0 if flat else float(np.corrcoef(log, counts)[0, 1]),
        **{process: float(coef[0]) for process, coef in both.coef_.items()},
        "test": likelihood_ratio_test(both, alone),
    }
