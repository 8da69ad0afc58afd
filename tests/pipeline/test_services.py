"""Which services a row holds."""

from __future__ import annotations

import numpy as np
import pytest

from custval._core.errors import InputError
from custval._pipeline.profile import ColumnProfile
from custval._pipeline.services import ServiceReader, held_cell, held_words


@pytest.mark.parametrize("cell", ["Yes", "1", "true", "Y", "是"])
def test_yes_is_held(cell: str) -> None:
    assert held_cell(cell) is True


@pytest.mark.parametrize("cell", ["No", "0", "No internet service", "no phone", "none", "", None, "否"])
def test_no_and_no_such_service_are_not_held(cell: str | None) -> None:
    assert held_cell(cell) is False


def test_any_other_word_is_a_service_of_its_own() -> None:
    assert held_cell("DSL") == "DSL"
    assert held_cell("Northern plan") == "Northern plan"


def test_reader_makes_one_column_for_each_service() -> None:
    net = np.array(["DSL", "Fibre", "No", "DSL"], dtype=object)
    tv = np.array(["Yes", "No internet service", "No", "Yes"], dtype=object)
    columns = {"net": ColumnProfile("net"), "tv": ColumnProfile("tv")}
    columns["net"].add(net)
    columns["tv"].add(tv)
    reader = ServiceReader(columns, ["net", "tv"])
    assert reader.items == ["net = DSL", "net = Fibre", "tv"]
    assert reader.read({"net": net, "tv": tv}).tolist() == [
        [True, False, True],
        [False, True, False],
        [False, False, False],
        [True, False, True],
    ]


def test_reader_refuses_a_column_of_many_words() -> None:
    column = ColumnProfile("phone")
    column.add(np.array([f"n{i}" for i in range(100)], dtype=object))
    with pytest.raises(InputError, match="'phone' has more than 60 different values"):
        ServiceReader({"phone": column}, ["phone"])


def test_held_words_are_yes_and_no() -> None:
    assert held_words(np.array(["Yes", "No internet service", None], dtype=object)).tolist() == ["Yes", "No", "No"]
