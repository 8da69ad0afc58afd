"""Cuts by every rule, frozen and applied again; names, strategies, frames of every kind; bad input."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from custval import DataWarning, InputError, NotFittedError
from custval._core.serial import decode, encode
from custval.segments import ValuePotential

RNG = np.random.default_rng(4)
AXES = np.column_stack([RNG.lognormal(3, 1, 200), RNG.lognormal(5, 1, 200)])


def test_median_quadrants_by_hand():
    model = ValuePotential().fit(AXES)
    high = np.median(AXES, axis=0) < AXES
    np.testing.assert_array_equal(model.predict(AXES), 2 * ~high[:, 0] + ~high[:, 1])
    assert model.predict(AXES).dtype == np.int64
    names = np.array(["high/high", "high/low", "low/high", "low/low"], dtype=object)
    np.testing.assert_array_equal(model.quadrant(AXES), names[model.predict(AXES)])


def test_default_strategies_are_those_of_the_field():
    model = ValuePotential(cuts="money", money=1.0).fit(AXES)
    corners = [[2.0, 2.0], [2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
    assert model.strategy(corners).tolist() == [
        "protect and renew early",
        "keep at low cost, no deep discount",
        "develop: cross-sell, data up-sell",
        "self-care, no outbound call",
    ]


def test_share_cut_is_the_fewest_richest_who_bring_the_share():
    model = ValuePotential(cuts="share", share=0.8).fit(AXES)
    for axis in (0, 1):
        values = np.sort(AXES[:, axis])[::-1]
        enough = np.flatnonzero(values.cumsum() >= 0.8 * values.sum())[0]
        assert model.cuts_[axis] == values[enough]
        assert values[values >= model.cuts_[axis]].sum() >= 0.8 * values.sum()


def test_a_rule_and_a_level_for_each_axis():
    model = ValuePotential(cuts=("money", "quantile"), money=25.0, quantile=(0.1, 0.75)).fit(AXES)
    assert model.cuts_[0] == 25.0
    assert (AXES[:, 1] >= model.cuts_[1]).mean() == pytest.approx(0.25)


def test_equal_values_stay_together():
    axes = np.array([[1.0, 0.0]] * 3 + [[2.0, 0.0]] * 5 + [[3.0, 9.0]] * 2)
    quantile = ValuePotential().fit(axes)  # the median is 2: those who tie with it are low
    assert quantile.cuts_.tolist() == [3.0, 9.0]
    share = ValuePotential(cuts="share", share=(0.4, 0.5)).fit(axes)  # one of the twos is needed: all of them are high
    assert share.cuts_[0] == 2.0
    assert len(set(share.predict(axes)[3:8])) == 1


def test_cuts_are_frozen_and_applying_them_again_changes_nothing():
    model = ValuePotential().fit(AXES)
    cuts = model.cuts_.copy()
    first = model.predict(AXES)
    model.predict(AXES * 3)
    np.testing.assert_array_equal(model.predict(AXES), first)
    np.testing.assert_array_equal(model.cuts_, cuts)
    np.testing.assert_array_equal(model.predict(AXES[:1]), first[:1])


def test_whole_weights_equal_copies():
    weight = RNG.integers(0, 4, 200)
    for rule in ("quantile", "share"):
        plain = ValuePotential(cuts=rule).fit(np.repeat(AXES, weight, axis=0))
        weighted = ValuePotential(cuts=rule).fit(AXES, sample_weight=weight)
        np.testing.assert_array_equal(plain.cuts_, weighted.cuts_)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_every_kind_of_frame_gives_the_same(kind):
    frame = kind({"id": np.arange(200), "now": AXES[:, 0], "later": AXES[:, 1]})
    model = ValuePotential(axes=("now", "later")).fit(frame)
    plain = ValuePotential().fit(AXES)
    np.testing.assert_array_equal(model.cuts_, plain.cuts_)
    np.testing.assert_array_equal(model.predict(frame), plain.predict(AXES))
    assert model.axes_ == ("now", "later")
    # with axes by name the order of columns and further columns do not matter
    other = kind({"later": AXES[:, 1], "now": AXES[:, 0]})
    np.testing.assert_array_equal(model.predict(other), plain.predict(AXES))
    np.testing.assert_array_equal(model.predict(np.column_stack([np.zeros(200), AXES])), plain.predict(AXES))


def test_a_frame_with_numbered_columns_is_an_array():
    np.testing.assert_array_equal(ValuePotential().fit(pd.DataFrame(AXES)).cuts_, ValuePotential().fit(AXES).cuts_)


def test_more_than_two_columns_need_a_choice():
    wide = np.column_stack([AXES, AXES[:, 0]])
    with pytest.warns(DataWarning, match=r"X has 3 columns; 0 and 1 were taken as current and potential value"):
        ValuePotential().fit(wide)
    np.testing.assert_array_equal(ValuePotential(axes=(1, -1)).fit(wide).cuts_, ValuePotential().fit(AXES).cuts_[::-1])


def test_a_constant_axis_puts_all_on_one_side_and_says_so():
    axes = np.column_stack([np.full(5, 7.0), np.arange(5.0)])
    with pytest.warns(DataWarning, match=r"current value axis is constant \(7\), .* all of them are low"):
        model = ValuePotential().fit(axes)
    assert set(model.predict(axes)) <= {2, 3}
    assert model.predict([[7.1, 0.0]])[0] == 1
    with pytest.warns(DataWarning, match=r"all of them are high"):
        assert set(ValuePotential(cuts="share").fit(axes).predict(axes)) <= {0, 1}


def test_one_customer():
    model = ValuePotential().fit([[5.0, 3.0]])
    assert model.quadrant([[5.0, 3.0]]).tolist() == ["low/low"]
    table = model.table([[5.0, 3.0]], lifetime_value=[9.0], p_leave=[0.5])
    assert table.lifetime_value_std_error is None
    assert table.mean_p_leave == (None, None, None, 0.5)
    json.dumps(table.to_dict(), allow_nan=False)


def test_names_and_strategies_can_be_replaced():
    names = ("stars", "pillars", "seeds", "rest")
    model = ValuePotential(names=names, strategies=["a", "b", "c", "d"]).fit(AXES)
    assert set(model.quadrant(AXES)) <= set(names)
    assert model.table(AXES).quadrant == names
    assert model.table(AXES).strategy == ("a", "b", "c", "d")


def test_saved_and_loaded_it_answers_the_same():
    for model in (
        ValuePotential(cuts=("share", "money"), money=3.0, share=0.7).fit(AXES),
        ValuePotential().fit(pd.DataFrame(AXES, columns=["a", "b"])),
    ):
        again = decode(json.loads(json.dumps(encode(model), allow_nan=False)))
        np.testing.assert_array_equal(again.predict(AXES), model.predict(AXES))
        assert again.get_params() == model.get_params()
        assert again.strategy(AXES[:3]).tolist() == model.strategy(AXES[:3]).tolist()


def test_fitting_again_forgets_the_names_of_before():
    model = ValuePotential().fit(pd.DataFrame(AXES, columns=["a", "b"]))
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert not hasattr(model.fit(AXES), "feature_names_in_")


def test_works_where_only_numpy_is_installed():
    code = (
        "import sys\n"
        "for name in ('pandas', 'sklearn', 'scipy.stats', 'matplotlib', 'narwhals', 'threadpoolctl'):\n"
        "    sys.modules[name] = None\n"
        "from custval.segments import ValuePotential, lorenz_curve\n"
        "X = {'now': [1.0, 2.0, 3.0, 9.0], 'later': [4.0, 1.0, 3.0, 2.0]}\n"
        "model = ValuePotential().fit(X)\n"
        "model.table(X, lifetime_value=[1.0, 2.0, 3.0, 4.0], p_leave=[0.1] * 4)\n"
        "assert lorenz_curve(X['now']).gini > 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("settings", "X", "message"),
    [
        ({"cuts": "quartile"}, AXES, r"cuts must be one of .* not 'quartile' \(did you mean 'quantile'\?\)"),
        ({"cuts": "money"}, AXES, r"cuts='money' needs money="),
        ({"cuts": ("quantile",) * 3}, AXES, r"cuts must be one setting or a pair"),
        ({"quantile": 1.0}, AXES, r"quantile must be > 0 and < 1, not 1\.0"),
        ({"cuts": "share", "share": 80}, AXES, r"share must be > 0 and <= 1, not 80"),
        ({"cuts": "share"}, -AXES, r"needs a total > 0, but the current value axis adds up to -"),
        ({"names": ("a", "b", "c")}, AXES, r"names must be four texts"),
        ({"names": ("a", "b", "c", "c")}, AXES, r"names must be four different names"),
        ({"strategies": "call"}, AXES, r"strategies must be four texts"),
        ({"axes": ("now", "later")}, AXES, r"are names, but X is an array"),
        ({"axes": "now"}, AXES, r"axes must be a pair"),
        ({"axes": ("now", "latr")}, {"now": [1.0], "later": [2.0]}, r"no column 'latr' \(did you mean 'later'\?\)"),
        ({"axes": (0, 5)}, AXES, r"2 feature\(s\) .* while a minimum of 6 is required"),
        ({}, AXES[:, :1], r"1 feature\(s\) \(shape=\(200, 1\)\) while a minimum of 2 is required"),
        ({}, {"now": [1.0]}, r"1 feature\(s\) .* minimum of 2"),
        ({}, {"now": [1.0, np.nan], "later": [1.0, 2.0]}, r"column 'now' must be finite .*row 1, .*drop such rows"),
        ({}, {"now": ["x", "y"], "later": [1.0, 2.0]}, r"column 'now' must hold numbers; row 0 holds 'x'"),
        ({}, {"now": [1.0, 2.0], "later": [1.0]}, r"'later' has 1 rows but 'now' has 2"),
        ({}, {"now": [], "later": []}, r"0 sample"),
        ({}, [[1.0, np.inf]], r"X holds NaN or infinity \(first: row 0, column 1\)"),
    ],
)
def test_bad_input_is_refused_with_help(settings, X, message):
    with pytest.raises(InputError, match=message):
        ValuePotential(**settings).fit(X)


def test_bad_input_after_fitting():
    with pytest.raises(NotFittedError, match=r"ValuePotential is not fitted yet"):
        ValuePotential().quadrant(AXES)
    model = ValuePotential().fit({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    with pytest.raises(InputError, match=r"must be in the same order"):
        model.predict({"b": [1.0], "a": [1.0]})
    with pytest.raises(InputError, match=r"yet now missing:\n- b"):
        model.predict({"a": [1.0]})
    with pytest.raises(InputError, match=r"X has 3 features, but ValuePotential is expecting 2"):
        model.predict(np.ones((1, 3)))


def test_cuts_by_profit_say_that_an_axis_is_constant():
    axes = np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 4.0]])
    with pytest.warns(DataWarning, match="current value axis is constant"):
        ValuePotential(cuts="profit").fit(axes, profit=np.ones((3, 4)))
