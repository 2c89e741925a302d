"""What a transport carries without a learner: poll, one output an event, journal, offsets, commit.

    python -m tests.benchmarks transport
    python tests/benchmarks/bench_transport.py --events 200_000 --transport sqlite

Events of 200 bytes, four partitions, one worker. With ``--alongside`` another process writes them while the worker
reads; otherwise they lie there already. Kafka is a broker on this machine, which takes its share of the processor.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from streamssl.config import Config
from streamssl.engine.batch import ranges
from streamssl.transport import connect
from streamssl.transport.base import Message, Subscription, TopicSpec
from tests.kafka_server import NoKafka, running_broker

VALUE = b'{"id":"0123456789","features":{"amount":12.5,"country":"NL","hour":13}}'.ljust(200)
BATCHES = (500, 2_000, 5_000)


@contextmanager
def configured(transport: str) -> Iterator[Config]:
    """Yield a configuration whose topics live as long as the context."""
    with tempfile.TemporaryDirectory() as directory:
        if transport == "sqlite":
            yield Config(transport="sqlite", sqlite={"path": str(Path(directory) / "topics.db")})
        else:
            with running_broker() as address:
                yield Config(transport="kafka", kafka={"bootstrap_servers": address})


def write(config: Config, topic: str, events: int) -> float:
    """Write the events; return the seconds it took."""
    begun = time.perf_counter()
    transport = connect(config)
    with transport.producer() as producer:
        for i in range(events):
            producer.send(Message(topic, b"event-%d" % i, VALUE))
    transport.close()
    return time.perf_counter() - begun


def carry(config: Config, name: str, events: int, batch: int) -> float:
    """Carry the events through one worker; return the seconds from the first batch polled to the last committed."""
    transport = connect(config)
    worker = transport.worker(Subscription("worker-0", name, (f"{name}-events",), (), f"{name}-journal"))
    worker.fence()
    list(worker.read_journal())
    worker.join({})
    carried, begun = 0, 0.0
    while carried < events:
        records = worker.poll(batch, 0.05)
        if not records:
            continue
        begun = begun or time.perf_counter()
        outputs = [Message(f"{name}-predictions", record.key, record.value) for record in records]
        worker.commit(outputs, b"entry", ranges(records))
        carried += len(records)
    seconds = time.perf_counter() - begun
    worker.close()
    transport.close()
    return seconds


def measure(config: Config, events: int, batch: int, alongside: bool) -> tuple[float, float]:
    """Return events/s of writing (0 when another process writes) and of carrying."""
    name = f"bench-{batch}"
    transport = connect(config)
    transport.create_topics(
        [TopicSpec(f"{name}-events", 4), TopicSpec(f"{name}-predictions", 4), TopicSpec(f"{name}-journal")]
    )
    transport.close()
    if not alongside:
        return events / write(config, f"{name}-events", events), events / carry(config, name, events, batch)
    settings = config.model_dump_json(
        include={"transport", "sqlite", "kafka"}, exclude={"kafka": {"sasl_password"}}
    )
    writer = subprocess.Popen([sys.executable, __file__, "--write", settings, f"{name}-events", str(events)])
    rate = events / carry(config, name, events, batch)
    writer.wait()
    return 0.0, rate


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what a transport carries without a learner")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--transport", choices=["sqlite", "kafka"], help="only this one")
    parser.add_argument("--alongside", action="store_true", help="write while the worker reads")
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        settings, topic, events = arguments.write
        write(Config.model_validate_json(settings), topic, int(events))
        return
    table = Table("transport", "records a batch", "written /s", "carried /s")
    for transport in [arguments.transport] if arguments.transport else ["sqlite", "kafka"]:
        try:
            with configured(transport) as config:
                for batch in BATCHES:
                    written, carried = measure(config, arguments.events, batch, arguments.alongside)
                    table.add_row(transport, f"{batch:,}", f"{written:,.0f}" if written else "", f"{carried:,.0f}")
        except NoKafka as reason:
            table.add_row(transport, str(reason))
    Console().print(table)


if __name__ == "__main__":
    main()
