"""What the whole chain returns: every table, figure and note that the report shows, and nothing that it does not need.

``Analysis`` is one frozen result. Money sections are None where no charge was given, rules where no services were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from custval._core.doors import public
from custval._core.results import Result
from custval._core.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from custval._pipeline.customers import CustomerTable
    from custval.segments import LorenzCurve
    from custval.survival import Curves, DiscreteHazard, IncidenceCurve, SurvivalCurve

__all__ = ("Analysis", "Base", "Method", "Note", "PlanSummary", "QuadrantPoints", "Reading", "ValueSummary")


@public("pipeline")
@dataclass(frozen=True, slots=True, eq=False)
class Note(Result):
    """One data-quality note: where it was seen, how many rows or columns, and what was done about it.

    Attributes
    ----------
    subject : str
        The table or column.
    count : int
        Rows or columns concerned.
    action : str
        What was done about them.

    Examples
    --------
    >>> from custval.pipeline import Note
    >>> Note("tenure", 11, "tenure of 0: counted as half a month").count
    11
    """

    subject: str
    count: int
    action: str


@public("pipeline")
@dataclass(frozen=True, slots=True, eq=False)
class Method(Result):
    """How one number of the report was made.

    Attributes
    ----------
    heading : str
        The number.
    text : str
        How it was made.

    Examples
    --------
    >>> from custval.pipeline import Method
    >>> Method("Value", "Expected discounted margin over 24 months.").to_dict()
    {'heading': 'Value', 'text': 'Expected discounted margin over 24 months.'}
    """

    heading: str
    text: str


@public("pipeline")
@dataclass(frozen=True, slots=True, eq=False)
class Reading(Result):
    """How tenure was read as follow-up, and the monthly churn rate under it and under the other readings.

    Attributes
    ----------
    statement : str
        The reading in one sentence.
    window_months : float or None
        Months in which departures were counted; None: the whole tenure.
    monthly_rate : float
        Departures per customer-month at risk under the reading used, in 0..1.
    alternatives : tuple of (str, float)
        Label and monthly rate of each other reading.

    Examples
    --------
    >>> from custval.pipeline import Reading
    >>> reading = Reading("tenure is the whole follow-up", None, 0.008, (("counted over the last 3 months", 0.024),))
    >>> [f"{rate / reading.monthly_rate:.0f} times" for _, rate in reading.alternatives]
    ['3 times']
    """

    statement: str
    window_months: float | None
    monthly_rate: float
    alternatives: tuple[tuple[str, float], ...]


@public("pipeline")
@dataclass(frozen=True, slots=True, eq=False)
class Base(Result):
    """The base in figures: customers read, still here, left by cause, and monthly churn by cause.

    Attributes
    ----------
    customers, active, left : int
        Customers read; those still here; those who left.
    left_by_cause : dict
        How many left for each cause.
    monthly_rate_by_cause : dict
        Departures per customer-month at risk for each cause, in 0..1.
    time_unit : str
        Unit of tenure.

    Examples
    --------
    >>> from custval.pipeline import Base
    >>> Base(100, 90, 10, {"voluntary": 10}, {"voluntary": 0.01}, "month").to_dict()["left_by_cause"]
    {'voluntary': 10}
    """

    customers: int
    active: int
    left: int
    left_by_cause: dict[str, int]
    monthly_rate_by_cause: dict[str, float]
    time_unit: str


@public("pipeline")
@dataclass(frozen=True, slots=True, eq=False)
class ValueSummary(Result):
    """The value of the base: total with its interval, concentration, and a sample for pictures.

    Attributes
    ----------
    total, lower, upper : float
        Expected discounted margin of all current customers over the horizon and its 95 % interval (parameter
        uncertainty of the hazard model; the customers' errors are correlated and treated so).
    mean : float
        Total divided by current customers.
    horizon_months : int
    monthly_discount : float
    currency : str or None
    negative : int
        Customers whose value is below zero.
    sample : float array
        Values of at most 20,000 customers, drawn evenly, for pictures.
    lorenz : LorenzCurve or None
        Of values above zero; None where no customer is worth more than nothing.
    top_share : float or None
        Share of all value held by the top 20 % of customers.
    by_cause : dict
        Expected value lost through each cause over the horizon.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.pipeline import ValueSummary
    >>> from custval.segments import lorenz_curve
    >>> value = np.array([100.0, 300.0])
    >>> summary = ValueSummary(400.0, 350.0, 450.0, 200.0, 24, 0.01, "EUR", 0, value, lorenz_curve(value), 0.3, {})
    >>> summary.mean * len(summary.sample) == summary.total
    True
    """

    total: float
    lower: float
    upper: float
    mean: float
    horizon_months: int
    monthly_discount: float
    currency: str | None
    negative: int
    sample: FloatArray
    lorenz: LorenzCurve | None
    top_share: float | None
    by_cause: dict[str, float]


@public("pipeline")
@dataclass(frozen=True, slots=True, eq=False)
class QuadrantPoints(Result):
    """A sample of customers on the two axes, with the cuts, for the quadrant picture.

    Attributes
    ----------
    current, potential : float array of shape (m,)
        Where each customer stands on the two axes.
    quadrant : int array of shape (m,)
        Positions in `names`.
    names : tuple of str
        high/high, high/low, low/high, low/low: value first, potential second.
    cut_current, cut_potential : float
        Where the axes are cut.
    label_current, label_potential : str
        What the axes measure.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.pipeline import QuadrantPoints
    >>> names = ("high/high", "high/low", "low/high", "low/low")
    >>> axes = np.array([30.0, 5.0]), np.array([80.0, 10.0])
    >>> points = QuadrantPoints(*axes, np.array([0, 3]), names, 20.0, 40.0, "margin a month", "to win")
    >>> [points.names[code] for code in points.quadrant]
    ['high/high', 'low/low']
    """

    current: FloatArray
    potential: FloatArray
    quadrant: IntArray
    names: tuple[str, ...]
    cut_current: float
    cut_potential: float
    label_current: str
    label_potential: str


@public("pipeline")
@dataclass(frozen=True, slots=True, eq=False)
class PlanSummary(Result):
    """The contact plan in figures.

    Attributes
    ----------
    contacts : int
        Customers to contact.
    cost : float or None
        Money that the contacts are expected to cost.
    expected_profit, std_error : float or None
        What the contacts are expected to earn after their cost, and its standard error; None where no save rate was
        given.
    budget : float or None
        Money that may be spent; None: no limit.
    ranked_by : str
        What the list is ordered by.
    statement : str
        The plan in plain words.

    Examples
    --------
    >>> from custval.pipeline import PlanSummary
    >>> PlanSummary(20, 40.0, None, None, 50.0, "value_at_risk", "20 customers are contacted.").expected_profit is None
    True
    """

    contacts: int
    cost: float | None
    expected_profit: float | None
    std_error: float | None
    budget: float | None
    ranked_by: str
    statement: str


@public("pipeline")
@dataclass(frozen=True, slots=True, eq=False)
class Analysis(Result):
    """The whole chain's answer; ``write(folder)`` makes the report and the files.

    Attributes
    ----------
    title : str
        What was analysed: a file's name or ``synthetic telecom world``.
    headline : tuple of (str, str)
        Label and text of the lines that the command prints.
    base : Base
    reading : Reading
    group : str or None
        Column whose groups the survival curves show (contract where there is one).
    survival : SurvivalCurve or Curves
        Kaplan-Meier by `group` (one curve where there is none).
    survival_from : float
        Months after joining from which `survival` is drawn: the curves are of those who stayed so long; mostly 0.
    incidence : IncidenceCurve
        Aalen-Johansen incidence of each cause, the whole base.
    incidence_from : float
        The same for `incidence`.
    incidence_by_group : Curves or None
        Aalen-Johansen incidence by `group`, from `survival_from` on.
    model : DiscreteHazard
    customers : pandas.DataFrame
        One row for each current customer, columns customer_id, p_leave_3m, p_leave_3m_<cause>, expected_months,
        lifetime_value, lifetime_value_lower, lifetime_value_upper, quadrant, strategy, reason_1..3. Of a file larger
        than the block size only the first rows stand here; all of them are in ``customers.parquet``.
    customers_total : int
        Current customers scored.
    expected_leavers : float
        How many of them are expected to leave within three months.
    value : ValueSummary or None
    quadrants : pandas.DataFrame or None
        quadrant, strategy, customers, share_of_customers, current_value, potential_value, lifetime_value,
        share_of_value, p_leave_3m, value_at_risk.
    quadrant_points : QuadrantPoints or None
    rules : pandas.DataFrame
        antecedent, consequent, count, support, confidence, lift, p_adjusted; best first, empty without services.
    baskets : int
        Customers whose services were counted.
    plan : pandas.DataFrame
        rank, customer_id, offer, cost, expected_profit, std_error, reason_1.
    plan_summary : PlanSummary
    notes : tuple of Note
    methods : tuple of Method
    seconds : float
    peak_memory_mb : float or None
    customer_table : CustomerTable
        All customers, by blocks of rows: ``blocks()`` yields frames.

    Examples
    --------
    >>> from custval.pipeline import analyse
    >>> table = {"tenure": [5, 9, 14, 20, 26, 31, 7, 12] * 20, "left": [True, False, False, True] * 40}
    >>> table["plan"] = ["basic", "gold", "gold", "basic", "gold"] * 32
    >>> answer = analyse(table, tenure="tenure", event="left")
    >>> answer.base.left, answer.customers_total, answer.value is None
    (80, 80, True)
    """

    title: str
    headline: tuple[tuple[str, str], ...]
    base: Base
    reading: Reading
    group: str | None
    survival: SurvivalCurve | Curves[SurvivalCurve]
    survival_from: float
    incidence: IncidenceCurve
    incidence_from: float
    incidence_by_group: Curves[IncidenceCurve] | None
    model: DiscreteHazard
    customers: pd.DataFrame
    customers_total: int
    expected_leavers: float
    value: ValueSummary | None
    quadrants: pd.DataFrame | None
    quadrant_points: QuadrantPoints | None
    rules: pd.DataFrame
    baskets: int
    plan: pd.DataFrame
    plan_summary: PlanSummary
    notes: tuple[Note, ...]
    methods: tuple[Method, ...]
    seconds: float
    peak_memory_mb: float | None
    customer_table: CustomerTable

    def to_frame(self) -> pd.DataFrame:
        """Return the customers' table."""
        return self.customers

    def write(self, folder: str | Path) -> dict[str, Path]:
        """Write report.html, customers.parquet, rules.csv, plan.csv and model.json; return their paths by name."""
        from custval._pipeline.outputs import write_analysis

        return write_analysis(self, folder)

    def told(self, extra: Sequence[tuple[str, str]] = ()) -> str:
        """Return the lines that the command prints, `extra` ones before the last."""
        memory = "" if self.peak_memory_mb is None else f", peak memory {self.peak_memory_mb:,.0f} MB"
        lines = [*self.headline, *extra, ("Took", f"{self.seconds:.1f} seconds{memory}")]
        width = max(len(label) for label, _ in lines)
        return "\n".join(f"{label:<{width}}  {text}" for label, text in lines)

    def __str__(self) -> str:
        """Return the figures in a few lines."""
        return self.told()

    def to_dict(self) -> dict[str, Any]:
        """Return the figures in JSON types: everything but the model and the customers' rows."""
        from custval._core.results import jsonable

        named = ("title", "base", "reading", "value", "quadrants", "rules", "plan_summary", "notes", "seconds")
        return {name: jsonable(getattr(self, name)) for name in named}
