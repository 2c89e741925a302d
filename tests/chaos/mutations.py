"""What producers with a fault, or with bad intent, make of a record: each mutation by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from random import Random
from typing import Any

import orjson

from streamssl.messages.answers import HEADER as ANSWERS
from streamssl.messages.invalid import HEADER as ERRORS
from streamssl.transport.base import Record

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}\[\],:]')
LARGEST_RECORD = 1_000_000
"""Bytes; a broker refuses more by default."""
LOOKED_AT = 20_000
"""Bytes of a record in which places for a mutation are looked for."""

ODD_VALUES = (
    *(b"null", b"true", b"false", b"{}", b"[]", b'""', b'"x"', b"0", b"-1", b"1.5", b"-0.0", b"[1]", b'{"a": 1}'),
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e308", b"1e39", b"3.4028235e38", b"-3.4028235e38"),
    *(b"5e-324", b"1e-45", b"2147483648", b"9223372036854775807", b"9223372036854775808", b"18446744073709551616"),
    *(b"-9223372036854775809", b"1" * 400, b"0." + b"1" * 400, b"01", b"0x10", b"1_000", b"+1", b"1e5", b".5"),
    *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\xff"', b'"\xc0\x80"', b"'x'", b'"NaN"', b'"1e5"'),
    *(b"[null]", b"[[1]]", b'["a"]', b"[1, null]", b"[1, 1e39]", b"[1e308, -1e308]", b'[{"x": 1}]', b"[true, 2]"),
    *(b'"0001-01-01"', b'"9999-12-31T23:59:59.999999Z"', b'"2020-02-30"', b"253402300800000", b"-62135596800001"),
    *(b'"\\\\"', b'"a=#1"', b'"a[9]"', b'"a[99999999999]"', b'"n:missing"', b'"="', b'"#"', b'"a\\\\"', b'"..."'),
    *(b'"' + b"long" * 400 + b'"', b'"a[' + b"9" * 5_000 + b']"', '"Ünï"'.encode(), '"\u202e\U0001f600"'.encode()),
    *(b'"AAAA"', b'"AACAfw=="', b'"////"', b'"==="', b'["spam", "spam"]', b'{"\\\\": 1}', b'{"": 1, ".": 2}'),
)
ODD_KEYS = (None, b"", b"k", b"\xff\xfe", b"\x00", b"k" * 1_025, "ä".encode() * 512, b"e" * 100_000)
ODD_TIMES = (-(2**63), -(2**62), -1, 0, 1, 253_402_300_799_999, 253_402_300_800_000, 2**62, 2**63 - 1)
ODD_HEADERS = (
    *(("ce_id", b"cloud"), ("ce_id", b""), ("ce_id", b"\xff"), ("ce_id", b"c" * 2_000), ("ce_time", b"2020-01-01")),
    *(("ce_time", b"no"), ("ce_time", b"\xff"), ("traceparent", b"\xff\x00"), ("tracestate", b"t" * 10_000)),
    *((ERRORS + "offset", b"0"), (ERRORS + "topic", b"labels"), ("", b""), ("Ünï\x00", b"x"), (ANSWERS, b"")),
    *(
        (ANSWERS, b"labels/0/7"),
        (ANSWERS, b"labels/0/-7"),
        (ANSWERS, b"labels/9/9"),
        (ANSWERS, b"labels/0/" + b"9" * 19),
    ),
    *((ANSWERS, b"labels/0/" + b"9" * 25), (ANSWERS, b"labels/" + b"9" * 5_000 + b"/0"), (ANSWERS, b"\xff/0/0")),
)


def flip(rng: Random, value: bytes, _other: bytes) -> bytes:
    """Change some bits."""
    changed = bytearray(value)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(rng: Random, value: bytes, _other: bytes) -> bytes:
    """Leave out a stretch, at the end as where a write broke off."""
    begin = rng.randrange(len(value))
    return value[:begin] + (b"" if rng.random() < 0.5 else value[rng.randrange(begin, len(value)) :])


def repeat(rng: Random, value: bytes, _other: bytes) -> bytes:
    """Write a stretch twice."""
    begin = rng.randrange(len(value))
    end = rng.randrange(begin, len(value)) + 1
    return value[:end] + value[begin:end] + value[end:]


def splice(rng: Random, value: bytes, other: bytes) -> bytes:
    """Begin as one record and end as another."""
    return value[: rng.randrange(len(value))] + other[rng.randrange(len(other)) :]


def odd_token(rng: Random, value: bytes, _other: bytes) -> bytes:
    """Put something odd in place of some JSON tokens, names included."""
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        tokens = [m.span() for m in _TOKEN.finditer(value, 0, LOOKED_AT) if m[0] not in b"{}[],:"]
        if tokens:
            begin, end = rng.choice(tokens)
            value = value[:begin] + rng.choice(ODD_VALUES) + value[end:]
    return value


def other_token(rng: Random, value: bytes, other: bytes) -> bytes:
    """Put a token of another record in place of one: a name that is not expected, or a value of another type."""
    tokens = [m.span() for m in _TOKEN.finditer(value, 0, LOOKED_AT)]
    theirs = _TOKEN.findall(other, 0, LOOKED_AT)
    if not tokens or not theirs:
        return value
    begin, end = rng.choice(tokens)
    return value[:begin] + rng.choice(theirs) + value[end:]


def reshape(rng: Random, value: bytes, _other: bytes) -> bytes:
    """Put something odd that is JSON in place of some values, or under the name of another member."""
    try:
        tree = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = list(_places(tree))
        if places:
            container, name = rng.choice(places)
            odd = orjson.loads(rng.choice(_READABLE))
            if isinstance(container, dict) and rng.random() < 0.2:
                container[odd if isinstance(odd, str) else str(odd)] = container.pop(name)
            else:
                container[name] = odd
    try:
        return orjson.dumps(tree)
    except orjson.JSONEncodeError:  # deeper than it writes
        return value


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of a JSON value with each of its names or positions, some thousands at the most."""
    inner = [tree] if isinstance(tree, dict | list) else []
    while inner:
        container = inner.pop()
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for name, value in islice(items, 1_000):
            yield container, name
            if isinstance(value, dict | list) and len(inner) < 100:
                inner.append(value)


