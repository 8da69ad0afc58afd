"""Extreme inputs against 50 digits: no nan, nine digits right. Numbers and their script: tests/reference/clv."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from custval.clv import BGBB, BGCNBD, BGNBD, MBGNBD, GGompertzNBD, ParetoNBD

FILE = Path(__file__).resolve().parents[1] / "reference" / "clv" / "purchase_extremes.json"
ROWS = json.loads(FILE.read_text(encoding="utf-8"))
KINDS = {"bgnbd": BGNBD, "mbgnbd": MBGNBD, "paretonbd": ParetoNBD, "bgbb": BGBB}
DISCOUNT = np.expm1(0.002687729661060744)


def made(kind, theta):
    return kind.from_params(**dict(zip(kind._names, theta, strict=True)))


def close(got, expected, label):
    want = float(expected)
    if abs(want) < 1e-290:  # below what doubles hold
        assert 0.0 <= got < 1e-280, label
    else:
        assert got == pytest.approx(want, rel=1e-9), label


@pytest.mark.parametrize("name", KINDS)
def test_extremes(name):
    seen = 0
    for model_name, theta, one, answers in ROWS:
        if model_name != name:
            continue
        model = made(KINDS[name], theta)
        label = (theta, one)
        array = np.array([one], dtype=float)
        close(model.probability_alive(array)[0], answers[0], (*label, "alive"))
        close(model.probability_alive(tuple(one)), answers[0], (*label, "alive, one customer"))
        log = model.log_likelihood(array)
        assert log == pytest.approx(float(answers[1]), rel=1e-9, abs=1e-9), (*label, "log-likelihood")
        close(model.expected_purchases(array, 52.0)[0], answers[2], (*label, "purchases"))
        close(model.expected_purchases(tuple(one), 52.0), answers[2], (*label, "purchases, one customer"))
        if len(answers) > 3:
            got = model.discounted_residual_purchases(array, discount=DISCOUNT)[0]
            close(got, answers[3], (*label, "residual"))
        seen += 1
    assert seen >= 20


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD, ParetoNBD, GGompertzNBD])
def test_no_answer_is_nan_anywhere(kind):
    """What has no second route above is at least finite, ordered and within its range."""
    customers = np.array([[0, 0, 0], [0, 0, 500], [120, 730, 730], [50000, 900, 900], [50000, 100, 900.0]])
    rng = np.random.default_rng(0)
    for _ in range(12):
        model = made(kind, 10.0 ** rng.uniform(-2, 4, len(kind._names)))
        now = np.asarray(model.probability_alive(customers))
        later = np.asarray(model.probability_alive(customers, ahead=30.0))
        assert ((now >= 0) & (now <= 1) & (later <= now * (1 + 1e-9))).all()
        near, far = (np.asarray(model.expected_purchases(customers, t)) for t in (5.0, 500.0))
        rest = np.asarray(model.discounted_residual_purchases(customers, discount=1e-4))
        assert np.isfinite(far).all()
        assert np.isfinite(rest).all()
        assert (near <= far * (1 + 1e-9)).all()
        chance = np.asarray(model.purchase_probability(customers, 5.0, 2))
        assert ((chance >= 0) & (chance <= 1)).all()
        assert np.isfinite(model.log_likelihood(customers))


def test_a_rhythm_at_the_extremes_is_finite():
    model = BGCNBD.from_params(k=3, r=0.01, alpha=0.01, a=1.0, b=0.01)
    customers = np.array([[0, 0, 0], [0, 0, 500], [120, 730, 730], [5000, 900, 900.0]])
    for got in (
        model.probability_alive(customers),
        model.expected_purchases(customers, 30.0),
        model.discounted_residual_purchases(customers, discount=0.01),
    ):
        assert np.isfinite(got).all()
        assert (np.asarray(got) >= 0).all()
