"""A table of counts gives the very curves of the rows it counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval.survival import aalen_johansen, kaplan_meier, life_table, nelson_aalen, survival_target

pl = pytest.importorskip("polars")
FIELDS = ("times", "at_risk", "events", "std_error", "lower", "upper")
DRAW = {"survival": kaplan_meier, "hazard": nelson_aalen, "incidence": aalen_johansen}


def customers(n=500, seed=5):
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 4, n)
    return pd.DataFrame(
        {
            "plan": rng.choice(["dsl", "fibre"], n),
            "entry": entry,
            "tenure": entry + rng.integers(1, 25, n),
            "cause": rng.choice(["", "price", "debt"], n),
        }
    )


def counted(people, by=()):
    """Count as an engine would: a row for each customer and month at risk, then a GROUP BY."""
    rows = [
        (*(person[name] for name in by), month, 1, *(int(month == person.tenure and person.cause == c) for c in CAUSES))
        for _, person in people.iterrows()
        for month in range(person.entry + 1, person.tenure + 1)
    ]
    names = [*by, "tenure", "at_risk", *(f"exits_{c}" for c in CAUSES)]
    return pd.DataFrame(rows, columns=names).groupby([*by, "tenure"], as_index=False).sum()


CAUSES = ("debt", "price")


@pytest.mark.parametrize("kind", DRAW)
def test_counts_give_the_curve_of_the_rows_to_the_last_bit(kind):
    people = customers()
    y = survival_target(people["tenure"], people["cause"], entry=people["entry"], causes=CAUSES, censored="")
    raw, table = DRAW[kind](y), life_table(counted(people), kind=kind)
    for field in (*FIELDS, kind):
        assert np.ma.allequal(getattr(raw, field), getattr(table, field), fill_value=True), field
    assert table.causes == CAUSES


@pytest.mark.parametrize("kind", DRAW)
def test_groups_and_cells(kind):
    people = customers()
    y = survival_target(people["tenure"], people["cause"], entry=people["entry"], causes=CAUSES, censored="")
    cells = counted(people, by=("plan",))
    raw, table = DRAW[kind](y, groups=people["plan"]), life_table(cells, kind=kind, groups="plan")
    assert raw.groups == table.groups
    for label in raw:
        assert np.array_equal(getattr(raw[label], kind), getattr(table[label], kind))
    whole = life_table(cells, kind=kind)
    assert np.array_equal(getattr(whole, kind), getattr(DRAW[kind](y), kind))


def test_any_frame_will_do():
    columns = {"tenure": [2, 1], "at_risk": [3, 5], "exits": [3, 1]}
    for frame in (columns, pd.DataFrame(columns), pl.DataFrame(columns)):
        curve = life_table(frame, time_unit="week")
        assert curve.survival.tolist() == [0.8, 0]
        assert (curve.causes, curve.time_unit) == (("left",), "week")


BAD = [
    ([1, 2], {}, "counts must be a frame with columns tenure"),
    ({"tenure": [1], "at_risk": [1]}, {}, "counts needs a column exits"),
    ({"tenure": [1], "exits": [1]}, {}, "no column 'at_risk'"),
    ({"tenure": [1], "at_risk": [1], "exits": [1], "exits_a": [1]}, {}, "both exits and exits_a"),
    ({"tenure": [0], "at_risk": [1], "exits": [1]}, {}, "tenure must be > 0 but 1 of 1 row is not (first: row 0"),
    ({"tenure": [1, 2], "at_risk": [5, 1], "exits": [1, 2]}, {}, "exits must be <= at_risk but 1 of 2 rows is not"),
    ({"tenure": [1], "at_risk": [1.5], "exits": [1]}, {}, "at_risk must be whole"),
    ({"tenure": [1], "at_risk": [1], "exits": [-1]}, {}, "exits must be >= 0"),
    ({"tenure": [], "at_risk": [], "exits": []}, {}, "counts has no rows"),
    ({"tenure": [1], "at_risk": [1], "exits": [1]}, {"kind": "hazards"}, "(did you mean 'hazard'?)"),
    ({"tenure": [1], "at_risk": [1], "exits": [1]}, {"variance": "robust"}, "variance must be one of"),
    ({"tenure": [1], "at_risk": [1], "exits": [1]}, {"groups": "plan"}, "no column 'plan'"),
]


@pytest.mark.parametrize(("counts", "options", "words"), BAD, ids=[words for _, _, words in BAD])
def test_impossible_counts_are_refused(counts, options, words):
    with pytest.raises(ValueError) as error:
        life_table(counts, **options)
    assert words in str(error.value)
