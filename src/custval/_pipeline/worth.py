"""The value of the base in one summary: total with its interval, concentration, losses by cause."""

from __future__ import annotations

from typing import Any

import numpy as np

from custval._core.results import frozen
from custval._pipeline.analysis import ValueSummary
from custval._pipeline.scoring import Z95, Scores, money_of
from custval._pipeline.settings import Settings
from custval._segments.concentration import lorenz_curve, top_share

__all__ = ("value_summary",)

_PICTURE_ROWS = 20_000


def value_summary(scores: Scores, model: Any, settings: Settings) -> ValueSummary:
    """Return the summary of `scores`, which must hold money."""
    value = money_of(scores).value
    total = float(value.sum())
    step = max(1, len(value) // _PICTURE_ROWS)
    floor = np.maximum(value, 0.0)
    return ValueSummary(
        total=total,
        lower=total - Z95 * scores.total_std_error,
        upper=total + Z95 * scores.total_std_error,
        mean=total / len(value),
        horizon_months=settings.horizon,
        monthly_discount=settings.monthly_discount,
        currency=settings.currency,
        negative=int((value < 0).sum()),
        sample=frozen(np.sort(value)[::step]),
        lorenz=lorenz_curve(floor) if floor.any() else None,
        top_share=float(top_share(floor, share=0.2).share_of_value) if floor.any() else None,
        by_cause=dict(zip(model.causes_, scores.by_cause.tolist(), strict=True)),
    )
