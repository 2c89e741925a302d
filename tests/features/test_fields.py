import subprocess
import sys

from streamssl.features.fields import LONGEST_CATEGORY, Field, is_text


def test_a_bucket_is_the_same_in_every_process():
    field = Field("colour", "category", number=0, first_bucket=10, n_buckets=16)
    code = (
        "from streamssl.features.fields import Field;"
        "print(Field('colour', 'category', 0, first_bucket=10, n_buckets=16).column_of('mauve'))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == field.column_of("mauve")


def test_buckets_share_all_categories_without_a_column():
    field = Field("colour", "category", number=0, categories={"red": 3}, first_bucket=10, n_buckets=4)
    assert field.column_of("red") == 3
    assert {field.column_of(f"colour {i}") for i in range(100)} == {10, 11, 12, 13}


def test_long_strings_are_text():
    assert not is_text("x" * LONGEST_CATEGORY)
    assert is_text("x" * (LONGEST_CATEGORY + 1))
