"""Person-months against a slow reading of the same words, the three fits against each other, and every bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custval import DataWarning, InputError
from custval.survival import (
    Clock,
    DiscreteHazard,
    EventColumn,
    MonthColumn,
    month_rows,
    person_months,
    survival_target,
    target_from_dates,
    to_months,
)

M = 30.436875
UNTIL = np.datetime64("2024-12-31")
DAY = np.timedelta64(1, "D")


def portfolio(n=60, seed=0):
    """Return customers, their bills and their calls."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2023-01-05") + rng.integers(0, 500, n) * DAY
    end = start + rng.integers(20, 700, n) * DAY
    people = pd.DataFrame(
        {
            "customer_id": rng.permutation(n) + 100,
            "start": start.astype("datetime64[s]"),
            "end": np.where(rng.random(n) < 0.7, end, np.datetime64("NaT")).astype("datetime64[s]"),
            "cause": rng.choice(["price", "moved"], n),
            "plan": rng.choice(["gold", "basic"], n),
            "fee": rng.integers(20, 40, n),
            "contract_end": (start + rng.choice([365, 730], n) * DAY).astype("datetime64[s]"),
        }
    )
    people = people[people["start"] < UNTIL - 40 * DAY].reset_index(drop=True)
    who = rng.choice(people["customer_id"].to_numpy(), 900)
    at = np.datetime64("2022-11-01") + rng.integers(0, 790, 900) * DAY
    records = pd.DataFrame({"customer_id": who, "event_time": at.astype("datetime64[s]")})
    records["amount"] = rng.integers(1, 60, 900).astype(float)
    records["kind"] = rng.choice(["complaint", "enquiry"], 900)
    return people, records


SPECS = {
    "count": {"how": "count", "window": 3},
    "any": {"how": "any", "window": 1},
    "sum": {"how": "sum", "value": "amount", "window": 2, "lag": 0.5},
    "mean": {"how": "mean", "value": "amount", "window": 4, "fill": -1.0},
    "max": {"how": "max", "value": "amount", "window": 3},
    "last": {"how": "last", "value": "amount"},
    "since": {"how": "since", "window": 6},
    "change": {"how": "change", "value": "amount", "window": 1, "against": 3},
    "complaints": {"how": "count", "window": 3, "where": ("kind", "complaint")},
}


def slow_value(spec, own, start, t):
    """Return one value of one column the slow way: look at every record of the customer."""
    if spec.where is not None:
        own = own[own[spec.where[0]] == spec.where[1]]
    own = own.sort_values("event_time", kind="stable")
    known = np.ceil(np.round((own["event_time"].to_numpy() - start) / DAY / M + spec.lag, 9))
    value = own["amount"].to_numpy()
    inside = (known <= t - 1) & (known > t - 1 - spec.window)
    if spec.how in {"count", "any"}:
        return float(inside.sum()) if spec.how == "count" else float(inside.any())
    if spec.how == "sum":
        return value[inside].sum()
    if spec.how in {"mean", "max"}:
        return getattr(np, spec.how)(value[inside]) if inside.any() else spec.fill
    ever = known <= t - 1
    if spec.how == "last":
        return value[ever][-1] if ever.any() else spec.fill
    if spec.how == "since":
        return min(t - 1 - known[ever].max(), spec.window) + 0.0 if ever.any() else spec.window
    before = (known <= t - 1 - spec.window) & (known > t - 1 - spec.window - spec.against)
    return value[inside].mean() / value[before].mean() - 1 if inside.any() and before.any() else spec.fill


def test_every_column_is_what_a_slow_reading_finds():
    people, records = portfolio()
    events = {name: EventColumn(records, **settings) for name, settings in SPECS.items()}
    months = person_months(people, observed_until=UNTIL, cause="cause", columns=["plan", "fee"], events=events)
    table = months.to_frame()
    target = to_months(target_from_dates(people["start"], people["end"], observed_until=UNTIL, cause=people["cause"]))
    kept = np.flatnonzero(target.kept)
    assert months.n_rows == len(table) == int(target.target["duration"].sum())
    assert (table.groupby("row")["tenure"].max().to_numpy() == target.target["duration"]).all()
    assert (table.groupby("row")["event"].max().to_numpy() == target.target["event"]).all()
    assert sorted(table["row"].unique()) == kept.tolist()
    for row in table.sample(150, random_state=1).to_dict("records"):
        person = people.iloc[row["row"]]
        own = records[records["customer_id"] == person["customer_id"]]
        for name, spec in events.items():
            expected = slow_value(spec, own, person["start"].to_datetime64(), row["tenure"])
            assert row[name] == pytest.approx(expected), (name, row["tenure"])
        assert (row["plan"], row["fee"]) == (person["plan"], person["fee"])


