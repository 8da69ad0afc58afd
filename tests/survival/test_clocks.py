"""Clocks against the expanded table, themselves by three routes, known truth; and every bad clock by its words."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.survival.discrete_cases import brute_force

from custval._core.serial import decode, encode
from custval.survival import Clock, DiscreteHazard, alert_list, likelihood_ratio_test, survival_target

END = Clock("months_to_end", step=-1, low=-3, high=9)
SEASON = Clock("calendar", period=12, curve="seasonal", df=1)


def contracts(n=400, seed=0, causes=2):
    """Return customers with contracts of 6 or 12 months (or none), watched from their entry, and their target."""
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 4, n)
    term = rng.choice([0, 6, 12], n)
    X = {
        "fee": rng.normal(30.0, 5.0, n),
        "months_to_end": np.where(term > 0, term - entry, np.nan),
        "calendar": rng.integers(1, 13, n),
    }
    duration, event = np.full(n, 14), np.zeros(n, dtype=int)
    for t in range(14, 0, -1):
        left = X["months_to_end"] - (t - 1 - entry)
        month = (X["calendar"] + t - 1 - entry - 1) % 12 + 1
        e = np.exp(-3.2 + 1.5 * (left == 1) + 0.8 * (left == 0) + 0.4 * np.cos(2 * np.pi * month / 12))
        e = e[:, None] * np.array([1.0, 0.6])[:causes] * np.exp(0.05 * (X["fee"] - 30.0))[:, None]
        h = e / (1 + e.sum(axis=1, keepdims=True))
        u = rng.random(n)
        leave = (u < h.sum(axis=1)) & (t > entry)
        duration[leave], event[leave] = t, 1 + (u[leave] > h[leave, 0]) * (causes > 1)
    names = ["price", "moved"][:causes]
    return X, survival_target(duration, event, entry=entry, causes=names)


def expanded(X, y):
    """Return every person-month as a row of its own, clocks moved by hand."""
    entry, duration = y["entry"].astype(int), y["duration"].astype(int)
    who = np.repeat(np.arange(len(y)), duration - entry)
    month = np.concatenate([np.arange(a + 1, b + 1) for a, b in zip(entry, duration, strict=True)])
    past = month - 1 - entry[who]
    table = {
        "fee": X["fee"][who],
        "months_to_end": X["months_to_end"][who] - past,
        "calendar": (X["calendar"][who] + past - 1) % 12 + 1,
    }
    outcome = np.where(month == duration[who], y["event"][who], 0)
    return table, survival_target(month, outcome, entry=month - 1, causes=["price", "moved"][: y["event"].max()])


def counted(table, y):
    """Return the person-months as a count table, cells told apart by every column."""
    fee = np.round(table["fee"] / 10.0)
    cells = np.column_stack([y["duration"], fee, table["months_to_end"], table["calendar"]])
    found, where = np.unique(np.nan_to_num(cells, nan=-999.0), axis=0, return_inverse=True)
    made = {"tenure": found[:, 0], "fee": found[:, 1], "calendar": found[:, 3]}
    made["months_to_end"] = np.where(found[:, 2] == -999.0, np.nan, found[:, 2])
    where = where.ravel()  # NumPy 2.0 keeps the axis
    made["at_risk"] = np.bincount(where)
    for k, name in enumerate(("price", "moved"), start=1):
        made[f"exits_{name}"] = np.bincount(where, weights=y["event"] == k)
    return made


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("baseline", ["free", "spline"])
def test_customer_rows_person_months_and_counts_agree_with_moving_clocks(link, baseline):
    X, y = contracts()
    X["fee"] = np.round(X["fee"] / 10.0)
    options = {"link": link, "baseline": baseline, "clocks": (END, SEASON), "tail": "hold"}
    rows = DiscreteHazard(**options).fit(X, y)
    table, long = expanded(X, y)
    months = DiscreteHazard(**options).fit(table, long)
    cells = DiscreteHazard(**options).fit_counts(counted(table | {"fee": table["fee"] * 10.0}, long))
    ahead = rows.predict_incidence(X, [1, 3, 12], given=5)
    for other in (months, cells):
        assert other.coef_ == pytest.approx(rows.coef_, rel=1e-10, abs=1e-10)
        assert other.std_error_ == pytest.approx(rows.std_error_, rel=1e-9)
        assert other.log_likelihood_ == pytest.approx(rows.log_likelihood_, rel=1e-11)
        for mine, yours in zip(rows.clock_effects_, other.clock_effects_, strict=True):
            assert yours == pytest.approx(mine, rel=1e-9, abs=1e-9)
        assert other.predict_incidence(X, [1, 3, 12], given=5) == pytest.approx(ahead, rel=1e-9)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_the_maximum_is_that_of_the_expanded_table(link):
    X, y = contracts(n=300, causes=1)
    model = DiscreteHazard(link=link, baseline="linear", clocks=(Clock("months_to_end", step=-1, curve="linear"),))
    model.fit({name: X[name] for name in ("fee", "months_to_end")}, y)
    table, long = expanded(X, y)
    left = table["months_to_end"]
    design = np.column_stack(
        [
            np.ones(len(left)),
            np.log(1 + long["duration"]) - 2.0,
            ~np.isnan(left),
            np.nan_to_num((left - 5.0) / 5.0),
            (table["fee"] - 30.0) / 5.0,
        ]
    )
    theta, value, information = brute_force(design, long["event"], 1, link)
    assert model.log_likelihood_ == pytest.approx(value, rel=1e-10)
    assert model.coef_[0] == pytest.approx(theta[0, 4] / 5.0, rel=1e-7)
    assert model.std_error_[0] == pytest.approx(np.sqrt(np.linalg.inv(information)[4, 4]) / 5.0, rel=1e-5)
    curve = model.clock_curve("months_to_end")
    assert np.diff(curve.effect[0]) == pytest.approx(np.full(len(curve.values) - 1, theta[0, 3] / 5.0), rel=1e-6)
    step = curve.effect[0, curve.values.tolist().index(5)] - curve.not_running[0]
    assert step == pytest.approx(theta[0, 2], rel=1e-6)


def test_the_spike_at_the_end_and_its_after_effect_are_found():
    X, y = contracts(n=6000, seed=3)
    model = DiscreteHazard(baseline="constant", clocks=(END, SEASON)).fit(X, y)
    curve = model.clock_curve("months_to_end")
    by_value = dict(zip(curve.values.tolist(), curve.effect[0] - curve.effect[0, -1], strict=True))
    assert by_value[1] == pytest.approx(1.5, abs=0.35)
    assert by_value[0] == pytest.approx(0.8, abs=0.4)
    assert by_value[4] == pytest.approx(0.0, abs=0.4)
    assert (curve.lower < curve.effect).all()
    table = curve.to_frame()
    assert table.columns.tolist() == ["cause", "value", "effect", "std_error", "lower", "upper"]
    assert len(table) == curve.effect.size
    season = model.clock_curve("calendar").effect[0]
    assert season.argmax() + 1 in (11, 12, 1)
    without = DiscreteHazard(baseline="constant", clocks=(SEASON,)).fit(
        {name: X[name] for name in ("fee", "calendar")}, y
    )
    assert likelihood_ratio_test(without, model).p_value < 1e-6
    told = model.tests()
    assert told.column.tolist() == ["fee", "months_to_end", "calendar", "all"]
    assert told.p_value[1] < 1e-6


def test_clocks_move_by_themselves_in_predictions():
    X, y = contracts(n=800)
    model = DiscreteHazard(baseline="linear", clocks=(END, SEASON), tail="hold").fit(X, y)
    one = {"fee": [30.0], "months_to_end": [3], "calendar": [11]}
    h = model.predict_hazard(one, [1, 2, 3, 4], given=2)[0]
    for ahead in range(4):
        month = (11 + ahead - 1) % 12 + 1
        later = {"fee": [30.0], "months_to_end": [3 - ahead], "calendar": [month]}
        assert model.predict_hazard(later, [1], given=2 + ahead)[0, :, 0] == pytest.approx(h[:, ahead], rel=1e-12)
    assert h.sum(axis=0).argmax() == 2  # the last month of the contract
    survival = model.predict_survival(one, [1, 2, 3, 4], given=2)[0]
    assert survival == pytest.approx(np.cumprod(1 - h.sum(axis=0)))
    incidence = model.predict_incidence(one, [4], given=2)[0, :, 0]
    assert incidence.sum() + survival[-1] == pytest.approx(1.0, abs=1e-14)


def test_a_contract_that_renews_begins_its_clock_again():
    X, y = contracts(n=800)
    X = {"fee": X["fee"], "renews": np.where(np.isnan(X["months_to_end"]), np.nan, X["calendar"])}
    model = DiscreteHazard(baseline="constant", clocks=(Clock("renews", step=-1, period=12),)).fit(X, y)
    h = model.predict_hazard({"fee": [30.0], "renews": [2]}, np.arange(1, 14))[0]
    assert h[:, 0] == pytest.approx(h[:, 12])


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_pullback_moves_with_the_clocks_too(link):
    X, y = contracts(n=300, causes=1)
    model = DiscreteHazard(link=link, baseline="linear", clocks=(END, SEASON), tail="hold").fit(X, y)
    few = {name: values[:4] for name, values in X.items()}
    w = np.random.default_rng(0).normal(size=(4, 6))
    c = np.random.default_rng(1).normal(size=(4, 1, 6))
    scenario = {"fee": np.array([30.0, 30.0, 35.0])}
    slope = model.pullback(few, w, c, given=3, scenario=scenario)

    def total(theta):
        state = model.get_state()
        other = DiscreteHazard.from_state(state)
        q = model._basis_ahead()[0].shape[1]
        level = model.level_ + (model._basis_ahead()[0] @ theta[:q])[None]
        effects, at = [], q
        for effect, columns in zip(model.clock_effects_, model.clock_columns_, strict=True):
            size = columns[0].shape[1]
            effects.append(effect + (columns[0] @ theta[at : at + size])[None])
            at += size
        other.level_, other.clock_effects_, other.coef_ = level, tuple(effects), model.coef_ + theta[at:]
        F = other.predict_incidence(few, np.arange(7), given=3, scenario=scenario)
        S = other.predict_survival(few, np.arange(1, 7), given=3, scenario=scenario)
        return (w * S).sum(axis=1) + (c * np.diff(F, axis=2)).sum(axis=(1, 2))

    P = len(model.covariance_)
    assert slope.shape == (4, P)
    for j in range(P):
        step = np.eye(P)[j] * 1e-6
        assert slope[:, j] == pytest.approx((total(step) - total(-step)) / 2e-6, abs=1e-6)


def test_reasons_alerts_and_artefacts_know_the_clocks():
    X, y = contracts(n=800)
    model = DiscreteHazard(baseline="linear", clocks=(END, SEASON), tail="hold").fit(X, y)
    who = {"fee": [30.0, 30.0], "months_to_end": [1, np.nan], "calendar": [6, 12]}
    told = model.reasons(who, top=3)
    assert told.words[0, 0] == "months_to_end = 1"
    assert told.columns[0, 0] == "months_to_end"
    found = alert_list(model, X, horizon=3, given=y["entry"], capacity=10)
    assert found.std_error is not None
    assert model.feature_names_in_.tolist() == ["fee", "months_to_end", "calendar"]
    back = decode(json.loads(json.dumps(encode(model), allow_nan=False)))
    assert back.clocks_[0].column == "months_to_end"
    assert (back.predict_survival(X, [1, 20]) == model.predict_survival(X, [1, 20])).all()
    assert model.predict_risk(who)[0] > model.predict_risk(who)[1]
    assert np.isfinite(model.score(X, y))
    assert model.score(X, y) == pytest.approx(model.log_likelihood_ / len(y), rel=1e-9)


def test_the_kind_of_contract_may_say_already_whose_clock_runs():
    X, y = contracts(n=800)
    term = np.where(np.isnan(X["months_to_end"]), "none", "fixed")
    model = DiscreteHazard(baseline="linear", clocks=(END,)).fit(
        {"term": term, "fee": X["fee"], "months_to_end": X["months_to_end"]}, y
    )
    assert (model.clock_curve("months_to_end").not_running == 0).all()
    plain = DiscreteHazard(baseline="linear", clocks=(END,)).fit({n: X[n] for n in ("fee", "months_to_end")}, y)
    assert plain.log_likelihood_ == pytest.approx(model.log_likelihood_, rel=1e-9)


def test_values_of_the_clock_without_departures_are_joined_to_their_neighbours():
    X, y = contracts(n=120, causes=2)
    model = DiscreteHazard(baseline="constant", clocks=(END,)).fit({n: X[n] for n in ("fee", "months_to_end")}, y)
    assert all(np.isfinite(effect).all() for effect in model.clock_effects_)
    assert np.isfinite(model.std_error_).all()


def test_a_model_of_clocks_alone_needs_no_other_column():
    X, y = contracts(n=800)
    model = DiscreteHazard(baseline="linear", clocks=(END,), tail="hold").fit({"months_to_end": X["months_to_end"]}, y)
    assert model.coef_.shape == (2, 0)
    assert model.predict_survival({"months_to_end": [1, np.nan]}, [1]).shape == (2, 1)
    assert model.reasons({"months_to_end": [1]}, top=1).words[0, 0] == "months_to_end = 1"


# --- bad input -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("clock", "words"),
    [
        ("months_to_end", r"clocks must hold Clock\(...\), not 'months_to_end'"),
        (Clock("fee", step=0), r"the clock 'fee' has step=0 and stands still; give it as a plain column"),
        (Clock("fee", curve="levels"), r"curve must be one of 'free', 'spline', 'linear', 'seasonal', not 'levels'"),
        (Clock("fee", curve="seasonal"), r"has a season but no period; give period=12 for calendar months"),
        (Clock("fee", low=3, high=1), r"needs low < high, not 3 and 1"),
        (Clock("fee", period=12, low=1), r"has a period, so it runs from 1 to 12"),
        (Clock("fee"), r"clock 'fee' must hold whole months but .* value 30\.6"),
        (Clock("calendar", period=6), r"clock 'calendar' must be within 1\.\.6, its cycle but"),
        (Clock("month_to_end"), r"there is no column 'month_to_end' \(did you mean 'months_to_end'\?\)"),
        (Clock("word"), r"the clock 'word' must hold whole months, but it holds text"),
        (Clock("never"), r"the clock 'never' is missing in every row; leave it out"),
        (Clock("days"), r"runs from .*if these are days, divide by 30\.436875"),
    ],
)
def test_impossible_clocks_are_refused(clock, words):
    X, y = contracts(n=60)
    X |= {"word": np.array(["a"] * 60), "never": np.full(60, np.nan), "days": np.arange(60) * 900}
    X = {name: X[name] for name in ("fee", "months_to_end", "calendar", "word", "never", "days")}
    X["fee"][0] = 30.6
    keep = {name: X[name] for name in X if name in {"fee", getattr(clock, "column", "fee")} or "month" in name}
    keep.pop("months_to_end")
    with pytest.raises(ValueError, match=words):
        DiscreteHazard(clocks=(clock,)).fit(keep | {"months_to_end": np.arange(60) % 7}, y)


def test_a_clock_that_is_the_tenure_is_refused_by_name():
    X, y = contracts()
    same = {"fee": X["fee"], "since": y["entry"] + 1}
    with pytest.raises(ValueError, match="the clock 'since' cannot be told apart from the tenure"):
        DiscreteHazard(clocks=(Clock("since"),)).fit(same, y)


def test_clocks_need_a_frame_and_one_column_each():
    X, y = contracts()
    with pytest.raises(ValueError, match="clocks are columns of a frame: give X as a frame with 'months_to_end'"):
        DiscreteHazard(clocks=(END,)).fit(np.ones((len(y), 2)), y)
    with pytest.raises(ValueError, match="two clocks have the same column"):
        DiscreteHazard(clocks=(END, END)).fit(X, y)
    model = DiscreteHazard(baseline="linear", clocks=(END,), tail="hold").fit(X, y)
    with pytest.raises(ValueError, match="column must be one of 'months_to_end', not 'calendar'"):
        model.clock_curve("calendar")
    with pytest.raises(ValueError, match="moves by itself; change its value in X"):
        model.predict_survival(X, [1], scenario={"months_to_end": [1]})
    with pytest.raises(ValueError, match="has no clocks"):
        DiscreteHazard().fit(X["fee"][:, None], y).clock_curve("months_to_end")
