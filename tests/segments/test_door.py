"""The door says which question each name answers."""

from __future__ import annotations

from custval import segments


def test_each_name_stands_in_the_text_of_the_door():
    assert segments.__doc__ is not None
    assert not [name for name in segments.__all__ if f"`{name}`" not in segments.__doc__]
