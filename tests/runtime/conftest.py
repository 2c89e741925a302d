import pytest

from tests.runtime.embedded import Embedded


@pytest.fixture
def embedded(tmp_path):
    topics = Embedded(tmp_path)
    yield topics
    topics.close()
