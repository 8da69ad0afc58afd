"""A telecom world whose truth is known: every table an operator has, and what drives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.progress import track
from custval._core.results import Result
from custval._core.validation import check_choice, check_scalar, check_whole
from custval._synth.block import Block, make_block
from custval._synth.calendar import Calendar
from custval._synth.catalogue import plans, services
from custval._synth.records import DIRECTIONS, KINDS, Numbers, Records, block_records, empty_columns, write_sorted
from custval._synth.scenario import SCENARIOS, adjusted, chosen_behaviours
from custval._synth.setting import Setting
from custval._synth.streams import blocks
from custval._synth.tables import ORDER, block_tables
from custval._synth.truth import Truth, join_truths, make_truth
from custval._synth.writing import write_world

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
        subscribers, cdr (in the order of time), bills, payments, ageing (of debts), topups, contacts, holdings,
        renewals, departures, campaigns (save offer), offers (cross-sell), winbacks: key ``subscriber_id``, times as
        epoch seconds of local time; plans and services: what is sold.
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

    Each record is seen from its subscriber. Unless the behaviour "two-sided records" is asked for, the two sides of a
    call between two subscribers are drawn apart. Prepaid subscribers have top-ups instead of bills and never stand in
    ``departures``: nobody announces the end of a prepaid line.

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
        ...     sorted(world.write(folder))  # doctest: +ELLIPSIS
        ['ageing', 'bills', 'campaigns', ..., 'topups', 'winbacks']
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
        One of "contract market", "prepaid market", "price war", "number portability", "network trouble", "recession".
    records_per_subscriber_month : float, default 32
        Expected call detail records of an average active subscriber in a month, >= 0.
    start : str, default "2025-01-01"
        First day of the first month.
    behaviours : sequence of str or "all", default ()
        What makes a world harder to read: "group churn" (companies, closed user groups, leave together after signs),
        "contagion" (a departed tie doubles the odds of leaving), "two-sided records" (a call between two subscribers
        stands in the records of both), "confounded campaign" (in half of the regions agents chose whom to call),
        "adoption order" (services of a bundle are taken up in an order).
    parameters : mapping of str to number or sequence, optional
        Numbers of the scenario to change by name, such as ``{"churn_scale": 1.5, "topup_rate_mean": 2.0}``;
        ``"hazard": {"voluntary": {"complaints": 0.8}}`` changes coefficients.

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
    >>> sorted(world.tables)  # doctest: +ELLIPSIS
    ['ageing', 'bills', 'campaigns', ..., 'topups', 'winbacks']
    >>> world.truth.hazard.shape
    (200, 6, 4)
    """

    n_subscribers: int = 20_000
    months: int = 12
    seed: int = 0
    scenario: str = "contract market"
    records_per_subscriber_month: float = 32.0
    start: str = "2025-01-01"
    behaviours: Sequence[str] | str = ()
    parameters: Mapping[str, Any] | None = None

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
        parts = [make_block(setting, index) for index in range(len(blocks(self.n_subscribers)))]
        made = _small_tables(setting, parts)
        made["cdr"] = _cdr(setting, parts, progress=progress, jobs=jobs)
        return World(
            tables={name: made[name] for name in _ORDER},
            truth=join_truths([make_truth(part) for part in parts]),
            start=str(np.datetime64(self.start, "D")),
            months=self.months,
            seed=self.seed,
            scenario=self.scenario,
        )

    def write(
        self, folder: str | Path, *, progress: bool = False, n_jobs: int = 1, chunk_blocks: int = 4
    ) -> dict[str, Path]:
        """Write the world to partitioned Parquet, block by block: memory does not grow with its records.

        Parameters
        ----------
        folder : str or path
            New or empty. It appears when all is written: a run that was stopped leaves nothing behind.
        progress : bool, default False
            Show a bar over the blocks of 4,096 subscribers.
        n_jobs : int, default 1
            Threads, at least 1; the bytes do not depend on it.
        chunk_blocks : int, default 4
            Blocks under way at once, at least 1; the bytes do not depend on it.

        Returns
        -------
        dict of str to pathlib.Path
            A glob for each table, and for ``truth`` (a row for each subscriber) and ``truth_hazard`` (a row for each
            person-month at risk). `custval.cdr.customer_view` reads the folder.

        Raises
        ------
        InputError
            If a parameter is out of its range or the folder is not empty.
        MissingExtraError
            If pyarrow is not installed.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from custval.synth import TelecomWorld
        >>> with tempfile.TemporaryDirectory() as home:
        ...     paths = TelecomWorld(n_subscribers=100, months=2).write(Path(home) / "world")
        >>> paths["cdr"].parts[-2:]
        ('cdr', '*.parquet')
        """
        jobs, chunk = check_whole(n_jobs, "n_jobs", low=1), check_whole(chunk_blocks, "chunk_blocks", low=1)
        return write_world(self._setting(), Path(folder), jobs=jobs, chunk=chunk, progress=progress)

    def _setting(self) -> Setting:
        check_whole(self.n_subscribers, "n_subscribers", low=1)
        check_whole(self.months, "months", low=1, high=240)
        check_whole(self.seed, "seed", low=0)
        check_scalar(self.records_per_subscriber_month, "records_per_subscriber_month", low=0, high=1e5)
        check_choice(self.scenario, "scenario", SCENARIOS)
        return Setting(
            scenario=adjusted(SCENARIOS[self.scenario], self.parameters),
            calendar=Calendar.starting(self.start, self.months),
            seed=self.seed,
            n_subscribers=self.n_subscribers,
            records_per_month=float(self.records_per_subscriber_month),
            behaviours=chosen_behaviours(self.behaviours),
        )


