"""How long does a customer of each state stay, and what is that worth? Absorbing Markov chains with their errors.

With Q the moves between the states that customers can leave, (I - Q)^-1 holds the expected months in each state, and
its rows add up to the expected months until departure. The value of a state solves V = r + v Q V, with r the margin of
the month and v the monthly discount factor. Errors follow from the multinomial error of each row of Q: a change dQ
moves V by (I - v Q)^-1 dQ g, with g what the destinations are worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, BoolArray, FloatArray
from custval._core.validation import check_choice, check_length, check_scalar, float_array
from custval._segments.migration import MigrationMatrix
from custval._segments.shares import half_width, level_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("StateValues", "state_values")

Partial = tuple[float | None, ...]


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class StateValues(Result):
    """Expected stay and discounted value of a customer now in each state; S states that customers can leave.

    Attributes
    ----------
    state : tuple of S str
        Names.
    expected_months : ndarray of shape (S,)
        Months until departure, this one included: infinity where departure cannot be reached.
    expected_months_std_error, expected_months_lower, expected_months_upper : tuple of float or None
        Its error and interval (on the log scale); None where it is infinite or its moves were never seen.
    months_in_state : ndarray of shape (S, S)
        Of a customer of the row's state: expected months in the column's state.
    absorbing : tuple of A str
        Departures.
    departure : ndarray of shape (S, A)
        Chance to leave at last by each departure; rows add up to one where departure is certain.
    value : ndarray of shape (S,) or None
        Discounted margin until departure, where margins were given.
    value_std_error, value_lower, value_upper : tuple of float or None, or None
        Its error and interval.
    conf_level : float
        Level of the intervals.

    Examples
    --------
    >>> from custval.segments import migration_matrix, state_values
    >>> moves = migration_matrix(["a", "a"], ["a", "left"], absorbing=["left"], sample_weight=[90, 10])
    >>> state_values(moves).expected_months.round(6)
    array([10.])
    """

    state: tuple[str, ...]
    expected_months: FloatArray
    expected_months_std_error: Partial
    expected_months_lower: Partial
    expected_months_upper: Partial
    months_in_state: FloatArray
    absorbing: tuple[str, ...]
    departure: FloatArray
    value: FloatArray | None
    value_std_error: Partial | None
    value_lower: Partial | None
    value_upper: Partial | None
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each state, with ``leaves_by_<departure>``.

        Returns
        -------
        pandas.DataFrame
            Expected months, value, their errors and intervals.
        """
        import pandas as pd

        kinds = ("", "_std_error", "_lower", "_upper")
        columns: dict[str, object] = {"state": self.state}
        for name in ("expected_months", "value"):
            if getattr(self, name) is not None:
                columns |= {name + kind: list(getattr(self, name + kind)) for kind in kinds}
        columns |= {f"leaves_by_{name}": self.departure[:, k] for k, name in enumerate(self.absorbing)}
        return pd.DataFrame(columns)


