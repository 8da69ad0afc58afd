"""What the chain needs, wherever it came from: rows to fit on, a base to describe, customers to score in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from custval._core.typing import AnyFrame, BoolArray, FloatArray, TextArray
from custval._pipeline.analysis import Base, Method, Note, Reading

__all__ = ("Cases", "ScoreBlock")


@dataclass(frozen=True, slots=True, eq=False)
class ScoreBlock:
    """Some current customers: id (n,), the model's columns, months stayed (n,), monthly margin (n,), held (n, J)."""

    ids: TextArray
    X: AnyFrame
    given: FloatArray
    margin: FloatArray | None
    held: BoolArray | None


@dataclass(slots=True, eq=False)
class Cases:
    """The input of the chain; `X` and `y` are fitted on, `cluster` ties the rows of one customer together."""

    title: str
    X: Mapping[str, TextArray]
    y: Any
    cluster: TextArray | None
    curve_y: Any
    curve_groups: TextArray | None
    group: str | None
    base: Base
    reading: Reading
    blocks: Callable[[], Iterator[ScoreBlock]]
    services: list[str]
    has_money: bool
    notes: list[Note] = field(default_factory=list)
    methods: list[Method] = field(default_factory=list)
    loss_at_exit: Mapping[str, float] = field(default_factory=dict)
    save_rate: tuple[float, float] | None = None
    world: tuple[tuple[str, str], ...] = ()
    view_columns: int = 0
