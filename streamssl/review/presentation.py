"""An event as it is shown: its features, each by its kind.

Kinds are those of the configuration, by patterns of dotted names, and inferred otherwise: a number, a text, a
picture (base64, numbers that are pixels, or an address on a host that the configuration names), a link. What is in
here is plain text; the templates escape it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import orjson

from streamssl.config.processes import FieldKind, ReviewServiceSettings
from streamssl.review import pictures
from streamssl.review.pictures import Picture
from streamssl.review.unusual import LONGEST_WORD, Place, Usual, values_of, yes_or_no

SHORT = LONGEST_WORD
"""Characters of a text that fits a line of the table."""
UNFOLDED = 1_200
"""Characters of a text that are shown at once."""
LONGEST = 200_000
"""Characters of a text that are shown at all."""
MOST_FIELDS = 400
DEEPEST = 6
WHOLE = "features"
"""Name of the only field of an event whose features are a list."""

_NUMBER = re.compile(r"\d+")
JOINERS = "\u200c\u200d"
"""Zero-width, and yet part of how Persian, Indic scripts and emoji are spelt."""

Shown = Literal["line", "text", "picture", "link"]


class Field(NamedTuple):
    """One field, as it is shown. All but ``shown`` and ``place`` is for the eye, and from outside."""

    name: str
    shown: Shown
    """Line: of the table of numbers and short texts."""
    text: str = ""
    """What is shown at once; of a picture: what it is, in words."""
    folded: str = ""
    """The rest, to be unfolded."""
    full: str = ""
    """A number in full, where its text is rounded."""
    is_number: bool = False
    is_nothing: bool = False
    """Missing or empty: the text is ours."""
    place: Place | None = None
    """How unusual a number or a word is."""
    url: str = ""
    """Of a link, or of a picture elsewhere. Always http or https."""
    size: tuple[int, int] | None = None
    """Of a picture: its columns and rows."""
    is_pixels: bool = False


class Presentation(NamedTuple):
    """Fields of an event in the order in which they came."""

    fields: list[Field]
    left_out: int
    """Fields beyond the most that are shown."""

    @property
    def has_places(self) -> bool:
        """Whether anything is said of how unusual a value is."""
        return any(each.place for each in self.fields)

    @property
    def pictures(self) -> list[tuple[int, Field]]:
        """Pictures, with their numbers."""
        return [(n, each) for n, each in enumerate(self.fields) if each.shown == "picture"]

    @property
    def texts(self) -> list[Field]:
        """Texts that want room, and links."""
        return [each for each in self.fields if each.shown in ("text", "link")]

    @property
    def lines(self) -> list[Field]:
        """What the table holds."""
        return [each for each in self.fields if each.shown == "line"]


class _Part(NamedTuple):
    name: str
    kind: FieldKind | None
    """None: not configured."""
    value: Any


def present(
    features: dict[str, Any] | list[Any],
    settings: ReviewServiceSettings,
    usual: Usual | None = None,
    now: int = 0,
) -> Presentation:
    """Return an event's features as they are shown.

    Examples
    --------
    >>> features = {"amount": 12.5, "who": {"name": "Ann"}, "see": "https://example.com/7"}
    >>> shown = present(features, ReviewServiceSettings())
    >>> [(field.name, field.shown, field.text) for field in shown.fields]
    [('amount', 'line', '12.5'), ('who.name', 'line', 'Ann'), ('see', 'link', 'https://example.com/7')]
    """
    parts = _parts(features, settings)
    fields = [_placed(part, _field(part, settings), usual, now) for part in parts[:MOST_FIELDS]]
    return Presentation(fields, max(0, len(parts) - MOST_FIELDS))


def picture(features: dict[str, Any] | list[Any], settings: ReviewServiceSettings, number: int) -> Picture | None:
    """Return the picture of a field, by the field's number in `present`; None: it is none, or lies elsewhere."""
    parts = _parts(features, settings)[:MOST_FIELDS]
    if not 0 <= number < len(parts):
        return None
    part = parts[number]
    if part.kind == "pixels":
        array = pictures.pixels(part.value)
        return None if array is None else pictures.render(array)
    if part.kind in (None, "image") and isinstance(part.value, str):
        return pictures.from_base64(part.value)
    return None


