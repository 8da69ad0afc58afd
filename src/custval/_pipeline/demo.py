"""The main job on a synthetic world: simulate, analyse, write."""

from __future__ import annotations

import time

from custval._core.doors import public
from custval._core.validation import check_scalar
from custval._pipeline.analysis import Analysis
from custval._pipeline.chain import run_chain
from custval._pipeline.settings import Settings
from custval._pipeline.tables import table_cases
from custval._synth.world import TelecomWorld, World

__all__ = ("demo",)


@public("pipeline")
def demo(*, n_subscribers: int = 20_000, months: int = 12, seed: int = 0, progress: bool = False) -> Analysis:
    """Simulate a telecom world and analyse its records as if nothing else were known of it.

    Parameters
    ----------
    n_subscribers : int, default 20000
        Subscribers ever seen, >= 200; each makes some 23 call detail records a month.
    months : int, default 12
        Calendar months, >= 6.
    seed : int, default 0
        Seed of the world.
    progress : bool, default False
        Show bars on the error stream.

    Returns
    -------
    Analysis
        As from ``analyse``.

    Examples
    --------
    >>> from custval.pipeline import demo
    >>> answer = demo(n_subscribers=600, months=6)
    >>> [label for label, _ in answer.headline][:3]
    ['World', 'View', 'Churn a month']
    """
    started = time.perf_counter()
    check_scalar(n_subscribers, "n_subscribers", low=200)
    check_scalar(months, "months", low=6)
    world = TelecomWorld(n_subscribers=n_subscribers, months=months, seed=seed).simulate(progress=progress, n_jobs=2)
    settings = Settings(
        monthly_discount=0.01,
        currency="€",
        contact_cost=2.0,
        offer_cost=12.0,
        budget=0.5 * n_subscribers,
        progress=progress,
    )
    cases = table_cases(world, settings, world=_described(world))
    return run_chain(cases, settings, started=started)


def _described(world: World) -> tuple[tuple[str, str], ...]:
    tables = world.tables
    text = (
        f"{len(tables['subscribers']):,} subscribers, {world.months} months, {len(tables['cdr']):,} call "
        "detail records, "
        f"{len(tables['bills']):,} bills, {len(tables['holdings']):,} service holdings (seed {world.seed})"
    )
    return (("World", text),)
