"""Shared gamma frailty: accounts whose customers all leave sooner or later than their columns say.

Every account g multiplies the hazard of its customers by Z_g, gamma distributed with mean 1 and variance theta = 1/nu.
For fixed theta the likelihood penalised by ``nu (b_g - exp(b_g))``, b = log Z, has its top where the EM algorithm
settles; there, with d_g departures and E_g expected ones, ``Z_g = (nu + d_g) / (nu + E_g / Z_g)`` and

    marginal = partial + sum_g d_g - d_g log Z_g + log G(nu + d_g) - log G(nu) + nu log nu - (nu + d_g) log(nu + L_g)

(G the gamma function, L_g = E_g / Z_g) is the log-likelihood with the frailties integrated out, equal to the partial
one at theta = 0. Newton's steps take the frailties' own block as diagonal, as R does.

References
----------
Nielsen, Gill, Andersen and Sorensen (1992), A counting process approach to maximum likelihood estimation in frailty
models, Scandinavian Journal of Statistics 19, 25-43.
Therneau and Grambsch (2000), Modeling Survival Data, Springer, section 9.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from custval._core.optimize import information_inverse
from custval._core.typing import FloatArray, IntArray
from custval._survival.cox_likelihood import RiskSums, evaluate, expected_events
from custval._survival.cox_residuals import schoenfeld, score_residuals
from custval._survival.cox_rows import CoxRows

__all__ = ("FrailtyFit", "fit_frailty")

_LEAST, _MOST = 1e-5, 50.0
_BLOCK = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class FrailtyFit:
    """Coefficients (p,), covariance (p, p), variance of the frailties, marginal log-likelihood, rows and sums there."""

    coef: FloatArray
    covariance: FloatArray
    variance: float
    log_likelihood: float
    iterations: int
    rows: CoxRows
    sums: RiskSums


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Sorted rows whose last column takes the frailties, their accounts, tie method and stopping rule."""

    rows: CoxRows
    group: IntArray
    ties: str
    max_iter: int
    tol: float

    def sum(self, values: FloatArray, size: int) -> FloatArray:
        """Return sums over accounts, (G,)."""
        return np.asarray(np.bincount(self.group, weights=values, minlength=size), dtype=np.float64)


@dataclass(slots=True, eq=False)
class _State:
    coef: FloatArray
    log_frailty: FloatArray
    iterations: int = 0


def fit_frailty(
    rows: CoxRows, group: IntArray, start: FloatArray, *, ties: str, variance: float | None, max_iter: int, tol: float
) -> FrailtyFit:
    """Return the fit; `rows` end with a column for the frailties, `group` (n,) are codes of the sorted rows.

    `variance` None: the one with the highest marginal likelihood.
    """
    from scipy.optimize import minimize_scalar

    problem = _Problem(rows, group, ties, max_iter, tol)
    state = _State(start, np.zeros(int(group.max()) + 1))

    def depth(log_theta: float) -> float:
        return -_settle(problem, state, float(np.exp(log_theta)))[0]

    if variance is None:
        found = minimize_scalar(
            depth, bounds=(np.log(_LEAST), np.log(_MOST)), method="bounded", options={"xatol": 1e-7}
        )
        variance = float(np.exp(found.x))
    height, sums, here = _settle(problem, state, variance)
    return FrailtyFit(
        coef=state.coef,
        covariance=_covariance(problem, here, sums, state, 1 / variance),
        variance=variance,
        log_likelihood=height,
        iterations=state.iterations,
        rows=replace(here, X=here.X[:-1], event_sum=here.event_sum[:-1], center=here.center[:, :-1]),
        sums=replace(sums, mean=sums.mean[:-1], tied=sums.tied[:-1]),
    )


def _settle(problem: _Problem, state: _State, variance: float) -> tuple[float, RiskSums, CoxRows]:
    """Move `state` to the top for this variance; return the marginal log-likelihood, sums and rows there."""
    nu = 1 / variance
    gone = problem.sum(problem.rows.event.astype(np.float64), len(state.log_frailty))
    value, slope, told, sums, here = _look(problem, state.coef, state.log_frailty, nu)
    for _ in range(problem.max_iter):
        Z = np.exp(state.log_frailty)
        expected = problem.sum(expected_events(sums, here), len(Z))
        pull = gone - expected + nu * (1 - Z)
        cross, own = _cross(problem, here, sums, len(Z)), expected + nu * Z
        schur = told[:-1, :-1] - (cross / own[:, None]).T @ cross
        step = information_inverse(schur) @ (slope[:-1] - cross.T @ (pull / own))
        turn = (pull - cross @ step) / own
        if float(slope[:-1] @ step + pull @ turn) / 2 <= problem.tol:
            break
        moved = _walk(problem, state, (step, turn), value, nu)
        if moved is None:
            break
        value, slope, told, sums, here = moved
        state.iterations += 1
    expected = problem.sum(expected_events(sums, here), len(gone))
    return _marginal(sums, state.log_frailty, gone, expected, nu), sums, here


