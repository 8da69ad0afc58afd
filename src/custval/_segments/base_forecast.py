"""How many customers will be in each state in the coming months? A forecast of the base with fan charts.

Two sources of error are drawn together: that the matrix is an estimate (each row from its Dirichlet posterior) and that
customers move by chance (a multinomial draw for each state and month). With stable moves the bands hold at their level;
what they cannot know is that moves change: see ``homogeneity_test``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.randomness import generator
from custval._core.results import Result, frozen
from custval._core.typing import ArrayLike, FloatArray, IntArray, RandomState
from custval._core.validation import check_length, check_rows, check_scalar, check_whole, float_array
from custval._segments.migration import MigrationMatrix

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("BaseForecast", "base_forecast")


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class BaseForecast(Result):
    """Expected customers by month and state, with bands; H months ahead, S states, L levels.

    Attributes
    ----------
    states, absorbing : tuple of str
        Names; absorbing states (departures) add up over the months.
    month : ndarray of int of shape (H + 1,)
        0 is now.
    expected : ndarray of shape (H + 1, S)
        Expected customers by the estimated matrix.
    levels : ndarray of shape (L,)
        Levels of the bands, rising.
    lower, upper : ndarray of shape (L, H + 1, S)
        Bands by state.
    base, base_lower, base_upper : ndarray of shape (H + 1,), and twice (L, H + 1)
        Customers who have not left, all states together.

    Examples
    --------
    >>> from custval.segments import base_forecast, migration_matrix
    >>> moves = migration_matrix(["a", "a"], ["a", "left"], absorbing=["left"], sample_weight=[900, 100])
    >>> ahead = base_forecast(moves, [1000], months=2, random_state=0)
    >>> ahead.expected.round().tolist()
    [[1000.0, 0.0], [900.0, 100.0], [810.0, 190.0]]
    """

    states: tuple[str, ...]
    absorbing: tuple[str, ...]
    month: IntArray
    expected: FloatArray
    levels: FloatArray
    lower: FloatArray
    upper: FloatArray
    base: FloatArray
    base_lower: FloatArray
    base_upper: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each month and state, with the bands as ``lower_80``, ``upper_80`` and so on.

        Returns
        -------
        pandas.DataFrame
            ``month``, ``state``, ``expected`` and the bands; the state ``all`` is the base.
        """
        import pandas as pd

        size = len(self.states)
        names = [*self.states, "all"]
        columns: dict[str, object] = {
            "month": np.repeat(self.month, size + 1),
            "state": names * len(self.month),
            "expected": np.column_stack([self.expected, self.base]).ravel(),
        }
        for place, level in enumerate(self.levels):
            for end in ("lower", "upper"):
                whole = np.column_stack([getattr(self, end)[place], getattr(self, f"base_{end}")[place]])
                columns[f"{end}_{100 * level:g}"] = whole.ravel()
        return pd.DataFrame(columns)


