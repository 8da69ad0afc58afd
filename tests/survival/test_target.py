"""The target: what may go in, what comes out, and what is refused with which words."""

from __future__ import annotations

import copy
import datetime as dt
import pickle

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval._survival.target import read_target
from custval.survival import survival_target

pl = pytest.importorskip("polars")
MONTHS = [12.0, 30.0, 7.0]


def plain(y):
    return y["entry"].tolist(), y["duration"].tolist(), y["event"].tolist()


def test_fields_dtypes_and_names_travel():
    y = survival_target(MONTHS, [1, 0, 2], entry=[0, 3, 0], causes=("price", "debt"), time_unit="week")
    assert [y.dtype[name] for name in ("entry", "duration", "event")] == [np.float64, np.float64, np.int64]
    assert plain(y) == ([0, 3, 0], MONTHS, [1, 0, 2])
    assert dict(y.dtype.metadata) == {"causes": ("price", "debt"), "time_unit": "week"}


@pytest.mark.parametrize(
    "move",
    [
        lambda y: y[1:],
        lambda y: y[np.array([True, True, True])],
        lambda y: np.take(y, [0, 1, 2]),
        copy.deepcopy,
        lambda y: pickle.loads(pickle.dumps(y)),
        lambda y: np.concatenate([y, y]),
    ],
)
def test_names_survive_what_numpy_does_to_a_target(move):
    y = survival_target(MONTHS, ["price", None, "debt"])
    assert read_target(move(y)).causes == ("debt", "price")


def test_lost_names_fall_back_to_numbers():
    y = survival_target(MONTHS, [1, 0, 2], causes=("price", "debt"))
    bare = y.astype([("entry", "f8"), ("duration", "f8"), ("event", "i8")])
    bare = np.array(bare.tolist(), dtype=[("entry", "f8"), ("duration", "f8"), ("event", "i8")])
    assert read_target(bare).causes == ("cause_1", "cause_2")
    assert read_target(bare[:2]).causes == ("left",)


SOURCES = {
    "arrays": lambda: survival_target(np.array(MONTHS), np.array([True, False, True])),
    "lists": lambda: survival_target(MONTHS, [1, 0, 1]),
    "pandas": lambda: survival_target(pd.Series(MONTHS), pd.Series([True, False, True])),
    "nullable pandas": lambda: survival_target(
        pd.Series([12, 30, 7], dtype="Int64"), pd.Series([True, False, True], dtype="boolean")
    ),
    "polars": lambda: survival_target(pl.Series(MONTHS), pl.Series([True, False, True])),
    "pair": lambda: survival_target((MONTHS, [True, False, True])),
    "scikit-survival": lambda: survival_target(
        np.array([(True, 12.0), (False, 30.0), (True, 7.0)], dtype=[("churned", bool), ("tenure", float)])
    ),
    "target": lambda: survival_target(survival_target(MONTHS, [1, 0, 1])),
    "inverted": lambda: survival_target(MONTHS, [False, True, False], censored=True),
}


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_the_same_target(source):
    y = SOURCES[source]()
    assert plain(y) == ([0, 0, 0], MONTHS, [1, 0, 1])
    assert y.dtype.metadata["causes"] == ("left",)


LABELS = {
    "list": ["price", None, "debt"],
    "pandas": pd.Series(["price", None, "debt"]),
    "category": pd.Series(["price", None, "debt"]).astype("category"),
    "polars": pl.Series(["price", None, "debt"]),
    "nan": np.array(["price", np.nan, "debt"], dtype=object),
    "NA": pd.Series(["price", pd.NA, "debt"], dtype="string"),
}


@pytest.mark.parametrize("source", LABELS)
def test_labels_are_sorted_and_missing_means_staying(source):
    y = survival_target(MONTHS, LABELS[source])
    assert y["event"].tolist() == [2, 0, 1]
    assert y.dtype.metadata["causes"] == ("debt", "price")


def test_causes_give_the_order_of_labels_and_may_name_more():
    y = survival_target(MONTHS, ["price", "stays", "debt"], causes=("price", "debt", "moved"), censored="stays")
    assert y["event"].tolist() == [1, 0, 2]
    assert y.dtype.metadata["causes"] == ("price", "debt", "moved")


