"""Pictures out of events: base64 that is checked before it is served, and numbers that are pixels.

A picture of an event has an address of the page's own, so that the page need not allow any other. What is served is
one of a few formats, told by its content and never by what the event says; SVG, which may hold scripts, is none.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp", "BMP": "image/bmp"}
LONGEST_BASE64 = 12_000_000
"""Characters."""
MOST_PIXELS = 40_000_000
"""Of a picture in base64: what a browser can be asked to unpack."""
MOST_NUMBERS = 1_000_000
"""Numbers that make a picture."""
FEWEST_NUMBERS = 36
"""Numbers below which nobody takes them for a picture unless the configuration does."""
CEILINGS = (1.0, 16.0, 255.0)
"""Where white usually is."""

_DATA_URI = re.compile(r"data:image/[\w.+-]{1,40};base64,", re.IGNORECASE)
_BEGINNINGS = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")
"""Of PNG, JPEG, GIF and WebP, in base64."""


class Picture(NamedTuple):
    """A picture, to be served."""

    data: bytes
    media_type: str
    width: int
    height: int


def may_be_picture(text: str) -> bool:
    """Tell whether a text looks like a picture in base64.

    Examples
    --------
    >>> may_be_picture("data:image/png;base64,iVBORw0KGgo="), may_be_picture("iVBORw0KGgo=")
    (True, False)
    """
    return _DATA_URI.match(text[:80]) is not None or (len(text) > 64 and text.startswith(_BEGINNINGS))


def from_base64(text: str) -> Picture | None:
    """Return the picture that a text holds; None: it holds none that may be shown.

    Cost: decoding, and a look at the picture's head; its pixels are not unpacked here.
    """
    if len(text) > LONGEST_BASE64:
        return None
    match = _DATA_URI.match(text[:80])
    try:
        data = base64.b64decode("".join(text[match.end() if match else 0 :].split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        with Image.open(io.BytesIO(data), formats=tuple(FORMATS)) as image:
            (width, height), media_type = image.size, FORMATS[image.format or ""]
    # A damaged head makes Pillow raise almost anything.
    except Exception:
        return None
    if not 0 < width * height <= MOST_PIXELS:
        return None
    return Picture(data, media_type, width, height)


def pixels(value: Any) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return numbers as rows and columns (and three colours); None: no picture can be made of them.

    Parameters
    ----------
    value
        A list of numbers, read row by row: square where it can be, else as nearly square as it divides; or a list
        of rows, of numbers or of three colours.

    Examples
    --------
    >>> pixels([0.0] * 64).shape, pixels(list(range(12))).shape, pixels([[1, 2, 3], [4, 5, 6]]).shape
    ((8, 8), (3, 4), (2, 3))
    >>> pixels(["a"]), pixels([[1], [2, 3]])
    (None, None)
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    if array.ndim == 1 and array.size:
        height = next(n for n in range(math.isqrt(array.size), 0, -1) if array.size % n == 0)
        array = array.reshape(height, -1)
    if not 0 < array.size <= MOST_NUMBERS or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        return None
    return array


def look_like_pixels(values: Sequence[Any]) -> bool:
    """Tell whether numbers are likely to be a picture: a square of them, none below 0, all of one usual scale.

    Examples
    --------
    >>> look_like_pixels([0, 255] * 32), look_like_pixels([-0.5, 0.5] * 32), look_like_pixels([1.0] * 60)
    (True, False, False)
    """
    n = len(values)
    if not FEWEST_NUMBERS <= n <= MOST_NUMBERS or math.isqrt(n) ** 2 != n:
        return False
    if not all(isinstance(each, int | float) and 0 <= each <= CEILINGS[-1] for each in values):
        return False
    return max(values) <= 1 or all(float(each).is_integer() for each in values)


def render(array: np.ndarray[Any, np.dtype[np.float64]]) -> Picture:
    """Return numbers as a PNG, one pixel a number; what is no number is black.

    White is 1, 16 or 255, the first that no number exceeds; other numbers are stretched from the lowest to the
    highest.
    """
    array = np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(array.min()), float(array.max())
    ceiling = next((each for each in CEILINGS if high <= each), 0.0)
    is_usual = low >= 0 and ceiling > 0
    scaled = array / ceiling if is_usual else (array - low) / ((high - low) or 1.0)
    height, width = array.shape[:2]
    file = io.BytesIO()
    Image.fromarray((255 * scaled).round().astype(np.uint8)).save(file, "PNG", compress_level=1)
    return Picture(file.getvalue(), "image/png", width, height)
