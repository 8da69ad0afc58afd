"""Bad input to every model of the time of leaving: which column or row it is, and what to do about it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from custval import ConvergenceWarning, DataWarning, InputError
from custval.survival import (
    AFT,
    CoxPH,
    DiscreteHazard,
    FineGray,
    MixtureCure,
    PiecewiseExponential,
    SharedFrailtyCox,
    cox_path,
    cox_residuals,
    from_lifelines,
    interval_target,
    ph_test,
    schoenfeld_residuals,
    survival_target,
)

N = 80
RNG = np.random.default_rng(0)
A, B = RNG.normal(size=N), RNG.normal(size=N)
LEAVE, END = np.ceil(RNG.exponential(9 * np.exp(-0.5 * A))), RNG.integers(6, 15, N).astype(float)
LEAVE[RNG.random(N) < 0.25] = 99.0
DURATION, EVENT = np.minimum(LEAVE, END), END >= LEAVE


def frailty(X: Any, y: Any, **more: Any) -> Any:
    return SharedFrailtyCox(frailty_variance=0.5).fit(X, y, group=np.arange(len(y)) // 4, **more)


MODELS: dict[str, Callable[..., Any]] = {
    "CoxPH": lambda X, y, **more: CoxPH().fit(X, y, **more),
    "SharedFrailtyCox": frailty,
    "cox_path": lambda X, y, **more: cox_path(X, y, folds=0, points=8, **more),
    "AFT": lambda X, y, **more: AFT().fit(X, y, **more),
    "AFT lognormal": lambda X, y, **more: AFT(distribution="lognormal").fit(X, y, **more),
    "MixtureCure": lambda X, y, **more: MixtureCure(latency_columns=["a"]).fit(X, y, **more),
    "PiecewiseExponential": lambda X, y, **more: PiecewiseExponential().fit(X, y, **more),
}
WIDE = {"MixtureCure": lambda X, y: MixtureCure().fit(X, y)}
UNPENALISED = [name for name in MODELS if name != "cox_path"]
COX = ["CoxPH", "SharedFrailtyCox"]


def frame(**more: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": A, "b": B, **more})


def target(**more: Any) -> Any:
    return survival_target(DURATION, EVENT, **more)


def cure(name: str) -> str:
    return "fit CoxPH with l2 > 0" if name == "SharedFrailtyCox" else "fit with l2 > 0"


@pytest.mark.parametrize("name", UNPENALISED)
def test_columns_that_cannot_be_told_apart_are_named(name):
    fit = MODELS[name]
    with pytest.raises(InputError, match=rf"column 'same.*' is the same for .*; drop it, or {cure(name)}"):
        fit(frame(same=np.full(N, 3.0)), target())
    with pytest.raises(InputError, match=rf"'copy.*' follows from 'a'; drop it, or {cure(name)}"):
        fit(frame(copy=A), target())
    with pytest.raises(InputError, match=rf"'mix.*' follows from 'a', 'b.*'; drop it, or {cure(name)}"):
        fit(frame(mix=2 * A - B + 1), target())
    wide, stays = pd.DataFrame(RNG.normal(size=(10, 12)), columns=list("abcdefghijkl")), np.arange(1.0, 11.0)
    with pytest.raises(InputError, match=f"12 columns but only 10 rows.*; take fewer columns, or {cure(name)}"):
        WIDE.get(name, fit)(wide, survival_target(stays, stays < 8))


def test_a_path_gives_columns_that_say_nothing_no_effect_and_takes_wide_data():
    path = cox_path(frame(same=np.full(N, 3.0)), target(), folds=0, points=8)
    assert (path.coef[:, 2] == 0).all()
    twins = cox_path(frame(copy=A), target(), folds=0, points=8, l1_ratio=0.5)
    assert np.isfinite(twins.coef).all()
    wide = cox_path(RNG.normal(size=(10, 12)), survival_target(np.arange(1.0, 11.0)), folds=0, points=8)
    assert np.isfinite(wide.coef).all()
    parted = cox_path(frame(gone=EVENT.astype(float)), target(), folds=0, points=8)
    assert np.isfinite(parted.coef).all()


@pytest.mark.parametrize("name", UNPENALISED)
def test_separation_names_the_column(name):
    with pytest.warns(ConvergenceWarning, match="no finite best (value|coefficient) exists") as told:
        MODELS[name](frame(gone=EVENT.astype(float)), target())
    words = " ".join(str(one.message) for one in told)
    assert "'gone" in words
    assert "drop the column, merge its levels, or fit with l2 > 0" in words


@pytest.mark.parametrize("name", MODELS)
def test_nobody_left_is_refused_and_everybody_is_not(name):
    with pytest.raises(InputError, match=r"no customer left: all 80 are censored, .*check how event is coded"):
        MODELS[name](frame(), survival_target(DURATION, np.zeros(N)))
    if name == "MixtureCure":
        with pytest.warns(ConvergenceWarning, match="no finite best value exists for the loyal share"):
            MODELS[name](frame(), survival_target(DURATION))
    else:
        found = MODELS[name](frame(), survival_target(DURATION))
        assert np.isfinite(found.coef if name == "cox_path" else found.coef_).all()


@pytest.mark.parametrize("name", MODELS)
def test_rows_that_cannot_be_are_named(name):
    fit = MODELS[name]
    late = np.zeros(N, dtype=[("entry", float), ("duration", float), ("event", np.int64)])
    late["duration"], late["event"] = DURATION, EVENT
    late["entry"][7] = DURATION[7]
    with pytest.raises(InputError, match=r"entry must be < duration but 1 of 80 rows is not \(first: row 7, .*; drop"):
        fit(frame(), late)
    late["entry"][7], late["duration"][4] = 0.0, np.inf
    with pytest.raises(InputError, match=r"duration must be finite but 1 of 80 rows is not \(first: row 4"):
        fit(frame(), late)
    hole = frame()
    hole.loc[3, "b"] = np.inf
    with pytest.raises(InputError, match=r"column 'b' holds an infinity \(first: row 3\); fill or drop such rows"):
        fit(hole, target())
    hole.loc[3, "b"] = np.nan
    with pytest.raises(InputError, match=r"column 'b' is missing .* in 1 of 80 rows \(first: row 3\); fill them, drop"):
        fit(hole, target())
    with pytest.raises(InputError, match="y has 79 rows but X has 80"):
        fit(frame(), target()[:-1])


@pytest.mark.parametrize("name", [name for name in MODELS if name != "SharedFrailtyCox"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((5, -1.0), r"sample_weight must be >= 0 but 1 of 80 rows is not \(first: row 5, value -1.0\)"),
        ((5, np.inf), r"sample_weight must be finite .* but 1 of 80 rows is not \(first: row 5, value inf\)"),
        ((slice(None), 0.0), "sample_weight is zero in every row; at least one customer must count"),
    ],
)
def test_weights_that_cannot_be_are_named(name, change, said):
    weight = np.ones(N)
    weight[change[0]] = change[1]
    with pytest.raises(InputError, match=said):
        MODELS[name](frame(), target(), sample_weight=weight)


@pytest.mark.parametrize("name", UNPENALISED)
def test_a_level_not_seen_in_fitting_is_named(name):
    X = frame(plan=np.where(np.arange(N) % 2, "fibre", "dsl"))
    model, new = MODELS[name](X, target()), X.head(4).copy()
    new.loc[2, "plan"] = "5g"
    with pytest.raises(InputError, match=r"'plan' holds a level not seen in fitting: '5g' in 1 of 4 rows \(first: row"):
        model.predict_risk(new)
    with pytest.raises(InputError, match=r"was fitted with a column 'plan', which is missing"):
        model.predict_risk(frame().head(4))


@pytest.mark.parametrize("name", UNPENALISED)
def test_beyond_the_follow_up_a_law_goes_on_and_a_baseline_refuses(name):
    model = MODELS[name](frame(), target())
    if name in COX:
        with pytest.raises(
            InputError, match=r"reaches time 1000 .* the last observed time is 14; ask for less, or hold"
        ):
            model.predict_survival(frame(), [1000.0])
    else:
        far = model.predict_survival(frame(), [1e3, 1e300])
        assert ((far >= 0) & (far <= 1) & (np.diff(far, axis=1, prepend=1) <= 0)).all()
    with pytest.raises(InputError, match="times must be >= 0"):
        model.predict_survival(frame(), [-1.0])
    with pytest.raises(InputError, match=r"given must be (finite|>= 0)"):
        model.predict_survival(frame(), [1.0], given=np.inf)


@pytest.mark.parametrize("name", [*COX, "cox_path"])
def test_a_stratum_without_departures_is_named(name):
    stratum = np.repeat(["east", "north", "south", "west"], 20)
    y = survival_target(DURATION, EVENT & (stratum != "north"))
    with pytest.warns(DataWarning, match=r"1 of 4 strata have no departures \('north'\): they say nothing about"):
        MODELS[name](frame(), y, strata=stratum)


def coefficients(name: str, X: Any, y: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return MODELS[name](X, y).coef_


@pytest.mark.parametrize("name", UNPENALISED)
@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_scales_and_offsets_do_not_matter(name, scale):
    plain = coefficients(name, frame(), target())
    size = np.array([scale, 1 / scale])[: len(plain)]
    X = pd.DataFrame({"a": A * scale, "b": B / scale})
    assert coefficients(name, X, target()) * size == pytest.approx(plain, rel=1e-9, abs=1e-7)
    assert coefficients(name, frame() + 1e6, target()) == pytest.approx(plain, rel=1e-8, abs=1e-7)
    assert coefficients(name, frame() - 1e9, target()) == pytest.approx(plain, rel=1e-6, abs=1e-6)
    longer = survival_target(DURATION * scale, EVENT)
    assert coefficients(name, frame(), longer) == pytest.approx(plain, rel=1e-6, abs=1e-6)


def test_looks_between_which_nobody_can_have_left_are_named():
    with pytest.raises(
        InputError, match=r"upper must be >= lower \(and > entry\) but 1 of 2 rows is not \(first: row 1"
    ):
        interval_target([1.0, 5.0], [2.0, 4.0])


CLUSTERED: dict[str, Callable[..., Any]] = {
    **{name: MODELS[name] for name in ("CoxPH", "AFT", "MixtureCure", "PiecewiseExponential")},
    "DiscreteHazard": lambda X, y, **more: DiscreteHazard(baseline="constant").fit(X, y, **more),
    "FineGray": lambda X, y, **more: FineGray().fit(X, y, **more),
}


@pytest.mark.parametrize("name", CLUSTERED)
def test_clusters_that_say_nothing_are_named(name):
    fit = CLUSTERED[name]
    with pytest.raises(InputError, match=r"cluster holds one label only, in all 80 rows, so robust errors would be 0"):
        fit(frame(), target(), cluster=np.zeros(N))
    with pytest.raises(InputError, match=r"not the name 'account'; pass the column itself, X\['account'\]"):
        fit(frame(), target(), cluster="account")
    with pytest.raises(InputError, match=r"cluster must be known but 1 of 80 rows is not \(first: row 2"):
        fit(frame(), target(), cluster=np.where(np.arange(N) == 2, np.nan, np.arange(N)))


@pytest.mark.parametrize("name", MODELS)
def test_frames_and_arrays_that_cannot_be_read_are_named(name):
    twice = pd.DataFrame(np.column_stack([A, B, A]), columns=["a", "b", "a"])
    with pytest.raises(InputError, match="column names must differ, but 'a' stands 2 times; rename or drop"):
        MODELS[name](twice, target())
    mixed = np.array(frame().to_numpy(), dtype=object)
    mixed[3, 1] = "fibre"
    with pytest.raises(InputError, match="X must hold numbers, but row 3, column 1 holds 'fibre'; give a frame with"):
        MODELS[name](mixed, target())


def test_no_rows_at_all_is_said():
    with pytest.raises(InputError, match="X has no rows; a hazard needs at least 2 customers"):
        CoxPH().fit(frame().head(0), target()[:0])


def test_residuals_of_other_models_are_refused_and_a_pair_is_a_target():
    model = CoxPH().fit(frame(), target())
    pair = (DURATION, EVENT)
    assert (cox_residuals(model, frame(), pair) == cox_residuals(model, frame(), target())).all()
    assert (ph_test(model, frame(), pair).p_value == ph_test(model, frame(), target()).p_value).all()
    for look in (cox_residuals, ph_test, schoenfeld_residuals):
        with pytest.raises(InputError, match="model must be a fitted CoxPH, not AFT; fit CoxPH to the same data"):
            look(MODELS["AFT"](frame(), target()), frame(), target())
    with pytest.raises(InputError, match="CoxPH is a model of this library already; use it as it is"):
        from_lifelines(model)


def test_one_account_says_nothing_about_how_accounts_differ():
    with pytest.raises(InputError, match="group holds one account only, so how much accounts differ cannot be told"):
        SharedFrailtyCox().fit(frame(), target(), group=["a"] * N)
    with pytest.raises(InputError, match=r"group must be known but 1 of 80 rows is not \(first: row 0"):
        SharedFrailtyCox().fit(frame(), target(), group=[None, *range(N - 1)])


def test_a_law_without_a_best_fit_names_what_runs_away():
    with pytest.warns(ConvergenceWarning, match="no finite best value exists for the scale"):
        AFT(distribution="gengamma").fit(frame(), survival_target(np.ones(N)))
    with pytest.warns(ConvergenceWarning, match="no finite best value exists for 'x0'"):
        AFT(distribution="gengamma").fit([[1.0], [2.0], [3.0]], survival_target([1.0, 2.0, 3.0]))
