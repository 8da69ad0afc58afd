"""Which customers move where? Moves between states that depend on columns: a multinomial logit for each starting state.

From state i the chance to be in state j next month is exp(x b_ij) / sum_k exp(x b_ik), with staying (or the most
frequent destination) as the reference b = 0. Destinations never seen from a state have chance 0 there.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from custval._core.encoding import DesignEncoder
from custval._core.errors import ConvergenceWarning, InputError, warn
from custval._core.estimator import Estimator
from custval._core.optimize import information_inverse, newton
from custval._core.typing import AnyFrame, ArrayLike, BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import check_length, check_scalar, check_whole, sample_weight_array
from custval._segments.labels import label_codes

__all__ = ("MigrationModel",)


class MigrationModel(Estimator):
    """Chances of moves between states by the customer's columns: a multinomial logit for each starting state.

    Parameters
    ----------
    l2 : float, default 0.0
        Ridge penalty on every coefficient but the constants, in raw units of X: l2 / 2 * sum b^2, >= 0.
    missing : {"error", "indicator"}, default "error"
        Missing values of X: refused, or a column of their own.
    unseen : {"error", "other"}, default "error"
        Levels of a text column not seen in ``fit``: refused by name, or taken as the reference level.
    max_iter : int, default 50
        Most Newton steps for each starting state.
    tol : float, default 1e-9
        The fit ends when a step gains less log-likelihood than this.

    Attributes
    ----------
    states_ : tuple of str
        Destinations in sorted order.
    origins_ : tuple of str
        Starting states; one, ``all``, where none were given.
    coef_ : ndarray of shape (O, S, 1 + p)
        Constant and coefficients by starting state and destination; 0 for the reference and for what was never seen.
    std_error_ : ndarray of shape (O, S, 1 + p)
        Standard errors; 0 where `coef_` is fixed.
    reference_ : ndarray of int of shape (O,)
        Reference destination of each starting state: itself where it is one, else the most frequent.
    possible_ : ndarray of bool of shape (O, S)
        Destinations that were seen.
    log_likelihood_, log_likelihood_null_ : float
        Of the fit, and of constants alone.
    feature_names_out_ : list of str
        Names of the p columns of the design.
    n_iter_ : int
        Most Newton steps of a starting state.
    n_features_in_ : int
        Columns of the X of ``fit``.
    feature_names_in_ : ndarray of str
        Their names, where X was a frame.

    References
    ----------
    Bishop, Y., Fienberg, S. and Holland, P. (1975), Discrete Multivariate Analysis, chapter 7; Agresti, A. (2013),
    Categorical Data Analysis, section 8.1: baseline-category logits.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.segments import MigrationModel
    >>> rng = np.random.default_rng(0)
    >>> heavy_user = rng.integers(0, 2, 2000)
    >>> now = np.where(rng.random(2000) < 0.1 + 0.3 * heavy_user, "gold", "basic")
    >>> model = MigrationModel().fit({"heavy_user": heavy_user}, now, origin=["basic"] * 2000)
    >>> model.predict_proba({"heavy_user": [0, 1]}, origin=["basic", "basic"]).round(2)
    array([[0.89, 0.11],
           [0.58, 0.42]])
    """

    __module__ = "custval.segments"
    _estimator_type = "segmenter"
    _positive_only = False
    _fit_metadata: ClassVar[tuple[str, ...]] = ("sample_weight", "origin")

    def __init__(
        self,
        *,
        l2: float = 0.0,
        missing: str = "error",
        unseen: str = "error",
        max_iter: int = 50,
        tol: float = 1e-9,
    ) -> None:
        self.l2 = l2
        self.missing = missing
        self.unseen = unseen
        self.max_iter = max_iter
        self.tol = tol

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: a target is needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def fit(self, X: AnyFrame, y: Any, *, origin: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit a multinomial logit for each starting state.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            Columns of each customer-month at its start.
        y : array of shape (n,)
            State a month later, departures among them.
        origin : array of shape (n,), optional
            State at the start; None fits one logit to all.
        sample_weight : array of shape (n,), optional
            Customers that each row stands for.

        Returns
        -------
        MigrationModel
            Self.

        Raises
        ------
        InputError
            If a state is missing, a length does not fit, or a column is illegal.

        Warns
        -----
        ConvergenceWarning
            If a fit ends before its optimum, as where columns foretell a move without fail.
        """
        penalty = check_scalar(self.l2, "l2", low=0.0)
        steps = check_whole(self.max_iter, "max_iter", low=1)
        if y is None:
            raise InputError("requires y to be passed, but the target y is None: the state a month later")
        encoder = DesignEncoder(missing=self.missing, unseen=self.unseen).fit(X)
        design = np.asarray(encoder.transform(X, owner=type(self).__name__), dtype=np.float64)
        design = np.column_stack([np.ones(len(design)), design])
        target = np.asarray(y)
        if target.ndim == 2 and target.shape[1] == 1:
            target = target[:, 0]
        after, states = label_codes(target, name="state")
        check_length(after, len(design), name="y")
        before, origins = _origins(origin, len(design))
        weight = sample_weight_array(sample_weight, len(design))
        counts = np.bincount(before, weights=weight, minlength=len(origins)) > 0  # a row of weight 0 is no row
        origins = tuple(name for name, here in zip(origins, counts, strict=True) if here)
        before = np.where(counts, counts.cumsum() - 1, -1)[before]
        shape = (len(origins), len(states), design.shape[1])
        self.coef_, self.std_error_ = np.zeros(shape), np.zeros(shape)
        self.possible_ = np.zeros(shape[:2], dtype=bool)
        self.reference_ = np.zeros(len(origins), dtype=np.int64)
        fits = []
        for o, name in enumerate(origins):
            rows = (before == o) & (weight > 0)
            start = _Start(design[rows], after[rows], weight[rows], states.index(name) if name in states else -1)
            fit = _fit_one(start, penalty=penalty, steps=steps, tol=self.tol, name=name, features=encoder.feature_names)
            self.reference_[o], self.possible_[o, fit.seen] = fit.reference, True
            self.coef_[o, fit.free], self.std_error_[o, fit.free] = fit.coef, fit.error
            fits.append(fit)
        self.log_likelihood_ = float(sum(fit.log_likelihood for fit in fits))
        self.log_likelihood_null_ = float(sum(fit.null for fit in fits))
        self.n_iter_ = max(fit.iterations for fit in fits)
        self.states_, self.origins_, self.encoder_ = states, origins, encoder
        self.feature_names_out_ = list(encoder.feature_names)
        self._remember(encoder)
        return self

    def predict_proba(self, X: AnyFrame, origin: Any = None) -> FloatArray:
        """Return the chance of each destination.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            Columns as in ``fit``.
        origin : array of shape (n,), optional
            State at the start; needed where ``fit`` had more than one.

        Returns
        -------
        ndarray of shape (n, S)
            Chances in the order of ``states_``; rows add up to one.

        Raises
        ------
        InputError
            If a starting state is unknown, or X is illegal.
        """
        self._check_fitted()
        design = np.asarray(self.encoder_.transform(X, owner=type(self).__name__), dtype=np.float64)
        design = np.column_stack([np.ones(len(design)), design])
        if origin is None and len(self.origins_) > 1:
            raise InputError(f"origin is needed: the state at the start, one of {', '.join(self.origins_)}")
        known = self.origins_ if origin is not None else ("all",)
        before = np.zeros(len(design), dtype=np.int64)
        if origin is not None:
            check_length(origin, len(design), name="origin")
            before = label_codes(origin, known, name="state")[0]
        chance = np.zeros((len(design), len(self.states_)))
        for o in range(len(self.origins_)):
            rows = before == o
            score = design[rows] @ self.coef_[o].T
            score = np.where(self.possible_[o], score, -np.inf)
            score = np.exp(score - score.max(axis=1, keepdims=True))
            chance[rows] = score / score.sum(axis=1, keepdims=True)
        return chance

    def predict(self, X: AnyFrame, origin: Any = None) -> IntArray:
        """Return the code of the most likely destination.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            Columns as in ``fit``.
        origin : array of shape (n,), optional
            As in ``predict_proba``.

        Returns
        -------
        ndarray of int64 of shape (n,)
            Places among ``states_``.
        """
        return np.asarray(self.predict_proba(X, origin).argmax(axis=1), dtype=np.int64)

    def state(self, X: AnyFrame, origin: Any = None) -> TextArray:
        """Return the name of the most likely destination.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            Columns as in ``fit``.
        origin : array of shape (n,), optional
            As in ``predict_proba``.

        Returns
        -------
        ndarray of str objects of shape (n,)
            One of ``states_`` for each customer.
        """
        self._check_fitted()
        names: TextArray = np.array(self.states_, dtype=object)
        likely: TextArray = names[self.predict(X, origin)]
        return likely

    def transition_matrix(self, X: AnyFrame) -> FloatArray:
        """Return the matrix of each customer: chances from every starting state.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            Columns as in ``fit``.

        Returns
        -------
        ndarray of shape (n, O, S)
            Chances; rows add up to one.
        """
        self._check_fitted()
        rows = len(self.encoder_.transform(X, owner=type(self).__name__))
        found = [self.predict_proba(X, np.repeat(np.array([name], dtype=object), rows)) for name in self.origins_]
        return np.stack(found, axis=1)

    def _remember(self, encoder: DesignEncoder) -> None:
        self.n_features_in_ = len(encoder.input_names)
        if encoder.named:
            self.feature_names_in_ = np.array(encoder.input_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_


class _Start(NamedTuple):
    """The customers of one starting state: design (m, 1 + p), destinations, weights, the code of staying or -1."""

    design: FloatArray
    after: IntArray
    weight: FloatArray
    stay: int


class _Fit(NamedTuple):
    """One fitted logit: destinations seen, those with coefficients, their coefficients and errors."""

    reference: int
    seen: IntArray
    free: IntArray
    coef: FloatArray
    error: FloatArray
    log_likelihood: float
    null: float
    iterations: int


def _origins(origin: Any, n: int) -> tuple[IntArray, tuple[str, ...]]:
    if origin is None:
        return np.zeros(n, dtype=np.int64), ("all",)
    check_length(origin, n, name="origin")
    return label_codes(origin, name="state")


def _fit_one(start: _Start, *, penalty: float, steps: int, tol: float, name: str, features: list[str]) -> _Fit:
    heads = np.bincount(start.after, weights=start.weight, minlength=int(start.after.max()) + 1)
    seen = np.flatnonzero(heads > 0)
    reference = start.stay if start.stay in seen else int(heads.argmax())
    free = seen[seen != reference]
    share = heads[seen] / heads.sum()
    null = float((heads[seen] * np.log(share)).sum())
    width = start.design.shape[1]
    if not len(free):
        return _Fit(reference, seen, free, np.zeros((0, width)), np.zeros((0, width)), 0.0, null, 0)
    likelihood = _Likelihood(start, free, penalty)
    begin = np.zeros((len(free), width))
    begin[:, 0] = np.log(heads[free] / heads[reference])
    found = newton(likelihood, begin.ravel(), max_iter=steps, tol=tol)
    largest = float(np.abs(found.step).max())
    if not found.converged or largest > 1e-3 * (1.0 + float(np.abs(found.point).max())):
        place = int(np.abs(found.step).argmax()) % width
        column = "the constant" if place == 0 else f"column {features[place - 1]!r}"
        warn(
            f"the moves from {name!r} have no finite optimum in {steps} steps: {column} foretells a move without fail, "
            "or columns say the same; set l2 > 0, or leave it out",
            ConvergenceWarning,
        )
    covariance = information_inverse(found.information)
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0)).reshape(len(free), width)
    coef = found.point.reshape(len(free), width)
    value = likelihood.log_likelihood(found.point)
    return _Fit(reference, seen, free, coef, error, value, null, found.iterations)


