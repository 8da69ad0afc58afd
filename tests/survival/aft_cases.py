"""The customers of tests/reference/survival/aft.R, made again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from custval.survival import interval_target, survival_target

NUMBERS = Path(__file__).parents[1] / "reference" / "survival"


def numbers(name: str) -> dict:
    return json.loads((NUMBERS / f"{name}.json").read_text(encoding="utf-8"))


def customers() -> dict:
    i = np.arange(80)
    a, b = (i * 7) % 11 - 5.0, (i * 5) % 3 + 0.0
    t = 1 + (i * 37) % 61 / 4 + np.where(b == 2, 3, 0)
    event = ((i * 13) % 4 > 0).astype(int)
    lower = np.where(i % 5 == 0, np.nan, np.maximum(t - 1.5, 0.25))
    upper = np.where(event == 1, t + (i % 2) * 2, np.nan)
    lower = np.where(np.isnan(upper), t, lower)
    lower = np.where(~np.isnan(upper) & (i % 7 == 0), upper, lower)
    return {
        "X": np.column_stack([a, b]),
        "y": survival_target(t, event),
        "between": interval_target(lower, upper),
        "weight": 1.0 + i % 3,
        "cluster": i // 4,
    }


def rossi(shared):
    import pandas as pd

    frame = pd.read_csv(shared / "reference" / "survival" / "rossi.csv")
    columns = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    return frame[columns], survival_target(frame["week"], frame["arrest"], time_unit="week")


def smooth_customers() -> dict:
    """Return 90 customers whose log times are spread like a law, some interval-censored, some watched late."""
    from scipy.special import ndtri

    i = np.arange(90)
    a, b = (i * 7) % 11 - 5.0, (i * 5) % 3 + 0.0
    t = np.exp(2 + 0.06 * a - 0.2 * b + 0.6 * ndtri(((i * 37) % 90 + 0.5) / 90))
    end = 4.0 + (i * 29) % 23
    event = (t <= end).astype(int)
    t = np.minimum(t, end)
    lower = np.where((event == 1) & (i % 4 == 0), 0.8 * t, t)
    upper = np.where(event == 1, np.where(i % 4 == 0, 1.2 * t, t), np.inf)
    lower = np.where((event == 1) & (i % 12 == 0), 0.0, lower)
    entry = np.where((i % 3 == 1) & (lower > 0.5), 0.3, 0.0)
    return {
        "X": np.column_stack([a, b]),
        "y": survival_target(t, event),
        "between": interval_target(lower, upper, entry=entry),
    }
