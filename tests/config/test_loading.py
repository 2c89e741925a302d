"""Where the configuration comes from, and what errors say."""

import pytest
import yaml

from streamssl.config import Config, ConfigError, config_reference, load_config


@pytest.fixture
def write(tmp_path):
    def write(text, name="streamssl.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_defaults():
    config = load_config()
    assert config == Config()
    assert config.topics.events == ("events",)
    assert config.metrics.host == "127.0.0.1"


def test_file_then_environment_then_flags(write, monkeypatch):
    path = write("kafka: {group_id: file, bootstrap_servers: 'file:1'}\nworker: {id: file}\n")
    monkeypatch.setenv("STREAMSSL_KAFKA__GROUP_ID", "environment")
    monkeypatch.setenv("STREAMSSL_WORKER__ID", "environment")
    config = load_config(path, {"worker.id": "flag"})
    assert config.kafka.bootstrap_servers == "file:1"
    assert config.kafka.group_id == "environment"
    assert config.worker.id == "flag"


def test_toml(write):
    config = load_config(write("[topics]\nevents = ['a', 'b']\n", "streamssl.toml"))
    assert config.topics.events == ("a", "b")


def test_values_from_the_environment_are_read_like_yaml(monkeypatch):
    monkeypatch.setenv("STREAMSSL_FEATURES__EXCLUDE", "[a*, b]")
    monkeypatch.setenv("STREAMSSL_REVIEW__MAX_PER_HOUR", "20")
    config = load_config()
    assert config.features.exclude == ("a*", "b")
    assert config.review.max_per_hour == 20


def test_secrets_come_from_files_and_are_never_printed(tmp_path, monkeypatch):
    (tmp_path / "password").write_text("hunter2\n")
    monkeypatch.setenv("STREAMSSL_KAFKA__SASL_PASSWORD_FILE", str(tmp_path / "password"))
    config = load_config()
    assert config.kafka.sasl_password.get_secret_value() == "hunter2"
    assert "hunter2" not in config.to_yaml() + repr(config)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kafka: {group: x}", r"streamssl.yaml: unknown key kafka.group; did you mean kafka.group_id\?"),
        ("metrcs: {port: 1}", r"unknown key metrcs; did you mean metrics\?"),
        ("review: {share: 3}", "review.share: Input should be less than or equal to 1, not 3"),
        ("transport: redis", "transport: Input should be 'sqlite' or 'kafka', not 'redis'"),
        ("topics: {labels: events}", "topics: each topic has one role, but events is named twice"),
        ("topics: {events: []}", "topics.events: at least one topic"),
        ("worker: {id: 'a b'}", "worker.id: String should match pattern"),
        ("kafka: {security_protocol: SASL_SSL}", "kafka: SASL_SSL needs sasl_mechanism"),
        (
            "kafka: {security_protocol: SASL_PLAINTEXT, sasl_mechanism: PLAIN}",
            "kafka: SASL_PLAINTEXT with PLAIN sends the password in the open",
        ),
        ("- a\n- b", "must hold keys and values, not list"),
        ("a: [", "streamssl.yaml: while parsing"),
    ],
)
def test_errors_name_the_key_the_place_and_what_is_right(write, text, complaint):
    with pytest.raises(ConfigError, match=complaint):
        load_config(write(text))


def test_errors_name_the_variable(monkeypatch):
    monkeypatch.setenv("STREAMSSL_KAFKA__GROUP", "x")
    with pytest.raises(ConfigError, match="STREAMSSL_KAFKA__GROUP: unknown key kafka.group; did you mean"):
        load_config()


def test_all_errors_are_named_at_once(write):
    with pytest.raises(ConfigError) as error:
        load_config(write("a: 1\nreview: {share: 2}"))
    assert len(str(error.value).splitlines()) == 2


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load_config(tmp_path / "nowhere.yaml")


def test_what_is_printed_can_be_read_again(write):
    config = load_config(write("mapping: {labels: {not: a.b, classes: {FP: benign}}}"))
    assert config.mapping.labels.excluded == "a.b"
    printed = {k: v for k, v in yaml.safe_load(config.to_yaml()).items()}
    assert Config.model_validate(printed) == config


def test_every_key_has_a_description():
    for row in config_reference().splitlines():
        if row.startswith("| `"):
            assert len(row.split("|")[3].strip()) > 10, row
            assert "None |" not in row.split("|", 2)[2].split("|", 1)[1], row