def test_blocks_of_any_size_are_the_same():
    people, records = portfolio()
    events = {name: EventColumn(records, **settings) for name, settings in SPECS.items()}
    months = person_months(people, observed_until=UNTIL, columns=["plan"], events=events, contract_end="contract_end")
    whole = months.to_frame()
    parts = [pd.DataFrame({"row": b.row, "tenure": b.tenure, **b.X, "event": b.event}) for b in months.blocks(17)]
    assert len(parts) > 10
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    assert "fee" not in repr(months)


def test_clocks_of_the_table_move_by_a_month():
    people, _ = portfolio()
    months = person_months(people, observed_until=UNTIL, contract_end="contract_end", calendar=True)
    table = months.to_frame()
    first = table[table["tenure"] == 1]
    assert set(first["months_to_end"]) == {12.0, 24.0}
    for _, own in table.groupby("row"):
        assert (np.diff(own["months_to_end"]) == -1).all()
        assert ((np.diff(own["calendar_month"]) == 1) | (np.diff(own["calendar_month"]) == -11)).all()
    starts = people["start"].dt.month.to_numpy()[first["row"]]
    assert (first["calendar_month"].to_numpy() == starts).all()


def big(n=1500, seed=4):
    people, records = portfolio(n, seed)
    columns = ["plan", "fee"]
    events = {"complaints": EventColumn(records, how="count", window=2)}
    return people, columns, events


def test_the_fit_of_months_is_that_of_the_expanded_table_and_of_counts():
    people, columns, events = big()
    months = person_months(people, observed_until=UNTIL, cause="cause", columns=columns, events=events)
    model = DiscreteHazard(baseline="spline", tail="hold").fit_months(months, cluster=True)
    table = months.to_frame()
    y = survival_target(table["tenure"], table["event"], entry=table["tenure"] - 1, causes=list(months.causes))
    X = table[[*columns, "complaints"]]
    same = DiscreteHazard(baseline="spline", tail="hold").fit(X, y, cluster=table["row"])
    assert model.coef_ == pytest.approx(same.coef_, rel=1e-10, abs=1e-10)
    assert model.std_error_ == pytest.approx(same.std_error_, rel=1e-9)
    assert model.robust_std_error_ == pytest.approx(same.robust_std_error_, rel=1e-9)
    assert model.feature_names_out_.tolist() == ["plan=gold", "fee", "complaints"]
    counted = DiscreteHazard(baseline="spline", tail="hold").fit_counts(months.counts())
    assert counted.coef_ == pytest.approx(model.coef_, rel=1e-10, abs=1e-10)
    assert counted.n_events_ == model.n_events_


def test_streaming_gives_the_same_numbers_with_clocks(monkeypatch):
    from custval._survival import discrete_months

    people, columns, events = big()
    months = person_months(
        people, observed_until=UNTIL, columns=columns, events=events, contract_end="contract_end", calendar=True
    )
    clocks = (
        Clock("months_to_end", step=-1, curve="spline"),
        Clock("calendar_month", period=12, curve="seasonal", df=1),
    )
    held = DiscreteHazard(baseline="spline", clocks=clocks, tail="hold").fit_months(months, cluster=True)
    monkeypatch.setattr(discrete_months, "_HELD", 0)
    streamed = DiscreteHazard(baseline="spline", clocks=clocks, tail="hold").fit_months(
        months, cluster=True, block_rows=500
    )
    assert streamed.coef_ == pytest.approx(held.coef_, rel=1e-9)
    assert streamed.robust_std_error_ == pytest.approx(held.robust_std_error_, rel=1e-9)
    assert streamed.log_likelihood_ == pytest.approx(held.log_likelihood_, rel=1e-12)