def test_several_labels_may_mean_still_a_customer():
    y = survival_target(MONTHS, ["price", "stays", "paused"], censored=("stays", "paused"))
    assert y["event"].tolist() == [1, 0, 0]


def test_codes_of_another_convention_are_labels():
    y = survival_target(MONTHS, [2, 1, 2], censored=1)
    assert y["event"].tolist() == [1, 0, 1]
    assert y.dtype.metadata["causes"] == ("2",)


def test_no_event_means_everybody_left():
    assert survival_target(MONTHS)["event"].tolist() == [1, 1, 1]
    assert survival_target(MONTHS, causes=("price",)).dtype.metadata["causes"] == ("price",)


def test_input_is_not_written_to_nor_shared():
    months = np.array(MONTHS)
    survival_target(months)["duration"][0] = 99
    assert months.tolist() == MONTHS


def test_a_target_keeps_its_names_and_unit_when_passed_again():
    y = survival_target(MONTHS, [1, 0, 2], entry=[1, 0, 0], causes=("a", "b"), time_unit="week")
    again = survival_target(y)
    assert plain(again) == plain(y)
    assert again.dtype.metadata == y.dtype.metadata


BAD = [
    (
        lambda: survival_target(np.r_[np.ones(488), 0.0, np.ones(10), 0.0]),
        (
            "duration must be > 0 but 2 of 500 rows are not (first: row 488, value 0.0); "
            "drop customers who joined this month or set duration to 0.5"
        ),
    ),
    (lambda: survival_target([1, -2.0]), "1 of 2 rows is not (first: row 1, value -2.0)"),
    (lambda: survival_target([1, np.nan]), "duration must be a number but 1 of 2 rows is not (first: row 1"),
    (lambda: survival_target([1, np.nan]), "give the time of the last look for customers who are still there"),
    (lambda: survival_target([1, np.inf]), "duration must be finite but 1 of 2 rows is not (first: row 1, value inf)"),
    (
        lambda: survival_target([np.inf, 1], [1, 0]),
        "still there has the time of the last look as duration, and event 0",
    ),
    (lambda: survival_target([3, -1]), "duration must be > 0 but 1 of 2 rows is not (first: row 1, value -1.0); check"),
    (lambda: survival_target([3, -1]), "check that the end comes after the start"),
    (lambda: survival_target(["a", "b"]), "duration must hold numbers; row 0 holds 'a'"),
    (lambda: survival_target(pd.Series([1, pd.NA], dtype="Int64")), "duration must"),
    (lambda: survival_target([[1, 2]]), "duration must have 1 dimension"),
    (lambda: survival_target([3, 2], entry=[0, 2]), "entry must be < duration but 1 of 2 rows is not (first: row 1"),
    (lambda: survival_target([3, 2], entry=[-1, 0]), "entry must be >= 0 but 1 of 2 rows is not (first: row 0"),
    (lambda: survival_target([3, 2], entry=[1]), "entry has 1 rows but duration has 2"),
    (lambda: survival_target([3, 2], [1]), "event has 1 rows but duration has 2"),
    (lambda: survival_target([1, 2, 3], [0, 1, 3]), "the codes 0, 1, 3, so cause 2 never occurs"),
    (lambda: survival_target([1, 2], [0, 2]), "cause 1 never occurs"),
    (lambda: survival_target([1, 2], [0, 10**12]), "never occurs"),
    (lambda: survival_target([1, 2], [0, 1.5]), "event must be a whole code >= 0 but 1 of 2 rows is not (first: row 1"),
    (lambda: survival_target([1, 2], [0, -1]), "(first: row 1, value -1); use 0 for still a customer"),
    (lambda: survival_target([1, 2], [0, np.nan]), "event must be a whole code"),
    (
        lambda: survival_target([1, 2], [0, 3], causes=("a", "b")),
        "event must be a code from 0 to 2 (causes names a, b)",
    ),
    (lambda: survival_target([1, 2], [[0, 1]]), "event must have 1 dimension"),
    (lambda: survival_target([1, 2], np.array([True, None])), "event must be known but 1 of 2 rows is not"),
    (lambda: survival_target([1, 2], [True, False], causes=("a", "b")), "booleans, which tell one cause only"),
    (lambda: survival_target([1, 2], [True, False], censored="x"), "censored must be False or True"),
    (lambda: survival_target([1, 2], causes=("a", "b")), "everybody left for one cause, but causes names 2"),
    (lambda: survival_target([1, 2], ["Yes", "No"]), "reads as still a customer; pass censored='No'"),
    (lambda: survival_target([1, 2], ["prise", None], causes=("price", "debt")), "(did you mean 'price'?)"),
    (lambda: survival_target([1, 2], ["a", None], causes=("a", "a")), "causes must be different, non-empty names"),
    (lambda: survival_target([1, 2], ["a", None], causes="a"), "causes must be a sequence of names"),
    (lambda: survival_target([1, 2], ["a", "b"], causes=("a", "b"), censored="b"), "'b' stands in both"),
    (lambda: survival_target(np.zeros(2, dtype=[("a", float), ("b", float)])), "one boolean and one time field"),
    (lambda: survival_target(survival_target([1.0]), [1]), "leave event out"),
    (lambda: read_target(None), "requires y to be passed, but the target y is None"),
    (lambda: read_target([1.0, 0.0]), "duration must be > 0"),
]


