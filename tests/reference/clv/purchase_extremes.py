"""Write purchase_extremes.json: BG/NBD, MBG/NBD, Pareto/NBD and BG/BB at extreme inputs, by mpmath at 50 digits.

Another route than the library's: the papers' closed forms in Gauss's 2F1 and Tricomi's U, and Pareto's integral as is.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import mpmath as mp

mp.mp.dps = 50
CUSTOMERS = [
    (0, 0.0, 0.0),
    (0, 0.0, 500.0),
    (1, 0.01, 400.0),
    (3, 20.0, 20.0),
    (120, 730.0, 730.0),
    (120, 90.0, 730.0),
    (5000, 3000.0, 3001.0),
    (50000, 900.0, 900.0),
    (50000, 899.5, 900.0),
    (50000, 100.0, 900.0),
]
BG = [
    (0.243, 4.414, 0.793, 2.426),
    (0.01, 0.01, 0.01, 0.01),
    (1e4, 1e4, 1e4, 1e4),
    (0.5, 10.0, 1.0, 2.0),
    (0.5, 10.0, 1.0 + 1e-9, 2.0),
    (0.5, 10.0, 1.0 - 1e-6, 0.5),
    (0.3, 5.0, 0.4, 0.5),
    (0.01, 1e4, 2.0, 1e4),
    (100.0, 0.01, 0.01, 1e4),
    (2.0, 1e4, 1e4, 0.01),
    (0.7, 3.0, 0.05, 0.9),
]
PARETO = [
    (0.553, 10.578, 0.606, 11.669),
    (0.01, 0.01, 0.01, 0.01),
    (1e4, 1e4, 1e4, 1e4),
    (0.5, 10.0, 1.0, 12.0),
    (0.5, 10.0, 1.0 + 1e-9, 9.0),
    (0.5, 10.0, 1.0 - 1e-6, 10.0),
    (0.01, 1e4, 2.0, 0.01),
    (100.0, 0.01, 0.01, 1e4),
    (2.0, 1e4, 1e4, 0.01),
    (1e4, 0.01, 0.01, 1e4),
    (0.3, 1e4, 0.3, 1.0),
]
BGBB = [(1.204, 0.75, 0.657, 2.783), (0.01, 0.01, 0.01, 0.01), (1e4, 1e4, 1.0, 1e4), (0.5, 1e4, 1e4, 0.01)]
MONTHS = [(0, 0, 0), (0, 0, 600), (3, 5, 600), (600, 600, 600), (1, 600, 600)]
HORIZON, DELTA = mp.mpf(52), mp.mpf("0.002687729661060744")


def bg(params, one, *, at_start):
    r, alpha, a, b = map(mp.mpf, params)
    x, t_x, T = map(mp.mpf, one)
    m = 1 if at_start else 0
    n = r + x
    odds = mp.mpf(0) if x + m == 0 else a / (b + x + m - 1) * ((alpha + T) / (alpha + t_x)) ** n
    alive = 1 / (1 + odds)
    log = mp.loggamma(n) - mp.loggamma(r) + r * mp.log(alpha) - n * mp.log(alpha + T)
    log += mp.log(mp.beta(a, b + x + m) / mp.beta(a, b)) + mp.log1p(odds)
    # the closed form has a pole at a = 1: step aside by less than any digit asked for, in more digits
    with mp.workdps(140):
        aside = a + (mp.mpf(10) ** -50 if abs(a - 1) < mp.mpf(10) ** -40 else 0)
        B, rate = b + x + m, alpha + T
        f = mp.hyp2f1(n, B, aside + B - 1, HORIZON / (rate + HORIZON)) if aside + B != 1 else None
        bought = (aside + B - 1) / (aside - 1) * (1 - (rate / (rate + HORIZON)) ** n * f)
    return alive, log, alive * bought


def between(n, s, alpha, beta, t_x, T):
    """Return the integral over u in (t_x, T) of (alpha+u)^-n (beta+u)^-(s+1), over its last value times (beta+T)."""
    if t_x == T:
        return mp.mpf(0)

    def f(u):
        return mp.exp(n * mp.log((alpha + T) / (alpha + u)) + s * mp.log((beta + T) / (beta + u))) / (beta + u)

    # panels that halve towards t_x, where the integrand is steepest
    return mp.quad(f, [t_x, *(t_x + (T - t_x) * mp.mpf(2) ** -k for k in range(34, -1, -1))])


def pareto(params, one):
    r, alpha, s, beta = map(mp.mpf, params)
    x, t_x, T = map(mp.mpf, one)
    n = r + x
    here = -n * mp.log(alpha + T) - s * mp.log(beta + T)
    gone = between(n, s, alpha, beta, t_x, T)
    bracket = 1 + s * gone
    log = mp.loggamma(n) - mp.loggamma(r) + r * mp.log(alpha) + s * mp.log(beta) + here + mp.log(bracket)
    alive = 1 / bracket
    later = mp.log((beta + T + HORIZON) / (beta + T))
    stay = later if s == 1 else mp.expm1((1 - s) * later) / (1 - s)
    z = DELTA * (beta + T)
    # integral of e^(-delta u) (1 + u/(beta+T))^-s = (beta+T) U(1, 2-s, z)
    residual = n / (alpha + T) * (beta + T) * mp.hyperu(1, 2 - s, z)
    return alive, log, alive * n / (alpha + T) * (beta + T) * stay, alive * residual


def bgbb(params, one):
    alpha, beta, gamma, delta = map(mp.mpf, params)
    x, t_x, n = map(mp.mpf, one)
    scale = mp.beta(alpha, beta) * mp.beta(gamma, delta)
    total = mp.beta(alpha + x, beta + n - x) * mp.beta(gamma, delta + n)
    for i in range(int(n - t_x)):
        total += mp.beta(alpha + x, beta + t_x - x + i) * mp.beta(gamma + 1, delta + t_x + i)
    alive = mp.beta(alpha + x, beta + n - x) * mp.beta(gamma, delta + n + 1) / total
    bought = sum(mp.beta(gamma, delta + n + t) for t in range(1, 53)) / mp.beta(gamma, delta + n + 1)
    return alive, mp.log(total / scale), alive * (alpha + x) / (alpha + beta + n) * bought


def rows(model, params, customers, answer):
    for theta, one in product(params, customers):
        yield [model, theta, one, [mp.nstr(value, 20) for value in answer(theta, one)]]


def main() -> None:
    made = [*rows("bgnbd", BG, CUSTOMERS, lambda p, c: bg(p, c, at_start=False))]
    made += [*rows("mbgnbd", BG, CUSTOMERS, lambda p, c: bg(p, c, at_start=True))]
    made += [*rows("paretonbd", PARETO, CUSTOMERS, pareto), *rows("bgbb", BGBB, MONTHS, bgbb)]
    text = ",\n".join(json.dumps(row) for row in made)
    Path(__file__).with_suffix(".json").write_text(f"[\n{text}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