def test_today_is_what_a_model_predicts_from_and_treatments_are_off():
    people, columns, events = big()
    calls = events["complaints"].table.iloc[::3]
    events["called"] = EventColumn(calls, how="any", window=2, treatment=True)
    months = person_months(people, observed_until=UNTIL, columns=columns, events=events, contract_end="contract_end")
    clock = Clock("months_to_end", step=-1, curve="linear")
    model = DiscreteHazard(baseline="spline", clocks=(clock,), tail="hold").fit_months(months)
    today = months.today()
    here = people["end"].isna() | (people["end"] > UNTIL)
    assert set(today.row) <= set(np.flatnonzero(here))
    assert (today.X["called"] == 0).all()
    assert model.predict_survival(today.X, [1, 6], given=today.given).shape == (len(today.row), 2)
    # what is known today is what month given + 1 would see
    later = person_months(people, observed_until=UNTIL + 40 * DAY, columns=columns, events=events)
    table = later.to_frame().set_index(["row", "tenure"])
    for row, given, seen in list(zip(today.row, today.given, today.X["complaints"], strict=True))[:40]:
        assert table.loc[(row, given + 1), "complaints"] == seen


def test_today_knows_departures_within_the_delay_and_customers_of_this_month():
    people = {
        "customer_id": [1, 2, 3, 4],
        "start": ["2024-01-01", "2024-01-01", "2024-06-20", "2024-05-01"],
        "end": [None, "2024-06-20", None, None],
    }
    calls = {"customer_id": [1, 3, 2], "event_time": ["2024-05-10", "2024-06-19", "2024-05-10"]}
    score = {"customer_id": [1, 1, 3], "month": [6, 7, 1], "score": [0.6, 0.7, 0.1]}
    events = {"calls": EventColumn(calls, window=12), "score": MonthColumn(score, value="score")}
    for delay in (0, 2):
        months = person_months(people, observed_until="2024-07-01", events=events, calendar=True, label_delay=delay)
        today = months.today()
        assert today.row.tolist() == [0, 2, 3]  # row 1 is known to have left
        assert today.given.tolist() == [5, 0, 2]
        assert today.X["calls"].tolist() == [1, 1, 0]
        assert today.X["score"].tolist() == [0.6, 0.1, 0.0]
        assert today.X["calendar_month"].tolist() == [6, 6, 7]
        assert 2 not in months.to_frame()["row"].to_numpy()


def test_months_whose_departures_cannot_be_known_yet_are_left_out():
    people, _ = portfolio(400)
    whole = person_months(people, observed_until=UNTIL, cause="cause")
    late = person_months(people, observed_until=UNTIL, cause="cause", label_delay=2)
    assert late.n_left_out == whole.n_rows - late.n_rows > 0
    earlier = person_months(
        people[people["start"] < UNTIL - 62 * DAY], observed_until=UNTIL - np.timedelta64(int(2 * M * 24 * 3600), "s")
    )
    assert late.n_rows == earlier.n_rows
    assert (late.to_frame()["event"] > 0).sum() == (earlier.to_frame()["event"] > 0).sum()


def test_landmarks_hold_the_columns_and_follow_for_the_horizon():
    people, columns, events = big(300)
    months = person_months(people, observed_until=UNTIL, cause="cause", columns=columns, events=events)
    marks = months.landmarks(every=4, horizon=6)
    table = months.to_frame().set_index(["row", "tenure"])
    assert set(marks.y["entry"]) <= set(range(0, 40, 4))
    assert ((marks.y["duration"] - marks.y["entry"]) <= 6).all()
    for i in range(0, len(marks.row), 7):
        own = table.loc[marks.row[i]]
        entry, duration = marks.y["entry"][i], marks.y["duration"][i]
        assert marks.X["complaints"][i] == own.loc[entry + 1, "complaints"]
        assert marks.y["event"][i] == own.loc[duration, "event"]
    model = DiscreteHazard(baseline="spline", tail="hold").fit(marks.X, marks.y, cluster=marks.row)
    assert np.isfinite(model.robust_std_error_).all()


def test_a_customer_who_came_back_has_two_stays():
    people = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b"],
            "start": ["2023-01-01", "2023-09-01", "2023-01-01"],
            "end": ["2023-05-20", None, None],
        }
    )
    calls = {
        "customer_id": ["a", "a", "b", "z"],
        "event_time": ["2023-02-10", "2023-10-10", "2023-02-10", "2023-02-10"],
    }
    months = person_months(people, observed_until="2024-01-01", events={"calls": EventColumn(calls, window=12)})
    table = months.to_frame()
    assert table.groupby("row")["calls"].max().tolist() == [1.0, 1.0, 1.0]
    assert table[(table["row"] == 0) & (table["calls"] == 1)]["tenure"].min() == 3
    assert table.groupby("row")["event"].max().tolist() == [1, 0, 0]


