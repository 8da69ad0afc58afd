"""One flat table: every bad input is refused in words or repaired and counted; every row is accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.pipeline.conftest import small_table

from custval._core.errors import InputError
from custval.pipeline import Analysis, analyse


def said(answer: Analysis, subject: str) -> str:
    return "; ".join(f"{note.count} {note.action}" for note in answer.notes if note.subject == subject)


def test_columns_and_counts(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table, **roles)
    left = int((table["left"] == "Yes").sum())
    assert answer.base.customers == 600
    assert answer.base.left == left
    assert answer.customers_total == len(answer.customers) == 600 - left
    assert answer.customers.columns.tolist() == [
        "customer_id",
        "p_leave_3m",
        "p_leave_3m_left",
        "expected_months",
        "lifetime_value",
        "lifetime_value_lower",
        "lifetime_value_upper",
        "quadrant",
        "strategy",
        "reason_1",
        "reason_2",
        "reason_3",
    ]
    assert set(answer.customers["customer_id"]) == set(table.loc[table["left"] == "No", "id"])
    assert answer.customers[["p_leave_3m", "expected_months", "lifetime_value"]].notna().all(axis=None)
    assert answer.reading.monthly_rate == pytest.approx(left / table["tenure"].sum(), rel=1e-12)
    assert answer.rules.columns.tolist() == [
        "antecedent",
        "consequent",
        "count",
        "support",
        "confidence",
        "lift",
        "p_adjusted",
    ]
    assert answer.plan.columns.tolist() == [
        "rank",
        "customer_id",
        "offer",
        "cost",
        "expected_profit",
        "std_error",
        "reason_1",
    ]


def test_frames_of_any_kind_and_files_give_one_answer(
    table: pd.DataFrame, roles: dict[str, Any], tmp_path: Path
) -> None:
    first = analyse(table, **roles)
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet", index=False)
    for other in (pl.from_pandas(table), str(tmp_path / "t.csv"), tmp_path / "t.parquet"):
        again = analyse(other, **roles, block_rows=170)
        pd.testing.assert_frame_equal(again.customers, first.customers, check_categorical=False, rtol=1e-9)
        pd.testing.assert_frame_equal(again.rules, first.rules, rtol=1e-12)
        assert again.plan["customer_id"].tolist() == first.plan["customer_id"].tolist()


def test_value_is_margin_times_survival_discounted(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table, **roles, horizon=6, margin_share=0.4, monthly_discount=0.02)
    rows = table[table["left"] == "No"].reset_index(drop=True)
    X = {name: rows[name].to_numpy(dtype=object) for name in ("contract", "fibre", "tv", "roaming")}
    X["fee"] = rows["fee"].to_numpy()
    X["tv"] = np.where(rows["tv"] == "Yes", "Yes", "No").astype(object)
    survival = answer.model.predict_survival(X, range(1, 7), given=rows["tenure"].to_numpy())
    value = rows["fee"].to_numpy() * 0.4 * (survival @ 1.02 ** -np.arange(1.0, 7.0))
    np.testing.assert_allclose(answer.customers["lifetime_value"], value, rtol=1e-10)
    np.testing.assert_allclose(answer.customers["p_leave_3m"], 1 - survival[:, 2], rtol=1e-10)
    assert answer.value is not None
    assert answer.value.total == pytest.approx(value.sum(), rel=1e-12)
    assert answer.value.lower < answer.value.total < answer.value.upper


def test_causes_have_columns_that_add_up(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table, **{**roles, "ignore": []}, cause="why")
    assert list(answer.base.left_by_cause) == ["moved", "price"]
    parts = answer.customers["p_leave_3m_moved"] + answer.customers["p_leave_3m_price"]
    np.testing.assert_allclose(parts, answer.customers["p_leave_3m"], rtol=1e-5)


def test_departures_without_a_cause_are_a_cause_of_their_own(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    who = table.index[table["left"] == "Yes"][:40]
    table.loc[who, "why"] = None
    answer = analyse(table, **{**roles, "ignore": []}, cause="why")
    assert answer.base.left_by_cause["cause not given"] == 40
    assert "40 departures without a cause" in said(answer, "why")


def test_a_window_puts_customers_at_risk_only_inside_it(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table, **roles, window_months=3)
    months = np.minimum(table["tenure"], 3).sum()
    left = (table["left"] == "Yes").sum()
    assert answer.reading.monthly_rate == pytest.approx(left / months, rel=1e-12)
    assert "over the last 3 months only" in answer.reading.statement
    assert answer.reading.alternatives == (
        ("the whole tenure read as observed", pytest.approx(left / table["tenure"].sum())),
    )


def test_without_a_charge_there_is_no_money(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table, **{**roles, "charge": None})
    assert answer.value is None
    assert answer.quadrants is None
    assert answer.customers["lifetime_value"].isna().all()
    assert answer.customers["quadrant"].isna().all()
    assert answer.plan_summary.ranked_by == "p_leave"
    assert "no charge was given" in str(answer)


def test_without_a_save_rate_no_profit_is_claimed(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table, **roles, budget=20, contact_cost=2)
    assert len(answer.plan) == 10
    assert answer.plan["expected_profit"].isna().all()
    assert "no profit is claimed" in answer.plan_summary.statement
    with_rate = analyse(table, **roles, budget=200, contact_cost=2, offer_cost=5, save_rate=0.4)
    assert (with_rate.plan["expected_profit"] > 0).all()
    assert with_rate.plan["cost"].sum() <= 200


def test_one_charge_for_all(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table, **{**roles, "charge": 10.0})
    assert answer.customers["lifetime_value"].between(0, 240).all()
    assert "axis is constant (10)" in said(answer, "quadrants")


def test_without_services_potential_is_the_remaining_value(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table, **{**roles, "services": []})
    assert len(answer.rules) == 0
    assert answer.quadrant_points is not None
    assert answer.quadrant_points.label_potential == "Remaining value"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tenure": "tenur"}, r"no column 'tenur' \(did you mean 'tenure'\?\)"),
        ({"event": None}, "event must name the column of who left"),
        ({"services": ["fibr"]}, r"no column 'fibr' \(did you mean 'fibre'\?\)"),
        ({"services": "fibre"}, "services must be a list of column names"),
        ({"charge": "Fee"}, r"no column 'Fee' \(did you mean 'fee'\?\)"),
        (
            {"left": "Yess"},
            r"left='Yess' never occurs in column 'left' \(did you mean 'Yes'\?\); its values are 'No', 'Yes'",
        ),
        ({"event": "fee"}, "column 'fee' has more than 50 different values; it should say .* is it the right column"),
        ({"event": "contract", "left": None}, "say which value of column 'contract' means that the customer left"),
        (
            {"tenure": "contract"},
            r"no row of table can be used: 600 rows whose tenure is not a number .*; first: row 0, value .yearly.",
        ),
        ({"charge": "contract"}, "charge column 'contract' must hold numbers; not one of 600 rows does"),
        ({"event": "tenure"}, "id, tenure, event and cause must be different columns"),
        ({"group": "fee"}, "group column 'fee' must hold a few words"),
        ({"horizon": 1}, "horizon must be >= 4"),
        ({"monthly_discount": -1}, "monthly_discount must be > -1"),
        ({"margin_share": 0}, "margin_share must be > 0 and <= 1"),
        ({"window_months": 0}, "window_months must be >= 1"),
        ({"window_months": 1.5}, "window_months must be a whole number, not 1.5: tenure is counted in whole months"),
        ({"window_months": float("inf")}, "window_months must be a whole number"),
        ({"horizon": "24"}, "horizon must be a whole number, not '24'"),
        ({"margin_share": "1"}, "margin_share must be a number, not '1'"),
        ({"random_state": -1}, "random_state must be >= 0"),
        ({"fit_rows": 0}, "fit_rows must be >= 2"),
        ({"block_rows": 2.5}, "block_rows must be a whole number"),
        ({"services": ["left"]}, "column 'left' has a role of its own .*: not in services"),
        ({"ignore": ["tenure"]}, "column 'tenure' has a role of its own .*: not in ignore"),
        ({"services": ["why"]}, "column 'why' is in services and in ignore"),
        ({"save_rate": 1.5}, "save_rate must be >= 0 and <= 1"),
        ({"budget": -5}, "budget must be >= 0"),
        ({"contact_cost": "two"}, "contact_cost must be a number, not 'two'"),
        ({"tenure_unit": "moon"}, "tenure_unit must be one of month, year, day, week"),
    ],
)
def test_bad_settings_are_refused_in_words(
    table: pd.DataFrame, roles: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        analyse(table, **{**roles, **change})


def test_nobody_left(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["left"] = "No"
    with pytest.raises(InputError, match="no customer left"):
        analyse(table, **roles)
    with pytest.raises(InputError, match="no customer left: column 'left' holds only 'No'; all 600 are censored"):
        analyse(table, **{**roles, "left": None})


def test_everybody_left(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["left"] = "Yes"
    with pytest.raises(InputError, match="every one of the 600 customers left; there is nobody to score"):
        analyse(table, **roles)


def test_one_customer(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="holds 1 customer; a hazard needs several"):
        analyse(table[table["left"] == "Yes"].head(1), **roles)


def test_no_customers(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="has a header but no customers"):
        analyse(table.head(0), **roles)


def test_an_event_column_without_words(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["left"] = None
    with pytest.raises(InputError, match="column 'left' is blank in every row"):
        analyse(table, **roles)


def test_rows_that_cannot_be_read_are_set_aside_and_counted(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["tenure"] = table["tenure"].astype(object)
    table.loc[0, "tenure"] = "gold"
    table.loc[1, "tenure"] = None
    table.loc[2, "tenure"] = -4
    table.loc[3, "left"] = None
    table.loc[5, "id"] = table.loc[4, "id"]
    answer = analyse(table, **roles)
    assert answer.base.customers == 595
    assert "1 rows whose tenure is not a number" in said(answer, "tenure")
    assert "1 rows with a blank tenure" in said(answer, "tenure")
    assert "1 rows with a negative tenure" in said(answer, "tenure")
    assert "1 rows that do not say whether the customer left" in said(answer, "left")
    assert "1 repeated ids set aside" in said(answer, "id")


def test_tenure_zero_is_scored_or_counted_as_the_first_month(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    stays = table.index[table["left"] == "No"][:7]
    leaves = table.index[table["left"] == "Yes"][:2]
    table.loc[stays, "tenure"] = 0
    table.loc[leaves, "tenure"] = 0
    answer = analyse(table, **roles)
    assert "7 customers with less than one whole month: scored, but not fitted on" in said(answer, "tenure")
    assert "2 departures with tenure 0 counted as departures in the first month" in said(answer, "tenure")
    assert set(table.loc[stays, "id"]) <= set(answer.customers["customer_id"])
    assert answer.base.customers == 600


def test_blank_ids_get_the_row_number(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    row = int(table.index[table["left"] == "No"][0])
    table.loc[row, "id"] = " "
    answer = analyse(table, **roles)
    assert f"row {row} (no id)" in set(answer.customers["customer_id"])
    assert "1 blank ids" in said(answer, "id")


def test_thousands_separators_and_blank_charges(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    plain = analyse(table.assign(fee=table["fee"] + 1000), **roles)
    text = table.assign(fee=[f"${fee + 1000:,.2f}" for fee in table["fee"]])
    written = analyse(text, **roles)
    np.testing.assert_allclose(written.customers["lifetime_value"], plain.customers["lifetime_value"], rtol=1e-9)
    text.loc[[1, 2], "fee"] = ["", "unknown"]
    assert "2 charges blank or not a number replaced by the median" in said(analyse(text, **roles), "fee")


def test_negative_charges_are_kept_and_counted(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table.loc[:9, "fee"] = -3.0
    answer = analyse(table, **roles)
    assert "10 negative charges kept as they are" in said(answer, "fee")
    assert answer.value is not None
    assert answer.value.negative == int((table.loc[:9, "left"] == "No").sum())


def test_missing_cells_have_an_indicator(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["age"] = np.random.default_rng(1).integers(18, 80, len(table)).astype(float)
    table.loc[:29, "age"] = np.nan
    answer = analyse(table, **roles)
    assert "30 blank; missing values have an indicator" in said(answer, "age").removeprefix("30 ")
    assert "age=missing" in list(answer.model.feature_names_out_)


def test_columns_that_give_the_answer_away_are_left_out(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["paid_so_far"] = table["fee"] * table["tenure"]
    table["days"] = table["tenure"] * 30.4
    table["status"] = np.where(table["left"] == "Yes", "closed", "open")
    table["country"] = "NL"
    table["phone"] = [f"06{i:08d}x" for i in range(len(table))]
    table["fee_in_cents"] = table["fee"] * 100
    answer = analyse(table, **roles)
    assert "a sum over the tenure" in said(answer, "paid_so_far")
    assert "rises and falls with the tenure" in said(answer, "days")
    assert "all but names who left" in said(answer, "status")
    assert "the same in every row" in said(answer, "country")
    assert "like an identifier" in said(answer, "phone")
    assert "give it almost exactly" in said(answer, "fee") + said(answer, "fee_in_cents")


def test_no_column_left(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="no column of table is left to tell customers apart"):
        analyse(table[["id", "tenure", "left"]], id="id", tenure="tenure", event="left")


def test_days_become_months(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    days = table.assign(tenure=table["tenure"] * 30.436875)
    answer = analyse(days, **roles, tenure_unit="day")
    assert answer.reading.monthly_rate == pytest.approx(analyse(table, **roles).reading.monthly_rate, rel=0.02)


def test_a_sample_is_fitted_on_but_all_are_counted_and_scored(roles: dict[str, Any]) -> None:
    big = small_table(5000)
    answer = analyse(big, **roles, fit_rows=1000, block_rows=700)
    assert answer.base.customers == 5000
    assert answer.customers_total == int((big["left"] == "No").sum())
    assert "fitted on 1,000 of them drawn at random" in said(answer, "rows")
    again = analyse(big, **roles, fit_rows=1000, block_rows=700)
    np.testing.assert_array_equal(answer.customers["p_leave_3m"], again.customers["p_leave_3m"])


def test_identifiers_never_enter_the_model(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    from custval.artifact import to_dict

    text = str(to_dict(analyse(table, **roles).model))
    assert "c17" not in text
    assert "contract=yearly" in text


def test_the_input_is_not_changed(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    before = table.copy(deep=True)
    analyse(table, **roles)
    pd.testing.assert_frame_equal(table, before)


def test_a_text_that_tells_when_a_customer_joined_is_left_out(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    joined = 2019 * 12 + 60 - table["tenure"]
    table["join_month"] = [f"{month // 12}-{month % 12 + 1:02d}" for month in joined]
    table["join_half"] = [f"cohort {month // 6}" for month in joined]
    plain = analyse(table.drop(columns=["join_month", "join_half"]), **roles)
    answer = analyse(table, **roles)
    assert "dates; give months before or since a day" in said(answer, "join_month")
    assert "its levels follow the tenure" in said(answer, "join_half")
    np.testing.assert_allclose(answer.customers["p_leave_3m"], plain.customers["p_leave_3m"], rtol=1e-9)


def test_outcomes_in_another_case_count_alike(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    mixed = table.assign(left=[word.lower() if row % 2 else word for row, word in enumerate(table["left"])])
    answer = analyse(mixed, **roles)
    assert answer.base.left == int((table["left"] == "Yes").sum())
    assert "300 outcomes written in another case" in said(answer, "left")


def test_na_as_an_outcome_is_blank_and_other_words_are_told(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table.loc[:49, "left"] = "NA"
    table.loc[50:59, "left"] = "?"
    table.loc[60:69, "left"] = "unknown"
    answer = analyse(table, **roles)
    assert "60 rows that do not say whether the customer left" in said(answer, "left")
    assert "10 outcomes 'unknown' read as still a customer" in said(answer, "left")


def test_left_may_be_said_in_other_words_for_yes(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    truth = table.assign(left=table["left"] == "Yes")
    for left in (True, 1, "1", "yes", None):
        assert analyse(truth, **{**roles, "left": left}).base.left == int(truth["left"].sum())


def test_decimal_commas_are_one_decision_for_the_table(
    table: pd.DataFrame, roles: dict[str, Any], tmp_path: Path
) -> None:
    plain = analyse(table, **roles)
    written = table.assign(fee=[f"{fee:.3f}".replace(".", ",") for fee in table["fee"]])
    written.to_csv(tmp_path / "t.csv", sep=";", index=False)
    answer = analyse(tmp_path / "t.csv", **roles)
    assert answer.value is not None
    assert plain.value is not None
    assert answer.value.total == pytest.approx(plain.value.total, rel=1e-9)
    assert "decimal comma" in said(answer, "table")


def test_a_date_is_neither_tenure_nor_charge_nor_a_number(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["start"] = pd.Timestamp("2024-01-01") - pd.to_timedelta(table["tenure"] * 17 % 400, unit="D")
    answer = analyse(table, **roles)
    assert "dates; give months before or since a day" in said(answer, "start")
    with pytest.raises(InputError, match="tenure is not a number"):
        analyse(table, **{**roles, "tenure": "start"})
    with pytest.raises(InputError, match="charge column 'start' must hold numbers"):
        analyse(table, **{**roles, "charge": "start"})


def test_the_charge_is_not_taken_for_a_sum_over_the_tenure(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["fee"] = np.random.default_rng(2).lognormal(3, 1.5, len(table)).round(2)
    table["tenure"] = 20 + table["tenure"] % 40
    assert "sum over the tenure" not in said(analyse(table, **roles), "fee")


def test_a_separated_fit_is_named_in_the_notes() -> None:
    table = small_table(400).assign(tenure=0)
    answer = analyse(table, id="id", tenure="tenure", event="left", ignore=["why"])
    assert any("separation" in note.action for note in answer.notes if note.subject == "hazard")


def test_few_departures_are_named_in_the_notes(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    few = pd.concat([table[table["left"] == "No"], table[table["left"] == "Yes"].head(4)])
    assert "4 departures only" in said(analyse(few, **roles), "hazard")


def test_levels_not_fitted_on_are_counted(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    rows = table.index[table["left"] == "No"][:20]
    table.loc[rows, ["contract", "tenure"]] = ["brand new", 0]
    assert "20 customers whose level was not seen in fitting" in said(analyse(table, **roles), "contract")


def test_value_intervals_stay_within_what_is_possible(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table.head(120), **roles)
    most = table.head(120).query("left == 'No'")["fee"].to_numpy() * (1.01 ** -np.arange(1.0, 25.0)).sum()
    assert (answer.customers["lifetime_value_lower"] >= 0).all()
    assert (answer.customers["lifetime_value_upper"].to_numpy() <= most * (1 + 1e-12)).all()


def test_a_charge_of_zero_is_money_of_zero(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    answer = analyse(table, **{**roles, "charge": 0})
    assert answer.value is not None
    assert answer.value.total == 0.0
    assert answer.value.top_share is None
    assert "share_of_value" in answer.quadrants.columns  # type: ignore[union-attr]


def test_whole_number_ids_stay_numbers(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    numbered = table.assign(id=np.arange(len(table)) * 7)
    answer = analyse(numbered, **roles)
    assert answer.customers["customer_id"].dtype.kind == "i"
    assert answer.plan["customer_id"].dtype.kind == "i"
    merged = answer.customers.merge(numbered, left_on="customer_id", right_on="id")
    assert len(merged) == len(answer.customers)


def test_the_first_usable_row_of_an_id_is_kept(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["tenure"] = table["tenure"].astype(float)
    table.loc[0, ["tenure", "id"]] = [np.nan, table.loc[1, "id"]]
    answer = analyse(table, **roles)
    assert answer.base.customers == 599
    assert said(answer, "id") == ""


def test_a_group_may_be_a_service(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    assert analyse(table, **roles, group="tv").group == "tv"


def test_blank_outcomes_are_mentioned_when_everybody_else_left(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    table["left"] = table["left"].replace("No", None)
    with pytest.raises(InputError, match="more rows leave 'left' blank: write a word for those who stayed"):
        analyse(table, **roles)


def test_text_in_a_number_column_is_named(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    age = np.random.default_rng(0).uniform(18, 80, len(table)).round(1).astype(object)
    age[5:66] = "unknown"
    answer = analyse(table.assign(age=age), **roles)
    assert "61 of 600 cells are not numbers (first: row 5, 'unknown'), more than 5 %" in said(answer, "age")


def test_profit_errors_equal_the_spread_over_parameter_draws(table: pd.DataFrame, roles: dict[str, Any]) -> None:
    """The second route to the plan's standard errors: draw the hazard's parameters and value the same contacts."""
    from custval.retention import contact_profit

    answer = analyse(table, **roles, save_rate=0.4, offer_cost=2.0, contact_cost=1.0, budget=200.0)
    chosen = table.set_index("id").loc[answer.plan["customer_id"]].reset_index()
    X = {"contract": chosen["contract"], "fibre": chosen["fibre"], "roaming": chosen["roaming"], "fee": chosen["fee"]}
    X["tv"] = chosen["tv"].replace("No fibre service", "No")
    frame, given, months = pd.DataFrame(X), chosen["tenure"].to_numpy(), np.arange(1, 25)
    model, margin = answer.model, chosen["fee"].to_numpy()

    def profit(survival: np.ndarray) -> np.ndarray:
        later = margin * (survival[:, 3:] @ 1.01 ** -months[3:].astype(float)) / survival[:, 2]
        return contact_profit(1 - survival[:, 2], later, save_rate=0.4, offer_cost=2.0, contact_cost=1.0)

    base = model.predict_survival(frame, months, given=given)
    np.testing.assert_allclose(profit(base), answer.plan["expected_profit"], rtol=1e-9)
    slopes = []
    for t in range(24):  # dS/dtheta by the model's own pullback, month by month
        weight = np.zeros_like(base)
        weight[:, t] = 1.0
        slopes.append(model.pullback(frame, weight, given=given))
    random = np.random.default_rng(0)
    root = np.linalg.cholesky(model.covariance_ + 1e-15 * np.eye(len(model.covariance_)))
    scale = 0.02  # small steps: the errors are those of the tangent
    draws = [
        (profit(base + scale * np.stack([s @ (root @ z) for s in slopes], axis=1)) - profit(base)) / scale
        for z in random.standard_normal((1500, len(root)))
    ]
    np.testing.assert_allclose(np.std(draws, axis=0), answer.plan["std_error"], rtol=0.12)
    assert answer.plan_summary.std_error == pytest.approx(np.std(np.sum(draws, axis=1)), rel=0.12)
