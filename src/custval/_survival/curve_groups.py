"""One curve for each group of customers, read by the name of the group."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from custval._core.doors import public
from custval._core.errors import InputError, import_pandas
from custval._core.results import Result
from custval._core.validation import nearest
from custval._survival.curves import HazardCurve, IncidenceCurve, SurvivalCurve

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Curves",)

CurveT = TypeVar("CurveT", SurvivalCurve, HazardCurve, IncidenceCurve)


@public("survival")
@dataclass(frozen=True, slots=True, eq=False)
class Curves(Result, Generic[CurveT]):
    """One curve for each group: ``curves["fibre"].at(12)``; loops, ``len`` and ``in`` go over the groups.

    Attributes
    ----------
    groups : tuple
        The labels of the groups, sorted.
    curves : tuple of SurvivalCurve, HazardCurve or IncidenceCurve
        The curve of each group.

    Examples
    --------
    >>> from custval.survival import kaplan_meier, survival_target
    >>> curves = kaplan_meier(survival_target([3, 5, 8, 12]), groups=["dsl", "dsl", "fibre", "fibre"])
    >>> curves.groups, curves["fibre"].at(8), curves.at(4)
    (('dsl', 'fibre'), 0.5, {'dsl': 0.5, 'fibre': 1.0})
    """

    groups: tuple[Hashable, ...]
    curves: tuple[CurveT, ...]

    def __getitem__(self, group: Hashable) -> CurveT:
        """Return the curve of `group`."""
        if group not in self.groups:
            names = [str(name) for name in self.groups]
            raise InputError(
                f"there is no group {group!r}{nearest(str(group), names)}; the groups are {', '.join(names)}"
            )
        return self.curves[self.groups.index(group)]

    def __iter__(self) -> Iterator[Hashable]:
        """Go over the labels of the groups."""
        return iter(self.groups)

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.groups)

    def __contains__(self, group: object) -> bool:
        """Say whether there is a curve of `group`."""
        return group in self.groups

    def keys(self) -> tuple[Hashable, ...]:
        """Return the labels of the groups."""
        return self.groups

    def values(self) -> tuple[CurveT, ...]:
        """Return the curves."""
        return self.curves

    def items(self) -> tuple[tuple[Hashable, CurveT], ...]:
        """Return pairs of label and curve."""
        return tuple(zip(self.groups, self.curves, strict=True))

    def at(self, times: Any, *, tail: str | None = None) -> dict[Hashable, Any]:
        """Return, for each group, its curve at `times`."""
        return {group: curve.at(times, tail=tail) for group, curve in self.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the curves in JSON types, by group."""
        return {str(group): curve.to_dict() for group, curve in self.items()}

    def to_frame(self) -> pd.DataFrame:
        """Return the frames of the curves, one below the other, with a column ``group``."""
        frames = import_pandas()

        parts: list[pd.DataFrame] = []
        for group, curve in self.items():
            part = curve.to_frame()
            label: Any = group
            part.insert(0, "group", [label] * len(part))
            parts.append(part)
        made: pd.DataFrame = frames.concat(parts, ignore_index=True)
        return made