def test_known_months_are_taken_as_they_are():
    people = {"customer_id": [7, 8], "start": ["2024-01-01"] * 2, "end": [None, None]}
    score = {"customer_id": [8, 7, 7], "month": [2, 1, 3], "score": [0.1, 0.5, 0.7]}
    months = person_months(
        people, observed_until="2024-05-01", events={"score": MonthColumn(score, value="score", fill=-1.0)}
    )
    assert months.to_frame()["score"].tolist() == [0.5, -1.0, 0.7, -1.0, 0.1, -1.0]
    epoch = {"customer_id": [7], "event_time": [np.datetime64("2024-01-15", "s").astype(int)]}
    counted = person_months(people, observed_until="2024-05-01", events={"calls": EventColumn(epoch)})
    assert counted.to_frame()["calls"].tolist() == [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]


# --- bad input -------------------------------------------------------------------------------------------------------
def test_values_of_months_after_the_stay_are_nobodys():
    people = {"customer_id": [1, 2], "start": ["2024-01-01"] * 2, "end": ["2024-02-20", None]}
    score = {"customer_id": [1] * 6 + [2], "month": [1, 2, 3, 4, 5, 6, 2], "score": [1, 2, 3, 4, 5, 6, 9]}
    column = MonthColumn(score, value="score", fill=-1.0)
    months = person_months(people, observed_until="2024-04-20", events={"score": column})
    assert months.to_frame()["score"].tolist() == [1, 2, -1, 9, -1]
    long = MonthColumn({"customer_id": [2] * 9, "month": range(1, 10), "score": range(1, 10)}, value="score")
    months = person_months(people, observed_until="2024-04-20", events={"score": long})
    assert months.to_frame()["score"].tolist() == [0, 0, 1, 2, 3]
    assert months.today().X["score"].tolist() == [4]


def test_records_of_nobody_are_said():
    people = {"customer_id": ["1", "2"], "start": ["2024-01-01"] * 2, "end": ["2024-02-20", None]}
    for column in (
        EventColumn({"customer_id": [1, 2], "event_time": ["2024-01-15"] * 2}),
        MonthColumn({"customer_id": [1, 2], "month": [1, 1], "score": [1, 2]}, value="score"),
    ):
        with pytest.warns(DataWarning, match="none of the 2 records of column 'calls' belongs to a customer"):
            person_months(people, observed_until="2024-04-20", events={"calls": column})


def test_a_column_dated_after_its_month_is_refused_by_name():
    people = {"customer_id": [7], "start": ["2024-01-01"], "end": [None], "nps": [3], "asked": ["2024-02-01"]}
    with pytest.raises(
        ValueError, match=r"column 'nps' is dated after the month it is used for in 1 of 1 rows .*31\.0 days"
    ):
        person_months(people, observed_until="2024-05-01", columns=["nps"], dated={"nps": "asked"})
    score = {"customer_id": [7, 7], "month": [1, 2], "score": [1, 2], "known": ["2023-12-31", None]}
    with pytest.raises(ValueError, match=r"column 'score' is dated after .* has no date of being known"):
        person_months(
            people, observed_until="2024-05-01", events={"score": MonthColumn(score, value="score", known="known")}
        )


def test_overlapping_stays_of_one_customer_are_refused():
    people = {
        "customer_id": [7, 8, 7],
        "start": ["2024-01-01", "2024-01-01", "2024-02-15"],
        "end": ["2024-03-01", None, None],
    }
    with pytest.raises(
        ValueError, match=r"stays of one customer overlap in 1 places \(first: rows 0 and 2.*15\.0 days"
    ):
        person_months(people, observed_until="2024-05-01")
    endless = people | {"end": [None, None, None]}
    with pytest.raises(ValueError, match="overlap in 1 places"):
        person_months(endless, observed_until="2024-05-01")