@public("segments")
def state_values(
    matrix: MigrationMatrix,
    margin: ArrayLike | None = None,
    *,
    monthly_discount: float = 0.0,
    timing: str = "start",
    exit_value: ArrayLike | None = None,
    conf_level: float | None = None,
) -> StateValues:
    """Return expected months until departure and discounted value by state, with intervals.

    Parameters
    ----------
    matrix : MigrationMatrix
        Moves with at least one absorbing state.
    margin : array of shape (S,), optional
        Margin a month in each state that customers can leave, money.
    monthly_discount : float, default 0
        Effective per month, >= 0.
    timing : {"start", "mid", "end"}, default "start"
        When a month's margin is earned: at its start by all who are there, at its end by those still there (with the
        margin of their new state), or half and half in the middle.
    exit_value : array of shape (A,), optional
        Money at departure by each absorbing state, at the end of the month: negative for a loss.
    conf_level : float, optional
        Level of the intervals, within (0, 1); None takes that of the matrix.

    Returns
    -------
    StateValues
        Stay, value, chances of each departure.

    Raises
    ------
    InputError
        If the matrix has no absorbing state, lengths do not fit, or a value without discount would be infinite.

    References
    ----------
    Kemeny, J. G. and Snell, J. L. (1960), Finite Markov Chains, chapter 3. Pfeifer, P. E. and Carraway, R. L. (2000),
    Modeling customer relationships as Markov chains, J. of Interactive Marketing 14(2), equation 7.

    Examples
    --------
    >>> from custval.segments import migration_matrix, state_values
    >>> moves = migration_matrix(["a", "a"], ["a", "left"], absorbing=["left"], sample_weight=[90, 10])
    >>> state_values(moves, [20.0], monthly_discount=0.01).value.round(3)
    array([183.636])
    """
    level = matrix.conf_level if conf_level is None else level_of(conf_level)
    check_choice(timing, "timing", ("start", "mid", "end"))
    discount = check_scalar(monthly_discount, "monthly_discount", low=0.0, high=1e6)
    moving, names = matrix.moving, matrix.states
    if not matrix.absorbing:
        raise InputError("no state is absorbing, so nobody ever leaves; name the departures with absorbing=")
    p = np.asarray(matrix.probability[:moving])
    leaves = _reaches(p, moving)
    months, in_state, stay_error = _stay(matrix, p, leaves)
    stay = _log_interval(months, stay_error, level)
    departure = np.zeros((moving, len(names) - moving))
    inner = np.flatnonzero(leaves)
    departure[leaves] = np.linalg.solve(np.eye(len(inner)) - p[np.ix_(inner, inner)], p[inner, moving:])
    worth: tuple[FloatArray | None, Partial | None, Partial | None, Partial | None] = (None, None, None, None)
    if margin is not None:
        worth = _worth(matrix, p, leaves, _Money.read(margin, exit_value, discount, timing, matrix), level)
    return StateValues(
        state=names[:moving],
        expected_months=frozen(months),
        expected_months_std_error=stay_error,
        expected_months_lower=stay[0],
        expected_months_upper=stay[1],
        months_in_state=frozen(in_state),
        absorbing=matrix.absorbing,
        departure=frozen(departure),
        value=worth[0],
        value_std_error=worth[1],
        value_lower=worth[2],
        value_upper=worth[3],
        conf_level=level,
    )


@dataclass(frozen=True, slots=True)
class _Money:
    """Margins (S,), money at departure (A,), the discount factor and the time of the month."""

    margin: FloatArray
    at_exit: FloatArray
    factor: float
    timing: str

    @classmethod
    def read(
        cls, margin: ArrayLike, exit_value: ArrayLike | None, discount: float, timing: str, matrix: MigrationMatrix
    ) -> _Money:
        """Return the checked money of a matrix."""
        money = float_array(margin, "margin")
        check_length(money, matrix.moving, name="margin", other="the states that customers can leave")
        ends = np.zeros(len(matrix.absorbing)) if exit_value is None else float_array(exit_value, "exit_value")
        check_length(ends, len(matrix.absorbing), name="exit_value", other="the absorbing states")
        return cls(money, ends, 1.0 / (1.0 + discount), timing)

    def now(self) -> FloatArray:
        """Return the part of a month's margin that does not depend on the move."""
        share = {"start": 1.0, "mid": self.factor**0.5 / 2.0, "end": 0.0}[self.timing]
        return np.asarray(self.margin * share, dtype=np.float64)

    def moved(self) -> FloatArray:
        """Return what each destination brings in the month of the move, absorbing ones last."""
        share = {"start": 0.0, "mid": self.factor**0.5 / 2.0, "end": self.factor}[self.timing]
        return np.concatenate([share * self.margin, self.factor * self.at_exit])