_ORDER = (
    *("subscribers", "cdr", "bills", "payments", "ageing", "topups", "contacts", "holdings", "renewals", "departures"),
    *("campaigns", "offers", "winbacks", "plans", "services"),
)


def _small_tables(setting: Setting, parts: list[Block]) -> dict[str, pd.DataFrame]:
    """Return all tables but the call detail records, those of the whole world in the order of time."""
    import pandas as pd

    made: dict[str, pd.DataFrame] = {}
    columns = [block_tables(part) for part in parts]
    for table in columns[0]:
        whole = {name: np.concatenate([one[table][name] for one in columns]) for name in columns[0][table]}
        order = np.lexsort([whole[name] for name in reversed(ORDER[table])]) if table in ORDER else slice(None)
        made[table] = pd.DataFrame({name: values[order] for name, values in whole.items()})
    return {**made, "plans": pd.DataFrame(plans(setting.scenario)), "services": pd.DataFrame(services())}


def _cdr(setting: Setting, parts: list[Block], *, progress: bool, jobs: int) -> pd.DataFrame:
    """Fill the record columns month by month: each month is sorted by itself, so the whole is."""
    numbers = Numbers(
        np.concatenate([part.panel.activated for part in parts]),
        np.concatenate([part.panel.departed for part in parts]),
    )

    counts = np.sum([getattr(part.panel, kind).sum(axis=0) for part in parts for kind in KINDS], axis=0)
    if "two-sided records" in setting.behaviours:
        return _two_sided(parts, numbers, progress=progress)
    ends = np.cumsum(np.asarray(counts, dtype=np.int64))
    whole: dict[str, Any] = empty_columns(int(ends[-1]))

    def write(month: int) -> None:
        drawn = [records for part in parts for records in block_records(part, numbers, month)]
        write_sorted(drawn, whole, int(ends[month - 1] - counts[month - 1]))

    with ThreadPoolExecutor(jobs) as pool:
        todo = range(1, setting.months + 1)
        done = map(write, todo) if jobs == 1 else pool.map(write, todo)
        for _ in track(done, progress=progress, label="records", total=setting.months):
            pass
    return _labelled(whole)


def _two_sided(parts: list[Block], numbers: Numbers, *, progress: bool) -> pd.DataFrame:
    """Draw the records of all months: how many answers there are shows only when they are drawn."""
    made = []
    for month in track(range(1, parts[0].setting.months + 1), progress=progress, label="records"):
        drawn = [records for part in parts for records in block_records(part, numbers, month)]
        made.append(empty_columns(sum(len(records.event_time) for records in drawn)))
        write_sorted(drawn, made[-1], 0)
    return _labelled({name: np.concatenate([columns.pop(name) for columns in made]) for name in Records.__slots__})


def _labelled(whole: dict[str, Any]) -> pd.DataFrame:
    """Return the columns as a frame, with words for the codes of kind and direction."""
    import pandas as pd

    for name, labels in (("kind", KINDS), ("direction", DIRECTIONS)):
        whole[name] = pd.Categorical.from_codes(whole[name], dtype=pd.CategoricalDtype(list(labels)))
    return pd.DataFrame(whole, copy=False)
