"""Several real Kafka brokers that replicate for each other, to be killed one at a time."""

from __future__ import annotations

import signal
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.kafka_server import die_with_parent, free_ports, jars, java

BROKERS = 3
PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
offsets.topic.num.partitions=4
offsets.topic.replication.factor=3
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controlled.shutdown.enable=true
message.max.bytes=20971520
"""


class KafkaCluster:
    """Three brokers from their jars: every record is on all of them, and two suffice to go on.

    Parameters
    ----------
    directory
        For their data, configuration and logs.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * BROKERS
        ports = free_ports(2 * BROKERS)
        self.ports, self._controllers = ports[:BROKERS], ports[BROKERS:]

    @property
    def bootstrap(self) -> str:
        """All brokers, by comma."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def start(self) -> KafkaCluster:
        """Start all and wait until they know of each other."""
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(self._controllers))
        for node in range(BROKERS):
            home = self.directory / f"broker-{node}"
            home.mkdir(parents=True)
            (home / "server.properties").write_text(
                PROPERTIES.format(
                    node=node,
                    voters=voters,
                    port=self.ports[node],
                    controller=self._controllers[node],
                    logs=home / "data",
                )
            )
            self._run(
                node, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", self._file(node)
            ).wait()
            self.start_one(node)
        self.wait_for_all()
        return self

    def start_one(self, node: int) -> None:
        """Start a broker, again or for the first time."""
        self._processes[node] = self._run(node, "kafka.Kafka", self._file(node))

    def kill(self, node: int, with_signal: signal.Signals = signal.SIGKILL) -> None:
        """End a broker: as a power cut would, or in order with SIGTERM."""
        process = self._processes[node]
        if process is not None:
            process.send_signal(with_signal)
            process.wait(60)
        self._processes[node] = None

    def close(self) -> None:
        """End all."""
        for node in range(BROKERS):
            self.kill(node)

    def wait_for_all(self, seconds: float = 90) -> None:
        """Wait until all are there and hold all their replicas in step."""
        deadline = time.monotonic() + seconds
        while not self.is_in_step():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the brokers are not in step after {seconds:.0f} s: see {self.directory}")
            time.sleep(0.3)

    def is_in_step(self) -> bool:
        """Tell whether all brokers are there and no replica is behind."""
        try:
            with KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=5_000) as admin:
                present = [each for each in admin.describe_cluster()["brokers"] if not each["is_fenced"]]
                partitions = [each for topic in admin.describe_topics() for each in topic["partitions"]]
        except KafkaError:
            return False
        in_step = all(len(each["isr_nodes"]) == len(each["replica_nodes"]) for each in partitions)
        return len(present) == BROKERS and in_step

    def _file(self, node: int) -> str:
        return str(self.directory / f"broker-{node}" / "server.properties")

    def _run(self, node: int, *words: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"broker-{node}" / "broker.log").open("ab") as log:
            return subprocess.Popen(
                [*java(f"{jars()}/*"), *words], stdout=log, stderr=log, preexec_fn=die_with_parent
            )
