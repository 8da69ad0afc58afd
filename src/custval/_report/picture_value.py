"""How value is spread: a histogram with its mean and median, and the Lorenz curve with the top fifth marked."""

from __future__ import annotations

import numpy as np

from custval._core.typing import FloatArray
from custval._core.wording import count_text, money_text, money_tick, percent_text
from custval._report.markup import Markup, join, tag
from custval._report.svg import Plane, area, line, path, picture, picture_height, ticks, words, x_axis, y_axis

__all__ = ("gini_text", "lorenz_picture", "value_picture")

BINS = 36


def value_picture(sample: FloatArray, *, currency: str | None, width: float, key: str, title: str) -> Markup:
    """Draw the distribution of customers' values between the first and the last hundredth."""
    low, high = value_range(sample)
    counts, edges = np.histogram(np.clip(sample, low, high), bins=BINS if width > 400 else BINS // 2, range=(low, high))
    share = counts / max(len(sample), 1)
    top = float(share.max()) * 1.22 or 1.0
    height = picture_height(width)
    plane = Plane(44, 26, width - 12, height - 46, low, high, 0.0, top)
    across = [(value, money_tick(value, currency)) for value in ticks(low, high, 5 if width > 400 else 3)]
    mean, median = float(sample.mean()), float(np.median(sample))
    return picture(
        y_axis(plane, [(value, f"{100 * value:g}%") for value in ticks(0, top, 4)], "Share of customers"),
        join(_bar(plane, *item) for item in zip(edges[:-1], edges[1:], share, strict=True)),
        x_axis(plane, across, "Value of a customer"),
        _marked(plane, median, f"Median {money_text(median, currency)}", 14, mean),
        _marked(plane, mean, f"Mean {money_text(mean, currency)}", 30, median),
        width=width,
        height=height,
        key=key,
        title=title,
        description=f"Half of the customers are worth less than {money_text(median, currency)}; "
        f"the mean is {money_text(mean, currency)}; "
        f"{count_text(len(sample))} customers drawn.",
    )


def value_range(sample: FloatArray) -> tuple[float, float]:
    """Return the range that pictures show: hundredths 1 to 99, from 0 where no value is far below."""
    low, high = (float(value) for value in np.quantile(sample, [0.01, 0.99])) if len(sample) else (0.0, 1.0)
    low = 0.0 if 0 <= low < 0.25 * high else low
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def gini_text(gini: float) -> str:
    """Return the Gini coefficient with how to read it."""
    return f"Gini coefficient {gini:.2f} (0: all equal, 1: one customer holds everything)."


def lorenz_picture(
    customers: FloatArray, value: FloatArray, *, top_share: float, gini: float, width: float, key: str, title: str
) -> Markup:
    """Draw the share of value held by the share of customers, least valuable first."""
    low = min(float(value.min()), 0.0)
    height = picture_height(width)
    plane = Plane(44, 26, width - 18, height - 46, 0.0, 1.0, low, 1.0)
    across = [(mark, f"{100 * mark:g}%") for mark in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    note = f"The top 20% hold {percent_text(top_share)}"
    at = (plane.x(0.8), plane.y(1 - top_share))
    return picture(
        y_axis(plane, [(mark, f"{100 * mark:g}%") for mark in ticks(low, 1, 5)], "Share of all value"),
        x_axis(plane, across, "Share of customers, least valuable first"),
        area(plane, customers, value, customers, "band s0"),
        line(plane.x(0), plane.y(0), plane.x(1), plane.y(1), "even"),
        words(plane.x(0.42), plane.y(0.42) - 8, "all equal", anchor="end", class_="tick"),
        path(plane, customers, value, "curve s0"),
        # the words stand above the diagonal, where no curve can be, and the mark leads up to them
        line(plane.x(0.8), plane.top, plane.x(0.8), plane.bottom, "mark"),
        tag("circle", cx=round(at[0], 1), cy=round(at[1], 1), r=4, class_="dot s0"),
        words(plane.x(0.8) - 8, plane.top + 16, note, anchor="end", class_="name halo"),
        width=width,
        height=height,
        key=key,
        title=title,
        description=f"{note} of all value; {gini_text(gini)}",
    )


def _bar(plane: Plane, low: float, high: float, share: float) -> Markup:
    left, right, top = plane.x(float(low)), plane.x(float(high)), plane.y(float(share))
    size = {"width": round(max(right - left - 1, 0.5), 1), "height": round(plane.bottom - top, 1)}
    return tag("rect", x=round(left + 0.5, 1), y=round(top, 1), class_="fill s0", **size) if share > 0 else Markup("")


def _marked(plane: Plane, value: float, text: str, drop: float, other: float) -> Markup:
    """Mark a value; its words stand away from the `other` mark, or beyond it where there is no room, led by a line."""
    at, beside = (plane.x(min(max(mark, plane.x_low), plane.x_high)) for mark in (value, other))
    height = plane.top + drop
    leftward = value < other or (value == other and drop > 20)
    if leftward and at - plane.left < 7.5 * len(text):
        start, leftward = max(at, beside) + 6, False
        lead = line(at, height - 4, start - 2, height - 4, "lead")
    else:
        start, lead = (at - 6 if leftward else at + 6), Markup("")
    label = words(start, height, text, anchor="end" if leftward else "start", class_="name halo")
    return join((line(at, plane.top + 4, at, plane.bottom, "mark"), lead, label))
