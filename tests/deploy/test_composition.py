from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from config import environment
from tests.deploy.composition import VariableMissing, composition
from tests.deploy.image import PROJECT
from tests.deploy.servers import made_up_secrets

ASKED_FOR = {
    "SECRET_KEY",
    "POSTGRES_PASSWORD",
    "DATABASE_OWNER_PASSWORD",
    "DATABASE_PASSWORD",
    "REDIS_PASSWORD",
    "RABBITMQ_PASSWORD",
}
OURS = {"web", "grpc", "worker", "beat", "relay", "projector", "consumer", "migrate"}
WATCHING = {"prometheus", "grafana", "jaeger"}
OTHERS = {"nginx", "postgres", "redis", "rabbitmq"} | WATCHING
OPERATED = {"operate"}
"""What nobody starts but an operator."""
HAVE_NO_HEALTH = {"migrate", "jaeger"}


@pytest.fixture
def secrets():
    return made_up_secrets()


@pytest.fixture
def services(secrets):
    return composition(secrets)["services"]


def test_it_has_every_service(services):
    assert set(services) == OURS | OTHERS | OPERATED


def test_every_secret_has_to_be_given(secrets):
    assert set(secrets) == ASKED_FOR


@pytest.mark.parametrize("name", sorted(ASKED_FOR))
def test_a_missing_or_empty_secret_is_named_with_where_to_read_on(secrets, name):
    for variables in (secrets | {name: ""}, {key: secrets[key] for key in secrets if key != name}):
        with pytest.raises(VariableMissing, match=rf"^{name}: .*deploy/README.md"):
            composition(variables)


def test_no_secret_is_written_into_the_file():
    text = (PROJECT / "docker-compose.yml").read_text()
    written = re.findall(r"^ +\w*(?:PASS|SECRET|API_KEY)\w*: +(\S+)", text, re.MULTILINE)
    assert written
    assert all(value.startswith("${") for value in written)


def test_what_the_application_is_told_it_understands(services, monkeypatch):
    for name in OURS:
        for variable, value in services[name]["environment"].items():
            monkeypatch.setenv(variable, value)
            environment.VARIABLES[variable].read()


NOT_FOR_COMPOSE = {
    *("API_KEY", "BIND", "DATABASE_APP_ROLE", "DATA_DIR", "DEMO", "DEVELOPMENT", "PORT"),
    "GRPC_PORT",
    *("PRODUCT_CACHE_SECONDS", "SERVICE_NAME", "STATIC_ROOT", "WEBHOOK_ALLOW_PRIVATE"),
}
"""What the image or the composition decides, or one service alone is told."""


def test_what_an_operator_may_set_is_passed_on(services):
    assert set(environment.VARIABLES) - set(services["web"]["environment"]) == NOT_FOR_COMPOSE


def test_all_of_ours_are_one_image_under_one_configuration(services):
    assert len({services[name]["image"] for name in OURS}) == 1
    web = services["web"]["environment"]
    for name in ("grpc", "worker", "beat", "relay", "projector", "consumer"):
        assert services[name]["environment"] == web
    assert web["HTTPS"] == "0"
    assert web["NUM_PROXIES"] == "1"


def test_only_the_preparation_knows_the_owner_of_the_tables(services, secrets):
    owner = secrets["DATABASE_OWNER_PASSWORD"]
    knowing = {name for name in OURS if owner in str(services[name]["environment"])}
    assert knowing == {"migrate"}
    prepared_for = services["migrate"]["environment"]["DATABASE_APP_ROLE"]
    assert f"//{prepared_for}:" in services["web"]["environment"]["DATABASE_URL"]


def test_what_an_operator_runs_is_as_the_owner_and_only_when_asked_for(services):
    operate, migrate = services["operate"], services["migrate"]
    assert operate["profiles"] == ["operate"]
    assert operate["image"] == migrate["image"]
    assert operate["restart"] == "no"
    told = {"DATABASE_URL", "DATABASE_APP_ROLE"}
    for name in told:
        assert operate["environment"][name] == migrate["environment"][name]
    assert operate["cap_drop"] == ["ALL"]
    assert operate["read_only"]
    assert operate["depends_on"] == {
        name: {"condition": "service_healthy"} for name in ("postgres", "redis")
    }


def test_clients_reach_nginx_and_grpc_alone_at_the_old_ports_too(services):
    published = {
        name: service["ports"]
        for name, service in services.items()
        if "ports" in service and name not in WATCHING
    }
    assert published == {
        "nginx": ["8000:8000", "8001:8001", "8002:8002"],
        "grpc": [f"{port}:{port}" for port in [environment.VARIABLES["GRPC_PORT"].default]],
    }


