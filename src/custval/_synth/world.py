"""A telecom world whose truth is known: every table an operator has, and what drives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.errors import InputError
from custval._core.progress import track
from custval._core.results import Result
from custval._core.typing import IntArray
from custval._core.validation import check_choice, check_scalar
from custval._synth import tables
from custval._synth.calendar import Calendar
from custval._synth.months import Panel, live, network_trouble
from custval._synth.population import Population, draw_population, join_blocks
from custval._synth.records import DIRECTIONS, KINDS, Records, block_records, sorted_by_time
from custval._synth.scenario import SCENARIOS, Scenario
from custval._synth.services import draw_holdings
from custval._synth.social import Contacts, draw_contacts
from custval._synth.streams import blocks
from custval._synth.truth import Truth, make_truth

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("TelecomWorld", "World")


@dataclass(frozen=True, slots=True, eq=False)
class World(Result):
    """The tables of a simulated operator and the truth behind them.

    Attributes
    ----------
    tables : dict of str to pandas.DataFrame
        subscribers, cdr (in the order of time), bills, contacts, holdings, departures, campaigns; key
        ``subscriber_id`` in each, times as epoch seconds of local time.
    truth : Truth
        Hazards, coefficients, effects, values and planted rules.
    start : str
        First day of month 1.
    months : int
        Number of calendar months.
    seed : int
        The seed it was made from.
    scenario : str
        The name of the market.

    Notes
    -----
    Months are calendar months. The tenure of a customer at the end of month m is m minus the activation month, in
    whole months; one who leaves in month m stayed m minus the activation month. Nobody leaves in the month of joining.
    Contract terms roll over by their own length, so ``contract_end`` (the end of the first term that was running when
    the window opened, or of the first term of a newcomer) says nothing about later renewals.

    Each record is seen from its subscriber: the two sides of a call between two subscribers are drawn apart.
    """

    __module__ = "custval.synth"

    tables: Mapping[str, pd.DataFrame]
    truth: Truth
    start: str
    months: int
    seed: int
    scenario: str

    def month_end(self, month: int) -> int:
        """Return the last second of calendar month `month` (1..months) as epoch seconds: the ``as_of`` of a view.

        Parameters
        ----------
        month : int
            0..months; 0 is the month before the world opens.

        Returns
        -------
        int
            Epoch seconds of local time.

        Examples
        --------
        >>> from custval.synth import TelecomWorld
        >>> world = TelecomWorld(n_subscribers=50, months=2, start="2025-01-01").simulate()
        >>> world.month_end(1)
        1738367999
        """
        number = int(check_scalar(month, "month", low=0, high=self.months))
        return int(Calendar.starting(self.start, self.months).month_end(number))

    def write(self, folder: str | Path) -> dict[str, Path]:
        """Write each table to ``<folder>/<table>.parquet`` and return the paths by table.

        Parameters
        ----------
        folder : str or path
            Made if it is not there.

        Returns
        -------
        dict of str to pathlib.Path
            What `custval.cdr.customer_view` reads.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.

        Examples
        --------
        >>> import tempfile
        >>> from custval.synth import TelecomWorld
        >>> world = TelecomWorld(n_subscribers=50, months=1).simulate()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sorted(world.write(folder))
        ['bills', 'campaigns', 'cdr', 'contacts', 'departures', 'holdings', 'subscribers']
        """
        from custval._core.errors import import_extra

        import_extra("pyarrow", "cdr")
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        paths = {name: place / f"{name}.parquet" for name in self.tables}
        for name, path in paths.items():
            part = path.with_suffix(".part")  # a file that was cut off never looks like a whole one
            self.tables[name].to_parquet(part, index=False)
            part.replace(path)
        return paths

    def to_frame(self) -> pd.DataFrame:
        """Return the number of rows and columns of each table."""
        import pandas as pd

        sizes = [(name, len(table), table.shape[1]) for name, table in self.tables.items()]
        return pd.DataFrame(sizes, columns=["table", "rows", "columns"])

    def to_dict(self) -> dict[str, Any]:
        """Return a summary in JSON types: sizes, causes, coefficients and planted rules; no customer stands in it."""
        left = self.tables["departures"]["cause"].value_counts()
        return {
            "scenario": self.scenario,
            "start": self.start,
            "months": self.months,
            "seed": self.seed,
            "rows": {name: len(table) for name, table in self.tables.items()},
            "departures": {cause: int(left.get(cause, 0)) for cause in self.truth.causes},
            "coefficients": {cause: dict(row) for cause, row in self.truth.coefficients.items()},
            "rules": [dict(rule) for rule in self.truth.rules],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TelecomWorld:
    """What would an operator's records look like if we knew what drives them?

    Parameters
    ----------
    n_subscribers : int, default 20000
        Everyone ever seen: those there at the beginning and those who join during the window; at least 1.
    months : int, default 12
        Calendar months, at least 1; the save campaign needs 6.
    seed : int, default 0
        Same seed, same bytes, whatever the number of jobs.
    scenario : str, default "contract market"
        One of "contract market", "price war", "network trouble", "recession".
    records_per_subscriber_month : float, default 32
        Expected call detail records of an average active subscriber in a month, >= 0.
    start : str, default "2025-01-01"
        First day of the first month.

    Notes
    -----
    Everyone who joined before the window is seen only because they stayed: tenures are left-truncated. In each month
    the chance of leaving follows a multinomial logit of what was true at the end of the month before
    (`Truth.coefficients`); contract end raises it five-fold. Erosion (a second SIM) lowers outgoing use month by
    month, raises the chance of leaving, and leaves incoming use as it was.

    Examples
    --------
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=200, months=6, seed=1).simulate()
    >>> sorted(world.tables)
    ['bills', 'campaigns', 'cdr', 'contacts', 'departures', 'holdings', 'subscribers']
    >>> world.truth.hazard.shape
    (200, 6, 4)
    """

    __module__ = "custval.synth"

    n_subscribers: int = 20_000
    months: int = 12
    seed: int = 0
    scenario: str = "contract market"
    records_per_subscriber_month: float = 32.0
    start: str = "2025-01-01"

    def simulate(self, *, progress: bool = False, n_jobs: int = 1) -> World:
        """Simulate the world.

        Parameters
        ----------
        progress : bool, default False
            Show a bar over the months of records.
        n_jobs : int, default 1
            Threads that expand records, at least 1; the result does not depend on it.

        Returns
        -------
        World
            Tables and truth.

        Raises
        ------
        InputError
            If a parameter is out of its range; the message says which.

        Examples
        --------
        >>> from custval.synth import TelecomWorld
        >>> len(TelecomWorld(n_subscribers=100, months=3).simulate().tables["subscribers"])
        100
        """
        scenario, calendar = self._checked()
        jobs = int(check_scalar(n_jobs, "n_jobs", low=1))
        spans = blocks(self.n_subscribers)
        parts = [
            draw_population(scenario, self.seed, block, first, last, self.months)
            for block, (first, last) in enumerate(spans)
        ]
        panels = [
            live(part, scenario, calendar, self.seed, block, self.records_per_subscriber_month)
            for block, part in enumerate(parts)
        ]
        work = _Work(scenario, calendar, self.seed, spans, parts, panels)
        people = join_blocks(parts)
        return World(
            tables=_all_tables(work, people, progress=progress, jobs=jobs),
            truth=make_truth(people, panels, scenario, self.months),
            start=str(np.datetime64(self.start, "D")),
            months=self.months,
            seed=self.seed,
            scenario=self.scenario,
        )

    def _checked(self) -> tuple[Scenario, Calendar]:
        check_scalar(self.n_subscribers, "n_subscribers", low=1)
        check_scalar(self.months, "months", low=1, high=240)
        check_scalar(self.seed, "seed", low=0)
        check_scalar(self.records_per_subscriber_month, "records_per_subscriber_month", low=0, high=1e5)
        for name in ("n_subscribers", "months", "seed"):
            if int(getattr(self, name)) != getattr(self, name):
                raise InputError(f"{name} must be a whole number, not {getattr(self, name)!r}")
        check_choice(self.scenario, "scenario", SCENARIOS)
        return SCENARIOS[self.scenario], Calendar.starting(self.start, self.months)


@dataclass(frozen=True, slots=True)
class _Work:
    """What the expansion of records shares between months."""

    scenario: Scenario
    calendar: Calendar
    seed: int
    spans: list[tuple[int, int]]
    people: list[Population]
    panels: list[Panel]


def _all_tables(work: _Work, people: Population, *, progress: bool, jobs: int) -> dict[str, pd.DataFrame]:
    panel = _merged(work.panels)
    firsts = [first for first, _ in work.spans]
    taken = [
        draw_holdings(work.seed, block, part.activation_month, work.calendar.months)
        for block, part in enumerate(work.people)
    ]
    return {
        "subscribers": tables.subscribers(people, panel, work.calendar),
        "cdr": _cdr(work, people, panel.departed, progress=progress, jobs=jobs),
        "bills": tables.bills(panel),
        "contacts": tables.care_contacts(panel, work.calendar, work.seed),
        "holdings": tables.holdings(taken, firsts, panel, work.calendar),
        "departures": tables.departures(panel),
        "campaigns": tables.campaigns(panel, work.calendar, work.seed),
    }


def _merged(panels: list[Panel]) -> Panel:
    return Panel(**{name: np.concatenate([getattr(panel, name) for panel in panels]) for name in Panel.__slots__})


def _cdr(work: _Work, people: Population, departed: IntArray, *, progress: bool, jobs: int) -> pd.DataFrame:
    """Fill the record columns month by month: each month is sorted by itself, so the whole is."""
    import pandas as pd

    counts = [
        sum(int(getattr(p, kind)[:, m].sum()) for p in work.panels for kind in KINDS)
        for m in range(work.calendar.months)
    ]
    ends = np.cumsum(counts)
    whole: dict[str, np.ndarray] = {}
    done = _months(work, people, departed, jobs)
    for month, part in enumerate(track(done, progress=progress, label="records", total=work.calendar.months)):
        for name, values in part.items():
            column = whole.setdefault(name, np.empty(ends[-1], dtype=values.dtype))
            column[ends[month] - counts[month] : ends[month]] = values
    codes = {"kind": KINDS, "direction": DIRECTIONS}
    for name, labels in codes.items():
        whole[name] = pd.Categorical.from_codes(whole[name], dtype=pd.CategoricalDtype(list(labels)))
    return pd.DataFrame(whole, copy=False)


def _months(work: _Work, people: Population, departed: IntArray, jobs: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield the sorted records of each month; at most `jobs` months are in work at a time."""
    n = len(people)
    social = [
        draw_contacts(part, work.seed, block, first, n)
        for block, (part, (first, _)) in enumerate(zip(work.people, work.spans, strict=True))
    ]
    numbers = range(1, work.calendar.months + 1)
    if jobs == 1:
        yield from (_month(work, social, departed, month) for month in numbers)
        return
    with ThreadPoolExecutor(jobs) as pool:
        for begin in range(1, work.calendar.months + 1, jobs):
            batch = range(begin, min(begin + jobs, work.calendar.months + 1))
            yield from pool.map(lambda month: _month(work, social, departed, month), batch)


def _month(work: _Work, social: list[Contacts], departed: IntArray, month: int) -> dict[str, np.ndarray]:
    trouble = network_trouble(work.scenario, work.seed, work.calendar.months)[:, month - 1]
    parts: list[Records] = []
    for block, (panel, (first, _)) in enumerate(zip(work.panels, work.spans, strict=True)):
        here = trouble[work.people[block].region]
        parts += block_records(
            panel, social[block], departed, work.scenario, work.calendar, work.seed, block, first, month, here
        )
    return sorted_by_time(parts)
