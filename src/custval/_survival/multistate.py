"""Where are customers by when: active, suspended, lost, won back? State occupation and transition probabilities.

With ``N_hj(t)`` customers who move from state h to j at t and ``Y_h(t)`` in h just before, ``dA_hj = N_hj / Y_h``,
the matrix ``I + dA(t)`` tells what happens at t. Products of it over times are transition probabilities, and times the
shares at the start they are state occupation probabilities (Aalen and Johansen 1978). Occupation probabilities are
right even where the past matters (Datta and Satten 2001); transition probabilities need the Markov property, which
:func:`markov_test` asks about. The clock may also start anew with each state: :meth:`StateCurves.sojourn`.

References
----------
Aalen and Johansen (1978), An empirical transition matrix for non-homogeneous Markov chains, Scandinavian Journal of
Statistics 5, 141-150.
Andersen, Borgan, Gill and Keiding (1993), Statistical Models Based on Counting Processes, section IV.4.
Datta and Satten (2001), Validity of the Aalen-Johansen estimators of stage occupation probabilities, Statistics and
Probability Letters 55, 403-411.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray
from custval._core.validation import check_scalar, float_array, nearest
from custval._survival.curves import IncidenceCurve, SurvivalCurve, refuse_beyond
from custval._survival.product_limit import aalen_johansen, kaplan_meier
from custval._survival.state_spells import Spells, read_spells
from custval._survival.target import structured

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("StateCurves", "TransitionProbabilities", "multistate")


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class TransitionProbabilities(Result):
    """Chances to be in each state at one time, by the state at an earlier one.

    Attributes
    ----------
    states : tuple of S str
        The states.
    start, end : float
        The two times.
    probability : ndarray of shape (S, S)
        Row: the state at `start`; column: the state at `end`.
    std_error : ndarray of shape (S, S)
        Standard errors (Greenwood's, multinomial increments).

    Examples
    --------
    >>> from custval.survival import multistate
    >>> spells = {"customer": [1, 1, 2, 3], "start": [0, 4, 0, 0], "end": [4, 9, 9, 6],
    ...           "state": ["active", "lost", "active", "active"], "next": ["lost", None, None, "lost"]}
    >>> multistate(spells).transition_probabilities(0, 5).probability.round(2).tolist()
    [[0.67, 0.33], [0.0, 1.0]]
    """

    states: tuple[str, ...]
    start: float
    end: float
    probability: FloatArray
    std_error: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return the probabilities with the earlier state as index and the later one as columns."""
        import pandas as pd

        made: pd.DataFrame = pd.DataFrame(self.probability, index=list(self.states), columns=list(self.states))
        return made


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class StateCurves(Result):
    """Shares of customers in each state over time, and all that follows from the same counts.

    Attributes
    ----------
    states : tuple of S str
        The states.
    times : ndarray of shape (m,)
        Times at which somebody moved.
    occupation : ndarray of shape (m, S)
        Share of customers in each state from each time on.
    std_error : ndarray of shape (m, S)
        Standard errors by the infinitesimal jackknife over customers: right also where the past matters.
    at_risk : ndarray of shape (m, S)
        Customers in each state just before each time.
    moves : ndarray of shape (m, S, S)
        Customers who move from one state (second axis) to another (third) at each time.
    initial : ndarray of shape (S,)
        Shares at the start.
    spells : dict of ndarray
        state, next (-1: still there), stay and late (time in the state before the watching began) of each spell.
    time_unit : str
        Unit of the times.
    last_time : float
        Last look at any customer; what comes after it is not known, and refused.

    Examples
    --------
    >>> from custval.survival import multistate
    >>> spells = {"customer": [1, 1, 2, 3], "start": [0, 4, 0, 0], "end": [4, 9, 9, 6],
    ...           "state": ["active", "lost", "active", "active"], "next": ["lost", None, None, "lost"]}
    >>> curves = multistate(spells)
    >>> curves.states, curves.at([5, 8]).round(3).tolist()
    (('active', 'lost'), [[0.667, 0.333], [0.333, 0.667]])
    """

    states: tuple[str, ...]
    times: FloatArray
    occupation: FloatArray
    std_error: FloatArray
    at_risk: FloatArray
    moves: FloatArray
    initial: FloatArray
    spells: dict[str, Any]
    time_unit: str
    last_time: float

    def at(self, times: ArrayLike) -> FloatArray:
        """Return the occupation probabilities at `times` (H,), shape (H, S)."""
        when = float_array(np.atleast_1d(np.asarray(times)), "times", low=0.0)
        refuse_beyond(when, self.last_time, self.time_unit, fix="")
        steps = np.concatenate([self.initial[None], self.occupation])
        return np.asarray(steps[np.searchsorted(self.times, when, side="right")])

    def expected_time(self, horizon: float) -> FloatArray:
        """Return the expected time spent in each state up to `horizon`, (S,)."""
        span = check_scalar(horizon, "horizon", low=0, low_open=True, high_open=True)
        refuse_beyond(np.array([span]), self.last_time, self.time_unit, fix="")
        edges = np.concatenate([[0.0], self.times[self.times < span], [span]])
        return np.asarray(np.diff(edges) @ self.at(edges[:-1]))

    def transition_probabilities(self, start: float, end: float) -> TransitionProbabilities:
        """Return the chances to be in each state at `end`, by the state at `start`, with standard errors.

        Parameters
        ----------
        start, end : float
            The two times, 0 <= start <= end; a customer who moves at `start` has moved.

        Returns
        -------
        TransitionProbabilities
            Matrix of probabilities and of standard errors; they hold for Markov processes, see :func:`markov_test`.
        """
        first = check_scalar(start, "start", low=0)
        last = check_scalar(end, "end", low=first)
        refuse_beyond(np.array([last]), self.last_time, self.time_unit, fix="")
        inside = np.flatnonzero((self.times > first) & (self.times <= last))
        probability, variance = _product(self.moves[inside], self.at_risk[inside])
        return TransitionProbabilities(
            self.states, first, last, frozen(probability), frozen(np.sqrt(np.maximum(variance, 0.0)))
        )

    def sojourn(self, state: str) -> IncidenceCurve:
        """Return where customers go from `state`, by the time since they entered it: the clock that starts anew.

        Parameters
        ----------
        state : str
            The state; with ``"lost"`` the incidence of the way back is the win-back probability.

        Returns
        -------
        IncidenceCurve
            Incidence of each next state; its survival is the share still in the state.
        """
        target, names = self._stays(state)
        if not names:
            raise InputError(f"nobody was seen to leave the state {state!r}, so nothing can be told of where they go")
        return aalen_johansen(target)

    def stay(self, state: str) -> SurvivalCurve:
        """Return the share still in `state` by the time since they entered it.

        Parameters
        ----------
        state : str
            The state; with ``"won back"`` this is the second-life curve.

        Returns
        -------
        SurvivalCurve
            Share still in the state.
        """
        target, _ = self._stays(state)
        return kaplan_meier(target)

    def to_frame(self) -> pd.DataFrame:
        """Return columns time, state, occupation, std_error, at_risk as a pandas frame, m * S rows."""
        import pandas as pd

        m, S = self.occupation.shape
        table: pd.DataFrame = pd.DataFrame(
            {
                "time": np.repeat(self.times, S),
                "state": np.tile(np.array(self.states, dtype=object), m),
                "occupation": self.occupation.ravel(),
                "std_error": self.std_error.ravel(),
                "at_risk": self.at_risk.ravel(),
            }
        )
        return table

    def _stays(self, state: str) -> tuple[Any, tuple[str, ...]]:
        if state not in self.states:
            known = ", ".join(self.states)
            raise InputError(f"there is no state {state!r}{nearest(state, self.states)}; the states are {known}")
        mine = self.spells["state"] == self.states.index(state)
        nexts = self.spells["next"][mine]
        seen = np.unique(nexts[nexts >= 0])
        names = tuple(self.states[j] for j in seen.tolist())
        codes = np.where(nexts < 0, 0, np.searchsorted(seen, nexts) + 1)
        late = self.spells["late"][mine]
        stay = self.spells["stay"][mine]
        return structured(late, late + stay, codes, causes=names or ("left",), time_unit=self.time_unit), names


@public("survival")
def multistate(transitions: AnyFrame, *, time_unit: str = "month") -> StateCurves:
    """Return the shares of customers in each state over time, from a table of their spells.

    Parameters
    ----------
    transitions : frame or mapping of columns
        One row for each spell of a customer in one state: ``customer``, ``start`` and ``end`` (0 <= start < end),
        ``state`` (where they are meanwhile: active, suspended, lost, won back) and ``next`` (where they go at the end;
        missing: still there at the last look).
    time_unit : str, default "month"
        Unit of the times.

    Returns
    -------
    StateCurves
        Occupation with standard errors; transition probabilities, sojourns and stays on request.

    Raises
    ------
    InputError
        For spells of one customer that overlap or do not fit each other, ends before starts, or missing columns.

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5, 141-150.

    Examples
    --------
    >>> from custval.survival import multistate
    >>> spells = {"customer": [1, 1, 1, 2, 2, 3], "start": [0, 4, 7, 0, 3, 0], "end": [4, 7, 12, 3, 12, 12],
    ...           "state": ["active", "lost", "won back", "active", "lost", "active"],
    ...           "next": ["lost", "won back", None, "lost", None, None]}
    >>> curves = multistate(spells)
    >>> curves.at(8).round(2).tolist(), curves.states
    ([[0.33, 0.33, 0.33]], ('active', 'lost', 'won back'))
    >>> curves.sojourn("lost").at(6).round(2).tolist()  # won back within 6 months of leaving
    [0.5]
    """
    spells = read_spells(transitions)
    times, at_risk, moves = _counts(spells)
    initial = _initial(spells)
    hazard = _over(moves, at_risk[:, :, None])
    occupation, error = _occupation(spells, times, hazard, at_risk, initial)
    kept = {"state": spells.state, "next": spells.next, "stay": spells.end - spells.start, "late": spells.late}
    return StateCurves(
        states=spells.states,
        times=frozen(times),
        occupation=frozen(occupation),
        std_error=frozen(error),
        at_risk=frozen(at_risk),
        moves=frozen(moves),
        initial=frozen(initial),
        spells=kept,
        time_unit=time_unit,
        last_time=float(spells.end.max()),
    )


def _counts(spells: Spells) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the m times of moves, who is in each state before them (m, S), and who moves (m, S, S)."""
    S = len(spells.states)
    moved = spells.next >= 0
    times = np.unique(spells.end[moved])
    m = len(times)
    first = np.searchsorted(times, spells.start, side="right")
    last = np.searchsorted(times, spells.end, side="right")
    came = np.bincount(first * S + spells.state, minlength=(m + 1) * S).reshape(m + 1, S)
    went = np.bincount(last * S + spells.state, minlength=(m + 1) * S).reshape(m + 1, S)
    at_risk = np.cumsum(came - went, axis=0)[:m].astype(np.float64)
    cell = ((last[moved] - 1) * S + spells.state[moved]) * S + spells.next[moved]
    moves = np.bincount(cell, minlength=m * S * S).reshape(m, S, S).astype(np.float64)
    return times, at_risk, moves


def _initial(spells: Spells) -> FloatArray:
    """Return the shares of states among those there at the first start of all."""
    there = spells.start == spells.start.min()
    counts = np.bincount(spells.state[there], minlength=len(spells.states))
    return np.asarray(counts / counts.sum())


def _occupation(
    spells: Spells, times: FloatArray, hazard: FloatArray, at_risk: FloatArray, initial: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return occupation probabilities and their standard errors, (m, S), by what each customer moves them by."""
    S, n = len(initial), spells.customers
    there = spells.start == spells.start.min()
    share = np.zeros((n, S))
    share[spells.customer[there], spells.state[there]] = 1.0
    here = np.flatnonzero(there)
    moved = np.zeros((n, S))
    moved[spells.customer[here]] = (share[spells.customer[here]] - initial) / len(here)
    occupation, error = np.empty((len(times), S)), np.empty((len(times), S))
    now = initial
    own = [np.flatnonzero(spells.state == h) for h in range(S)]
    for t, when in enumerate(times):
        step = hazard[t] - np.diag(hazard[t].sum(axis=1))
        moved += moved @ step
        for h in range(S):
            if now[h] == 0 or at_risk[t, h] == 0 or not hazard[t, h].any():
                continue
            mine = own[h][(spells.start[own[h]] < when) & (when <= spells.end[own[h]])]
            weigh = now[h] / at_risk[t, h]
            who = spells.customer[mine]
            moved[who] -= weigh * step[h]
            gone = mine[(spells.end[mine] == when) & (spells.next[mine] >= 0)]
            np.add.at(moved, (spells.customer[gone], spells.next[gone]), weigh)
            np.add.at(moved, (spells.customer[gone], np.full(len(gone), h)), -weigh)
        now = now + now @ step
        occupation[t] = now
        error[t] = np.sqrt((moved**2).sum(axis=0))
    return occupation, error


def _product(moves: FloatArray, at_risk: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the product of I + dA and the variance of its entries, (S, S), row by row."""
    S = moves.shape[1]
    hazard = _over(moves, at_risk[:, :, None])
    probability = np.eye(S)
    spread = np.zeros((S, S, S))  # covariance of each row
    for t in range(len(moves)):
        whole = np.eye(S) + hazard[t] - np.diag(hazard[t].sum(axis=1))
        spread = np.einsum("ji,hjk,kl->hil", whole, spread, whole)
        for g in range(S):
            if at_risk[t, g] > 0 and hazard[t, g].any():
                law = whole[g]
                block = (np.diag(law) - np.outer(law, law)) / at_risk[t, g]
                spread += probability[:, g, None, None] ** 2 * block
        probability = probability @ whole
    return probability, np.einsum("hii->hi", spread)


def _over(top: FloatArray, bottom: FloatArray) -> FloatArray:
    return np.divide(top, bottom, out=np.zeros(np.broadcast_shapes(top.shape, bottom.shape)), where=bottom > 0)
