"""Plain text in pipes, nothing that moves a terminal's cursor, tables where a person looks."""

from hypothesis import given
from hypothesis import strategies as st

from streamssl.cli.output import escaped, print_table


def test_a_pipe_gets_tabs_and_no_colours(capsys):
    print_table("Title", ["name", "count"], [("a\tb", 3), (None, 4)], right=["count"])
    assert capsys.readouterr().out == "name\tcount\na b\t3\n\t4\n"


def test_a_terminal_gets_a_table_and_markup_stays_text(capsys, monkeypatch):
    monkeypatch.setattr("streamssl.cli.output.on_terminal", lambda _: True)
    print_table("Title", ["name"], [("[red]a",)])
    shown = capsys.readouterr().out
    assert "Title" in shown
    assert "[red]a" in shown


@given(st.one_of(st.none(), st.binary(max_size=200)))
def test_escaped_is_printable_whatever_comes(value):
    assert escaped(value).isprintable()
