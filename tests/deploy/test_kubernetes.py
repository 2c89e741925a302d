"""The manifests fit Kubernetes' schemas, each other, and the code that they run."""

import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from starlette.testclient import TestClient

from streamssl.config import load_config
from streamssl.monitoring.review_service import ReviewMetrics
from streamssl.review.process import inner_app
from streamssl.runtime.health import Health
from streamssl.runtime.watchdog import Watchdog

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
MANIFESTS = {name: yaml.safe_load((FOLDER / name).read_text()) for name in KUSTOMIZATION["resources"]}
STATEFUL = MANIFESTS["statefulset.yaml"]
WORKLOADS = ["statefulset.yaml", "review-statefulset.yaml", "topics.yaml"]
DOCKERFILE = (ROOT / "services/learner/Dockerfile").read_text()
VERSIONS = ["1.31", "1.34", kubernetes_validate.latest_version()]
"""The first is the oldest that is meant to work."""


def pod(name):
    return MANIFESTS[name]["spec"]["template"]["spec"]


def containers(name):
    return [*pod(name).get("initContainers", []), *pod(name)["containers"]]


ALL_CONTAINERS = [pytest.param(c, id=f"{n}-{c['name']}") for n in WORKLOADS for c in containers(n)]
LEARNER = pod("statefulset.yaml")["containers"][0]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_fits_its_schema(name, version):
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_the_schemas_find_mistakes():
    broken = yaml.safe_load((FOLDER / "statefulset.yaml").read_text())
    broken["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[0], strict=True)


def test_the_kustomization_names_every_manifest():
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files
    images = {container["image"] for name in WORKLOADS for container in containers(name)}
    assert images == {each["name"] for each in KUSTOMIZATION["images"]}
    assert all(each["newTag"] not in ("", "latest") for each in KUSTOMIZATION["images"])


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The configuration as a worker's container loads it."""
    (tmp_path / "password").write_text("geheim\n")
    places = {"streamssl-0": "metadata.name", str(tmp_path / "password"): "/etc/streamssl/kafka/password"}
    for variable in LEARNER["env"]:
        if variable["name"].startswith("STREAMSSL_"):
            given = variable.get("value") or variable["valueFrom"]["fieldRef"]["fieldPath"]
            [value] = [value for value, place in places.items() if place == given]
            monkeypatch.setenv(variable["name"], value)
    file = tmp_path / "config.yaml"
    file.write_text(MANIFESTS["configmap.yaml"]["data"]["config.yaml"])
    return load_config(file)


def test_the_configuration_loads(config):
    assert config.transport == "kafka"
    assert config.kafka.security_protocol == "SASL_SSL"
    assert config.kafka.sasl_password.get_secret_value() == "geheim"
    assert config.worker.id == "streamssl-0"
    assert config.metrics.host == "0.0.0.0"


def test_pods_of_a_set_are_workers_with_journal_partitions_of_their_own(config):
    """The transport takes the partition from the number at the end of the id; the set counts its pods."""
    assert re.search(r"\d+$", config.worker.id)
    assert STATEFUL["spec"]["podManagementPolicy"] == "Parallel"
    topics = containers("topics.yaml")[0]
    partitions = int(topics["args"][topics["args"].index("--partitions") + 1])
    assert STATEFUL["spec"]["replicas"] <= partitions


@pytest.mark.parametrize("probe", ["startup", "live", "ready"])
def test_probes_ask_for_pages_that_are_there(probe, config):
    manifest = LEARNER[{"startup": "startupProbe", "live": "livenessProbe", "ready": "readinessProbe"}[probe]]
    assert manifest["httpGet"]["path"] == f"/health/{probe}"
    assert Health(Watchdog(1)).probe(probe) is not None
    ports = {port["name"]: port["containerPort"] for port in LEARNER["ports"]}
    assert ports[manifest["httpGet"]["port"]] == config.metrics.port


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_the_review_services_probes_ask_for_pages_that_are_there(probe):
    asks = pod("review-statefulset.yaml")["containers"][0][probe]["httpGet"]
    assert asks["port"] == "metrics"
    assert TestClient(inner_app(ReviewMetrics())).get(asks["path"]).status_code == 200


def test_the_service_and_the_policies_select_the_pods():
    labels = STATEFUL["spec"]["template"]["metadata"]["labels"]
    assert STATEFUL["spec"]["selector"]["matchLabels"] == labels
    assert STATEFUL["spec"]["serviceName"] == MANIFESTS["service.yaml"]["metadata"]["name"]
    assert MANIFESTS["service.yaml"]["spec"]["clusterIP"] == "None"
    assert MANIFESTS["service.yaml"]["spec"]["selector"] == labels
    assert MANIFESTS["pod-disruption-budget.yaml"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["network-policy.yaml"]["spec"]["podSelector"]["matchLabels"] == labels
    job = MANIFESTS["topics.yaml"]["spec"]["template"]
    assert job["metadata"]["labels"] != labels
    [port] = MANIFESTS["service.yaml"]["spec"]["ports"]
    names = {each["name"] for each in LEARNER["ports"]}
    assert port["targetPort"] in names
    for rule in MANIFESTS["network-policy.yaml"]["spec"]["ingress"]:
        assert {each["port"] for each in rule["ports"]} <= names


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_is_mounted_is_there(name):
    volumes = {volume["name"]: volume for volume in pod(name)["volumes"]}
    claims = {each["metadata"]["name"] for each in MANIFESTS[name]["spec"].get("volumeClaimTemplates", [])}
    for container in containers(name):
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= volumes.keys() | claims
    assert volumes["config"]["configMap"]["name"] == MANIFESTS["configmap.yaml"]["metadata"]["name"]
    # Secrets are made by people; the note at the top of the kustomization and of the job says which.
    notes = (FOLDER / "kustomization.yaml").read_text() + (FOLDER / name).read_text()
    assert notes.count(volumes["kafka"]["secret"]["secretName"]) >= 2


def test_everything_that_is_written_to_lies_on_a_volume(config):
    writable = {mount["mountPath"] for mount in LEARNER["volumeMounts"] if not mount.get("readOnly")}
    environment = {each["name"]: each.get("value") for each in LEARNER["env"]}
    assert writable == {config.state.directory, environment["NUMBA_CACHE_DIR"], "/tmp"}
    [state] = STATEFUL["spec"]["volumeClaimTemplates"]
    mounts = {mount["name"]: mount["mountPath"] for mount in LEARNER["volumeMounts"]}
    assert mounts[state["metadata"]["name"]] == config.state.directory
    kernels = pod("statefulset.yaml")["initContainers"][0]
    assert f"NUMBA_CACHE_DIR={kernels['command'][-2].removesuffix('/.')}" in DOCKERFILE
    assert kernels["command"][-1] == environment["NUMBA_CACHE_DIR"]


@pytest.mark.parametrize("container", ALL_CONTAINERS)
def test_a_container_may_do_nothing_that_it_need_not(container):
    allowed = container["securityContext"]
    assert allowed["readOnlyRootFilesystem"] is True
    assert allowed["allowPrivilegeEscalation"] is False
    assert allowed["capabilities"] == {"drop": ["ALL"]}
    assert {"requests", "limits"} <= container["resources"].keys()


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_runs_as_the_user_of_the_image(name):
    allowed = pod(name)["securityContext"]
    assert allowed["runAsNonRoot"] is True
    assert allowed["seccompProfile"] == {"type": "RuntimeDefault"}
    assert f"--uid {allowed['runAsUser']}" in DOCKERFILE
    assert f"USER {allowed['runAsUser']}" in DOCKERFILE  # a name would not prove that it is not root
    assert pod(name)["automountServiceAccountToken"] is False


def test_a_worker_has_the_time_to_commit_and_snapshot(config):
    seconds = pod("statefulset.yaml")["terminationGracePeriodSeconds"]
    assert seconds > 2 * config.kafka.transaction_timeout_ms / 1_000


def test_the_page_listens_where_its_service_and_its_probes_look(config, monkeypatch):
    [page] = pod("review-statefulset.yaml")["containers"]
    for variable in page["env"]:
        if not variable["name"].endswith("_FILE"):
            monkeypatch.setenv(variable["name"], variable["value"])
    (place,) = {each["mountPath"] for each in page["volumeMounts"] if each["name"] == "state"}
    assert config.state.directory == place
    section = load_config(None).review_service
    assert (section.host, section.metrics.host) == ("0.0.0.0", "0.0.0.0")
    assert {each["name"]: each["containerPort"] for each in page["ports"]} == {
        "page": section.port,
        "metrics": section.metrics.port,
    }
    labels = MANIFESTS["review-statefulset.yaml"]["spec"]["template"]["metadata"]["labels"]
    service = MANIFESTS["review-service.yaml"]["spec"]
    assert service["selector"] == labels
    assert {each["port"] for each in service["ports"]} == {section.port, section.metrics.port}
    assert MANIFESTS["review-network-policy.yaml"]["spec"]["podSelector"]["matchLabels"] == labels
    probes = {page[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {"/health/startup", "/health/live", "/health/ready"}


def test_no_secret_is_written_down():
    everything = "".join(path.read_text() for path in FOLDER.glob("*.yaml"))
    assert "sasl_password:" not in everything
    assert "kind: Secret" not in everything
