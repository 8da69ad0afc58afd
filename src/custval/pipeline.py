"""The whole chain in one call: who leaves, what each is worth, who is alike, what goes together, whom to contact.

- ``analyse(table, ...)``: one flat table or the record tables of an operator -> ``Analysis``
- ``demo(...)``: the same on a synthetic world whose truth is known
- ``Analysis``: every table and figure; ``write(folder)`` makes the report and the files
- ``Base``, ``Reading``, ``ValueSummary``, ``QuadrantPoints``, ``PlanSummary``, ``Note``, ``Method``: its parts
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "Analysis",
    "Base",
    "Method",
    "Note",
    "PlanSummary",
    "QuadrantPoints",
    "Reading",
    "ValueSummary",
    "analyse",
    "demo",
)

if TYPE_CHECKING:
    from custval._pipeline.analyse import analyse
    from custval._pipeline.analysis import (
        Analysis,
        Base,
        Method,
        Note,
        PlanSummary,
        QuadrantPoints,
        Reading,
        ValueSummary,
    )
    from custval._pipeline.demo import demo
else:
    from custval._core.doors import open_door

    _RESULTS = ("Analysis", "Base", "Method", "Note", "PlanSummary", "QuadrantPoints", "Reading", "ValueSummary")
    __getattr__, __dir__ = open_door(
        __name__,
        {"analyse": "_pipeline.analyse", "demo": "_pipeline.demo", **dict.fromkeys(_RESULTS, "_pipeline.analysis")},
    )
