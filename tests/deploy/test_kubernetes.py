"""The manifests of deploy/kubernetes: by Kubernetes' schemas, and by what these cannot know."""

from __future__ import annotations

import copy
import re
from http.client import HTTPConnection
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from config import environment, gunicorn
from tests.deploy.alerts import promtool
from tests.deploy.composition import composition
from tests.deploy.image import PROJECT, instructions
from tests.deploy.manifests import (
    ALL,
    CONTAINERS,
    DEPLOYMENTS,
    FILES,
    FOLDER,
    PODS,
    WORKLOADS,
    of_kind,
)
from tests.deploy.servers import made_up_secrets
from tests.running import running_stockroom

KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OLDEST, NEWEST = "1.29.0", kubernetes_validate.latest_version()
NOT_OURS = {"PROMETHEUS_MULTIPROC_DIR"}
"""What a library reads, not config/environment.py."""
WITH_METRICS = sorted(set(DEPLOYMENTS) - {"beat"})


def shown(document):
    return f"{document['kind']}-{document['metadata']['name']}"


@pytest.fixture(scope="module")
def services():
    found = composition(made_up_secrets())["services"]
    return found | {"backup": found["operate"]}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("document", ALL, ids=shown)
def test_it_is_what_kubernetes_takes(document, version):
    kubernetes_validate.validate(document, version, strict=True)


def test_a_misspelt_field_is_found():
    """Negative control."""
    wrong = copy.deepcopy(DEPLOYMENTS["web"])
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_everything_is_applied_but_the_example_of_secrets():
    assert set(KUSTOMIZATION["resources"]) == set(FILES) - {"secret.example.yaml"}


def test_no_secret_is_written_into_the_files():
    secret = re.compile("SECRET|PASSWORD|KEY|PEPPER|_UR[LI]$|TOKEN")
    for document in of_kind("Secret").values():
        told = {name: text for name, text in document["stringData"].items() if secret.search(name)}
        assert told
        assert all("<" in text for text in told.values()), told
    configured = of_kind("ConfigMap")["stockroom"]["data"]
    assert {name for name in configured if secret.search(name)} == {"PUBLIC_URL"}


def commented_out(file):
    """Variables that an operator may add, and what the comment shows."""
    return dict(re.findall(r"^  # ([A-Z_]+): (.+)$", (FOLDER / file).read_text(), re.MULTILINE))


def test_what_may_be_added_is_understood_and_is_where_it_belongs(monkeypatch):
    secret, configured = commented_out("secret.example.yaml"), commented_out("configuration.yaml")
    assert set(secret) == {"MONGODB_URI"}
    assert set(configured) == {"OTEL_EXPORTER_OTLP_ENDPOINT"}
    assert all("<" in text for text in secret.values())
    for name, text in (secret | configured).items():
        monkeypatch.setenv(name, re.sub("<.+?>", "f" * 32, text))
        environment.VARIABLES[name].read()


def test_every_server_that_is_named_may_be_spoken_with():
    told = of_kind("Secret")["stockroom"]["stringData"] | commented_out("secret.example.yaml")
    told |= commented_out("configuration.yaml")
    ports = {urlsplit(text).port for name, text in told.items() if "://" in text} - {None}
    rules = [rule for each in of_kind("NetworkPolicy").values() for rule in egress(each)]
    opened = {port["port"] for rule in rules for port in rule.get("ports", [])}
    assert {5432, 6379, 5671, 27017, 4318, 587} <= ports
    assert ports <= opened


def egress(policy):
    return policy["spec"].get("egress", [])


def test_there_is_everything_that_compose_runs(services):
    others = {"nginx", "postgres", "redis", "rabbitmq"}
    when_asked_for = {name for name, service in services.items() if "profiles" in service}
    assert set(WORKLOADS) == set(services) - others - when_asked_for | {"backup"}


@pytest.mark.parametrize("name", sorted(set(WORKLOADS) - {"backup"}))
def test_its_command_is_that_of_compose(services, name):
    command = [word.replace("$(LOG_LEVEL)", "INFO") for word in CONTAINERS[name].get("command", [])]
    assert command == services[name].get("command", [])


@pytest.mark.parametrize("name", WORKLOADS)
def test_it_has_the_memory_that_compose_gives_it_and_that_of_tmp(services, name):
    mebibytes = {"k": 1 / 1024, "m": 1, "g": 1024}
    given = services[name]["deploy"]["resources"]["limits"]["memory"]
    needed = int(given[:-1]) * mebibytes[given[-1]]
    tmp, *_claims = PODS[name]["spec"]["volumes"]
    limit = CONTAINERS[name]["resources"]["limits"]["memory"]
    assert int(limit.removesuffix("Mi")) >= needed + int(
        tmp["emptyDir"]["sizeLimit"].removesuffix("Mi")
    )


