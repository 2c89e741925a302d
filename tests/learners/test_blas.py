from threadpoolctl import threadpool_info

from streamssl.learners.blas import one_thread


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_blas_has_one_thread_inside_and_as_many_as_before_outside() -> None:
    with one_thread():
        pass  # SciPy's libraries are loaded now
    before = threads()
    with one_thread():
        assert threads() == {1}
    assert threads() == before
