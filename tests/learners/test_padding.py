import numpy as np

from streamssl.learners.padding import pad


def test_old_values_stay_in_place_and_new_places_hold_the_filling() -> None:
    grown = pad(np.array([[1, 2]], dtype=np.int64), 2, 3, fill=-1)
    np.testing.assert_array_equal(grown, [[1, 2, -1], [-1, -1, -1]])
    assert grown.dtype == np.int64


def test_it_is_a_copy() -> None:
    array = np.zeros(2)
    pad(array, 2)[0] = 1
    assert array[0] == 0
