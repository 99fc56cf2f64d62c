from __future__ import annotations

import json
import re
import subprocess

import pytest
import yaml

from config import environment
from tests.deploy.composition import VariableMissing, composition
from tests.deploy.image import PROJECT, instructions
from tests.deploy.servers import made_up_secrets
from tests.needs import program

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
AT_CHOICE = {"mongodb"}
"""Where an operator wants it, beside the rest or elsewhere."""
STORING = {"postgres", "redis", "rabbitmq"} | AT_CHOICE
OTHERS = {"nginx"} | STORING | WATCHING
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


WANTED = {
    "TRACES": ("OTEL_EXPORTER_OTLP_ENDPOINT", "requirements-traces.txt"),
    "MONGODB": ("MONGODB_URI", "requirements-mongodb.txt"),
}
"""Arguments of the build: the variable that asks for packages, and the list of them."""


@pytest.mark.parametrize("argument", WANTED)
def test_the_image_has_what_a_variable_needs_and_learns_nothing_of_it(secrets, argument):
    variable, packages = WANTED[argument]
    value = "mongodb://stockroom:a-password@elsewhere/stockroom"
    for given, told in [({}, ""), ({variable: ""}, ""), ({variable: value}, "1")]:
        services = composition(secrets | given)["services"]
        assert {name: services[name]["build"]["args"][argument] for name in OURS | OPERATED} == (
            dict.fromkeys(OURS | OPERATED, told)
        )
        for name in OURS | OPERATED:
            assert services[name]["environment"][variable] == given.get(variable, "")
    dockerfile = instructions(PROJECT / "Dockerfile")
    assert ("ARG", f"{argument}=") in dockerfile
    installs = [run for word, run in dockerfile if word == "RUN" and "requirements.txt" in run]
    assert [f"${{{argument}:+-r {packages}}}" in run for run in installs] == [True]


def test_no_secret_is_given_to_the_build(secrets):
    services = composition(secrets | {variable: "a-secret" for variable, _ in WANTED.values()})
    arguments = {str(services["services"][name]["build"]) for name in OURS | OPERATED}
    for secret in ("a-secret", *secrets.values()):
        assert not any(secret in text for text in arguments)


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
        assert ("profiles" in services[name]) == (name in AT_CHOICE), name


def test_mongodb_runs_when_asked_for_and_nothing_waits_for_it(services):
    assert services["mongodb"]["profiles"] == ["mongodb"]
    assert not [
        name for name, service in services.items() if "mongodb" in service.get("depends_on", {})
    ]


def test_mongodb_lets_nobody_in_without_a_password(services, secrets):
    """With a user but no password its image refuses to start."""
    given = secrets | {"MONGODB_ROOT_PASSWORD": "of-root", "MONGODB_PASSWORD": "of-ours"}
    told = composition(given)["services"]["mongodb"]["environment"]
    assert (told["MONGO_INITDB_ROOT_USERNAME"], told["MONGO_INITDB_ROOT_PASSWORD"]) == (
        "root",
        "of-root",
    )
    without = services["mongodb"]["environment"]
    assert without["MONGO_INITDB_ROOT_USERNAME"]
    assert not without["MONGO_INITDB_ROOT_PASSWORD"]
    assert not [name for name in OURS if "of-root" in str(services[name]["environment"])]


USERS = """
const made = [];
const db = {getName: () => "stockroom", createUser: (user) => made.push(user)};
require("vm").runInNewContext(require("fs").readFileSync(process.argv[1], "utf8"), {db, process});
console.log(JSON.stringify(made));
"""


def run_init_js(**environment):
    """As MongoDB's shell would, with a database that only notes its users."""
    script = PROJECT / "deploy/mongodb/init.js"
    command = [program("node"), "--eval", USERS, str(script)]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_the_application_is_no_administrator_of_mongodb():
    done = run_init_js(MONGODB_PASSWORD="of-ours")
    assert json.loads(done.stdout) == [
        {
            "user": "stockroom",
            "pwd": "of-ours",
            "roles": [{"role": "readWrite", "db": "stockroom"}],
        }
    ]
    without = run_init_js(MONGODB_PASSWORD="")
    assert without.returncode != 0
    assert "MONGODB_PASSWORD is empty" in without.stderr


def test_what_stores_data_has_no_way_out(services, secrets):
    assert composition(secrets)["networks"]["inside"] == {"internal": True}
    for name in STORING:
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
