"""Rolling origins: nothing of the future, figures by hand, drift, words, and what is refused."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from custval import InputError
from custval.metrics import backtest
from custval.survival import DiscreteHazard

MODEL = DiscreteHazard(baseline="constant", tail="hold")


class Spy(DiscreteHazard):
    """Remembers what it was fitted to."""

    seen: ClassVar[list] = []

    def fit(self, X, y, **more):
        Spy.seen.append((np.asarray(X["risky"]).copy(), y.copy()))
        return super().fit(X, y, **more)


def world(n=3000, seed=0, drift=False):
    rng = np.random.default_rng(seed)
    start, risky = rng.integers(0, 30, n).astype(float), rng.integers(0, 2, n)
    end = start + rng.geometric(np.where(risky, 0.10, 0.02))
    if drift:  # from month 24 on nothing is as it was
        late = end > 24
        again = np.maximum(start, 24) + rng.geometric(np.where(risky, 0.02, 0.10))
        end = np.where(late, again, end)
    return {"risky": risky}, start, end.astype(float)


def test_nothing_of_the_future_is_seen():
    X, start, end = world()
    Spy.seen.clear()
    spy = Spy(baseline="constant", tail="hold")
    found = backtest(spy, X, start=start, end=end, origins=[20, 26], horizon=4, observed_until=36, label_delay=2)
    for (risky, y), known in zip(Spy.seen, (18, 24), strict=True):
        there = start < known
        assert (risky == X["risky"][there]).all()
        assert (y["duration"] == np.minimum(end, known)[there] - start[there]).all()
        assert ((y["event"] > 0) == (end <= known)[there]).all()
    changed = np.where(end > 26, end + 5, end)
    again = backtest(MODEL, X, start=start, end=changed, origins=[20], horizon=4, observed_until=36, label_delay=2)
    assert again.already_gone[0] == found.already_gone[0] == ((end > 18) & (end <= 20) & (start <= 20)).sum()
    asked = []

    def features(time, who):
        asked.append(time)
        return {"risky": X["risky"][who]}

    with_features = backtest(
        MODEL, X, start=start, end=end, origins=[20, 26], horizon=4, observed_until=36, label_delay=2, features=features
    )
    assert asked == [18, 20, 24, 26]
    assert with_features.auc.tolist() == found.auc.tolist()


def test_the_figures_are_those_of_the_definitions():
    X, start, end = world()
    found = backtest(MODEL, X, start=start, end=end, origins=[20], horizon=3, observed_until=36, share=0.3)
    known = start < 20
    y = {"duration": np.minimum(end, 20) - start, "event": (end <= 20).astype(int)}
    from custval.survival import survival_target

    model = DiscreteHazard(baseline="constant", tail="hold").fit(
        {"risky": X["risky"][known]}, survival_target(y["duration"][known], y["event"][known])
    )
    there = (start <= 20) & (end > 20)
    p = 1 - model.predict_survival({"risky": X["risky"][there]}, [3])[:, 0]
    gone = end[there] <= 23
    assert (found.customers[0], found.leavers[0]) == (there.sum(), gone.sum())
    assert found.brier[0] == pytest.approx(((gone - p) ** 2).mean())
    assert found.calibration[0] == pytest.approx(gone.sum() / p.sum())
    top = np.argsort(-p, kind="stable")[: int(np.ceil(0.3 * len(p)))]
    assert found.profit[0] == pytest.approx(sum(0.3 * 190 - 1 if left else -11 for left in gone[top]))
    assert found.lift_lower[0] < found.lift[0] < found.lift_upper[0]
    assert found.to_frame()["origin"].tolist() == [20.0]
    assert "AUC" in found.verdict


def test_a_good_model_is_calibrated_and_a_stale_one_is_named():
    X, start, end = world(6000)
    good = backtest(MODEL, X, start=start, end=end, origins=[18, 22, 26, 30], horizon=3, observed_until=36)
    assert good.verdict.startswith("It ranks at every origin")
    assert "is calibrated" in good.verdict
    assert (good.calibration_lower < 1.1).all()
    assert good.age.tolist() == [0.0, 4.0, 8.0, 12.0]
    X, start, end = world(6000, drift=True)
    stale = backtest(MODEL, X, start=start, end=end, origins=[18, 22, 28, 34], horizon=3, observed_until=40)
    assert stale.auc[0] > 0.6
    assert stale.auc_by_age[-1] < 0.5
    assert "It ages" in stale.verdict


def test_too_few_leavers_leave_no_figure():
    X, start, end = world(400, seed=2)
    end = np.where(end > 22, np.nan, end)
    found = backtest(MODEL, X, start=start, end=end, origins=[24], horizon=3, observed_until=40)
    assert found.leavers[0] == 0
    assert found.to_dict()["auc"] == [None]
    assert found.verdict.startswith("Too few")


def test_bad_input_is_named():
    X, start, end = world(300)
    asked = {"horizon": 3, "observed_until": 36}
    with pytest.raises(InputError, match="origins must be at most 33 but 1 of 2 rows is not"):
        backtest(MODEL, X, start=start, end=end, origins=[20, 35], **asked)
    with pytest.raises(InputError, match="origins must rise"):
        backtest(MODEL, X, start=start, end=end, origins=[24, 20], **asked)
    with pytest.raises(InputError, match="end must come after start"):
        backtest(MODEL, X, start=start, end=start, origins=[20], **asked)
    with pytest.raises(InputError, match="too few to fit a model"):
        backtest(MODEL, X, start=start, end=end, origins=[0.5], **asked)
    with pytest.raises(InputError, match="model must be an unfitted hazard model"):
        backtest("cox", X, start=start, end=end, origins=[20], **asked)
    with pytest.raises(InputError, match="label_delay must be >= 0"):
        backtest(MODEL, X, start=start, end=end, origins=[20], label_delay=-1, **asked)


def test_an_origin_without_leavers_is_neither_certain_nor_nameless():
    X, start, end = world()
    end = np.where((end > 20) & (end <= 23), 24.0, end)  # nobody leaves within 3 months of 20
    found = backtest(MODEL, X, start=start, end=end, origins=[20, 26], horizon=3, observed_until=36)
    assert found.leavers[0] == 0
    assert found.calibration[0] == found.calibration_lower[0] == 0
    foretold = found.leavers[1] / found.calibration[1]
    assert 3.688 / foretold < found.calibration_upper[0] * 2 < np.inf
    assert "nan" not in found.verdict


def test_an_origin_at_which_nobody_was_there_is_refused():
    X, start, end = world()
    with pytest.raises(InputError, match="nobody was a customer at origin 60"):
        backtest(MODEL, X, start=start, end=np.minimum(end, 50), origins=[20, 60], horizon=3, observed_until=70)