@pytest.mark.parametrize("name", WORKLOADS)
def test_it_is_told_nothing_that_it_does_not_understand(name, monkeypatch):
    sources = {"ConfigMap": "configMapRef", "Secret": "secretRef"}
    told = {}
    for source in CONTAINERS[name]["envFrom"]:
        for kind, reference in sources.items():
            if reference in source:
                found = of_kind(kind)[source[reference]["name"]]
                told |= found.get("data") or found["stringData"]
    assert {"DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS"} <= set(told)
    for variable in set(told) - NOT_OURS:
        monkeypatch.setenv(variable, re.sub("<.+?>", "f" * 32, told[variable]))
        environment.VARIABLES[variable].read()


def test_only_preparation_and_backup_know_the_owner_of_the_tables():
    owner = {"secretRef": {"name": "stockroom-owner"}}
    told = [name for name in WORKLOADS if owner in CONTAINERS[name]["envFrom"]]
    assert told == ["migrate", "backup"]
    for name in told:
        assert CONTAINERS[name]["envFrom"][-1] == owner  # the last one counts


@pytest.mark.parametrize("name", WORKLOADS)
def test_it_has_as_few_rights_as_it_needs(name):
    pod, container = PODS[name]["spec"], CONTAINERS[name]
    (user,) = [value for word, value in instructions(PROJECT / "Dockerfile") if word == "USER"]
    of_all = pod["securityContext"]
    assert f"{of_all['runAsUser']}:{of_all['runAsGroup']}" == user
    assert of_all["runAsNonRoot"] is True
    assert of_all["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    tmp, *claims = container["volumeMounts"]
    assert tmp == {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108
    assert bool(claims) == (name == "backup")
    assert {"cpu", "memory"} == set(container["resources"]["requests"])


@pytest.mark.parametrize("name", WORKLOADS)
def test_its_image_is_one_that_a_release_names(name):
    (image,) = KUSTOMIZATION["images"]
    assert CONTAINERS[name]["image"] == image["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", image["newTag"])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_selectors_select_its_own_pods_and_no_others(name):
    spec = DEPLOYMENTS[name]["spec"]
    selecting = [spec["selector"]["matchLabels"]]
    for kind in ("PodDisruptionBudget", "Service"):
        if found := of_kind(kind).get(name):
            selector = found["spec"]["selector"]
            selecting.append(selector.get("matchLabels", selector))
    spread = PODS[name]["spec"].get("topologySpreadConstraints", [])
    selecting += [each["labelSelector"]["matchLabels"] for each in spread]
    for labels in selecting:
        matched = {
            other
            for other, pod in PODS.items()
            if labels.items() <= pod["metadata"]["labels"].items()
        }
        assert matched == {name}


def test_policies_are_for_pods_that_are_there():
    known = {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in PODS.values()}
    for policy in of_kind("NetworkPolicy").values():
        selector = policy["spec"]["podSelector"]
        named = {selector.get("matchLabels", {}).get("app.kubernetes.io/component")} - {None}
        for expression in selector.get("matchExpressions", []):
            named |= set(expression["values"])
        assert named <= known
    assert of_kind("NetworkPolicy")["nobody"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


@pytest.mark.parametrize("name", sorted(set(DEPLOYMENTS) - {"beat"}))
def test_a_node_can_be_drained_and_somebody_stays(name):
    at_least = of_kind("PodDisruptionBudget")[name]["spec"]["minAvailable"]
    scaler = of_kind("HorizontalPodAutoscaler").get(name)
    replicas = scaler["spec"]["minReplicas"] if scaler else DEPLOYMENTS[name]["spec"]["replicas"]
    assert 1 <= at_least < replicas
    assert scaler is None or "replicas" not in DEPLOYMENTS[name]["spec"]  # they would quarrel


def test_of_beat_there_is_one_and_never_two():
    spec = DEPLOYMENTS["beat"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert "beat" not in of_kind("PodDisruptionBudget")


def test_the_largest_number_of_web_servers_fits_into_postgresql():
    """Its default of 100 connections, of which the other processes need up to twenty."""
    configured = of_kind("ConfigMap")["stockroom"]["data"]
    each = int(configured["WEB_CONCURRENCY"]) * int(configured["WEB_THREADS"])
    most = of_kind("HorizontalPodAutoscaler")["web"]["spec"]["maxReplicas"]
    assert most * each <= 80


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_it_has_the_time_to_end_that_it_has_in_compose(services, name):
    grace = PODS[name]["spec"].get("terminationGracePeriodSeconds", 30)
    assert grace >= int(services[name].get("stop_grace_period", "10s").removesuffix("s"))


def test_web_finishes_what_it_began_after_nobody_is_sent_there_any_more():
    spec, container = PODS["web"]["spec"], CONTAINERS["web"]
    command, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert command == "sleep"
    needed = int(seconds) + gunicorn.graceful_timeout
    assert spec["terminationGracePeriodSeconds"] > needed
    assert DEPLOYMENTS["web"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize("name", WITH_METRICS)
def test_prometheus_is_shown_the_port_that_is_open(name):
    port = CONTAINERS[name]["ports"][0]
    annotations = PODS[name]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])
    (image_port,) = [v for word, v in instructions(PROJECT / "Dockerfile") if word == "EXPOSE"]
    configured = of_kind("ConfigMap")["stockroom"]["data"]["METRICS_PORT"]
    assert str(port["containerPort"]) == (image_port if name == "web" else configured)


def test_grpc_is_served_where_it_is_looked_for_and_has_the_time_to_end():
    from common.rpc.server import GRACE, LIVENESS

    _, opened = CONTAINERS["grpc"]["ports"]
    (served,) = of_kind("Service")["grpc"]["spec"]["ports"]
    assert opened == {"name": served["targetPort"], "containerPort": served["port"]}
    assert str(served["port"]) == environment.VARIABLES["GRPC_PORT"].default
    probes = [CONTAINERS["grpc"][probe]["grpc"] for probe in PROBES]
    assert {probe["port"] for probe in probes} == {served["port"]}
    assert [probe.get("service") for probe in probes] == [LIVENESS, None, LIVENESS]
    _, seconds = CONTAINERS["grpc"]["lifecycle"]["preStop"]["exec"]["command"]
    assert PODS["grpc"]["spec"]["terminationGracePeriodSeconds"] > int(seconds) + GRACE


def test_names_of_ports_lead_somewhere():
    (served,) = of_kind("Service")["web"]["spec"]["ports"]
    opened = {"name": served["targetPort"], "containerPort": served["port"]}
    assert CONTAINERS["web"]["ports"] == [opened]
    (rule,) = of_kind("Ingress")["stockroom"]["spec"]["rules"]
    for path in rule["http"]["paths"]:
        assert path["backend"]["service"] == {"name": "web", "port": {"name": served["name"]}}
    assert rule["host"] == of_kind("ConfigMap")["stockroom"]["data"]["ALLOWED_HOSTS"]


def test_clients_do_not_reach_metrics():
    (rule,) = of_kind("Ingress")["stockroom"]["spec"]["rules"]
    prefixes = {p["path"] for p in rule["http"]["paths"] if p["pathType"] == "Prefix"}
    assert "/" not in prefixes
    assert not any("/metrics".startswith(prefix) for prefix in prefixes)


PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def test_every_process_is_asked_how_it_is(services):
    for name in DEPLOYMENTS:
        assert "livenessProbe" in CONTAINERS[name]
    for name in ("worker", "beat"):
        checked = services[name]["healthcheck"]["test"][1:]
        probe = CONTAINERS[name]["livenessProbe"]["exec"]["command"]
        assert probe[-1] == checked[-1]


@pytest.mark.slow
def test_prometheus_takes_the_jobs_that_the_readme_gives_it(tmp_path):
    """All but how it finds pods: Debian's Prometheus was built without that."""
    (text,) = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    jobs = yaml.safe_load(text)
    (found,) = jobs["scrape_configs"][0].pop("kubernetes_sd_configs")
    assert found == {"role": "pod", "namespaces": {"names": ["stockroom"]}}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(jobs))
    assert promtool("check", "config", str(tmp_path / "prometheus.yml")) == ""


def test_commands_of_the_readme_name_what_is_there():
    text = (FOLDER / "README.md").read_text()
    components = set(re.findall(r"component in \(([^)]*)\)", text))
    assert components == {"configuration, migrate"}
    labelled = {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in ALL}
    assert {"configuration", "migrate"} <= labelled
    files = set(re.findall(r"`([\w.]+\.yaml)`", text)) - {"kustomization.yaml"}
    assert files == set(FILES)


@pytest.mark.slow
def test_what_probes_ask_for_is_answered_whatever_the_host_is_called(tmp_path):
    """By a server as it is configured here: HTTPS only, one host name, behind one proxy."""
    configured = of_kind("ConfigMap")["stockroom"]["data"]
    told = {name: configured[name] for name in ("ALLOWED_HOSTS", "HTTPS", "NUM_PROXIES")}
    paths = {CONTAINERS["web"][probe]["httpGet"]["path"] for probe in PROBES}
    paths.add(PODS["web"]["metadata"]["annotations"]["prometheus.io/path"])
    assert paths == {"/health", "/ready", "/metrics"}
    with running_stockroom(tmp_path, SECRET_KEY="k" * 50, **told) as server:
        address = urlsplit(server.base_url)
        for path in paths:
            connection = HTTPConnection(address.hostname, address.port, timeout=10)
            connection.request("GET", path, headers={"Host": "10.0.0.7:8000"})
            assert connection.getresponse().status == 200, path
            connection.close()
