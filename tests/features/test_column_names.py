import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamssl.features.column_names import ColumnName, parse

ANY_TEXT = st.text(st.one_of(st.sampled_from("\\=[]:#0a\n"), st.characters()), max_size=6)
NO_TEXT, ANY_NUMBER, NO_NUMBER = st.just(""), st.integers(0, 10_000), st.just(0)
COLUMNS = st.one_of(
    st.builds(ColumnName, ANY_TEXT, st.sampled_from(["number", "missing"]), NO_TEXT, NO_NUMBER),
    st.builds(ColumnName, ANY_TEXT, st.just("category"), ANY_TEXT, NO_NUMBER),
    st.builds(ColumnName, ANY_TEXT, st.sampled_from(["bucket", "vector"]), NO_TEXT, ANY_NUMBER),
)


@settings(deadline=None)
@given(COLUMNS)
@example(ColumnName("a:missing", "number"))
@example(ColumnName("a:missing", "missing"))
@example(ColumnName("a[0]", "vector", position=3))
@example(ColumnName("a", "category", "#7"))
@example(ColumnName("a\\", "category", "\\#7"))
def test_a_name_says_all_of_its_column(column):
    assert parse(str(column)) == column


@pytest.mark.parametrize(
    ("column", "name"),
    [
        (ColumnName("card.amount", "number"), "card.amount"),
        (ColumnName("ns:amount", "missing"), "ns:amount:missing"),
        (ColumnName("colour", "category", "dark = red"), "colour=dark = red"),
        (ColumnName("colour", "bucket", position=7), "colour=#7"),
        (ColumnName("embedding", "vector", position=12), "embedding[12]"),
    ],
)
def test_usual_names_are_plain(column, name):
    assert str(column) == name


@pytest.mark.parametrize("name", ["a[x]", "a[1", "a\\"])
def test_what_no_column_is_called_is_refused(name):
    with pytest.raises(ValueError, match="not the name of a column"):
        parse(name)
