"""What the models of contract renewals share: fitting, answers, errors; the laws differ, the questions do not.

Customers who leave easily go first, so the retention rate of a cohort rises by itself, even where nobody's own chance
changes; the residual lifetime just before renewal n is

    sum over t >= n of S(t) / S(n-1) v^(t-n)          v = 1 / (1 + d)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from custval._clv.checks import number_array, plain
from custval._clv.cohorts import Stays, stays_of_cohorts, stays_of_customers
from custval._clv.contract_fit import Fitted, customer_parameters, is_positive, maximum_likelihood, moved_parameters
from custval._clv.contract_laws import ContractLaw
from custval._core.encoding import DesignEncoder
from custval._core.errors import ConvergenceWarning, InputError, warn
from custval._core.estimator import Estimator
from custval._core.frames import frame_length
from custval._core.optimize import dependent_columns
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_length, check_rows, check_scalar, check_whole, float_array

__all__ = ("ContractModel",)

ALIKE = 1e5  # alpha + beta beyond which customers cannot be told from identical ones
NO_GAIN = 1e-3  # of log-likelihood over identical customers: below it the differences of customers are not seen
MOST_RENEWALS = 2**22
NOT_COHORTS = "X holds counts of cohorts, which never rise; the check fits random numbers"
# scikit-learn's checks that fit any table of numbers
CHECKS_ON_RANDOM_NUMBERS = (
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
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
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weights_list",
)


class ContractModel(Estimator):
    """What the models of renewals share: fitting, answers, errors."""

    _estimator_type = "cohort model"
    _positive_only = False
    _law: ClassVar[ContractLaw]
    expected_failed_checks: ClassVar[Mapping[str, str]] = dict.fromkeys(CHECKS_ON_RANDOM_NUMBERS, NOT_COHORTS)

    params_: dict[str, float]
    std_error_: dict[str, float] | None
    coef_: FloatArray | None
    coef_std_error_: FloatArray | None
    covariance_: FloatArray | None
    log_likelihood_: float | None
    feature_names_out_: list[str]
    encoding_: dict[str, Any] | None

    def __init__(self, *, time_unit: str = "month") -> None:
        self.time_unit = time_unit

    def fit(self, X: Any, y: Any = None, *, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the parameters by maximum likelihood, to counts of cohorts or to single customers.

        Parameters
        ----------
        X : array of shape (R + 1,) or (cohorts, R + 1), list of arrays, or frame of n customers
            Without `y`: customers still there after 0, 1, ... renewals; column 0 is the size of the cohort. Younger
            cohorts end earlier: shorter rows of a list, or NaN at the end of a row. Whole numbers are not needed.
            With `y`: the columns of n customers, which move the parameters; None for no columns.
        y : structured array of shape (n,), optional
            Renewals of each customer, as ``survival_target`` makes them: `duration` is the renewal at which the
            customer left, or the renewals made by one who is still there; `entry` the renewals made before the
            watching began. Whole numbers.
        sample_weight : array of shape (n,), optional
            Customers that each row of `y` stands for, >= 0.

        Returns
        -------
        ContractModel
            Self.

        Raises
        ------
        InputError
            If counts rise, are negative or missing inside a row, if nobody left, if nobody was kept, if there are
            fewer than two renewals, or if renewals are not whole numbers.
        """
        if y is None:
            if sample_weight is not None:
                raise InputError("sample_weight weighs the customers of y; cohorts are counts already")
            return self._learn(stays_of_cohorts(X), None)
        design = self._design(X, len(np.asarray(y)))
        stays = stays_of_customers(y, sample_weight)
        if design is not None:
            _check_columns(design, self._encoder.feature_names)
        return self._learn(stays, design)

    def retention_rate(self, renewals: ArrayLike) -> FloatArray | float:
        """Return the share of customers before each renewal who renew.

        Parameters
        ----------
        renewals : int or array of int
            Renewals, counted from 1.

        Returns
        -------
        float or ndarray
            r(t), within (0, 1).
        """
        t = _whole(renewals, 1)
        return plain(-np.expm1(self._law.log_leaving(self._numbers(), t)[0]))

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
        made, t = check_whole(given, "given", low=0), _whole(renewals, 0)
        return plain(np.exp(self._log_kept(self._numbers(), t + made, np.asarray(float(made)))))

    def predict_survival(self, X: AnyFrame, times: ArrayLike, *, given: ArrayLike | None = None) -> FloatArray:
        """Return each customer's chance to be there at times from now: steps down at renewals, flat between them.

        Parameters
        ----------
        X : frame or array of n rows
            Customers; only their number matters where the model was fitted without columns.
        times : array of shape (H,)
            Times from now in terms of the contract (`time_unit_`), >= 0; fractions are legal.
        given : float or array of shape (n,), optional
            Terms already stayed, >= 0; fractions say how far into the running term.

        Returns
        -------
        ndarray of shape (n, H)
            S(floor(given + t)) / S(floor(given)).
        """
        self._check_fitted()
        n = frame_length(X)
        design = None if self.coef_ is None else self._matrix(X)
        parameters = customer_parameters(self._law, self._free(), self._slopes(), design)
        columns = tuple(p[:, None] for p in parameters)
        stayed = np.zeros(n) if given is None else np.broadcast_to(number_array(given, "given", low=0.0), (n,))
        ahead = float_array(np.atleast_1d(np.asarray(times, dtype=np.float64)), "times", low=0.0)
        # a year is twelve twelfths: sums of fractions may fall short of the renewal by a rounding error
        renewals = np.floor(stayed[:, None] + ahead[None, :] + 1e-9)
        kept = np.exp(self._log_kept(columns, renewals, np.floor(stayed + 1e-9)[:, None]))
        return np.ascontiguousarray(np.broadcast_to(kept, (n, len(ahead))))

    def moved(self, step: ArrayLike) -> Self:
        """Return this model with its parameters moved: what it would answer had the fit come out there.

        Parameters
        ----------
        step : array of shape (P,)
            Added to the parameters, in the order of ``covariance_``; numbers outside the legal range are taken to its
            edge.

        Returns
        -------
        ContractModel
            A model without errors.
        """
        point, k = self._parameters() + float_array(step, "step"), len(self._law.parameters)
        ends = [np.nextafter(end, 0.0) if np.isfinite(end) else np.inf for end in self._law.highest]
        natural = np.clip(point[:k], 1e-12, ends)
        model = type(self)(time_unit=self.time_unit)
        vars(model).update(vars(self))
        model.params_ = dict(zip(self._law.parameters, map(float, natural), strict=True))
        model.coef_ = None if self.coef_ is None else point[k:].reshape(self.coef_.shape)
        model.covariance_ = model.std_error_ = model.coef_std_error_ = model.log_likelihood_ = None
        return model

    def _parameters(self) -> FloatArray:
        """Return the parameters in the order of ``covariance_``, (P,)."""
        self._check_fitted()
        return np.append(np.array(list(self.params_.values())), self._slopes())

    def pullback(
        self,
        X: AnyFrame,
        survival_weight: FloatArray,
        exit_weight: FloatArray | None = None,
        *,
        given: ArrayLike | None = None,
    ) -> FloatArray:
        """Return how a weighted sum of predictions moves with the parameters, for errors of values.

        Parameters
        ----------
        X : frame or array of n rows
            Customers.
        survival_weight : ndarray of shape (n, H)
            Weights of S(1..H).
        exit_weight : ndarray of shape (n, 1, H), optional
            Weights of the chance to leave in each period.
        given : float or array of shape (n,), optional
            Terms already stayed.

        Returns
        -------
        ndarray of shape (n, P)
            Gradient in the order of ``covariance_``.
        """
        weight = survival_weight
        if exit_weight is not None:  # F(t) - F(t-1) = S(t-1) - S(t)
            weight = weight - exit_weight[:, 0, :]
            weight[:, :-1] += exit_weight[:, 0, 1:]
        times = np.arange(1, weight.shape[1] + 1)
        point = self._parameters()
        columns = []
        for j, value in enumerate(point):
            h = 1e-6 * max(abs(value), 1e-3)
            sides = []
            for sign in (1.0, -1.0):
                model = self.moved(sign * h * (np.arange(len(point)) == j))
                sides.append(np.einsum("nh,nh->n", weight, model.predict_survival(X, times, given=given)))
            columns.append((sides[0] - sides[1]) / (2.0 * h))
        return np.column_stack(columns)

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
            If the sum has no limit, or converges too slowly to be summed: give a horizon.
        """
        numbers, due = self._numbers(), _whole(renewal, 1)
        rate = check_scalar(discount, "discount", low=-1.0, low_open=True)
        if horizon is not None:
            ahead = np.arange(1.0, check_whole(horizon, "horizon", low=1) + 1.0)
            later = np.exp(self._log_kept(numbers, due[..., None] - 1.0 + ahead, due[..., None] - 1.0))
            return plain(later @ (1.0 + rate) ** (1.0 - ahead))
        self._check_limit(rate)
        return plain(self._endless(due, 1.0 / (1.0 + rate)))

    def remaining_value(
        self, margin: ArrayLike, *, discount: float, made: int = 0, horizon: int | None = None
    ) -> FloatArray | float:
        """Return the value of a customer who has made so many renewals, just before the next one.

        Parameters
        ----------
        margin : float or array
            Money per term, paid at its beginning by those who renew.
        discount : float
            Effective rate per contract term, > -1.
        made : int
            Renewals made, >= 0.
        horizon : int, optional
            Renewals to count; None counts all.

        Returns
        -------
        float or ndarray
            Money: margin x discounted residual lifetime.
        """
        due = check_whole(made, "made", low=0) + 1
        left = self.discounted_residual_lifetime(due, discount=discount, horizon=horizon)
        return plain(np.asarray(number_array(margin, "margin") * left))

    def summary(self) -> Any:
        """Return the parameters with standard errors as a pandas frame, one row each."""
        self._check_fitted()
        from custval._core.errors import import_pandas

        values, names = list(self.params_.values()), list(self.params_)
        errors: list[float | None] = [None if self.std_error_ is None else self.std_error_[name] for name in names]
        if self.coef_ is not None:
            moved = self._law.parameters[: len(self.coef_)]
            names += [f"{parameter}: {name}" for parameter in moved for name in self.feature_names_out_]
            values += [float(value) for value in self.coef_.ravel()]
            known = None if self.coef_std_error_ is None else self.coef_std_error_.ravel()
            errors += [None if known is None else float(known[j]) for j in range(self.coef_.size)]
        return import_pandas().DataFrame({"parameter": names, "estimate": values, "std_error": errors})

    def _design(self, X: Any, n: int) -> FloatArray | None:
        if X is None:
            return None
        self._encoder = DesignEncoder().fit(X)
        matrix = self._encoder.transform(X, owner=type(self).__name__)
        check_length(matrix, n, name="X", other="y")
        return np.asarray(matrix)

    def _matrix(self, X: AnyFrame) -> FloatArray:
        encoder = DesignEncoder.from_state(self.encoding_ or {})
        return np.asarray(encoder.transform(X, owner=type(self).__name__))

    def _learn(self, stays: Stays, X: FloatArray | None) -> Self:
        found = maximum_likelihood(self._law, stays, X)
        natural = self._law.natural(found.free)
        self.params_ = dict(zip(self._law.parameters, map(float, natural), strict=True))
        self.coef_ = None if X is None else found.slopes
        self.encoding_ = None if X is None else self._encoder.get_state()
        self.feature_names_out_ = [] if X is None else list(self._encoder.feature_names)
        if X is not None:
            del self._encoder
        self.log_likelihood_ = found.log_likelihood
        self._set_errors(found, natural, _gain_on_geometric(stays, found.log_likelihood))
        self.time_unit_ = self.time_unit
        return self

    def _set_errors(self, found: Fitted, natural: FloatArray, gain: float) -> None:
        self.covariance_ = self.std_error_ = self.coef_std_error_ = None
        if len(natural) == 2 and (natural.sum() > ALIKE or (gain < NO_GAIN and not found.slopes.size)):
            self._warn_alike(natural)
            return
        if not is_positive(found.information):
            self._warn_unknown()
            return
        slope = np.append(self._law.natural_slope(natural), np.ones(found.slopes.size))
        self.covariance_ = np.linalg.inv(found.information) * np.outer(slope, slope)
        errors = np.sqrt(np.diag(self.covariance_))
        k = len(natural)
        self.std_error_ = dict(zip(self._law.parameters, map(float, errors[:k]), strict=True))
        self.coef_std_error_ = None if self.coef_ is None else errors[k:].reshape(found.slopes.shape)

    def _warn_alike(self, natural: FloatArray) -> None:
        warn(
            "retention does not rise from renewal to renewal, so customers cannot be told from identical ones (alpha "
            f"+ beta = {natural.sum():.3g}); use the retention rate of all of them, as in constant_retention_value",
            ConvergenceWarning,
        )

    def _warn_unknown(self) -> None:
        warn(
            f"the data do not identify all of {', '.join(self._law.parameters)}: no standard errors; give more "
            "renewals, or a simpler law",
            ConvergenceWarning,
        )

    @classmethod
    def _known(cls, given: Mapping[str, float], time_unit: str) -> Self:
        model = cls(time_unit=time_unit)
        ends = cls._law.highest
        model.params_ = {
            name: check_scalar(value, name, low=0.0, low_open=True, high=end, high_open=True)
            for (name, value), end in zip(given.items(), ends, strict=True)
        }
        model.coef_ = model.coef_std_error_ = model.encoding_ = None
        model.covariance_ = model.std_error_ = model.log_likelihood_ = None
        model.feature_names_out_ = []
        model.time_unit_ = time_unit
        return model

    def _free(self) -> FloatArray:
        return self._law.free(np.array(list(self.params_.values())))

    def _slopes(self) -> FloatArray:
        return np.zeros((moved_parameters(self._law), 0)) if self.coef_ is None else self.coef_

    def _numbers(self) -> tuple[FloatArray, ...]:
        self._check_fitted()
        if self.coef_ is not None:
            raise InputError("this model has columns: each customer has a curve of their own; ask predict_survival(X)")
        return tuple(np.asarray(value) for value in self.params_.values())

    def _log_kept(self, parameters: tuple[FloatArray, ...], t: FloatArray, made: FloatArray) -> FloatArray:
        return np.asarray(self._law.log_survival(parameters, t)[0] - self._law.log_survival(parameters, made)[0])

    def _check_limit(self, rate: float) -> None:
        if rate <= 0.0:
            raise InputError(
                f"the residual lifetime has no limit at a discount of {rate:g}; give a discount > 0 or a horizon"
            )

    def _endless(self, due: FloatArray, v: float) -> FloatArray:
        """Return the sum over all renewals, in blocks, until what is left is below a rounding error of it."""
        numbers, total = self._numbers(), np.zeros_like(due)
        first, block = 0, 1024
        while first < MOST_RENEWALS:
            ahead = np.arange(first, first + block, dtype=np.float64)
            kept = np.exp(self._log_kept(numbers, due[..., None] + ahead, due[..., None] - 1.0))
            total = total + kept @ v**ahead
            # survival falls, so the rest is less than a geometric sum from here
            if np.all(kept[..., -1] * v ** ahead[-1] * v / (1.0 - v) <= 1e-13 * total):
                return np.asarray(total)
            first, block = first + block, 2 * block
        raise InputError(f"a discount of {1.0 / v - 1.0:.3g} is too small to sum without a horizon; give a horizon")


def _check_columns(matrix: FloatArray, names: list[str]) -> None:
    """Refuse columns whose effects cannot be told."""
    flat = np.flatnonzero(np.ptp(matrix, axis=0) == 0)
    if len(flat):
        name, n = names[int(flat[0])], len(matrix)
        raise InputError(f"column {name!r} is the same for all {n} customers, so its effect is unknown; drop it")
    centred = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    for column, others in dependent_columns(centred.T @ centred / len(matrix)):
        told = ", ".join(repr(names[int(j)]) for j in others)
        raise InputError(f"column {names[column]!r} says what {told} say already; drop one of them")


def _gain_on_geometric(stays: Stays, log_likelihood: float) -> float:
    """Return by how much the log-likelihood exceeds that of one chance to leave for everybody."""
    left, watched = stays.weight[stays.left].sum(), stays.weight @ (stays.duration - stays.entry)
    theta = left / watched
    return float(log_likelihood - left * np.log(theta) - (watched - left) * np.log1p(-theta))


def _whole(values: ArrayLike, least: int) -> FloatArray:
    """Return renewals as whole numbers >= `least`."""
    counts = number_array(values, "renewals", low=float(least))
    flat = counts.ravel()
    check_rows(flat == np.floor(flat), flat, name="renewals", rule="be whole numbers")
    return counts