def _readable() -> Iterator[bytes]:
    for value in ODD_VALUES:
        with suppress(orjson.JSONDecodeError):
            orjson.loads(value)
            yield value


_READABLE = tuple(_readable())


def drop_member(rng: Random, value: bytes, _other: bytes) -> bytes:
    """Rename a member of an object: what should be there is missing, and something unknown is there."""
    names = [m.start() for m in re.finditer(rb'"[^"\\]*"(?=\s*:)', value[:LOOKED_AT])]
    return value[: (at := rng.choice(names)) + 1] + b"_" + value[at + 1 :] if names else value


def nest(rng: Random, value: bytes, _other: bytes) -> bytes:
    """Put a value deep inside lists or objects."""
    depth = rng.choice((10, 17, 31, 32, 33, 200, 300, 1_023, 1_025, 100_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")))
    begin, end = _a_value(rng, value)
    return value[:begin] + opening * depth + value[begin:end] + closing * depth + value[end:]


def bomb(rng: Random, value: bytes, _other: bytes) -> bytes:
    """Put a very long number, text or list in place of a value."""
    length = rng.choice((300, 4_301, 20_000, 100_000))
    kind = rng.randrange(5)
    made = (
        *(b"9" * length, b"0." + b"9" * length, b"1e" + b"9" * length),
        *(b'"' + b"x" * length + b'"', b"[" + b"0," * length + b"1]"),
    )[kind]
    begin, end = _a_value(rng, value)
    return value[:begin] + made + value[end:]


def widen(rng: Random, value: bytes, _other: bytes) -> bytes:
    """Give an object very many members: now and then as many as fit into a record."""
    n = rng.choice((10, 100, 1_000)) if rng.random() < 0.98 else 100_000
    first = rng.randrange(10**6)
    members = b",".join(b'"%x":%d' % (first + i, i % 10) for i in range(n))
    at = [m.end() for m in re.finditer(rb"\{", value[:LOOKED_AT])]
    if not at:
        return value
    place = rng.choice(at)
    return value[:place] + members + b"," + value[place:]


MUTATIONS: tuple[Callable[[Random, bytes, bytes], bytes], ...] = (
    *(flip, cut, repeat, splice, odd_token, odd_token, odd_token, other_token, other_token),
    *(drop_member, nest, bomb, *[reshape] * 8),
)
"""Each as likely as the others; some are worth being there several times. `widen` is dear, and thus rare."""


def _a_value(rng: Random, value: bytes) -> tuple[int, int]:
    """Return where a value of an object begins and ends."""
    values = [
        m.span(1)
        for m in re.finditer(rb':\s*("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)', value[:LOOKED_AT])
    ]
    return rng.choice(values) if values else (0, len(value))


def mutated(rng: Random, record: Record, other: bytes) -> tuple[str, Record]:
    """Return a record with something wrong in its value, key, headers or time, and the name of what was done."""
    kind = rng.random()
    if kind < 0.04:
        return "key", record._replace(key=rng.choice(ODD_KEYS))
    if kind < 0.10:
        headers = tuple(rng.choice(ODD_HEADERS) for _ in range(rng.choice((1, 1, 2, 5))))
        return "headers", record._replace(headers=(*record.headers, *headers))
    if kind < 0.13:
        return "timestamp", record._replace(timestamp=rng.choice(ODD_TIMES))
    if kind < 0.15:
        value = rng.choice((None, b"", b"null", b"0", b"[]", b"{}", b'""', b"\x00" * 100, rng.randbytes(100)))
        return "no value", record._replace(value=value)
    mutation = widen if kind < 0.16 else rng.choice(MUTATIONS)
    value = mutation(rng, record.value or b"{}", other or b"{}")
    if rng.random() < 0.2:
        value = rng.choice(MUTATIONS)(rng, value or b"{}", other or b"{}")
    return mutation.__name__, record._replace(value=value[:LARGEST_RECORD])
