"""Doors show names without importing what stands behind them."""

from __future__ import annotations

import pytest

from custval._core.doors import open_door, public


def test_a_name_is_fetched_from_its_home_on_first_use() -> None:
    get, listed = open_door("custval.errors", {"InputError": "_core.errors", "warn": "_core.errors"})
    from custval._core.errors import InputError

    assert get("InputError") is InputError
    assert listed() == ["InputError", "warn"]


def test_a_misspelt_name_gets_a_hint() -> None:
    get, _ = open_door("custval.errors", {"InputError": "_core.errors"})
    with pytest.raises(
        AttributeError, match=r"module 'custval.errors' has no attribute 'InputEror'; did you mean 'InputError'\?"
    ):
        get("InputEror")
    with pytest.raises(AttributeError, match=r"no attribute 'zzz'$"):
        get("zzz")


def test_public_marks_the_import_path() -> None:
    @public("clv")
    def worth() -> int:
        return 1

    assert worth.__module__ == "custval.clv"
    assert worth() == 1