def named_values(
    features: dict[str, Any] | list[Any], settings: ReviewServiceSettings
) -> Iterator[tuple[str, Any]]:
    """Yield what is shown as a number or a text, by dotted name."""
    return (_named_value(part) for part in _parts(features, settings) if part.kind in (None, "number", "text"))


def _named_value(part: _Part) -> tuple[str, Any]:
    """Return a value by its name; a number that is to be read as a text is one: a port, a code."""
    return part.name, str(part.value) if part.kind == "text" and _is_number(part.value) else part.value


def number_text(value: float) -> str:
    """Return a number as it reads best.

    Examples
    --------
    >>> [number_text(each) for each in (3, 2027, 1234567, 0.5, 1234.5678, 0.00001234, -12.0)]
    ['3', '2027', '1,234,567', '0.5', '1,234.6', '1.234e-05', '-12']
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 and len(str(value)) < 40 else str(value)[:60]
    return f"{value:,.1f}" if 1_000 <= abs(value) < 1e12 else f"{value:.4g}"


def is_web_address(text: str) -> bool:
    """Tell whether a text is an address that a link may lead to: http or https, with a host, and no password.

    Examples
    --------
    >>> [is_web_address(each) for each in ("https://example.com/a", "javascript:alert(1)", "https://a@b", "http://")]
    [True, False, False, False]
    """
    if len(text) > 4_000 or not text.startswith(("http://", "https://")):
        return False
    if any(each.isspace() or not each.isprintable() or each in '<>"\\^`{|}' for each in text):
        return False
    try:
        address = urlsplit(text)
        return bool(address.hostname) and "@" not in address.netloc
    except ValueError:
        return False


def on_host(text: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether an address lies on one of some hosts.

    Examples
    --------
    >>> on_host("https://images.example.com/7.png", ("https://images.example.com",))
    True
    >>> on_host("https://images.example.com.evil.org/7.png", ("https://images.example.com",))
    False
    """
    if not is_web_address(text):
        return False
    address = urlsplit(text)
    return any(f"{address.scheme}://{address.netloc}".lower() == host.rstrip("/").lower() for host in hosts)


def _parts(features: dict[str, Any] | list[Any], settings: ReviewServiceSettings) -> list[_Part]:
    if isinstance(features, list):
        features = {WHOLE: features}
    parts = [
        _Part(name, kind, value)
        for name, value in _flat(features, "", 0)
        if (kind := _configured(name, settings)) != "hidden"
    ]
    return [_inferred(part) for part in _with_pictures(parts)]


