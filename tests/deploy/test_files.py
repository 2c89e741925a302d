"""What can be checked of images and compose files without running containers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())


def test_every_image_is_pinned_or_built_here():
    for name, service in COMPOSE["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert "build" in service or (tag != service["image"] and tag != "latest"), name


def test_ports_are_published_on_loopback_only():
    for service in COMPOSE["services"].values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_what_compose_refers_to_is_there():
    services = COMPOSE["services"]
    for service in services.values():
        for needed in service.get("depends_on", {}):
            assert needed in services
        if build := service.get("build"):
            context = ROOT / "deploy" / build["context"]
            assert (context / build["dockerfile"]).is_file()
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (ROOT / "deploy" / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_prometheus_scrapes_the_ports_that_the_services_serve():
    from streamssl.config import load_config

    config = load_config(ROOT / "services/learner/config.yaml", {})
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    review = load_config(ROOT / "services/review/config.yaml", {})
    targets = [job["static_configs"][0]["targets"] for job in scraped["scrape_configs"]]
    assert targets == [[f"learner:{config.metrics.port}"], [f"review:{review.review_service.metrics.port}"]]
    assert config.kafka.bootstrap_servers == review.kafka.bootstrap_servers == "kafka:9092"


def test_browsers_find_the_page_where_compose_publishes_it():
    from streamssl.config import load_config

    review = load_config(ROOT / "services/review/config.yaml", {}).review_service
    assert f"{review.public_url.removeprefix('http://')}:{review.port}" in COMPOSE["services"]["review"]["ports"]


@pytest.mark.parametrize("service", ["learner", "review"])
def test_the_dockerfile_copies_only_what_the_build_context_holds(service):
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    for line in (ROOT / f"services/{service}/Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert source in allowed, f"{source} is not in .dockerignore's list"


def test_prometheus_accepts_its_configuration():
    promtool = needed("promtool", "Debian's package prometheus")
    check([promtool, "check", "config", ROOT / "deploy/prometheus/prometheus.yml"])


def test_docker_accepts_the_compose_file():
    """Needs a compose client, no engine."""
    plugin = shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True)
    if plugin and plugin.returncode == 0:
        command = ["docker", "compose"]
    else:
        command = [needed("docker-compose", "Docker's compose plugin, or Debian's package docker-compose")]
    check([*command, "-f", ROOT / "deploy/compose.yaml", "config", "--quiet"])


def needed(tool, package):
    """Return the tool's path; without it the test is skipped, but fails in CI."""
    path = shutil.which(tool)
    if path is None:
        reason = f"{tool} is missing: install {package}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return path


def check(command):
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
