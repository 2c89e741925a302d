"""Where the configuration comes from, and what errors say."""

import pytest
import yaml

from streamssl.config import Config, ConfigError, load_config


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
        ("review: {share: 3}", "review.share: Input should be less than or equal to 1, not '3'"),
        ("review_service: {classes: [benign, '']}", "review_service.classes.1: String should have at least 1 char"),
        ("review_service: {classes: benign}", "review_service.classes: Input should be a list, not 'benign'"),
        ("review_service: {new_classes: false}", "review_service: new_classes: false leaves only the classes in"),
        (
            "{review_service: {classes: [TP]}, mapping: {labels: {classes: {TP: malicious}}}}",
            r"review_service.classes: TP is called malicious here \(mapping.labels.classes\)",
        ),
        ("transport: redis", "transport: Input should be 'sqlite' or 'kafka', not 'redis'"),
        ("topics: {labels: events}", "topics: each topic has one role, but events is named twice"),
        ("topics: {events: []}", "topics.events: at least one topic"),
        ("worker: {id: 'a b'}", "worker.id: String should match pattern"),
        ("kafka: {security_protocol: SASL_SSL}", "kafka: SASL_SSL needs sasl_mechanism"),
        (
            "kafka: {security_protocol: SASL_PLAINTEXT, sasl_mechanism: PLAIN}",
            "kafka: SASL_PLAINTEXT with PLAIN sends the password in the open",
        ),
        ("kafka: {sasl_mechanism: PLAIN}", "kafka: sasl_mechanism needs security_protocol SASL_SSL, not PLAINTEXT"),
        (
            "kafka: {security_protocol: SASL_SSL, sasl_mechanism: PLAIN, sasl_username: u}",
            "kafka: PLAIN needs sasl_username and sasl_password",
        ),
        ("kafka: {session_timeout_ms: 1000}", "kafka: heartbeat_interval_ms must be less than session_timeout_ms"),
        ("state: {snapshot_every_seconds: .inf}", "state.snapshot_every_seconds: Input should be"),
        ("topics: {journal: a/b}", "topics.journal: String should match pattern"),
        ("mapping: {events: {id: a..b}}", "mapping.events.id: must be names with dots in between"),
        ("mapping: {events: {id: .}}", "mapping.events.id: must be names with dots in between"),
        ("mapping: {topics: {evnts: {events: {}}}}", "mapping.topics: evnts is none of topics.events"),
        ("mapping: {topics: {events: {labels: {}}}}", "mapping.topics: events is none of topics.labels"),
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
    assert Config.model_validate(yaml.safe_load(config.to_yaml())) == config


def test_scalars_of_a_file_are_what_the_model_takes_them_for(write):
    """YAML itself would read false, 83 and a date."""
    config = load_config(
        write(
            "learner: {twin: off}\nworker: {id: 0123}\nkafka: {group_id: 2024-01-01, allow_insecure: true}\n"
            "review: {max_per_hour: null, share: 1e-3}\npending: {capacity: 2_000}\n"
            "mapping: {labels: {classes: {1: fraud, no: fine}}}\n"
        )
    )
    assert (config.learner.twin, config.worker.id, config.kafka.group_id) == ("off", "0123", "2024-01-01")
    assert config.kafka.allow_insecure is True
    assert (config.review.max_per_hour, config.review.share, config.pending.capacity) == (None, 0.001, 2_000)
    assert config.mapping.labels.classes == {"1": "fraud", "no": "fine"}


@pytest.mark.parametrize("password", ["12345", "0123", "#1", "a: b", "yes", "2024-01-01", "'x", "[a", "{a"])
def test_a_password_from_the_environment_is_the_very_text(monkeypatch, password):
    monkeypatch.setenv("STREAMSSL_KAFKA__SASL_PASSWORD", password)
    assert load_config().kafka.sasl_password.get_secret_value() == password


def test_a_bad_secret_is_not_shown(write):
    with pytest.raises(ConfigError, match=r"kafka\.sasl_password: ") as error:
        load_config(write("[kafka]\nsasl_password = 907812\n", "streamssl.toml"))
    assert "907812" not in str(error.value)


def test_what_kubernetes_adds_beside_a_service_is_no_configuration(monkeypatch):
    for name in ("SERVICE_HOST", "SERVICE_PORT_METRICS", "PORT", "PORT_9464_TCP_ADDR", "WEB_SERVICE_PORT"):
        monkeypatch.setenv(f"STREAMSSL_{name}", "tcp://10.0.0.1:9464")
    monkeypatch.setenv("STREAMSSL_METRICS__PORT", "0")
    assert load_config().metrics.port == 0


def test_a_password_file_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("STREAMSSL_KAFKA__SASL_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="STREAMSSL_KAFKA__SASL_PASSWORD_FILE: .*none: cannot be read"):
        load_config()


def test_tests_and_benchmarks_may_have_variables(monkeypatch):
    monkeypatch.setenv("STREAMSSL_TEST_KAFKA", "127.0.0.1:1")
    assert load_config() == Config()


@pytest.mark.parametrize(
    "host", ["https://i.example.com/x", "*", "i.example.com", "https://a b", "https://a; script-src *"]
)
def test_a_host_of_pictures_is_a_host_and_nothing_more(host):
    with pytest.raises(ConfigError, match="image_hosts"):
        load_config(None, {"review_service.image_hosts": [host]})