@pytest.mark.parametrize(("call", "words"), BAD, ids=[words for _, words in BAD])
def test_impossible_targets_are_refused_with_helpful_words(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert words in str(error.value)


def test_reading_checks_what_was_written_into_a_target():
    y = survival_target(MONTHS, [1, 0, 1])
    y["event"][0] = 5
    with pytest.raises(ValueError, match=r"event must be a code from 0 to 1 .*row 0, value 5"):
        read_target(y)
    y = survival_target(MONTHS, [1, 0, 1])
    y["duration"][1] = -1
    with pytest.raises(ValueError, match=r"duration must be > 0 .*row 1"):
        read_target(y)


def test_labels_without_a_customer_who_stays_are_suspicious():
    with pytest.warns(UserWarning, match="every one of the 2 rows has left"):
        survival_target([1, 2], ["price", "debt"])


def test_plain_durations_are_departures():
    target = read_target(MONTHS)
    assert target.event.tolist() == [1, 1, 1]
    assert not target.has_entry
    assert len(target) == 3


def test_a_column_vector_is_taken_with_a_warning():
    with pytest.warns(UserWarning, match="column-vector y"):
        assert len(read_target(np.ones((4, 1)))) == 4


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, dict], ids=["pandas", "polars", "mapping"])
def test_a_frame_with_the_names_of_the_fields_is_a_target(kind):
    columns = {"duration": [3.0, 2.0], "event": ["port", None], "entry": [1.0, 0.0]}
    y = survival_target(kind(columns))
    assert y.tolist() == [(1.0, 3.0, 1), (0.0, 2.0, 0)]
    assert y.dtype.metadata["causes"] == ("port",)
    assert survival_target(kind({"duration": [3.0, 2.0]}), [1, 0], entry=[1, 0]).tolist() == y.tolist()
    assert read_target(kind(columns)).entry.tolist() == [1.0, 0.0]
    with pytest.raises(InputError, match=r"a column 'duration' .* this one has tenure, churn; rename them, or pass"):
        survival_target(kind({"tenure": [1.0], "churn": [1]}))
    with pytest.raises(InputError, match="a frame that holds its own event; leave event out"):
        survival_target(kind(columns), [1, 0])


def test_spans_of_time_and_dates_are_not_taken_for_numbers():
    for spans in (pd.Series(pd.to_timedelta([30, 60], unit="D")), pl.Series([dt.timedelta(30), dt.timedelta(60)])):
        with pytest.raises(InputError, match="duration must hold numbers, not spans of time; divide them by a unit"):
            survival_target(spans, [1, 0])
    with pytest.raises(InputError, match="duration must hold numbers, not dates; turn them into time since a date"):
        survival_target(np.array(["2024-01-31"], dtype="datetime64[D]"))