def _worth(
    matrix: MigrationMatrix, p: FloatArray, leaves: BoolArray, money: _Money, level: float
) -> tuple[FloatArray, Partial, Partial, Partial]:
    if money.factor == 1.0 and not leaves.all():
        name = matrix.states[int(np.flatnonzero(~leaves)[0])]
        raise InputError(f"customers of {name!r} never leave, so their value is infinite; give monthly_discount > 0")
    moving = matrix.moving
    inverse: FloatArray = np.asarray(np.linalg.inv(np.eye(moving) - money.factor * p[:, :moving]), dtype=np.float64)
    value = inverse @ (money.now() + p @ money.moved())
    # what a destination is worth, next month's value included
    gain = money.moved()
    gain[:moving] += money.factor * value
    error = _errors(matrix, p, inverse, gain)
    z = half_width(level)
    pairs = list(zip(value, error, strict=True))
    return (
        frozen(value),
        error,
        tuple(None if s is None else float(v - z * s) for v, s in pairs),
        tuple(None if s is None else float(v + z * s) for v, s in pairs),
    )


def _stay(matrix: MigrationMatrix, p: FloatArray, leaves: BoolArray) -> tuple[FloatArray, FloatArray, Partial]:
    """Return expected months, months in each state, and the error of the former; infinite where nobody leaves."""
    moving = matrix.moving
    months, in_state = np.full(moving, np.inf), np.zeros((moving, moving))
    inner = np.flatnonzero(leaves)
    inverse = np.linalg.inv(np.eye(len(inner)) - p[np.ix_(inner, inner)])
    months[inner] = inverse.sum(axis=1)
    in_state[np.ix_(inner, inner)] = inverse
    caught = np.flatnonzero(~leaves)
    in_state[np.ix_(caught, caught)] = np.where(_paths(p[:, :moving])[np.ix_(caught, caught)], np.inf, 0.0)
    full = np.zeros((moving, moving))
    full[np.ix_(inner, inner)] = inverse
    gain = np.zeros(len(matrix.states))
    gain[inner] = months[inner]
    errors = _errors(matrix, p, full, gain)
    return months, in_state, tuple(e if ok else None for e, ok in zip(errors, leaves, strict=True))


def _errors(matrix: MigrationMatrix, p: FloatArray, inverse: FloatArray, gain: FloatArray) -> Partial:
    """Return the delta-method errors of `inverse` dP `gain`: rows of P are independent multinomials."""
    n = matrix.count[: matrix.moving].sum(axis=1)
    spread = np.maximum(p @ gain**2 - (p @ gain) ** 2, 0.0)
    rows = np.where(n > 0, spread / np.where(n > 0, n, 1.0), 0.0)
    found = np.sqrt(inverse**2 @ rows)
    unseen = (np.abs(inverse) @ (n == 0).astype(np.float64)) > 0
    return tuple(None if gone else float(error) for error, gone in zip(found, unseen, strict=True))


def _log_interval(estimate: FloatArray, error: Partial, level: float) -> tuple[Partial, Partial]:
    z = half_width(level)
    pairs = list(zip(estimate, error, strict=True))
    return (
        tuple(None if s is None else float(e * np.exp(-z * s / e)) for e, s in pairs),
        tuple(None if s is None else float(e * np.exp(z * s / e)) for e, s in pairs),
    )


def _paths(p: FloatArray) -> BoolArray:
    """Return from where one can get where, in any number of moves."""
    reach = (p > 0) | np.eye(len(p), dtype=bool)
    for _ in range(max(1, int(np.ceil(np.log2(len(p) + 1))))):
        reach = (reach.astype(np.float64) @ reach.astype(np.float64)) > 0
    return reach


def _reaches(p: FloatArray, moving: int) -> BoolArray:
    """Return the states from which departure is certain: every state that can be reached can leave at last."""
    paths = _paths(p[:, :moving])
    can = (paths.astype(np.float64) @ p[:, moving:].sum(axis=1)) > 0
    certain: BoolArray = ~((paths & ~can[None, :]).any(axis=1))
    return certain
