"""Who leaves at a contract's end, and who in between? A monthly hazard joined to a model of renewals.

Within a term the monthly hazard holds; at the end of every term the customers still there renew with the chance r(k) of
their k-th renewal (a contract model, or plain rates):

    S(t) = S_between(t) x product of r(k) over the renewals due by month t

Leaving at the end of a term is counted to one cause of its own. Who leaves between is asked of the hazard, so it must
have been fitted to months *between* contract ends (departures at the end of a term as censored there).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.frames import column, frame_length
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray
from custval._core.validation import check_rows, check_whole, float_array

__all__ = ("ContractRenewals",)


@public("clv")
@dataclass(frozen=True, slots=True, eq=False)
class ContractRenewals:
    """A model of staying made of a monthly hazard between contract ends and the renewals at them.

    Parameters
    ----------
    hazard : fitted hazard model
        Monthly chance of leaving between contract ends: anything with ``predict_survival(X, times, given=)``.
    renewal : fitted contract model, float or array of shape (R,)
        Chance of the k-th renewal: a model with ``retention_rate`` (:class:`ShiftedBetaGeometric`, ...), one chance for
        all renewals, or one for the first, second, ... (the last goes on), within [0, 1].
    term : int
        Months of a contract, >= 1: 1, 12 or 24.
    months_to_end : str
        Column of X with the whole months until the running term ends, 1..term: in that month the renewal falls due.
    renewals : str or None
        Column of X with the renewals made so far; None for customers in their first term.
    cause : str
        Name of the cause to which leaving at a contract's end is counted.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.clv import ContractRenewals, GeometricRetention, lifetime_value
    >>> between = GeometricRetention.from_params(theta=0.01)  # one per cent a month within a term
    >>> model = ContractRenewals(between, 0.8, term=12)
    >>> X = {"months_to_end": [3, 12]}
    >>> model.predict_survival(X, [2, 3, 12]).round(3)
    array([[0.98 , 0.776, 0.709],
           [0.98 , 0.97 , 0.709]])
    >>> lifetime_value(model, X, margin=20.0, horizon=24, monthly_discount=0.01).value.round(1)
    array([288. , 339.1])
    """

    hazard: Any
    renewal: Any
    term: int = 12
    months_to_end: str = "months_to_end"
    renewals: str | None = None
    cause: str = "not renewed"

    @property
    def time_unit(self) -> str:
        """Unit of time: months."""
        return "month"

    @property
    def causes_(self) -> tuple[str, ...]:
        """Names of the causes: those of the hazard, and leaving at a contract's end."""
        named = getattr(self.hazard, "causes_", None)
        known = tuple(map(str, named)) if named is not None and len(named) else ("left",)
        return known if self.cause in known else (*known, self.cause)

    def predict_survival(self, X: AnyFrame, times: ArrayLike, *, given: ArrayLike | None = None) -> FloatArray:
        """Return each customer's chance to be there at times from now.

        Parameters
        ----------
        X : frame of n rows
            Columns of the hazard, and those of the contract.
        times : array of shape (H,)
            Whole months from now, >= 0.
        given : float or array of shape (n,), optional
            Months already stayed, for the hazard.

        Returns
        -------
        ndarray of shape (n, H)
            Within [0, 1].
        """
        months = _months(times)
        between = self._between(X, int(months.max(initial=0)), given)
        return np.asarray((between * self._renewed(X, between.shape[1] - 1))[:, months])

    def predict_incidence(self, X: AnyFrame, times: ArrayLike, *, given: ArrayLike | None = None) -> FloatArray:
        """Return each customer's chance to have left for each cause by times from now.

        Parameters
        ----------
        X : frame of n rows
            Columns of the hazard, and those of the contract.
        times : array of shape (H,)
            Whole months from now, >= 0.
        given : float or array of shape (n,), optional
            Months already stayed, for the hazard.

        Returns
        -------
        ndarray of shape (n, K, H)
            Cumulative; over the causes 1 - survival.
        """
        months = _months(times)
        last = int(months.max(initial=0))
        between, renewed = self._between(X, last, given), self._renewed(X, last)
        exits = np.zeros((len(between), len(self.causes_), last + 1))
        # within a month those who leave between go first; the renewal falls due at its end
        before = renewed[:, :-1]
        for k, gone in enumerate(self._exits_between(X, last, given, between)):
            exits[:, k, 1:] += gone * before
        exits[:, self.causes_.index(self.cause), 1:] += between[:, 1:] * (before - renewed[:, 1:])
        return np.asarray(np.cumsum(exits, axis=2)[:, :, months])

    def _between(self, X: AnyFrame, last: int, given: ArrayLike | None) -> FloatArray:
        """Return S_between(0..last), (n, last + 1)."""
        start = np.ones((frame_length(X), 1))
        if not last:
            return start
        asked = {} if given is None else {"given": given}
        return np.concatenate([start, self.hazard.predict_survival(X, np.arange(1, last + 1), **asked)], axis=1)

    def _exits_between(self, X: AnyFrame, last: int, given: ArrayLike | None, between: FloatArray) -> list[FloatArray]:
        """Return the chance to leave in each month for each cause of the hazard, as if there were no renewals."""
        if not last:
            return []
        if not hasattr(self.hazard, "predict_incidence"):
            return [-np.diff(between, axis=1)]
        asked = {} if given is None else {"given": given}
        left = np.asarray(self.hazard.predict_incidence(X, np.arange(1, last + 1), **asked))
        return [np.diff(left[:, k], axis=1, prepend=0.0) for k in range(left.shape[1])]

    def _renewed(self, X: AnyFrame, last: int) -> FloatArray:
        """Return the product of the renewals due by each month, (n, last + 1)."""
        term = check_whole(self.term, "term", low=1)
        ends = _whole_column(X, self.months_to_end, 1, term, "a contract that ended already is a new one")
        made = np.zeros(len(ends)) if self.renewals is None else _whole_column(X, self.renewals, 0, np.inf, "")
        month = np.arange(last + 1)
        due = np.maximum(np.floor((month[None, :] - ends[:, None]) / term) + 1.0, 0.0).astype(np.int64)  # by each month
        most = int(due.max(initial=0))
        product = np.ones((len(ends), most + 1))
        for k in range(1, most + 1):
            product[:, k] = product[:, k - 1] * self._rate(made + k)
        return np.asarray(np.take_along_axis(product, due, axis=1))

    def _rate(self, number: FloatArray) -> FloatArray:
        """Return the chance of the renewal of that number, for each customer."""
        if hasattr(self.renewal, "retention_rate"):
            unique, place = np.unique(number, return_inverse=True)
            return np.asarray(np.atleast_1d(self.renewal.retention_rate(unique))[place])
        rates = float_array(np.atleast_1d(self.renewal), "renewal", low=0.0, high=1.0, fix="80 % is 0.80")
        return np.asarray(rates[np.minimum(number.astype(np.int64), len(rates)) - 1])


def _months(times: ArrayLike) -> IntArray:
    asked = float_array(np.atleast_1d(np.asarray(times, dtype=np.float64)), "times", low=0.0)
    whole = np.round(asked)
    check_rows(np.abs(whole - asked) < 1e-9, asked, name="times", rule="be whole months", fix="renewals fall on months")
    return whole.astype(np.int64)


def _whole_column(X: AnyFrame, name: str, low: float, high: float, fix: str) -> FloatArray:
    values = float_array(column(X, name), name)
    legal = (values == np.floor(values)) & (values >= low) & (values <= high)
    span = f"be a whole number from {low:g} to {high:g}" if np.isfinite(high) else f"be a whole number >= {low:g}"
    check_rows(legal, values, name=name, rule=span, fix=fix)
    if not len(values):
        raise InputError(f"{name} has no rows")
    return values