@pytest.mark.parametrize("name", sorted(WATCHING))
def test_what_watches_runs_when_asked_for_and_is_seen_from_this_machine_alone(services, name):
    assert services[name]["profiles"] == ["observability"]
    assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
    assert not services[name].get("depends_on")  # nor does anything depend on it
    assert services[name]["networks"] == ["outside"]


def test_nothing_that_serves_waits_for_what_watches(services):
    for name in (OURS | OTHERS) - WATCHING:
        assert not WATCHING & set(services[name].get("depends_on", {})), name
        assert "profiles" not in services[name], name


def test_what_stores_data_has_no_way_out(services, secrets):
    assert composition(secrets)["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis", "rabbitmq"):
        assert services[name]["networks"] == ["inside"]
    assert services["nginx"]["networks"] == ["outside"]


@pytest.mark.parametrize("name", sorted(OURS | OTHERS))
def test_every_service_has_as_few_rights_as_it_needs(services, name):
    service = services[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["logging"]["options"]["max-size"]
    assert service.get("read_only") or name == "rabbitmq"
    assert not service.get("privileged")


@pytest.mark.parametrize("name", sorted((OURS | OTHERS) - {"migrate"}))
def test_what_ends_is_started_again(services, name):
    assert services[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(OURS | OTHERS))
def test_health_is_checked_where_it_can_be(services, name):
    check = services[name].get("healthcheck")
    if name in HAVE_NO_HEALTH:
        assert check == {"disable": True}
    elif name != "web":  # it has the image's own
        assert check["test"]
        assert {"interval", "timeout", "start_period"} <= set(check)


def test_everything_waits_for_what_it_needs(services):
    needs = {
        name: {what: how["condition"] for what, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    healthy, done = "service_healthy", "service_completed_successfully"
    assert needs["nginx"] == {"web": healthy}
    assert needs["web"] == needs["grpc"] == {"migrate": done, "redis": healthy}
    assert needs["worker"] == {"migrate": done, "redis": healthy, "rabbitmq": healthy}
    assert needs["beat"] == needs["worker"]
    assert needs["relay"] == needs["consumer"] == {"migrate": done}  # they wait for the broker
    assert needs["migrate"] == {"postgres": healthy}
    for name, needed in needs.items():
        for other, condition in needed.items():
            assert condition == done or other not in HAVE_NO_HEALTH, name


def test_images_of_others_are_pinned_to_a_release_line(services):
    for name in OTHERS - WATCHING:
        assert re.fullmatch(r"[a-z]+:\d+(\.\d+)*-[a-z]+", services[name]["image"]), name
    for name in WATCHING:
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", services[name]["image"]), name


def test_files_it_mounts_exist(services):
    mounted = [
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    assert mounted
    assert [path for path in mounted if not (PROJECT / path).exists()] == []


def test_volumes_are_declared(services, secrets):
    declared = set(composition(secrets)["volumes"])
    used = {
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert used == declared


def test_the_web_server_outlives_its_proxys_connections_and_its_own_last_requests(services):
    from config import gunicorn

    proxy = (PROJECT / "deploy/nginx/nginx.conf").read_text()
    (idle,) = re.findall(r"upstream web \{.*?keepalive_timeout (\d+)s;", proxy, re.DOTALL)
    assert int(idle) < gunicorn.keepalive
    grace = int(services["web"]["stop_grace_period"].removesuffix("s"))
    assert grace > gunicorn.graceful_timeout


def test_calls_under_way_have_the_time_to_end(services):
    from common.rpc.server import GRACE

    assert int(services["grpc"]["stop_grace_period"].removesuffix("s")) > GRACE


class UniqueKeys(yaml.SafeLoader):
    """Refuses what YAML itself lets pass: the same key twice."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), keys
        return super().construct_mapping(node, deep)


def test_no_key_is_given_twice():
    yaml.load((PROJECT / "docker-compose.yml").read_text(), UniqueKeys)  # noqa: S506 - a safe one


def test_the_readme_makes_every_secret(secrets):
    text = (PROJECT / "deploy/README.md").read_text()
    (command,) = re.findall(r"```sh\n(for name in .*?)```", text, re.DOTALL)
    made = subprocess.run(
        ["/bin/sh", "-ec", command.replace("> .env", "")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = dict(line.split("=", 1) for line in made.splitlines())
    assert set(lines) == set(secrets)
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in lines.values())
    assert len(set(lines.values())) == len(lines)
