"""The page in a real browser: quiet, alone, and as wide as its window."""

from __future__ import annotations

import re

import pytest

from .chromium import PROGRAM, chromium

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed (Debian: chromium)"),
    pytest.mark.timeout(120),
]
WIDTHS = (400, 1400)
PHONE, DESK = WIDTHS
SIDEWAYS = """
[...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > window.innerWidth + 0.5 && !e.closest('.scroll'))
  .map(e => `${e.tagName}.${e.className}: ${e.textContent.slice(0, 40)}`)
"""


@pytest.fixture(scope="module")
def path(page, tmp_path_factory):
    found = tmp_path_factory.mktemp("page") / "report.html"
    found.write_text(page, encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(params=WIDTHS)
def shown(tab, path, request):
    tab.complaints.clear()
    tab.requests.clear()
    tab.visit(path, width=request.param)
    return tab


def test_the_file_is_small_enough_to_send(path):
    assert path.stat().st_size <= 5_000_000


def test_no_word_in_the_console(shown):
    assert shown.complaints == []


def test_nothing_is_asked_of_the_network(shown, path):
    others = [url for url in shown.requests if not url.startswith("data:")]
    assert others == [path.as_uri()]


def test_nothing_is_wider_than_the_window(shown):
    assert shown.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert shown.evaluate(SIDEWAYS) == []


def test_nothing_is_wider_than_the_window_when_all_numbers_are_unfolded(shown):
    shown.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert shown.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert shown.evaluate(SIDEWAYS) == []


def test_every_picture_is_drawn(shown):
    widths = shown.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) >= 12
    assert min(widths) > 0


def test_text_is_large_enough_to_read(shown):
    sizes = shown.evaluate(
        "[...document.querySelectorAll('p, td, th, dd, dt, figcaption, summary')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12.0


def test_the_watch_notices_what_it_looks_for(tab, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><p style='width: 900px'>wide</p><img src='other.png'>"
        "<script>console.log('word')</script>"
    )
    tab.complaints.clear()
    tab.requests.clear()
    tab.visit(bad, width=PHONE)
    assert tab.evaluate("document.documentElement.scrollWidth - window.innerWidth") > 0
    assert any("word" in complaint for complaint in tab.complaints)
    assert any(url.endswith("other.png") for url in tab.requests)


def test_it_prints_on_a_few_sheets_without_the_folded_numbers(tab, path):
    tab.visit(path, width=DESK)
    printed = tab.pdf()
    assert printed.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= 12
