"""The value before and after is that of lifetime_value, and its error that of drawn parameters."""

from __future__ import annotations

import numpy as np
import pytest
from tests.survival.test_outlook import drawn, fitted

from custval.clv import lifetime_value
from custval.survival import what_if_value

MONEY = {"horizon": 12, "monthly_discount": 0.01}


def test_the_difference_is_that_of_lifetime_values():
    model, X, _ = fitted()
    told = what_if_value(model, X, {"fee": lambda fee: 0.9 * fee}, margin=20.0, margin_after=18.0, given=3, **MONEY)
    cheaper = X.assign(fee=0.9 * X["fee"])
    before = lifetime_value(model, X, margin=20.0, given=3, **MONEY).value
    after = lifetime_value(model, cheaper, margin=18.0, given=3, **MONEY).value
    assert told.before == pytest.approx(before)
    assert told.after == pytest.approx(after)
    assert told.difference == pytest.approx(after.sum() - before.sum())
    fade = 1.01 ** -np.arange(1.0, 13.0)

    def total(m, frame, margin):
        return margin * (m.predict_survival(frame, np.arange(1, 13), given=3) @ fade).sum()

    draws = [total(m, cheaper, 18.0) - total(m, X, 20.0) for m in drawn(model, draws=300)]
    assert told.std_error == pytest.approx(np.std(draws), rel=0.2)
    assert told.lower < told.difference < told.upper


def test_impossible_margins_are_refused():
    model, X, _ = fitted()
    with pytest.raises(ValueError, match="margin has 2 rows but X has 900"):
        what_if_value(model, X, {"fee": 1.0}, margin=[1.0, 2.0], **MONEY)
    with pytest.raises(ValueError, match="monthly_discount must be > -1"):
        what_if_value(model, X, {"fee": 1.0}, margin=1.0, horizon=3, monthly_discount=-1.0)
