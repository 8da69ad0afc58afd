"""A second route to the monthly hazard: every person-month written out, and the likelihood as the textbook has it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from custval.survival import survival_target


def customers(seed=0, n=150, causes=2, months=6, late=True):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)) * [1.0, 20.0] + [3.0, 50.0]
    duration = rng.integers(1, months + 1, n)
    entry = np.minimum(rng.integers(0, 4, n), duration - 1) if late else np.zeros(n, dtype=int)
    event = rng.integers(0, causes + 1, n)
    # a customer of each kind outlasts all months, so that no month empties
    event[:3], duration[:3], entry[:3] = 0, months, 0
    return X, survival_target(duration, event, entry=entry, causes=[f"c{k}" for k in range(1, causes + 1)])


def person_months(X, y):
    """Return X, month and outcome of every month at risk."""
    who, month, outcome = [], [], []
    for i, (entry, duration, event) in enumerate(y.tolist()):
        for t in range(int(entry) + 1, int(duration) + 1):
            who.append(i)
            month.append(t)
            outcome.append(event if t == duration else 0)
    return X[who], np.array(month), np.array(outcome)


def log_chances(eta, link):
    """Return log P(outcome) for outcomes 0..K from the linear predictors (rows, K)."""
    if link == "logit":
        full = np.column_stack([np.zeros(len(eta)), eta])
        return full - np.logaddexp.reduce(full, axis=1)[:, None]
    total = np.exp(eta).sum(axis=1)
    leave = np.log(-np.expm1(-total))
    return np.column_stack([-total, leave[:, None] + eta - np.log(total)[:, None]])


def brute_force(Z, outcome, causes, link, penalty=0.0):
    """Maximise the likelihood of a design matrix Z (rows, q) that every cause shares; parameters (K, q)."""
    rows = np.arange(len(outcome))

    def loss(theta):
        own = theta.reshape(causes, -1)
        return -log_chances(Z @ own.T, link)[rows, outcome].sum() + (penalty * own**2).sum() / 2

    best = minimize(loss, np.full(causes * Z.shape[1], -0.1), method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    theta = best.x
    for _ in range(4):  # Newton with numerical derivatives takes the last digits
        gradient, hessian = derivatives(loss, theta)
        theta = theta - np.linalg.solve(hessian, gradient)
    return theta.reshape(causes, -1), -loss(theta), derivatives(loss, theta)[1]


def derivatives(f, x, step=1e-3):
    """Return gradient and Hessian by central differences of fourth order."""
    P = len(x)
    gradient, hessian = np.zeros(P), np.zeros((P, P))
    unit = np.eye(P) * step
    for i in range(P):
        near, far = [f(x + s * unit[i]) for s in (1, -1)], [f(x + 2 * s * unit[i]) for s in (1, -1)]
        gradient[i] = (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * step)
        hessian[i, i] = (16 * sum(near) - sum(far) - 30 * f(x)) / (12 * step**2)
        for j in range(i):
            hessian[i, j] = hessian[j, i] = _mixed(f, x, unit[i], unit[j], step)
    return gradient, hessian


def _mixed(f, x, a, b, step):
    def at(s):
        return f(x + s * (a + b)) - f(x + s * (a - b)) - f(x - s * (a - b)) + f(x - s * (a + b))

    return (16 * at(1) - at(2)) / (48 * step**2)
