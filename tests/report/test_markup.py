from __future__ import annotations

import html
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custval._report.markup import Markup, escaped, join, tag


class Reader(HTMLParser):
    """Collect tags and text as a browser would."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = tag("b", "a < b & 'c' \"d\"")
    assert inner == "<b>a &lt; b &amp; &#x27;c&#x27; &quot;d&quot;</b>"
    assert tag("p", inner, "<i>") == f"<p>{inner}&lt;i&gt;</p>"


def test_an_f_string_of_markup_is_text_again() -> None:
    assert tag("p", f"{tag('b', 'x')}") == "<p>&lt;b&gt;x&lt;/b&gt;</p>"


def test_attributes() -> None:
    made = tag("rect", x=1.234567, width=3.0, class_="fill", aria_label='"x"', hidden=True, rx=None, ry=False)
    assert made == '<rect x="1.23" width="3" class="fill" aria-label="&quot;x&quot;" hidden></rect>'


def test_void_elements_have_no_end() -> None:
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'


@pytest.mark.parametrize("unwanted", ["\x00", "\x1b", "\u202e", "\u2066", "\uffff", "\x85"])
def test_control_and_direction_characters_are_replaced(unwanted: str) -> None:
    assert escaped(f"a{unwanted}b") == "a\ufffdb"


def test_half_a_surrogate_pair_can_be_written() -> None:
    assert escaped("a\ud800b").encode("utf-8") == b"a?b"


def test_missing_and_numbers() -> None:
    assert join((None, 3, 2.5, Markup("&amp;")), ", ") == ", 3, 2.5, &amp;"


@given(st.text(), st.text())
def test_any_text_comes_back_and_adds_no_tag(content: str, attribute: str) -> None:
    seen = read(tag("p", content, title=attribute))
    assert seen.tags == ["p"]
    assert list(seen.attributes) == ["title"]
    assert seen.text == html.unescape(escaped(content))