def _flat(features: dict[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in features.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and value and depth < DEEPEST:
            yield from _flat(value, f"{name}.", depth + 1)
        else:
            yield name, value


def _configured(name: str, settings: ReviewServiceSettings) -> FieldKind | None:
    return next((kind for pattern, kind in settings.fields.items() if fnmatchcase(name, pattern)), None)


def _inferred(part: _Part) -> _Part:
    if part.kind is None and isinstance(part.value, list):
        flat = part.value
        if flat and all(isinstance(row, list) for row in flat):
            flat = [each for row in flat for each in row]
        if pictures.look_like_pixels(flat) and pictures.pixels(part.value) is not None:
            return part._replace(kind="pixels")
    return part


def _with_pictures(parts: list[_Part]) -> list[_Part]:
    """Put fields of one number each together where they are the pixels of one picture."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for n, part in enumerate(parts):
        if part.kind in (None, "pixels") and _is_number(part.value):
            groups.setdefault((part.kind or "", *_family(part.name)), []).append(n)
    replaced: dict[int, _Part | None] = {}
    for (kind, *family), members in groups.items():
        grid = _grid([parts[n] for n in members], is_asked=kind == "pixels")
        if grid is not None:
            replaced.update(dict.fromkeys(members))
            name = "".join(family).replace("*", "…")
            replaced[members[0]] = _Part(name, "pixels", grid)
    kept = (replaced.get(n, part) for n, part in enumerate(parts))
    return [part for part in kept if part is not None]


@lru_cache(10_000)
def _place(name: str) -> tuple[int, ...]:
    """Return the last two numbers of a name."""
    return tuple(int(each[-9:]) for each in _NUMBER.findall(name)[-2:])


@lru_cache(10_000)
def _family(name: str) -> tuple[str, ...]:
    """Return a name without its numbers: what pixels of one picture share."""
    return tuple(_NUMBER.sub("*", name))


def _grid(members: list[_Part], *, is_asked: bool) -> list[Any] | None:
    """Return the rows of a picture, or its numbers row by row; None: these are no picture."""
    places = [_place(part.name) for part in members]
    if not places or not places[0] or len(set(places)) < len(places):
        return None
    ordered = [part.value for _, part in sorted(zip(places, members, strict=True), key=lambda each: each[0])]
    rows, columns = ({place[0] for place in places}, {place[-1] for place in places})
    is_whole = len(places[0]) == 2 and len(rows) * len(columns) == len(members) and min(len(rows), len(columns)) > 1
    if is_whole and (is_asked or len(members) >= pictures.FEWEST_NUMBERS):
        width = len(columns)
        return [ordered[n : n + width] for n in range(0, len(ordered), width)]
    return ordered if is_asked or pictures.look_like_pixels(ordered) else None


def _placed(part: _Part, field: Field, usual: Usual | None, now: int) -> Field:
    """Say of a line how unusual its value is."""
    if usual is None or field.shown != "line":
        return field
    value = values_of([_named_value(part)]).get(part.name)
    return field if value is None else field._replace(place=usual.place(part.name, value, now))


def _field(part: _Part, settings: ReviewServiceSettings) -> Field:
    name, kind, value = part
    if kind == "pixels":
        array = pictures.pixels(value)
        if array is not None:
            height, width = array.shape[:2]
            words = f"{height} by {width} pixels"
            return Field(name, "picture", words, size=(width, height), is_pixels=True)
    if isinstance(value, str):
        return _of_text(name, kind, value, settings)
    if _is_number(value) and kind != "text":
        return Field(name, "line", number_text(value), full=str(value)[:400], is_number=True)
    if value is None:
        return Field(name, "line", "missing", is_nothing=True)
    if isinstance(value, bool):
        return Field(name, "line", yes_or_no(value))
    if isinstance(value, list) and len(value) > 4 and all(_is_number(each) for each in value):
        first = ", ".join(number_text(each) for each in value[:4])
        return _folded(name, f"{first}, ... ({len(value):,} numbers)", ", ".join(map(number_text, value[:20_000])))
    if _is_number(value):
        return Field(name, "line", str(value)[:SHORT])
    return _of_plain_text(name, orjson.dumps(value).decode())


def _of_text(name: str, kind: FieldKind | None, value: str, settings: ReviewServiceSettings) -> Field:
    if kind in (None, "image"):
        if on_host(value, settings.image_hosts):
            return Field(name, "picture", f"picture at {urlsplit(value).hostname}", url=value)
        if kind == "image" or pictures.may_be_picture(value):
            found = pictures.from_base64(value)
            if found is not None:
                words = f"{found.width} by {found.height} picture"
                return Field(name, "picture", words, size=(found.width, found.height))
    if kind in (None, "link", "image") and is_web_address(value):
        return Field(name, "link", value if len(value) <= 200 else f"{value[:200]}...", url=value)
    return _of_plain_text(name, value)


def _of_plain_text(name: str, value: str) -> Field:
    lines = value[:LONGEST].replace("\r\n", "\n")
    text = "".join(each if _may_be_shown(each) else "�" for each in lines)
    if len(text) <= SHORT and "\n" not in text:
        return Field(name, "line", text or "empty", is_nothing=not text)
    if len(text) <= UNFOLDED:
        return Field(name, "text", text)
    cut = text.rfind(" ", UNFOLDED - 200, UNFOLDED) + 1 or UNFOLDED
    left = len(value) - LONGEST
    return Field(name, "text", text[:cut], text[cut:] + (f" ... and {left:,} more characters" if left > 0 else ""))


def _may_be_shown(each: str) -> bool:
    """Tell whether a character hides nothing: Python takes spaces other than the plain one for unprintable."""
    return each.isprintable() or each in "\n\t" or each in JOINERS or unicodedata.category(each) == "Zs"


def _folded(name: str, text: str, rest: str) -> Field:
    return Field(name, "text", text, rest)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
