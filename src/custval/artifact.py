"""How are fitted models kept and moved?

- :func:`save` and :func:`load` write and read a fitted model as a JSON file: nothing in it is executed,
  and where it is loaded only NumPy is needed to predict.
- :func:`to_dict` and :func:`from_dict` do the same with a dictionary of JSON types, for a database or a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ("from_dict", "load", "save", "to_dict")

if TYPE_CHECKING:
    from custval._core.artifact import from_dict, load, save, to_dict
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "from_dict": "_core.artifact",
            "load": "_core.artifact",
            "save": "_core.artifact",
            "to_dict": "_core.artifact",
        },
    )
