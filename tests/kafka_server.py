"""A real Kafka broker for tests and benchmarks.

In this order: the address in ``STREAMSSL_TEST_KAFKA``; testcontainers' Kafka where a Docker engine answers; Apache
Kafka from its Maven artifacts where ``java`` and ``mvn`` are found. For people: ``python -m tests.kafka_server``.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POM = Path(__file__).parent / "integration/kafka/pom.xml"
JARS = Path(__file__).parents[1] / ".cache/kafka"
TO_INSTALL = "a Docker engine, or Java 17 and Maven (Debian: openjdk-17-jre-headless, maven)"

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={logs}
num.partitions=1
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
group.min.session.timeout.ms=1000
message.max.bytes=20971520
"""

PLAINTEXT_LISTENERS = """\
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
"""


class NoKafka(Exception):
    """Nothing here can run a broker; the message names what to install."""


class KafkaServer:
    """One broker from its jars, in a directory of its own; can be killed and started again.

    Parameters
    ----------
    directory
        For its data, configuration and log.
    listeners
        Properties of the listeners; ``{port}``, ``{second_port}`` and ``{controller}`` stand for free ports.
    format_options
        Further options of ``StorageTool format``: the first users.
    client
        Options of a client that may list the topics, by which it is seen that the broker answers on ``port``.
    """

    def __init__(
        self,
        directory: Path,
        listeners: str = PLAINTEXT_LISTENERS,
        format_options: Sequence[str] = (),
        client: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory
        self.listeners = listeners
        self.format_options = format_options
        self.client = client or {}
        self.log = directory / "broker.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = self.second_port = 0
        self._has_answered = False

    @property
    def bootstrap(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> KafkaServer:
        """Start and wait until it answers; ports are picked anew as long as it has never run."""
        classpath = f"{jars()}/*"
        for _ in range(3):
            if not (self.directory / "formatted").exists():
                self._format(classpath)
            self._launch(classpath)
            if self._answers():
                self._has_answered = True
                return self
            self.kill()
            if not self._has_answered:
                (self.directory / "formatted").unlink(missing_ok=True)
        raise RuntimeError(f"the broker does not start:\n{self.log.read_text()[-3_000:]}")

    def stop(self) -> None:
        """Shut down in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def _format(self, classpath: str) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.port, self.second_port, controller = free_ports(3)
        properties = self.directory / "server.properties"
        properties.write_text(
            (PROPERTIES + self.listeners).format(
                port=self.port,
                second_port=self.second_port,
                controller=controller,
                logs=self.directory / "data",
            )
        )
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        subprocess.run(
            [
                *java(classpath),
                *("kafka.tools.StorageTool", "format", "--standalone"),
                *(f"--cluster-id={cluster}", "--config", str(properties)),  # it may begin with a dash
                *self.format_options,
            ],
            check=True,
            capture_output=True,
        )
        (self.directory / "formatted").touch()

    def _launch(self, classpath: str) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*java(classpath), "kafka.Kafka", str(self.directory / "server.properties")],
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )

    def _answers(self) -> bool:
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                    time.sleep(0.2)
                    continue
            try:
                options = {"bootstrap_servers": self.bootstrap, "bootstrap_timeout_ms": 10_000, **self.client}
                with KafkaAdminClient(**options) as admin:
                    admin.list_topics()
                return True
            except KafkaError:
                time.sleep(0.2)
        return False

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@contextmanager
def running_broker() -> Iterator[str]:
    """Yield the address of a broker that runs as long as the context.

    Raises
    ------
    NoKafka
        When nothing here can run one.
    """
    if address := os.environ.get("STREAMSSL_TEST_KAFKA"):
        yield address
    elif _docker_answers():
        from testcontainers.kafka import KafkaContainer

        with KafkaContainer("confluentinc/cp-kafka:7.9.0").with_kraft() as container:
            yield container.get_bootstrap_server()
    elif shutil.which("java") and shutil.which("mvn"):
        with tempfile.TemporaryDirectory(prefix="kafka-") as directory:
            server = KafkaServer(Path(directory) / "broker").start()
            try:
                yield server.bootstrap
            finally:
                server.stop()
    else:
        raise NoKafka(f"no Kafka: set STREAMSSL_TEST_KAFKA, or install {TO_INSTALL}")


def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, timeout=20).returncode == 0


def jars() -> Path:
    """Return the folder of the broker's jars, fetched by Maven once."""
    if not (JARS / "complete").exists():
        subprocess.run(
            [
                *("mvn", "--quiet", "--batch-mode", "--file", str(POM)),
                *("dependency:copy-dependencies", f"-DoutputDirectory={JARS}"),
            ],
            check=True,
            stdout=sys.stderr,
        )
        (JARS / "complete").touch()
    return JARS


def java(classpath: str) -> list[str]:
    """Return the beginning of a command that runs one of Kafka's classes."""
    return ["java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", classpath]


def free_ports(n: int) -> list[int]:
    """Return ports that nobody listens on."""
    probes = [socket.socket() for _ in range(n)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def die_with_parent() -> None:
    """Let the kernel end the broker when the process that started it ends, however it ends."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    with running_broker() as address:
        print(address, flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            sys.exit(0)
