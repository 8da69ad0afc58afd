"""Seven numbers that describe a column of each subscriber, from sums of powers about the subscriber's own mean.

mean, std (population), median, skewness and kurtosis (moments, not excess), min, max. Where all values are the same,
std, skewness and kurtosis are exactly 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("STATISTICS", "Summary", "ratio", "summarised")

STATISTICS = ("mean", "std", "median", "skewness", "kurtosis", "min", "max")


class Summary:
    """The expressions that describe the column `name`, which holds missing values where it does not apply."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def centred(self, partition: Sequence[str]) -> nw.Expr:
        """Return the column less its mean: powers of the raw one would lose all digits where values are alike."""
        import narwhals as nw

        value = nw.col(self.name)
        return (value - value.mean().over(*partition)).alias(f"{self.name}_off")

    def powers(self) -> list[nw.Expr]:
        """Return helper columns: how many, their sum, and the powers 2 to 4 of the centred column."""
        import narwhals as nw

        value, off = nw.col(self.name), nw.col(f"{self.name}_off")
        there = (~value.is_null()).cast(nw.Float64)
        made = (there, value, off * off, off * off * off, off * off * off * off)
        return [one.alias(f"{self.name}_{power}") for power, one in enumerate(made)]

    def sums(self) -> list[nw.Expr]:
        """Return the aggregates of one subscriber."""
        import narwhals as nw

        value = nw.col(self.name)
        ends = [value.min().alias(f"{self.name}_min"), value.max().alias(f"{self.name}_max")]
        middle = value.median().alias(f"{self.name}_median")
        return [*[nw.col(f"{self.name}_{power}").sum() for power in range(5)], *ends, middle]

    def statistic(self, what: str) -> nw.Expr:
        """Return one of the seven numbers, from the aggregates; 0 where there is no value."""
        import narwhals as nw

        n = nw.col(f"{self.name}_0")
        if what in ("median", "min", "max"):
            return nw.when(n > 0.0).then(nw.col(f"{self.name}_{what}").cast(nw.Float64)).otherwise(0.0)
        mean = ratio(nw.col(f"{self.name}_1"), n)
        if what == "mean":
            return mean
        return self._central(what, n)

    def _central(self, what: str, n: nw.Expr) -> nw.Expr:
        import narwhals as nw

        two, three, four = (ratio(nw.col(f"{self.name}_{power}"), n) for power in (2, 3, 4))
        varies = (n > 0.0) & (nw.col(f"{self.name}_max") > nw.col(f"{self.name}_min")) & (two > 0.0)
        safe = nw.when(varies).then(two).otherwise(1.0)
        made = {"std": safe**0.5, "skewness": three / (safe * safe**0.5), "kurtosis": four / (safe * safe)}
        return nw.when(varies).then(made[what]).otherwise(0.0)


def summarised(
    frame: nw.LazyFrame[Any],
    names: Sequence[str],
    *,
    partition: Sequence[str] = ("subscriber_id",),
    more: Iterable[nw.Expr] = (),
) -> nw.LazyFrame[Any]:
    """Return the aggregates of the columns `names` for each subscriber, and `more` of other columns.

    `partition` may be finer than the subscriber where each column has values in one part only: an order that the
    engine has made already is then used again.
    """
    described = [Summary(name) for name in names]
    if described:
        frame = frame.with_columns(*[one.centred(partition) for one in described])
        frame = frame.with_columns(*[power for one in described for power in one.powers()])
    return frame.group_by("subscriber_id").agg(*[total for one in described for total in one.sums()], *more)


def ratio(part: nw.Expr, whole: nw.Expr) -> nw.Expr:
    """Return part / whole, and 0 where the whole is 0."""
    import narwhals as nw

    empty = whole == 0.0
    # 1 added to a zero keeps every engine from dividing by it; literals in then() fail on empty frames (narwhals 2.0)
    return nw.when(~empty).then(part / (whole + empty.cast(nw.Float64))).otherwise(0.0)
