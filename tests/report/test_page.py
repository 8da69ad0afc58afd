from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from custval import InputError
from custval.pipeline import Analysis, Method, Note, Reading
from custval.report import html_report, write_report
from custval.segments import lorenz_curve
from custval.survival import aalen_johansen, kaplan_meier, survival_target

VOID = {"meta", "br", "hr", "link"}
EVIL = '<script>alert("1")</script>'


class Reader(HTMLParser):
    """Check that every element is closed in order, and collect what the page holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\xa0", " ").split())


@pytest.fixture(scope="module")
def page(analysis: Analysis) -> str:
    return html_report(analysis)


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    return Reader(page)


def test_one_file_with_nothing_outside(page: str, read: Reader) -> None:
    assert not read.all("script")
    assert not read.all("link")
    assert not read.all("img")
    assert not re.search(r"https?:|url\(|@import|src=", page)
    assert all(str(link["href"]).startswith("#") for link in read.all("a"))
    assert len(page) < 400_000


def test_links_and_names_reach_their_places(read: Reader) -> None:
    ids = [str(attributes["id"]) for _, attributes in read.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [str(link["href"])[1:] for link in read.all("a")]
    named += [name for _, attributes in read.seen for name in str(attributes.get("aria-labelledby") or "").split()]
    assert set(named) <= set(ids)


def test_readers_who_hear_the_page_are_served(read: Reader) -> None:
    assert read.all("html") == [{"lang": "en"}]
    assert len(read.all("h1")) == 1
    pictures = read.all("svg")
    assert len(pictures) == 16
    assert all(picture["role"] == "img" for picture in pictures)
    assert len(read.all("desc")) == len(pictures)
    assert all(cell["scope"] in {"row", "col"} for cell in read.all("th"))
    assert len(read.all("caption")) == len(read.all("table")) == 5


def test_the_page_says_the_figures(read: Reader) -> None:
    for figure in ("5,174", "26.5%", "0.82%", "$20,061 ", "$188", "1,055", "81.3%", "<0.001", "Gini coefficient 0."):
        assert figure in read.text, figure
    assert "The readings differ by a factor of 32.5" in read.text
    assert "312 MB at the peak" in read.text


def test_every_quadrant_is_named_with_heads_money_and_strategy(read: Reader, analysis: Analysis) -> None:
    assert analysis.quadrants is not None
    for row in analysis.quadrants.to_dict("records"):
        assert f"{row['customers']:,} customers" in read.text
        assert str(row["quadrant"]) in read.text
        assert str(row["strategy"]) in read.text


def test_without_a_charge_one_sentence_stands_for_the_money(make: Any) -> None:
    plan = make().plan.assign(expected_profit=None, cost=None, offer=None, std_error=None)
    summary = replace(
        make().plan_summary, expected_profit=None, std_error=None, cost=None, ranked_by="chance of leaving"
    )
    analysis = make(value=None, quadrants=None, quadrant_points=None, plan=plan, plan_summary=summary)
    read = Reader(html_report(analysis))
    assert read.text.count("No charge was given") == 2
    assert "$" not in read.text.replace("a budget of $5,000", "")
    assert "ranked by chance of leaving" in read.text


def test_without_services_one_sentence_stands_for_the_rules(make: Any) -> None:
    empty = make().rules.head(0)
    assert "No services were given" in Reader(html_report(make(rules=empty, baskets=0))).text
    assert "of 7,043 customers no rule passed" in Reader(html_report(make(rules=empty))).text


def test_without_a_contact_the_statement_stands_alone(make: Any) -> None:
    summary = replace(make().plan_summary, contacts=0, statement="Nobody is worth contacting.")
    read = Reader(html_report(make(plan=make().plan.head(0), plan_summary=summary)))
    assert "Nobody is worth contacting." in read.text


def test_one_curve_without_groups(make: Any) -> None:
    one = make().survival["One year"]
    assert "Share still a customer" in Reader(html_report(make(survival=one, group=None))).text


def test_curves_of_those_who_stayed_say_so_and_start_there(make: Any) -> None:
    y = survival_target([14, 20, 40, 60], [1, 1, 0, 1], entry=[12] * 4)
    analysis = make(survival=kaplan_meier(y), survival_from=12.0, incidence=aalen_johansen(y), incidence_from=12.0)
    page = html_report(analysis)
    text = Reader(page).text
    assert "Kaplan-Meier, of those who stayed at least 12 months, with 95% bands. Before that" in text
    assert text.count("Still customers, of those who stayed at least 12 months") == 2
    assert text.count("Have left, of those who stayed at least 12 months") == 2
    assert text.count("Months since joining, from 12 on") == 4
    assert "Of those who stayed at least 12 months: all customers: 0.0% after 60 months." in text
    curves = re.findall(r'<path d="M44\.0,([0-9.]+)L([0-9.]+),([0-9.]+)L[^"]*" class="curve s0">', page)
    axes = re.findall(r'<line x1="44" y1="[0-9.]+" x2="([0-9.]+)" y2="[0-9.]+" class="axis">', page)
    widths = [float(right) - 44 for right in axes if float(right) > 44]
    # the line starts at the left edge and its first step comes two of 48 months later, not 14 of 60
    assert [float(x) - 44 for _, x, _ in curves[:2]] == pytest.approx([2 / 48 * width for width in widths[:2]], abs=0.1)
    assert all(start == level for start, _, level in curves[:4])


def test_curves_from_joining_say_nothing_of_a_start(read: Reader) -> None:
    assert "who stayed at least" not in read.text
    assert "Months since joining, from" not in read.text


def test_wide_tables_say_that_they_scroll_and_take_the_keyboard(read: Reader) -> None:
    boxes = [box for box in read.all("div") if box.get("class") == "scroll"]
    assert len(boxes) == 5
    assert all((box["tabindex"], box["role"]) == ("0", "region") and box["aria-label"] for box in boxes)
    hints = [hint for hint in read.all("p") if hint.get("class") == "sideways"]
    assert len(hints) == len([box for box in read.all("div") if box.get("class") == "wider"]) == 3


def test_text_from_the_data_never_becomes_a_tag(make: Any) -> None:
    plain = make()
    customers = plain.customers.assign(customer_id=EVIL + plain.customers["customer_id"], reason_2=EVIL)
    plan = plain.plan.assign(customer_id=EVIL + plain.plan["customer_id"], offer=EVIL, reason_1=EVIL)
    base = replace(plain.base, left_by_cause={EVIL: 1869}, monthly_rate_by_cause={EVIL: 0.008})
    rules = plain.rules.assign(antecedent=EVIL, consequent=EVIL)
    quadrants = plain.quadrants.assign(quadrant=[EVIL + str(i) for i in range(4)], strategy=EVIL)
    points = replace(
        plain.quadrant_points, names=tuple(quadrants["quadrant"]), label_current=EVIL, label_potential=EVIL
    )
    analysis = make(
        title=EVIL,
        group=EVIL,
        base=base,
        reading=Reading(EVIL, None, 0.008, ((EVIL, 0.02),)),
        customers=customers,
        plan=plan,
        rules=rules,
        quadrants=quadrants,
        quadrant_points=points,
        value=replace(plain.value, currency="<", by_cause={EVIL: 10.0}),
        plan_summary=replace(plain.plan_summary, statement=EVIL, ranked_by=EVIL),
        notes=(Note(EVIL, 1, EVIL),),
        methods=(Method(EVIL, EVIL),),
    )
    page = html_report(analysis)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 40
    Reader(page)


def test_a_customer_beyond_the_rows_at_hand_still_has_a_reason(make: Any) -> None:
    plan = make().plan.assign(customer_id="beyond", reason_1="fibre without support")
    text = Reader(html_report(make(plan=plan))).text
    assert "fibre without support" in text


def test_missing_numbers_are_dashes_never_nan(make: Any) -> None:
    customers = make().customers.assign(reason_2=pd.NA, reason_3=float("nan"))
    plan = make().plan.assign(std_error=float("nan"), cost=pd.NA)
    text = Reader(html_report(make(customers=customers, plan=plan, peak_memory_mb=None))).text
    assert not re.search(r"\bnan\b|<NA>|\bNone\b", text)
    assert "at the peak" not in text


def test_the_page_is_written_with_its_folder(analysis: Analysis, page: str, tmp_path: Path) -> None:
    target = write_report(analysis, tmp_path / "new" / "report.html")
    assert target.read_text(encoding="utf-8") == page


def test_the_same_analysis_gives_the_same_page(analysis: Analysis, page: str) -> None:
    assert html_report(analysis) == page


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def schemes() -> list[dict[str, str]]:
    style = files("custval._report").joinpath("style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in blocks]


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark", "print"])
def test_words_and_lines_stand_out(scheme: dict[str, str]) -> None:
    for ground in (scheme["paper"], scheme["wash"]):
        assert contrast(scheme["ink"], ground) >= 7
        assert contrast(scheme["soft"], ground) >= 4.5
    assert contrast(scheme["link"], scheme["paper"]) >= 4.5
    for series in range(7):
        assert contrast(scheme[f"s{series}"], scheme["paper"]) >= 3


@pytest.mark.parametrize("scheme", schemes()[:2], ids=["light", "dark"])
def test_words_stand_out_on_the_tinted_fields(scheme: dict[str, str]) -> None:
    tint = 0.09 if scheme["paper"] == "#ffffff" else 0.13
    for series in (0, 2, 4, 6):
        mixed = [
            round((1 - tint) * int(scheme["paper"][i : i + 2], 16) + tint * int(scheme[f"s{series}"][i : i + 2], 16))
            for i in (1, 3, 5)
        ]
        assert contrast(scheme["soft"], "#" + "".join(f"{part:02x}" for part in mixed)) >= 4.5


def test_nobody_left_to_score(make: Any) -> None:
    nobody = make().customers.head(0)
    plan = make().plan.head(0)
    analysis = make(customers=nobody, customers_total=0, plan=plan, value=None, quadrants=None, quadrant_points=None)
    assert "Customer value and churn" in Reader(html_report(analysis)).text


@pytest.mark.parametrize("sample", [[5.0], [5.0, 5.0, 5.0], [-3.0, -2.0, 1.0], [0.0, 0.0, 1e9]])
def test_odd_values_are_drawn(make: Any, sample: list[float]) -> None:
    values = np.array(sample)
    value = replace(make().value, sample=values, lorenz=lorenz_curve(np.abs(values) + 1))
    assert not re.search(r"\bnan\b|\binf\b", html_report(make(value=value)))


def test_points_on_one_spot_are_drawn(make: Any) -> None:
    points = replace(
        make().quadrant_points, current=np.zeros(3), potential=np.zeros(3), quadrant=np.zeros(3, int), cut_current=0.0
    )
    assert "nan" not in html_report(make(quadrant_points=points))


def test_many_groups_are_cut_and_counted(make: Any) -> None:
    y = survival_target(np.arange(1, 61), np.ones(60))
    curves = kaplan_meier(y, groups=np.repeat(np.arange(12), 5))
    text = Reader(html_report(make(survival=curves, group="region_code"))).text
    assert "The first 7 of 12 are drawn." in text
    assert "by region code" in text


def test_only_one_cause_is_not_told_by_cause(make: Any) -> None:
    y = survival_target([3, 5, 8, 8], [1, 1, 0, 0])
    base = replace(make().base, left_by_cause={"left": 1869}, monthly_rate_by_cause={"left": 0.008})
    text = Reader(html_report(make(base=base, incidence=aalen_johansen(y)))).text
    assert "names no causes of leaving" in text
    assert "Departures by cause" not in text


def test_readings_are_compared_with_the_one_used(make: Any) -> None:
    reading = Reading("As it stood.", 12.0, 0.02, (("the whole tenure", 0.01), ("the last month", 0.02)))
    text = Reader(html_report(make(reading=reading))).text
    assert "1.0% a month · 2.0 times less" in text
    assert "The readings differ by a factor of 2.0" in text
    alone = Reader(html_report(make(reading=replace(reading, alternatives=())))).text
    assert "As it stood." in alone
    assert "factor" not in alone


def test_a_rule_and_its_mirror_are_told_once(make: Any) -> None:
    rules = pd.DataFrame(
        {
            "antecedent": ["a_1 + b", "a_1 + c", "b", "d"],
            "consequent": ["c", "b", "d", "e"],
            "count": [9, 9, 8, 7],
            "support": 0.1,
            "confidence": 0.5,
            "lift": [4.0, 3.9, 3.0, 2.0],
            "p_adjusted": 0.01,
        }
    )
    text = Reader(html_report(make(rules=rules))).text
    assert text.count("Of the customers with") == 3
    assert "Of the customers with a 1 + b , 50.0% also have c" in text
    assert "Of the customers with a 1 + c" not in text


def test_offers_that_differ_have_a_column(make: Any) -> None:
    plan = make().plan
    text = Reader(html_report(make(plan=plan))).text
    assert "each with “10% off for 6 months”" in text
    plan = plan.assign(offer=np.where(plan["rank"] % 2, "data bonus", "discount"))
    text = Reader(html_report(make(plan=plan))).text
    assert "each with" not in text
    assert "data bonus" in text


def test_incidence_by_group_is_drawn_for_the_leading_causes(make: Any) -> None:
    from custval.report import html_report
    from custval.survival import aalen_johansen, survival_target

    random = np.random.default_rng(0)
    event = random.choice([None, "voluntary", "involuntary"], 400, p=[0.5, 0.35, 0.15])
    y = survival_target(random.integers(1, 40, 400), event)
    groups = np.where(random.random(400) < 0.5, "monthly", "yearly")
    plain = make()
    base = replace(plain.base, left_by_cause={"involuntary": 60, "voluntary": 140})
    page = html_report(replace(plain, base=base, group="contract", incidence_by_group=aalen_johansen(y, groups=groups)))
    assert "Share that has left (voluntary), by contract" in page
    assert "Share that has left (involuntary), by contract" in page
    assert "by contract" in html_report(replace(plain, group="contract", incidence_by_group=None))
    assert "Share that has left (voluntary)" not in html_report(replace(plain, incidence_by_group=None))


def test_only_an_analysis_makes_a_report() -> None:
    with pytest.raises(InputError, match=r"what custval\.pipeline\.analyse returns, not of NoneType"):
        html_report(None)  # type: ignore[arg-type]
