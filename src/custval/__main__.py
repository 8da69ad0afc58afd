"""The command: ``python -m custval demo`` and ``python -m custval analyse FILE``; arguments in, exit code out."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from custval import __version__
from custval._core.errors import CustvalError

if TYPE_CHECKING:
    from custval._pipeline.analysis import Analysis

__all__ = ("main",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 the input cannot be used, 2 the command is not understood."""
    asked = _parser().parse_args(arguments)
    # Arrow's own allocator reserves a gibibyte of address space at once; under a limit that is a large part of it
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=UserWarning)
            _run(asked)
    except CustvalError as wrong:
        return _refused(str(wrong))
    except OSError as wrong:
        return _refused(f"{wrong.filename}: {wrong.strerror}" if wrong.filename else str(wrong))
    except MemoryError:
        return _refused("out of memory; a smaller --block-rows or --fit-rows needs less")
    except KeyboardInterrupt:
        sys.stderr.write("\ncustval: stopped; nothing was left half written\n")
        return 130
    return 0


def _run(asked: argparse.Namespace) -> None:
    from custval._pipeline.memory import peak_memory_mb
    from custval._pipeline.outputs import prepare_folder

    started = time.perf_counter()
    folder = prepare_folder(asked.out)
    analysis = asked.make(asked)
    paths = analysis.write(folder)
    report = paths.pop("report.html")
    others = ", ".join(str(path) for path in paths.values())
    analysis = replace(analysis, seconds=time.perf_counter() - started, peak_memory_mb=peak_memory_mb())
    _say(analysis.told(extra=(("Report", str(report)), ("Files", others))))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _refused(why: str) -> int:
    sys.stderr.write(f"custval: {why}\n")
    return 1


def _demo(asked: argparse.Namespace) -> Analysis:
    from custval.pipeline import demo

    return demo(n_subscribers=asked.subscribers, months=asked.months, seed=asked.seed, progress=not asked.quiet)


def _analyse(asked: argparse.Namespace) -> Analysis:
    from custval.pipeline import analyse

    names = [name for name in inspect.signature(analyse).parameters if name in vars(asked) and name != "table"]
    return analyse(asked.table, **{name: getattr(asked, name) for name in names}, progress=not asked.quiet)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="custval", description="Who is about to leave, what each customer is worth, and whom to contact."
    )
    parser.add_argument("--version", action="version", version=f"custval {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands.add_parser("demo", help="simulate a telecom world and analyse its records"))
    _add_analyse(
        commands.add_parser(
            "analyse",
            help="analyse one table of customers (CSV or Parquet)",
            description="Read one table of customers as operators export it, and write the report, the customers with "
            "their risk and value, the rules, the contact plan and the model.",
            epilog="example: custval analyse customers.csv --id customerID --tenure tenure --event Churn --left Yes "
            "--charge MonthlyCharges --services PhoneService,OnlineSecurity,StreamingTV --out out",
        )
    )
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.description = "Simulate a telecom world whose truth is known and run the whole chain on its records."
    parser.add_argument("--subscribers", type=int, default=20_000, metavar="N", help="subscribers (default 20000)")
    parser.add_argument("--months", type=int, default=12, metavar="M", help="calendar months (default 12)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the world (default 0)")
    _add_common(parser, _demo)


def _add_common(parser: argparse.ArgumentParser, make: object) -> None:
    parser.add_argument("--out", default="out", metavar="DIR", help="folder for the files (default: out)")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(make=make)


def _add_analyse(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="FILE", help="CSV or Parquet file, one row for each customer")
    columns = parser.add_argument_group("columns")
    columns.add_argument("--tenure", required=True, metavar="COLUMN", help="time as a customer")
    columns.add_argument("--event", required=True, metavar="COLUMN", help="who left")
    columns.add_argument(
        "--left", metavar="VALUE", help="value of the event column that means: left (default: yes, 1, true)"
    )
    columns.add_argument("--id", metavar="COLUMN", help="customer id (default: row number)")
    columns.add_argument("--cause", metavar="COLUMN", help="cause of leaving")
    columns.add_argument("--charge", type=_charge, metavar="COLUMN|NUMBER", help="monthly charge; without it no money")
    columns.add_argument("--services", type=_listed, default=(), metavar="A,B,...", help="columns of services held")
    columns.add_argument("--group", metavar="COLUMN", help="column whose groups the survival curves show")
    columns.add_argument("--ignore", type=_listed, default=(), metavar="A,B,...", help="columns that must not be used")
    _add_time_and_money(parser)
    reading = parser.add_argument_group("reading")
    reading.add_argument("--encoding", default="utf-8-sig", help="encoding of a CSV file (default: UTF-8)")
    reading.add_argument("--block-rows", type=int, default=50_000, metavar="N", help="rows read at a time")
    reading.add_argument("--fit-rows", type=int, default=200_000, metavar="N", help="most rows the hazard is fitted on")
    _add_common(parser, _analyse)


def _add_time_and_money(parser: argparse.ArgumentParser) -> None:
    time = parser.add_argument_group("time")
    time.add_argument(
        "--window-months",
        type=float,
        metavar="W",
        help="departures were counted only over the last W months (a snapshot); without it the whole tenure counts",
    )
    time.add_argument("--tenure-unit", default="month", metavar="UNIT", help="month, day, week or year (default month)")
    time.add_argument("--horizon", type=int, default=24, metavar="MONTHS", help="months ahead for value (default 24)")
    money = parser.add_argument_group("money")
    money.add_argument("--margin-share", type=float, default=1.0, metavar="SHARE", help="margin / charge (default 1)")
    money.add_argument("--monthly-discount", type=float, default=0.01, metavar="RATE", help="per month (default .01)")
    money.add_argument("--currency", metavar="NAME", help="name or sign of the money unit")
    money.add_argument("--budget", type=float, metavar="MONEY", help="money for the contacts")
    money.add_argument("--contact-cost", type=float, default=1.0, metavar="MONEY", help="per contact (default 1)")
    money.add_argument("--offer-cost", type=float, default=0.0, metavar="MONEY", help="per accepted offer (default 0)")
    money.add_argument(
        "--save-rate",
        type=float,
        metavar="RATE",
        help="share of contacted leavers kept; without it no profit is claimed",
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _charge(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