def test_contracts_that_end_before_they_begin_are_refused():
    people = {
        "customer_id": [7, 8],
        "start": ["2024-01-01"] * 2,
        "end": [None, None],
        "c": ["2025-01-01", "2023-05-01"],
    }
    with pytest.raises(
        ValueError, match=r"c must be after start but 1 of 2 rows is not \(first: row 1, value 2023-05-01"
    ):
        person_months(people, observed_until="2024-05-01", contract_end="c")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"tenure": [2, 1, 1]},
            r"months of one customer are out of order in 1 of 3 rows \(first: row 1, month 1\); sort",
        ),
        ({"tenure": [1, 1, 1]}, r"months of one customer stand twice in 1 of 3 rows"),
        (
            {"event": [1, 0, 0]},
            r"months of one customer come after the departure in 1 of 3 rows \(first: row 1, month 2\)",
        ),
        ({"tenure": [1, 2.5, 1]}, r"tenure must be whole months"),
        ({"tenure": [0, 1, 1]}, r"tenure must be >= 1"),
        ({"event": [0, 3, 0]}, r"cause 1|codes|gap"),
    ],
)
def test_impossible_months_are_refused(change, words):
    table = {"customer_id": [7, 7, 8], "tenure": [1, 2, 1], "event": [0, 1, 0], "fee": [1.0, 2.0, 3.0]} | change
    with pytest.raises(ValueError, match=words):
        month_rows(table)


def test_gaps_in_the_months_are_said():
    table = {"customer_id": [7, 7, 8], "tenure": [1, 3, 1], "event": [0, 1, 0], "fee": [1.0, 2.0, 3.0]}
    with pytest.warns(UserWarning, match="1 customers' months have gaps"):
        assert list(month_rows(table).X) == ["fee"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"how": "average"}, "how must be one of"),
        ({"how": "sum"}, "column 'calls' with how='sum' needs value="),
        ({"window": 0}, "window must be >= 1"),
        ({"lag": -1}, "lag must be >= 0"),
        ({"at": "time"}, "there is no column 'time'"),
        ({"at": "weight"}, "calls: weight must hold dates or whole seconds"),
        ({"at": "gone"}, "calls: gone must be known but 1 of 1 row is not .* drop records without a date"),
    ],
)
def test_impossible_event_columns_are_refused(spec, words):
    people = {"customer_id": [7], "start": ["2024-01-01"], "end": [None]}
    calls = {"customer_id": [7], "event_time": ["2024-01-15"], "weight": [1.5], "gone": [None]}
    with pytest.raises(ValueError, match=words):
        person_months(people, observed_until="2024-05-01", events={"calls": EventColumn(calls, **spec)})


def test_impossible_portfolios_are_refused():
    people = {"customer_id": [7], "start": ["2024-01-01"], "end": [None]}
    with pytest.raises(ValueError, match="no customer was at risk for a whole month"):
        person_months(people, observed_until="2024-01-20")
    with pytest.raises(ValueError, match=r"must map names to EventColumn\(...\)"):
        person_months(people, observed_until="2024-05-01", events={"calls": people})
    with pytest.raises(ValueError, match="two columns have the same name"):
        person_months(
            people,
            observed_until="2024-05-01",
            columns=["start"],
            events={"start": EventColumn({"customer_id": [7], "event_time": ["2024-01-15"]})},
        )
    twice = {"customer_id": [7, 7], "month": [1, 1], "score": [1, 2]}
    with pytest.raises(ValueError, match="column 'score' has 1 months twice for the same customer"):
        person_months(people, observed_until="2024-05-01", events={"score": MonthColumn(twice, value="score")})


def test_columns_that_cannot_be_are_named_without_their_contents():
    people = {"customer_id": [7, 8], "start": ["2024-01-01"] * 2, "end": ["2024-03-05", None], "fee": [1, 2]}
    until = {"observed_until": "2024-06-01"}
    with pytest.raises(InputError, match=r"; 'calls' is a dict$"):
        person_months(people, events={"calls": {"customer_id": [7]}}, **until)
    with pytest.raises(InputError, match=r"dated names 'fees', which is not one of columns \(did you mean 'fee'"):
        person_months(people, columns=["fee"], dated={"fees": "start"}, **until)
    with pytest.raises(InputError, match=r"\(first: row 0, value 2023-01-01\); look for swapped columns"):
        person_months({**people, "contract": ["2023-01-01", None]}, contract_end="contract", **until)
    with pytest.raises(InputError, match="the person-months have no columns, so nothing tells customers apart"):
        DiscreteHazard().fit_months(person_months(people, **until))
