"""Person-months as rows of the monthly hazard, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from custval._core.encoding import DesignEncoder
from custval._core.typing import IntArray
from custval._survival.clocks import Clock, clock_offsets, clock_values
from custval._survival.discrete_tally import Source, Spells
from custval._survival.person_table import PersonMonths

__all__ = ("months_source",)

_HELD = 20_000_000  # numbers of the design matrix up to which the parts stay in memory


def months_source(
    months: PersonMonths,
    encoder: DesignEncoder,
    clocks: Sequence[Clock],
    codes: IntArray | None,
    *,
    cluster: bool,
    block_rows: int,
) -> Source:
    """Return the person-months as parts whose columns are coded; `cluster`: rows of one customer belong together.

    `codes` (S, customers) number the levels of shrunken columns.
    """
    base = encoder.transform(months.schema())
    features = tuple(encoder.feature_names)
    moving = [(j, name) for j, name in enumerate(encoder.sources) if name not in months.still_names]

    def parts() -> Iterator[Spells]:
        for block in months.moving_blocks(block_rows):
            X = base[block.row]
            for j, name in moving:
                X[:, j] = block.X[name]
            before = block.tenure - 1
            offsets = clock_offsets(clock_values(block.X, clocks, len(before)), clocks, before) if clocks else None
            yield Spells(
                X=X,
                entry=before,
                duration=block.tenure,
                event=block.event,
                weight=np.ones(len(before)),
                cluster=block.row if cluster else None,
                features=features,
                causes=months.causes,
                offsets=offsets,
                groups=None if codes is None else codes[:, block.row],
            )

    held = months.n_rows * max(len(features), 1) <= _HELD
    if held:
        kept = list(parts())
        return Source(lambda: iter(kept), features, months.causes)
    return Source(parts, features, months.causes, in_memory=False)
