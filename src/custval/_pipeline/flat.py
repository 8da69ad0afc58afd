"""From one flat table, as operators export it, to the cases of the chain.

Every row is accounted for: scored, used in fitting, or set aside with a counted reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from custval._core.errors import InputError
from custval._core.progress import track
from custval._core.typing import BoolArray, FloatArray, IntArray, TextArray
from custval._core.validation import nearest
from custval._pipeline.analysis import Base, Method, Note, Reading
from custval._pipeline.cases import Cases, ScoreBlock
from custval._pipeline.cells import NO, YES, as_text
from custval._pipeline.profile import ColumnProfile, Profile, iterate, profile_table, repeats
from custval._pipeline.recipe import Recipe, learn_recipe
from custval._pipeline.services import ServiceReader
from custval._pipeline.settings import Settings
from custval._pipeline.source import TableSource
from custval._survival.target import survival_target

__all__ = ("flat_cases",)

_UNNAMED_CAUSE = "cause not given"


def flat_cases(source: TableSource, settings: Settings) -> Cases:
    """Return the cases of one flat table; see the module."""
    settings.check()
    settings.check_columns(source.columns)
    profile = profile_table(source, settings)
    if profile.n < 2:
        raise InputError(f"{source.name} holds 1 customer; a hazard needs several who stayed and several who left")
    rows = _read_rows(profile, settings)
    _refuse_hopeless(rows, profile, settings, source.name)
    charge, charge_notes = _charges(profile, rows, settings)
    sample = profile.sample_rows[rows.usable[profile.sample_rows]]
    picked = np.flatnonzero(rows.usable[profile.sample_rows])
    profile.sample = {name: values[picked] for name, values in profile.sample.items()}
    recipe, recipe_notes = learn_recipe(
        profile,
        settings.services,
        left=rows.left[sample],
        tenure=rows.tenure[sample],
        charge=None if charge is None else charge[sample],
    )
    X = recipe.clean(profile.sample)
    reader = ServiceReader(profile.columns, settings.services)
    fit = rows.duration[sample] > rows.entry[sample]
    y = _target(rows, sample[fit])
    group, groups = _groups(X, recipe, settings, y, fit)
    notes = [*rows.notes, *charge_notes, *recipe_notes, *_sample_note(profile, settings)]
    if not recipe.kinds:
        raise InputError(f"no column of {source.name} is left to tell customers apart; every other column has a role")
    return Cases(
        title=source.name,
        X={name: values[fit] for name, values in X.items()},
        y=y,
        cluster=None,
        curve_y=y,
        curve_groups=groups,
        group=group,
        base=_base(rows),
        reading=_reading(rows, settings),
        blocks=lambda: _score_blocks(source, settings, rows, charge=charge, recipe=recipe, reader=reader),
        services=reader.items,
        has_money=charge is not None,
        notes=[note for note in notes if note.count],
        methods=_methods(settings, rows),
    )


@dataclass(slots=True, eq=False)
class _Rows:
    """Each row as it counts: usable, left, cause code, months stayed, months at risk (entry, duration]."""

    usable: BoolArray
    left: BoolArray
    cause: np.ndarray
    causes: list[str]
    tenure: FloatArray
    entry: FloatArray
    duration: FloatArray
    notes: list[Note]


def _read_rows(profile: Profile, settings: Settings) -> _Rows:
    left_word = _left_word(profile, settings)
    unknown = profile.outcome < 0
    left = profile.outcome == profile.outcomes.index(left_word)
    negative = profile.tenure < 0
    aside = [
        (profile.tenure_blank, str(settings.tenure), "rows with a blank tenure set aside"),
        (profile.tenure_wrong, str(settings.tenure), "rows whose tenure is not a number set aside"),
        (negative, str(settings.tenure), "rows with a negative tenure set aside"),
        (unknown, str(settings.event), "rows that do not say whether the customer left set aside"),
    ]
    usable = np.ones(profile.n, dtype=bool)
    notes = []
    for bad, column, action in aside:
        notes.append(Note(column, int((bad & usable).sum()), action))
        usable &= ~bad
    twice = repeats(profile.id_hash, usable & ~profile.id_blank) if settings.id else np.zeros(profile.n, dtype=bool)
    notes.append(Note(str(settings.id), int(twice.sum()), "repeated ids set aside; the first row of each was kept"))
    usable &= ~twice
    notes.extend(_outcome_notes(profile, settings, left_word, usable))
    tenure = np.where(np.isfinite(profile.tenure), profile.tenure, 0.0)
    cause, causes = _causes(profile, settings, left & usable, notes)
    duration, entry = _exposure(tenure, left, settings, usable, notes)
    notes.append(Note(str(settings.id), int((profile.id_blank & usable).sum()), "blank ids replaced by the row number"))
    return _Rows(usable, left & usable, cause, causes, tenure, entry, duration, notes)


def _outcome_notes(profile: Profile, settings: Settings, left_word: str, usable: BoolArray) -> list[Note]:
    """Say which words of the outcome were read how: other cases, and words that are neither yes nor no."""
    said = [Note(str(settings.event), profile.respelled_outcomes, "outcomes written in another case, read alike")]
    others = [word for word in profile.outcomes if word != left_word]
    for word in others if len(others) > 1 else []:
        if word.casefold() not in NO:
            count = int(((profile.outcome == profile.outcomes.index(word)) & usable).sum())
            said.append(Note(str(settings.event), count, f"outcomes {word!r} read as still a customer"))
    if settings.cause is not None:
        stayed = usable & (profile.outcome != profile.outcomes.index(left_word)) & (profile.cause >= 0)
        said.append(Note(settings.cause, int(stayed.sum()), "causes of customers who stayed left unread"))
    if profile.decimal_comma:
        said.append(Note("table", 1, "numbers are written with a decimal comma, and were read so"))
    return said


def _left_word(profile: Profile, settings: Settings) -> str:
    """Return the word of the outcome column that means a customer left."""
    if not profile.outcomes:
        raise InputError(f"column {settings.event!r} is blank in every row; it must say who left")
    if settings.left is not None:
        wanted = str(as_text(np.array([settings.left], dtype=object))[0])
        folded = {word.casefold(): word for word in profile.outcomes}
        meant = {wanted.casefold()} | (YES if wanted.casefold() in YES else set())
        found = [word for key, word in folded.items() if key in meant]
        if wanted.casefold() in folded or len(found) == 1:
            return folded.get(wanted.casefold(), found[0])
        shown = ", ".join(map(repr, sorted(profile.outcomes)))
        raise InputError(
            f"left={settings.left!r} never occurs in column "
            f"{settings.event!r}{nearest(wanted, profile.outcomes)}; "
            f"its values are {shown}: no customer left, so there is nothing to learn from"
        )
    known = [word for word in profile.outcomes if word.casefold() in YES]
    if len(known) == 1:
        return known[0]
    shown = ", ".join(map(repr, sorted(profile.outcomes)))
    if all(word.casefold() in {"no", "n", "0", "false"} for word in profile.outcomes):
        raise InputError(
            f"no customer left: column {settings.event!r} holds only {shown}; all {profile.n} are censored"
        )
    raise InputError(f"say which value of column {settings.event!r} means that the customer left: left=... of {shown}")


def _causes(profile: Profile, settings: Settings, left: BoolArray, notes: list[Note]) -> tuple[np.ndarray, list[str]]:
    if settings.cause is None:
        return left.astype(np.int16), ["left"]
    blank = left & (profile.cause < 0)
    counts = np.bincount(profile.cause[left & ~blank], minlength=len(profile.causes))
    seen = [word for word, count in zip(profile.causes, counts, strict=True) if count]
    order = sorted(seen)
    names = [*order, _UNNAMED_CAUSE] if blank.any() else order
    code = np.zeros(len(profile.causes) + 1, dtype=np.int16)
    for position, word in enumerate(order):
        code[profile.causes.index(word)] = position + 1
    code[-1] = len(names)
    notes.append(Note(settings.cause, int(blank.sum()), f"departures without a cause counted as {_UNNAMED_CAUSE!r}"))
    return np.where(left, code[profile.cause], 0), names


def _exposure(
    tenure: FloatArray, left: BoolArray, settings: Settings, usable: BoolArray, notes: list[Note]
) -> tuple[FloatArray, FloatArray]:
    """Return months at risk: departures rounded up and stays down; inside the counting window where one is given."""
    name = str(settings.tenure)
    whole = np.where(left, np.ceil(tenure), np.floor(tenure))
    first = usable & left & (tenure == 0)
    duration = np.where(first, 1.0, whole)
    window = settings.window_months
    start = np.zeros(len(tenure)) if window is None else np.maximum(duration - window, 0.0)
    fresh = usable & ~left & (duration == 0)
    notes.append(Note(name, int(first.sum()), "departures with tenure 0 counted as departures in the first month"))
    notes.append(Note(name, int(fresh.sum()), "customers with less than one whole month: scored, but not fitted on"))
    odd = usable & (tenure != np.floor(tenure))
    notes.append(Note(name, int(odd.sum()), "tenures in part months: departures rounded up, stays rounded down"))
    long = usable & (tenure > 1200)
    notes.append(Note(name, int(long.sum()), "tenures over 100 years: is the tenure in months?"))
    return duration, start


def _refuse_hopeless(rows: _Rows, profile: Profile, settings: Settings, name: str) -> None:
    usable, left = int(rows.usable.sum()), int(rows.left.sum())
    if usable == 0:
        first = next(note for note in rows.notes if note.count)
        told = _example(profile.columns[str(settings.tenure)])
        raise InputError(f"no row of {name} can be used: {first.count} {first.action} (column {first.subject!r}){told}")
    if usable < 2:
        raise InputError(f"{name} holds 1 usable customer; a hazard needs several who stayed and several who left")
    if left == 0:
        raise InputError(
            f"no customer left: all {usable} are censored, so there is nothing to learn from ({settings.event!r})"
        )
    if left == usable:
        blank = int((profile.outcome < 0).sum())
        hint = f"; {blank} more rows leave {settings.event!r} blank: write a word for those who stayed" if blank else ""
        raise InputError(
            f"every one of the {usable} customers left; there is nobody to score: check left= and "
            f"{settings.event!r}{hint}"
        )


def _example(column: ColumnProfile) -> str:
    return "" if column.example is None else f"; first: row {column.example_row}, value {column.example!r}"


def _charges(profile: Profile, rows: _Rows, settings: Settings) -> tuple[FloatArray | None, list[Note]]:
    if settings.charge is None:
        return None, []
    gone = np.isnan(profile.charge) & rows.usable
    known = profile.charge[rows.usable & ~gone]
    name = str(settings.charge)
    if len(known) == 0:
        raise InputError(
            f"charge column {name!r} must hold numbers; not one of {int(rows.usable.sum())} rows "
            f"does{_example(profile.columns[name])}"
        )
    notes = [
        Note(name, int(gone.sum()), f"charges blank or not a number replaced by the median, {np.median(known):,.2f}"),
        Note(name, int((known < 0).sum()), "negative charges kept as they are (credits)"),
    ]
    return np.where(np.isnan(profile.charge), np.median(known), profile.charge) * settings.margin_share, notes


def _target(rows: _Rows, which: IntArray) -> TextArray:
    return survival_target(
        rows.duration[which], rows.cause[which], entry=rows.entry[which], causes=rows.causes, time_unit="month"
    )


def _groups(
    X: dict[str, TextArray], recipe: Recipe, settings: Settings, y: TextArray, fit: BoolArray
) -> tuple[str | None, TextArray | None]:
    """Return the column that the curves are split by: the one named, one about contracts, or the most telling one."""
    from custval._survival.logrank import logrank_test

    words = {name: values[fit] for name, values in X.items() if recipe.kinds[name] in {"text", "held"}}
    if settings.group is not None:
        if settings.group not in words:
            raise InputError(f"group column {settings.group!r} must hold a few words, the same role for each customer")
        name: str | None = settings.group
    else:
        told_apart = {name: values for name, values in words.items() if recipe.kinds[name] == "text"}
        few = [name for name, values in told_apart.items() if 2 <= len({*values.tolist()}) <= 6]
        about = [name for name in few if "contract" in name.casefold() or "合约" in name or "合同" in name]
        told = {name: logrank_test(y, _filled(words[name])).statistic for name in few} if few and not about else {}
        name = about[0] if about else max(told, key=lambda key: told[key], default=None)
    return (None, None) if name is None else (name, _filled(words[name]))


def _filled(words: TextArray) -> TextArray:
    return np.array(["not given" if word is None else word for word in words], dtype=object)


def _sample_note(profile: Profile, settings: Settings) -> list[Note]:
    if profile.n <= settings.fit_rows:
        return []
    fitted = f"the hazard and the curves were fitted on {settings.fit_rows:,} of them drawn at random"
    said = f"rows read; {fitted}, all were scored"
    return [Note("rows", profile.n, said)]


def _base(rows: _Rows) -> Base:
    months = float((rows.duration - rows.entry)[rows.usable].clip(min=0).sum())
    counts = np.bincount(rows.cause[rows.left], minlength=len(rows.causes) + 1)[1:]
    usable, left = int(rows.usable.sum()), int(rows.left.sum())
    return Base(
        customers=usable,
        active=usable - left,
        left=left,
        left_by_cause=dict(zip(rows.causes, counts.tolist(), strict=True)),
        monthly_rate_by_cause=dict(zip(rows.causes, (counts / months).tolist(), strict=True)),
        time_unit="month",
    )


def _reading(rows: _Rows, settings: Settings) -> Reading:
    def rate(window: float | None) -> float:
        entry = np.zeros(len(rows.duration)) if window is None else np.maximum(rows.duration - window, 0.0)
        return float(rows.left.sum() / (rows.duration - entry)[rows.usable].sum())

    window = settings.window_months
    if window is None:
        statement = (
            "The whole tenure was read as observed: each customer counts as at risk from the first month on. If the "
            "table is a snapshot that lists only the departures of the last months, this understates the hazard: give "
            "the counting window."
        )
        others = tuple((f"departures counted over the last {_months(w)}", rate(w)) for w in (1.0, 3.0, 12.0))
    else:
        statement = (
            f"Departures were counted over the last {_months(window)} only, so each customer is at risk from tenure "
            f"less {window:g} {_months(window).split()[-1]}: the table is a snapshot, not a cohort."
        )
        others = (("the whole tenure read as observed", rate(None)),)
    return Reading(statement, window, rate(window), others)


def _months(window: float) -> str:
    return "month" if window == 1 else f"{window:g} months"


def _score_blocks(
    source: TableSource,
    settings: Settings,
    rows: _Rows,
    *,
    charge: FloatArray | None,
    recipe: Recipe,
    reader: ServiceReader,
) -> Iterator[ScoreBlock]:
    named = [name for name in (settings.id,) if name is not None]
    wanted = list(dict.fromkeys([*named, *recipe.kinds, *settings.services]))
    pairs = iterate(source, wanted)
    for start, block in track(pairs, progress=settings.progress, label="scoring"):
        n = len(next(iter(block.values())))
        here = np.flatnonzero((rows.usable & ~rows.left)[start : start + n])
        if len(here) == 0:
            continue
        part = {name: values[here] for name, values in block.items()}
        yield ScoreBlock(
            ids=_ids(part, settings, start + here),
            X=recipe.clean(part),
            given=np.floor(rows.tenure[start + here]),
            margin=None if charge is None else charge[start + here],
            held=reader.read(part) if settings.services else None,
        )


def _ids(block: dict[str, TextArray], settings: Settings, positions: IntArray) -> TextArray:
    rows = [f"row {position} (no id)" if settings.id else f"row {position}" for position in positions.tolist()]
    ids = np.array(rows, dtype=object)
    if settings.id is None:
        return ids
    if block[settings.id].dtype.kind in "iu":
        return block[settings.id]
    words = as_text(block[settings.id])
    gone = np.array([word is None for word in words.tolist()], dtype=bool)
    return np.where(gone, ids, words)


def _methods(settings: Settings, rows: _Rows) -> list[Method]:
    del rows
    made = []
    if settings.charge is None:
        made.append(
            Method(
                "Money", "No charge was given, so nothing here is in money: value, quadrants and profit are left out."
            )
        )
    elif settings.margin_share != 1.0:
        made.append(Method("Margin", f"Each customer's monthly margin is {settings.margin_share:.0%} of the charge."))
    else:
        made.append(
            Method(
                "Margin", "Each customer's monthly charge is read as margin (margin share 1): costs are not known here."
            )
        )
    return made
