"""Fields by their kind: inferred, configured, damaged, and far too long."""

import base64
import io

import pytest
from PIL import Image

from streamssl.config.processes import ReviewServiceSettings
from streamssl.review import pictures
from streamssl.review.presentation import MOST_FIELDS, named_values, picture, present
from streamssl.review.unusual import REFRESHED_EVERY_MS, Usual, values_of

PLAIN = ReviewServiceSettings()


def png(width=3, height=2, kind="PNG"):
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def kinds(features, settings=PLAIN):
    return {field.name: field.shown for field in present(features, settings).fields}


def only(features, settings=PLAIN):
    [field] = present(features, settings).fields
    return field


def test_nested_fields_have_dotted_names_and_keep_their_order():
    shown = present({"b": {"y": 1, "x": {"z": "text"}}, "a": None, "empty": {}}, PLAIN)
    assert [(each.name, each.text) for each in shown.fields] == [
        ("b.y", "1"),
        ("b.x.z", "text"),
        ("a", "missing"),
        ("empty", "{}"),
    ]


def test_a_kind_that_is_configured_comes_before_what_is_inferred():
    settings = ReviewServiceSettings(fields={"secret.*": "hidden", "see": "text", "code": "text"})
    features = {"secret": {"key": "x"}, "see": "https://example.com/" + 80 * "a", "code": 7}
    assert kinds(features, settings) == {"see": "text", "code": "line"}
    assert not present(features, settings).fields[1].is_number


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("is_uri", [True, False])
def test_base64_is_a_picture_by_its_content(kind, is_uri):
    text = png(40, 30, kind)
    field = only({"photo": f"data:image/whatever;base64,{text}" if is_uri else text})
    assert (field.shown, field.size) == ("picture", (40, 30))
    found = picture({"photo": text}, PLAIN, 0)
    assert found.media_type == f"image/{kind.lower()}"
    assert found.data == base64.b64decode(text)


SVG = base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>').decode()
HTML = base64.b64encode(b"<html><script>alert(1)</script></html>").decode()


@pytest.mark.parametrize(
    "text",
    [
        f"data:image/svg+xml;base64,{SVG}",
        f"data:image/png;base64,{HTML}",
        f"data:text/html;base64,{HTML}",
        f"data:image/png;base64,{png()[:20]}",
        "data:image/png;base64,not base64 at all",
        "data:image/png;base64,",
        "iVBORw0KGgo" + 100 * "A",
    ],
)
def test_what_is_no_picture_is_text_and_is_not_served(text):
    settings = ReviewServiceSettings(fields={"photo": "image"})
    for each in (PLAIN, settings):
        assert only({"photo": text}, each).shown in ("line", "text")
        assert picture({"photo": text}, each, 0) is None


def test_a_picture_that_would_unpack_to_too_much_is_not_served(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 100)
    assert pictures.from_base64(png(10, 10)) is not None
    assert pictures.from_base64(png(10, 11)) is None


def test_a_text_that_is_too_long_is_no_picture(monkeypatch):
    monkeypatch.setattr(pictures, "LONGEST_BASE64", 50)
    assert pictures.from_base64(png()) is None


def test_fields_of_one_number_each_become_one_picture():
    features = {f"row{row}_column{column}": 16.0 * (row == column) for column in range(10) for row in range(10)}
    shown = present({"before": 1, **features, "after": 2}, PLAIN)
    assert [(each.name, each.shown) for each in shown.fields] == [
        ("before", "line"),
        ("row…_column…", "picture"),
        ("after", "line"),
    ]
    found = picture({"before": 1, **features, "after": 2}, PLAIN, 1)
    with Image.open(io.BytesIO(found.data)) as image:
        assert image.size == (10, 10)
        assert [image.getpixel((n, n)) for n in range(10)] == [255] * 10
        assert image.getpixel((3, 4)) == 0