def _look(
    problem: _Problem, coef: FloatArray, log_frailty: FloatArray, nu: float
) -> tuple[float, FloatArray, FloatArray, RiskSums, CoxRows]:
    """Return the penalised value, and slope, information, sums and rows with the frailties as a column of effect 1."""
    rows = problem.rows
    rows.X[-1] = log_frailty[problem.group]
    happened = rows.event_sum.copy()
    happened[-1] = rows.X[-1, rows.event].sum()
    here = replace(rows, event_sum=happened)
    value, slope, told, sums = evaluate(np.append(coef, 1.0), here, problem.ties)
    return value + nu * float((log_frailty - np.exp(log_frailty)).sum()), slope, told, sums, here


def _walk(
    problem: _Problem, state: _State, step: tuple[FloatArray, FloatArray], value: float, nu: float
) -> tuple[float, FloatArray, FloatArray, RiskSums, CoxRows] | None:
    """Take the step, halved until the value does not fall; None where rounding leaves nothing to gain."""
    for halving in range(30):
        coef, log_frailty = state.coef + step[0] * 0.5**halving, state.log_frailty + step[1] * 0.5**halving
        there = _look(problem, coef, log_frailty, nu)
        if np.isfinite(there[0]) and there[0] >= value - 1e-11 * (1 + abs(value)):
            state.coef, state.log_frailty = coef, log_frailty
            return there
    _look(problem, state.coef, state.log_frailty, nu)
    return None


def _cross(problem: _Problem, rows: CoxRows, sums: RiskSums, size: int) -> FloatArray:
    """Return the block of the information between frailties and coefficients, (G, p)."""
    expected = -score_residuals(sums, rows)[:, :-1]
    left, who = schoenfeld(sums, rows)
    expected[who] += left[:-1].T
    made = np.empty((size, expected.shape[1]))
    for j in range(expected.shape[1]):
        made[:, j] = problem.sum(expected[:, j], size)
    return made


def _covariance(problem: _Problem, rows: CoxRows, sums: RiskSums, state: _State, nu: float) -> FloatArray:
    """Return the covariance of the coefficients, (p, p), the frailties being estimated too."""
    size = len(state.log_frailty)
    told = evaluate(np.append(state.coef, 1.0), rows, problem.ties)[2][:-1, :-1]
    own = problem.sum(expected_events(sums, rows), size) + nu * np.exp(state.log_frailty)
    own -= _shared_risk(rows, sums, problem.group, size)
    cross = _cross(problem, rows, sums, size)
    return information_inverse(told - (cross / own[:, None]).T @ cross)


def _shared_risk(rows: CoxRows, sums: RiskSums, group: IntArray, size: int) -> FloatArray:
    """Return what an account's own share of each risk set takes off its information, (G,), some accounts at a time."""
    wide = len(rows.times)
    made = np.zeros(size)
    step = max(_BLOCK // (wide + 1), 1)
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(0, size + step, step))
    for k, first in enumerate(range(0, size, step)):
        mine = order[edges[k] : edges[k + 1]]
        count = min(step, size - first)
        at = (group[mine] - first) * (wide + 1)
        net = np.bincount(at + rows.enter[mine], weights=sums.risk[mine], minlength=count * (wide + 1))
        net -= np.bincount(at + rows.leave[mine], weights=sums.risk[mine], minlength=count * (wide + 1))
        share = np.cumsum(net.reshape(count, wide + 1), axis=1)[:, :-1] / sums.total
        gone = mine[rows.event[mine]]
        at = (group[gone] - first) * wide + rows.leave[gone] - 1
        tied = np.bincount(at, weights=sums.risk[gone], minlength=count * wide).reshape(count, wide) / sums.total
        made[first : first + count] = share**2 @ sums.b0 - 2 * (share * tied) @ sums.b1 + tied**2 @ sums.b2
    return made


def _marginal(sums: RiskSums, log_frailty: FloatArray, gone: FloatArray, expected: FloatArray, nu: float) -> float:
    """Return the log-likelihood with the frailties integrated out; flat about the top, unlike the form in log Z."""
    from scipy.special import gammaln

    hazard = expected * np.exp(-log_frailty)
    parts = gone * (1 - log_frailty) + gammaln(nu + gone) - gammaln(nu) - gone * np.log(nu + hazard)
    parts -= nu * np.log1p(hazard / nu)  # nu log nu - nu log(nu + hazard), without loss for large nu
    return float(sums.told - sums.log_phi + parts.sum())