class _Likelihood:
    """The penalised log-likelihood of a baseline-category logit, its gradient and its information."""

    def __init__(self, start: _Start, free: IntArray, penalty: float) -> None:
        self.x, self.weight = start.design, start.weight
        self.is_here: BoolArray = start.after[:, None] == free
        self.penalty = np.full((len(free), self.x.shape[1]), penalty)
        self.penalty[:, 0] = 0.0  # constants are not drawn to zero

    def __call__(self, point: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        coef = point.reshape(self.is_here.shape[1], -1)
        value, chance = self._at(coef)
        gradient = (self.weight[:, None] * (self.is_here - chance)).T @ self.x - self.penalty * coef
        value -= 0.5 * float((self.penalty * coef**2).sum())
        return value, gradient.ravel(), self._information(chance)

    def log_likelihood(self, point: FloatArray) -> float:
        """Return the log-likelihood without penalty."""
        return self._at(point.reshape(self.is_here.shape[1], -1))[0]

    def _at(self, coef: FloatArray) -> tuple[float, FloatArray]:
        score = self.x @ coef.T
        top = np.maximum(score.max(axis=1), 0.0)
        grown = np.exp(score - top[:, None])
        whole = grown.sum(axis=1) + np.exp(-top)
        value = (score * self.is_here).sum(axis=1) - top - np.log(whole)
        return float(self.weight @ value), grown / whole[:, None]

    def _information(self, chance: FloatArray) -> FloatArray:
        size, width = self.penalty.shape
        blocks = np.empty((size, width, size, width))
        for j in range(size):
            for k in range(j, size):
                heavy = self.weight * chance[:, j] * ((j == k) - chance[:, k])
                blocks[j, :, k] = blocks[k, :, j] = (self.x * heavy[:, None]).T @ self.x
        information = blocks.reshape(size * width, size * width)
        return information + np.diag(self.penalty.ravel())
