"""Each repair mends what it is for, once, and leaves a page alone that needs none."""

import re

import pytest
from _extensions import page_repairs as repairs


@pytest.mark.parametrize("mend", repairs.REPAIRS)
def test_a_sound_page_stays_as_it_is(mend):
    page = '<html><body><main id="m"><h1 id="a">Title</h1><div class="x" id="y">text</div></main></body></html>'
    assert mend(page) == page


@pytest.mark.parametrize("mend", repairs.REPAIRS)
def test_a_repair_can_be_repeated(mend):
    page = (
        '<body>\n<div id="n"></div><a class="skip-to-content muted-link" href="#furo-main-content">Skip</a>'
        '<p class="caption" role="heading">Part</p><div class="table-wrapper docutils container" id="t">'
        '<table id="t"><thead><tr><th>a</th></tr></thead><tbody><tr><th>b</th><td>c</td></tr></tbody></table></div>'
        "<pre>code</pre></body>"
    )
    once = mend(page)
    assert mend(once) == once


def test_side_columns_are_named():
    page = repairs.name_landmarks('<aside class="sidebar-drawer"><div class="sidebar-tree">')
    assert page == (
        '<aside class="sidebar-drawer" aria-label="Book">'
        '<div class="sidebar-tree" role="navigation" aria-label="Chapters">'
    )


def test_a_margin_note_is_named_by_its_title():
    note = '<aside class="sidebar">\n<p class="sidebar-title">Ties &amp; <em>order</em></p><p>Text</p></aside>'
    assert repairs.name_margin_notes(note).startswith('<aside class="sidebar" aria-label="Ties &amp; order">\n<p')


def test_navigation_captions_are_no_headings():
    caption = '<p class="caption" role="heading"><span class="caption-text">Foundations</span></p>'
    assert "heading" not in repairs.keep_captions_out_of_the_outline(caption)


def test_bibliography_entries_are_list_items():
    assert repairs.list_the_bibliography('<div role="doc-biblioentry">') == '<div role="listitem">'


def test_parameters_are_a_list():
    signature = "<dl>\n<dd><em>a</em>,</dd>\n<dd><em>b</em>,</dd>\n</dl>"
    expected = '<ul class="sig-params">\n<li><em>a</em>,</li>\n<li><em>b</em>,</li>\n</ul>'
    assert repairs.list_parameters(signature) == expected
    described = "<dl>\n<dt>a</dt>\n<dd>what a is</dd>\n</dl>"
    assert repairs.list_parameters(described) == described


def test_an_id_stays_on_what_it_names():
    page = '<div class="math-wrapper docutils container" id="eq"><div class="math" id="eq">'
    assert repairs.give_ids_once(page).count('id="eq"') == 1
    assert '<div class="math" id="eq">' in repairs.give_ids_once(page)


def test_wide_boxes_take_the_focus():
    assert (
        repairs.let_the_keyboard_scroll("<pre><span></span>code</pre>") == '<pre tabindex="0"><span></span>code</pre>'
    )
    assert repairs.let_the_keyboard_scroll("<prefix>") == "<prefix>"
    assert 'tabindex="0" class="table-wrapper' in repairs.let_the_keyboard_scroll(
        '<div class="table-wrapper docutils">'
    )


def test_the_skip_link_comes_first_and_leads_to_a_place_that_takes_the_focus():
    page = (
        '<body>\n<input id="nav"><a class="skip-to-content muted-link" href="#furo-main-content">\nSkip</a>\n'
        '<article role="main" id="furo-main-content">'
    )
    mended = repairs.skip_first(page)
    assert mended.index("skip-to-content") < mended.index("<input")
    assert mended.count("skip-to-content") == 1
    assert 'id="furo-main-content" tabindex="-1"' in mended


def test_header_cells_say_what_they_head():
    table = "<table><thead><tr><th>a</th></tr></thead><tbody><tr><th class='stub'>b</th></tr></tbody></table>"
    mended = repairs.scope_header_cells(table)
    assert '<th scope="col">a' in mended
    assert "<th scope=\"row\" class='stub'>b" in mended


def test_plain_code_has_no_marks_and_coloured_code_keeps_them():
    code = '<pre id="c"><span></span><span class="kn">from</span><span class="w"> </span><span class="nn">re</span>'
    link = '<a class="code-link" href="#"><span class="n">a</span><span class="o">.</span><span class="n">b</span></a>'
    page = repairs.leave_plain_code_bare(f'<span class="p">x</span>{code}\n{link}<span class="p">()</span></pre>')
    assert page == (
        '<span class="p">x</span><pre id="c"><span></span><span class="kn">from</span> re\n'
        '<a class="code-link" href="#">a.b</a>()</pre>'
    )


def test_what_is_left_bare_has_the_colour_of_all_code(html_dir):
    styles = (html_dir / "_static/pygments.css").read_text("utf-8")
    rules = re.findall(r"^(.*?)\.highlight(?: \.(\w+))? \{(.*)\}", styles, flags=re.MULTILINE)
    of_all = {
        theme: re.search(r"color: (#\w+) *$", rule)[1] for theme, mark, rule in rules if not mark and "color:" in rule
    }
    assert len(of_all) == 3
    for plain in ("n", "nn", "p", "w"):
        found = {theme: rule.strip() for theme, mark, rule in rules if mark == plain}
        assert found == {theme: f"color: {colour}" for theme, colour in of_all.items()}
