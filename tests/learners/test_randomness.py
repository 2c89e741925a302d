import numpy as np

from streamssl.learners import randomness


def test_splitmix64_reference_values() -> None:
    # The first outputs for seed 1234567 in the reference implementation; `below` uses their high halves.
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    generator = randomness.new(1234567)
    n = 2**31 - 1
    assert [randomness.below(generator, n) for _ in outputs] == [(out >> 32) * n >> 32 for out in outputs]


def test_every_place_is_drawn_about_equally() -> None:
    generator = randomness.new(0)
    counts = np.bincount([randomness.below(generator, 7) for _ in range(7000)], minlength=7)
    assert len(counts) == 7
    assert counts.min() > 850


def test_any_seed_is_taken() -> None:
    assert randomness.new(-1)[0] == 2**64 - 1
