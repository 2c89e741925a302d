import pytest
import yaml

from streamssl.config import Config
from streamssl.demo.service import Service, ServiceDied, free_port, settings
from streamssl.demo.stream import wait_until_ready


def test_the_settings_are_a_configuration_that_stays_on_this_machine(tmp_path):
    chosen = settings(tmp_path, 1234, share=0.08, precision=0.9, seed=3, page={"port": 4321})
    config = Config.model_validate(yaml.safe_load(yaml.safe_dump(dict(chosen))))
    assert (config.transport, config.metrics.host, config.metrics.port) == ("sqlite", "127.0.0.1", 1234)
    assert (config.review.share, config.pseudo_labels.precision) == (0.08, 0.9)
    assert (config.learner.seed, config.learner.twin) == (3, "all")
    assert config.review_service.port == 4321
    assert config.sqlite.path == str(tmp_path / "topics.db")
    assert config.state.directory == str(tmp_path / "state")


def test_a_service_that_dies_is_noticed_and_its_log_kept(tmp_path):
    config = tmp_path / "wrong.yaml"
    config.write_text("trnsport: sqlite\n")
    service = Service(config, tmp_path / "service.log", free_port())
    with service, pytest.raises(ServiceDied, match="exit code 2"):
        list(wait_until_ready(service))
    assert "trnsport" in service.log_tail()


def test_what_does_not_run_does_not_answer(tmp_path):
    service = Service(tmp_path / "none.yaml", tmp_path / "none.log", free_port())
    assert service.pid is None
    assert not service.is_ready()
    assert service.scrape() is None
    assert service.stop() == 0
