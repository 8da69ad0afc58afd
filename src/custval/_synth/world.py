"""A telecom world whose truth is known: every table an operator has, and what drives it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.progress import track
from custval._core.results import Result
from custval._core.typing import IntArray
from custval._core.validation import check_choice, check_scalar, check_whole
from custval._synth import tables
from custval._synth.calendar import Calendar
from custval._synth.months import Panel, live, merge_panels, network_trouble
from custval._synth.population import Population, draw_population, join_blocks
from custval._synth.records import DIRECTIONS, KINDS, Crowd, block_records, empty_columns, write_sorted
from custval._synth.scenario import SCENARIOS
from custval._synth.services import draw_holdings
from custval._synth.setting import Setting
from custval._synth.social import draw_contacts
from custval._synth.streams import blocks
from custval._synth.truth import Truth, make_truth

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("TelecomWorld", "World")


@public("synth")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
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

    Examples
    --------
    >>> from custval.synth import TelecomWorld
    >>> world = TelecomWorld(n_subscribers=100, months=6, seed=2).simulate()
    >>> list(world.tables["departures"].columns)
    ['subscriber_id', 'departure_time', 'cause']
    """

    tables: Mapping[str, pd.DataFrame]
    truth: Truth
    start: str
    months: int
    seed: int
    scenario: str

    def __repr__(self) -> str:
        """Return a line of sizes: no customer stands in it."""
        people, records = len(self.tables["subscribers"]), len(self.tables["cdr"])
        return f"World({self.scenario}: {people} subscribers, {self.months} months, {records} call detail records)"

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
        number = check_whole(month, "month", low=0, high=self.months)
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


@public("synth")
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
        setting = self._setting()
        jobs = check_whole(n_jobs, "n_jobs", low=1)
        spans = list(enumerate(blocks(self.n_subscribers)))
        parts = [draw_population(setting, block, *span) for block, span in spans]
        panels = [live(setting, part, block) for block, part in enumerate(parts)]
        people, whole = join_blocks(parts), merge_panels(panels)
        made = _small_tables(setting, parts, people, whole)
        crowds = _crowds(setting, parts, panels, whole.departed)
        made["cdr"] = _cdr(setting, crowds, progress=progress, jobs=jobs)
        return World(
            tables={name: made[name] for name in _ORDER},
            truth=make_truth(people, whole, setting.scenario, self.months),
            start=str(np.datetime64(self.start, "D")),
            months=self.months,
            seed=self.seed,
            scenario=self.scenario,
        )

    def _setting(self) -> Setting:
        check_whole(self.n_subscribers, "n_subscribers", low=1)
        check_whole(self.months, "months", low=1, high=240)
        check_whole(self.seed, "seed", low=0)
        check_scalar(self.records_per_subscriber_month, "records_per_subscriber_month", low=0, high=1e5)
        check_choice(self.scenario, "scenario", SCENARIOS)
        return Setting(
            scenario=SCENARIOS[self.scenario],
            calendar=Calendar.starting(self.start, self.months),
            seed=self.seed,
            n_subscribers=self.n_subscribers,
            records_per_month=float(self.records_per_subscriber_month),
        )


_ORDER = ("subscribers", "cdr", "bills", "contacts", "holdings", "departures", "campaigns")


def _small_tables(
    setting: Setting, parts: list[Population], people: Population, whole: Panel
) -> dict[str, pd.DataFrame]:
    """Return all tables but the call detail records."""
    taken = [draw_holdings(setting, block, part.activation_month) for block, part in enumerate(parts)]
    firsts = [first for first, _ in blocks(setting.n_subscribers)]
    return {
        "subscribers": tables.subscribers(people, whole, setting.calendar),
        "bills": tables.bills(whole),
        "contacts": tables.care_contacts(setting, whole),
        "holdings": tables.holdings(taken, firsts, whole, setting.calendar),
        "departures": tables.departures(whole),
        "campaigns": tables.campaigns(setting, whole),
    }


def _crowds(setting: Setting, parts: list[Population], panels: list[Panel], departed: IntArray) -> list[Crowd]:
    """Gather what the records of each block need."""
    trouble, firsts = network_trouble(setting), [first for first, _ in blocks(setting.n_subscribers)]
    return [
        Crowd(block, first, panel, draw_contacts(setting, part, block, first), departed, trouble[part.region])
        for block, (first, part, panel) in enumerate(zip(firsts, parts, panels, strict=True))
    ]


def _cdr(setting: Setting, crowds: list[Crowd], *, progress: bool, jobs: int) -> pd.DataFrame:
    """Fill the record columns month by month: each month is sorted by itself, so the whole is."""
    import pandas as pd

    counts = np.sum([getattr(crowd.panel, kind).sum(axis=0) for crowd in crowds for kind in KINDS], axis=0)
    ends = np.cumsum(counts)
    whole: dict[str, Any] = empty_columns(int(ends[-1]))

    def write(month: int) -> None:
        parts = [part for crowd in crowds for part in block_records(setting, crowd, month)]
        write_sorted(parts, whole, int(ends[month - 1] - counts[month - 1]))

    numbers = range(1, setting.months + 1)
    with ThreadPoolExecutor(jobs) as pool:
        done = map(write, numbers) if jobs == 1 else pool.map(write, numbers)
        for _ in track(done, progress=progress, label="records", total=setting.months):
            pass
    for name, labels in (("kind", KINDS), ("direction", DIRECTIONS)):
        whole[name] = pd.Categorical.from_codes(whole[name], dtype=pd.CategoricalDtype(list(labels)))
    return pd.DataFrame(whole, copy=False)
