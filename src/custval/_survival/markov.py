"""Does it matter when a customer came into the state they are in? A test of the Markov property by transition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, FloatArray, TextArray
from custval._survival.cox import CoxPH
from custval._survival.state_spells import Spells, read_spells
from custval._survival.target import structured

__all__ = ("MarkovTest", "markov_test")

_LEAST = 5  # moves below which nothing is asked


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class MarkovTest(Result):
    """For each transition: does its hazard depend on when the state was entered?

    Attributes
    ----------
    from_state, to_state : ndarray of object, shape (q,)
        The transitions with enough moves and different times of entry.
    moves : ndarray of int, shape (q,)
        Customers who made them.
    coef, std_error : ndarray of shape (q,)
        Log hazard ratio for each unit of time later entry, with robust standard error.
    p_value : ndarray of shape (q,)
        Of no dependence.
    adjusted : ndarray of shape (q,)
        Holm's adjusted p-values: the least of them tests all transitions together.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import markov_test
    >>> rng = np.random.default_rng(0)
    >>> first, second = rng.exponential(5, 200), rng.exponential(8, 200)
    >>> spells = {"customer": np.tile(np.arange(200), 2), "start": np.append(np.zeros(200), first),
    ...           "end": np.append(first, first + second), "state": np.repeat(["active", "lost"], 200),
    ...           "next": np.repeat(["lost", "won back"], 200)}
    >>> found = markov_test(spells)
    >>> found.from_state.tolist(), bool(found.p_value[0] > 0.05)
    (['lost'], True)
    """

    from_state: TextArray
    to_state: TextArray
    moves: TextArray
    coef: FloatArray
    std_error: FloatArray
    p_value: FloatArray
    adjusted: FloatArray


@public("survival")
def markov_test(transitions: AnyFrame) -> MarkovTest:
    """Return a test, for each transition, of whether its hazard depends on when the state was entered.

    Under the Markov property only the present state and the time count. The time of entry is put into a Cox model of
    each transition, on time since joining.

    Parameters
    ----------
    transitions : frame or mapping of columns
        The spells, as :func:`multistate` takes them.

    Returns
    -------
    MarkovTest
        One row for each transition with at least 5 moves from a state that is entered at different times.

    Raises
    ------
    InputError
        For spells that contradict each other.

    References
    ----------
    Kay (1986), A Markov model for analysing cancer markers and disease states in survival studies, Biometrics 42,
    855-865.
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.survival import markov_test
    >>> rng = np.random.default_rng(1)
    >>> first = rng.exponential(5, 200)
    >>> second = rng.exponential(first)  # who left early comes back early
    >>> spells = {"customer": np.tile(np.arange(200), 2), "start": np.append(np.zeros(200), first),
    ...           "end": np.append(first, first + second), "state": np.repeat(["active", "lost"], 200),
    ...           "next": np.repeat(["lost", "won back"], 200)}
    >>> bool(markov_test(spells).p_value[0] < 0.01)
    True
    """
    spells = read_spells(transitions)
    found = []
    for h in range(len(spells.states)):
        for j in range(len(spells.states)):
            told = _one(spells, h, j)
            if told is not None:
                found.append((spells.states[h], spells.states[j], *told))
    columns = [np.array(part) for part in zip(*found, strict=True)] if found else [np.zeros(0)] * 5
    p = _normal_tail(columns[3], columns[4])
    return MarkovTest(
        from_state=frozen(columns[0].astype(object)),
        to_state=frozen(columns[1].astype(object)),
        moves=frozen(columns[2].astype(np.int64)),
        coef=frozen(columns[3].astype(np.float64)),
        std_error=frozen(columns[4].astype(np.float64)),
        p_value=frozen(p),
        adjusted=frozen(_holm(p)),
    )


def _one(spells: Spells, h: int, j: int) -> tuple[int, float, float] | None:
    mine = np.flatnonzero(spells.state == h)
    moved = spells.next[mine] == j
    if int(moved.sum()) < _LEAST or np.ptp(spells.start[mine]) == 0 or (moved.all() and len(mine) < 2 * _LEAST):
        return None
    y = structured(spells.start[mine], spells.end[mine], moved.astype(np.int64), causes=("moved",), time_unit="month")
    start = spells.start[mine]
    scale = float(start.std())
    model = CoxPH().fit((start / scale)[:, None], y, cluster=spells.customer[mine])
    error = model.robust_std_error_
    return int(moved.sum()), float(model.coef_[0] / scale), float(error[0] / scale) if error is not None else 0.0


def _normal_tail(coef: FloatArray, error: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    z = np.divide(coef, error, out=np.zeros(len(coef)), where=np.asarray(error, dtype=np.float64) > 0)
    return np.asarray(2 * ndtr(-np.abs(z)))


def _holm(p: FloatArray) -> FloatArray:
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    made = np.empty(len(p))
    made[order] = np.minimum(raised, 1.0)
    return made
