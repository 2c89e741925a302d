"""The service as a process: how it ends and what its exit code says."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import orjson


def service(config_file, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "streamssl", "run", "--config", str(config_file), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("STREAMSSL_")},
    )


@contextmanager
def running(config_file, *arguments):
    """A service that has recovered; killed at the end if it still runs."""
    process = service(config_file, *arguments)
    try:
        wait_for(process, "recovered")
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process, message):
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("{") and orjson.loads(line)["message"] == message:
            return
    raise AssertionError(f"ended with {process.wait()} without saying {message!r}: {''.join(lines)}")


def test_sigterm_stops_it_with_exit_code_0(config_file, tmp_path):
    with running(config_file) as process:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=120)
    assert process.returncode == 0
    assert orjson.loads(log.splitlines()[-1])["message"] == "stopped"
    assert list((tmp_path / "state" / "worker-0" / "snapshots").iterdir())


def test_ctrl_c_stops_it_with_exit_code_0(config_file):
    with running(config_file) as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 0


def test_a_second_process_with_the_same_state_directory_is_refused(config_file, tmp_path):
    with running(config_file) as first:
        second = service(config_file)
        _, log = second.communicate(timeout=120)
        assert second.returncode == 1
        assert f"{tmp_path / 'state' / 'worker-0'} is in use by another process" in log
        assert "Traceback" not in log
        assert first.poll() is None


def test_flags_override_the_file(config_file, tmp_path):
    with running(config_file, "--worker-id", "worker-7", "--state-directory", str(tmp_path / "other")) as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    assert process.returncode == 0
    assert (tmp_path / "other" / "worker-7").is_dir()
    assert not (tmp_path / "state").exists()


def test_a_bad_configuration_ends_with_2_and_one_line(config_file):
    config_file.write_text("kafka: {bootstrap_server: localhost:9092}\n")
    process = service(config_file)
    _, log = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "kafka.bootstrap_server" in log
    assert "bootstrap_servers" in log
    assert "Traceback" not in log


def test_a_port_that_is_taken_is_named(config_file):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = service(config_file, "--metrics-port", str(port))
        _, log = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"metrics.port: cannot listen on 127.0.0.1:{port}" in log
    assert "Traceback" not in log


def test_a_state_directory_that_is_a_file_is_named(config_file):
    process = service(config_file, "--state-directory", str(config_file))
    _, log = process.communicate(timeout=120)
    assert process.returncode == 2
    assert f"streamssl: {config_file}" in log.splitlines()[-1]