def test_pixels_lie_where_their_numbers_say_and_not_where_they_stand():
    features = {f"pixel{n}": float(n == 12) for n in reversed(range(36))}
    with Image.open(io.BytesIO(picture(features, PLAIN, 0).data)) as image:
        assert [at for at in range(36) if image.getpixel((at % 6, at // 6))] == [12]


@pytest.mark.parametrize(
    "features",
    [
        {f"x{n}": -0.5 for n in range(64)},  # below 0
        {f"x{n}": 0.5 for n in range(63)},  # not square
        {f"x{n}": 0.5 for n in range(25)},  # too few
        {f"lag_{n}_days": 1_000.0 * n for n in range(64)},  # no scale of a picture
    ],
)
def test_numbers_that_only_look_alike_stay_numbers(features):
    assert set(kinds(features).values()) == {"line"}


def test_numbers_are_a_picture_where_the_configuration_says_so():
    settings = ReviewServiceSettings(fields={"heat_*": "pixels", "vector": "pixels"})
    features = {f"heat_{n}": float(n) - 3 for n in range(12)} | {"vector": [0.0, 1.0, -1.0, 3.0, 0.0, 9.0]}
    sizes = {each.name: each.size for each in present(features, settings).fields}
    assert sizes == {"heat_…": (4, 3), "vector": (3, 2)}


def test_a_list_is_a_picture_when_it_is_square_and_of_a_usual_scale():
    assert only([n % 256 for n in range(784)]).size == (28, 28)
    assert only({"image": [[0, 255, 0]] * 50}).shown == "text"  # 150 numbers: no square
    assert only({"image": [[0] * 8] * 8}).size == (8, 8)
    embedding = only({"embedding": [(-1) ** n * n / 64 for n in range(64)]})
    assert (embedding.shown, "64 numbers" in embedding.text) == ("text", True)


def test_three_colours_are_a_picture():
    settings = ReviewServiceSettings(fields={"image": "pixels"})
    found = picture({"image": [[[255, 0, 0], [0, 255, 0]]] * 2}, settings, 0)
    with Image.open(io.BytesIO(found.data)) as image:
        assert (image.mode, image.size, image.getpixel((1, 0))) == ("RGB", (2, 2), (0, 255, 0))


@pytest.mark.parametrize("value", [["a"] * 36, [[1], [2, 3]], [], {}, "text", [[[1]]]])
def test_pixels_that_are_none_are_shown_as_they_are(value):
    settings = ReviewServiceSettings(fields={"image": "pixels"})
    assert only({"image": value}, settings).shown in ("line", "text")
    assert picture({"image": value}, settings, 0) is None


HOSTS = ReviewServiceSettings(image_hosts=("https://images.example.com",))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://images.example.com/7.png", "picture"),
        ("https://images.example.com:444/7.png", "link"),
        ("http://images.example.com/7.png", "link"),
        ("https://images.example.com.evil.org/7.png", "link"),
        ("https://images.example.com@evil.org/7.png", "line"),
        ("https://evil.org/7.png", "link"),
        ("javascript:alert(1)", "line"),
        ("https://example.com/ a", "line"),
        ('https://example.com/"onload="alert(1)', "line"),
        ("data:text/html,<script>alert(1)</script>", "line"),
        ("//example.com/7.png", "line"),
        ("https://[::1", "line"),
    ],
)
def test_addresses(text, shown):
    for kind in (None, "link", "image"):
        settings = HOSTS if kind is None else HOSTS.model_copy(update={"fields": {"at": kind}})
        expected = "link" if (shown, kind) == ("picture", "link") else shown
        assert only({"at": text}, settings).shown == expected


def test_long_texts_are_folded_and_longer_ones_cut():
    words = 400 * "some words "
    field = only({"body": words})
    assert (field.shown, field.text + field.folded) == ("text", words)
    assert len(field.text) <= 1_200
    field = only({"body": 300_000 * "x"})
    assert field.folded.endswith("... and 100,000 more characters")


def test_control_characters_are_made_visible():
    assert only({"a": "x\x00y\x1b[31mz\u202e"}).text == "x�y�[31mz�"


@pytest.mark.parametrize("text", ["10\u00a0€", "東京\u3000都", "می\u200cخواهم", "👩\u200d👧"])
def test_spaces_and_joiners_of_other_scripts_stay(text):
    assert only({"a": text}).text == text


def test_lines_that_end_as_in_mails_end_once():
    assert only({"a": "one\r\ntwo\rthree"}).text == "one\ntwo�three"


def test_there_may_be_too_many_fields_or_too_deep_ones():
    shown = present({f"name {chr(97 + n % 26)}{n * 7919}z": "v" for n in range(1_000)}, PLAIN)
    assert (len(shown.fields), shown.left_out) == (MOST_FIELDS, 600)
    deep = {"x": 1}
    for _ in range(200):
        deep = {"d": deep}
    assert only(deep).name == "d.d.d.d.d.d.d"


def test_how_unusual_a_number_is_is_said_of_the_latest_questions_and_looked_up_once_a_minute():
    asked = []

    def latest(n):
        asked.append(n)
        return [{"amount": float(each)} for each in range(100)]

    usual = Usual(latest)
    high = present({"amount": 98.5, "new": 3}, PLAIN, usual, now=0).fields
    assert high[0].place.words == "higher than all the others"
    assert high[1].place is None
    low = present({"amount": 4}, PLAIN, usual, now=REFRESHED_EVERY_MS - 1).fields[0].place
    assert (low.words, low.is_notable) == ("lower than 95% of the others", True)
    assert len(asked) == 1
    present({"amount": 4}, PLAIN, usual, now=REFRESHED_EVERY_MS)
    assert len(asked) == 2


@pytest.mark.parametrize("value", [10**18, -(10**18), 1e308, -1e308, 5e-324, 0, -0.0, 1e16])
def test_extreme_numbers(value):
    assert len(only({"x": value}, PLAIN).text) < 40
    present({"x": value}, PLAIN, Usual(lambda n: [{"x": 1.0}] * 30), now=0)


def test_words_that_are_rare_are_said_to_be_and_names_are_not():
    """Ids of cases are all new; where words recur, a new one tells."""

    def latest(n):
        for number in range(n):
            yield {"country": "de" if number % 50 else "li", "id": f"case-{number}", "is_new": "no"}

    features = {"country": "va", "id": "case-9999", "is_new": True, "note": None}
    usual = Usual(latest)
    shown = {field.name: field.place for field in present(features, PLAIN, usual).fields}
    assert shown["country"].words == shown["is_new"].words == "like none of the others"
    assert shown["country"].is_notable
    assert shown["country"].rank is None
    assert shown["id"] is shown["note"] is None
    [country] = present({"country": "li"}, PLAIN, usual).fields
    assert country.place.words == "like 2% of the others"
    [country] = present({"country": "de"}, PLAIN, usual).fields
    assert country.place is None
    [amount] = present({"country": 3}, PLAIN, usual).fields
    assert amount.place is None, "a number among words"


def test_a_number_that_is_to_be_read_as_a_text_is_neither_high_nor_low():
    settings = ReviewServiceSettings(fields={"port": "text"})

    def latest(n):
        for number in range(n):
            yield values_of(named_values({"port": (22, 80, 443)[number % 3]}, settings))

    usual = Usual(latest)
    [rare] = present({"port": 31337}, settings, usual).fields
    assert (rare.text, rare.place.words, rare.place.rank) == ("31337", "like none of the others", None)
    [common] = present({"port": 443}, settings, usual).fields
    assert common.place is None
