"""A real Prometheus, with the committed rules, that has watched the real service at work and in trouble."""

from __future__ import annotations

import json
import random
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import orjson
import yaml

from tests.deploy.test_files import needed
from tests.integration.outside import GARBAGE, Outside
from tests.integration.service import Service, free_port, until
from tests.review.page import Page

DEPLOY = Path(__file__).parents[2] / "deploy"
SEED = 20_266
EVENTS = 1_200
EVENTS_A_SECOND = 80


class Observed(NamedTuple):
    """What was seen, from beginning to end."""

    url: str
    """Of the Prometheus."""
    metrics: str
    """The service's own page at the end, and the review service's."""
    begin: float
    end: float

    def ask(self, path: str, **parameters: Any) -> Any:
        """Return what the Prometheus answers; an error of its own is raised."""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}") as answer:
            return json.load(answer)["data"]

    def series(self, expr: str) -> list[dict[str, Any]]:
        """Return the series of a query over the whole time."""
        data = self.ask("query_range", query=expr, start=self.begin, end=self.end, step=1)
        return list(data["result"])


@contextmanager
def observed(directory: Path):
    """Let the service predict, ask, learn and be troubled for half a minute under a Prometheus's eyes."""
    binary = needed("prometheus", "Debian's package prometheus")
    service = Service(
        directory,
        transport="sqlite",
        sqlite={"path": str(directory / "topics.db")},
        review={"share": 0.5, "per_hour": 100_000, "per_day": 1_000_000, "max_per_hour": 350},
        pseudo_labels={"precision": 0.6},
        pending={"label_wait_seconds": 2},
        learner={"twin": "all"},
    )
    (directory / "page").mkdir()
    page = Page(directory / "page", sqlite={"path": str(directory / "topics.db")})
    with (
        page,
        service,
        prometheus(binary, directory, service.port, page.metrics_port) as url,
        page.client("eve") as eve,
    ):
        begin = time.time()
        outside = Outside(service)
        page.start()
        feed(outside, eve)
        until(lambda: service.metric("streamssl_labels_total") >= EVENTS / 3, 60, "labels")
        time.sleep(3)  # two more scrapes and an evaluation of the rules
        outside.close()
        yield Observed(url, service.get("/metrics")[1] + page.metrics(), begin, time.time())


@contextmanager
def prometheus(binary: str, directory: Path, port: int, page: int):
    """Run a Prometheus that scrapes both services every second, with the committed rules."""
    listen = f"127.0.0.1:{free_port()}"
    config = directory / "prometheus.yml"
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(DEPLOY / "prometheus/rules/*.yml")],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            for job, port in (("streamssl", port), ("streamssl-review", page))
        ],
    }
    config.write_text(yaml.safe_dump(settings))
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / 'tsdb'}",
                f"--web.listen-address={listen}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: _answers(f"http://{listen}/-/ready"), 30, "Prometheus")
        yield f"http://{listen}"
    finally:
        process.terminate()
        process.wait(30)


def feed(outside: Outside, eve: httpx.Client) -> None:
    """Play a stream in which everything happens that the dashboards show."""
    rng = random.Random(SEED)
    requests = outside.transport.reader([outside.topics.review_requests])
    truth = {}
    for number in range(EVENTS):
        begun = time.monotonic()
        event_id, label = f"e{number}", rng.choice(["ham", "spam"])
        truth[event_id] = label
        spam = label == "spam"
        features = {"x": rng.gauss(4 * spam, 1), "y": rng.random(), "verdict": float(spam)}
        if rng.random() < 0.05:
            features["y"] = [1, "two"]  # a value that cannot be used
        outside.event(event_id, features)
        if number % 40 == 0:
            outside.send(outside.topics.events[0], f"g{number}", GARBAGE[number // 40 % 6])
            outside.label(f"ghost{number}", "ham")
            outside.send(outside.topics.examples, f"x{number}", b"{")
        if number % 10 == 0:
            outside.producer.flush()
            for record in requests.poll(1_000, 0.0):
                answer(outside, orjson.loads(record.value), truth, rng)
        if number % 50 == 0:
            answer_on_the_page(eve)
        time.sleep(max(0.0, 1 / EVENTS_A_SECOND - (time.monotonic() - begun)))
    for record in requests.poll(10_000, 1.0):
        answer(outside, orjson.loads(record.value), truth, rng)
    outside.producer.flush()
    requests.close()


def answer(outside: Outside, request: dict[str, Any], truth: dict[str, str], rng: random.Random) -> None:
    """Let one annotator answer, and now and then another one too, who errs more."""
    event_id = request["event"]["id"] if "event" in request else request["event_id"]
    label = {"event_id": event_id, "label": truth[event_id], "request_id": request["request_id"]}
    outside.send(outside.topics.labels[0], event_id, label | {"annotator": "ann"})
    if rng.random() < 0.2:
        said = truth[event_id] if rng.random() < 0.7 else "ham"
        outside.send(outside.topics.labels[0], event_id, label | {"label": said, "annotator": "bob"})


def answer_on_the_page(eve: httpx.Client) -> None:
    """Let somebody answer by the review service, where nothing is known of the other answers."""
    question = eve.get("/api/questions/next")
    if question.status_code == 200:
        eve.post(f"/api/questions/{question.json()['request_id']}/answer", json={"label": "ham"})


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