@public("segments")
def base_forecast(
    matrix: MigrationMatrix,
    opening: ArrayLike,
    *,
    months: int = 12,
    inflow: ArrayLike | None = None,
    levels: Sequence[float] = (0.5, 0.8, 0.95),
    draws: int = 2000,
    random_state: RandomState = None,
) -> BaseForecast:
    """Return the customers expected in each state, with bands of the given levels.

    Parameters
    ----------
    matrix : MigrationMatrix
        Moves in a month.
    opening : array of shape (S,)
        Customers now in each state that customers can leave: whole numbers >= 0.
    months : int, default 12
        Months ahead, >= 1.
    inflow : array of shape (S,) or (months, S), optional
        Newcomers of each month by state, whole numbers >= 0; they move from the month after on.
    levels : sequence of float
        Levels of the bands, within (0, 1).
    draws : int, default 2000
        Simulated futures, >= 100.
    random_state : int or Generator, optional
        Seed.

    Returns
    -------
    BaseForecast
        Expected numbers and bands.

    Raises
    ------
    InputError
        If a length does not fit, or a number is negative or not whole.

    References
    ----------
    Bands: quantiles of the posterior predictive distribution, Gelman, A. and others (2013), Bayesian Data Analysis,
    chapter 3. The name fan chart: Britton, E., Fisher, P. and Whitley, J. (1998), Bank of England Quarterly Bulletin.

    Examples
    --------
    >>> from custval.segments import base_forecast, migration_matrix
    >>> moves = migration_matrix(["a", "a"], ["a", "left"], absorbing=["left"], sample_weight=[900, 100])
    >>> ahead = base_forecast(moves, [1000], months=6, inflow=[100], random_state=0)
    >>> ahead.base.round().tolist()
    [1000.0, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0]
    """
    ahead = check_whole(months, "months", low=1)
    futures = check_whole(draws, "draws", low=100)
    bands = np.sort([check_scalar(one, "levels", low=0.0, high=1.0, low_open=True, high_open=True) for one in levels])
    if not len(bands):
        raise InputError("levels is empty; give at least one, such as (0.8,)")
    start = _whole(opening, "opening", (matrix.moving,))
    arrive = np.zeros((ahead, matrix.moving))
    if inflow is not None:
        given = np.ndim(inflow)
        arrive[:] = _whole(inflow, "inflow", (ahead, matrix.moving) if given > 1 else (matrix.moving,))
    expected = _expected(np.asarray(matrix.probability), start, arrive)
    paths = _simulated(matrix, start, arrive, futures, generator(random_state))
    base = paths[:, :, : matrix.moving].sum(axis=2)
    tails = np.concatenate([(1.0 - bands) / 2.0, (1.0 + bands) / 2.0])
    ends, base_ends = np.quantile(paths, tails, axis=0), np.quantile(base, tails, axis=0)
    count = len(bands)
    return BaseForecast(
        states=matrix.states,
        absorbing=matrix.absorbing,
        month=frozen(np.arange(ahead + 1)),
        expected=frozen(expected),
        levels=frozen(bands),
        lower=frozen(ends[:count]),
        upper=frozen(ends[count:]),
        base=frozen(expected[:, : matrix.moving].sum(axis=1)),
        base_lower=frozen(base_ends[:count]),
        base_upper=frozen(base_ends[count:]),
    )


def _whole(values: ArrayLike, name: str, shape: tuple[int, ...]) -> FloatArray:
    numbers = float_array(values, name, low=0.0, ndim=len(shape))
    check_length(numbers, shape[0], name=name, other="what is asked for")
    if numbers.shape != shape:
        raise InputError(f"{name} must have shape {shape}, one for each state that customers can leave")
    flat = numbers.ravel()
    check_rows(flat == np.floor(flat), flat, name=name, rule="be whole numbers of customers")
    return numbers


def _expected(p: FloatArray, start: FloatArray, arrive: FloatArray) -> FloatArray:
    moving, size = len(start), len(p)
    now = np.append(start, np.zeros(size - moving))
    rows = [now]
    for newcomers in arrive:
        now = now @ p
        now[:moving] += newcomers
        rows.append(now)
    return np.array(rows)


def _simulated(
    matrix: MigrationMatrix, start: FloatArray, arrive: FloatArray, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Return simulated customers, shape (draws, months + 1, states)."""
    moving, size = matrix.moving, len(matrix.states)
    # a Dirichlet draw of each row: gamma draws over their sum
    shape = matrix.count[:moving] + matrix.prior
    drawn = rng.standard_gamma(shape, size=(draws, moving, size))
    p = drawn / drawn.sum(axis=2, keepdims=True)
    paths = np.zeros((draws, len(arrive) + 1, size))
    paths[:, 0, :moving] = start
    for t, newcomers in enumerate(arrive, start=1):
        now = paths[:, t]
        now[:, moving:] = paths[:, t - 1, moving:]
        for i in range(moving):
            now += rng.multinomial(paths[:, t - 1, i].astype(np.int64), p[:, i])
        now[:, :moving] += newcomers
    return paths
