"""What `docker-compose.yml` promises, whatever engine runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from streams import settings
from streams.sources import load
from tests.composed import FILE, KEY, compose

ROOT = FILE.parent
PROGRAM = ("topics", "models", "worker")
CAPTURE = ("postgres", "connect", "connector")
WATCHERS = ("prometheus", "grafana")
MODEL_SERVERS = ("ollama", "ollama-gpu")


@pytest.fixture
def services():
    return compose()["services"]


def test_there_is_no_default_for_the_secret():
    with pytest.raises(LookupError, match="STREAMS_WEAVIATE_API_KEY: set it"):
        compose({})


def test_only_kafka_the_gateway_and_what_people_look_at_is_published_and_only_to_this_machine(services):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {
        "kafka": ["127.0.0.1:29092:29092"],
        "gateway": ["127.0.0.1:8090:8090"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    assert not any("network_mode" in service for service in services.values())


def test_every_network_volume_and_service_that_is_named_is_defined(services):
    whole = compose()
    for service in services.values():
        assert set(service["networks"]) <= set(whole["networks"])
        assert {name for name in sources(service) if name[0] != "."} <= set(whole["volumes"])
        assert set(service.get("depends_on", [])) <= set(services)


def test_weaviate_and_the_program_have_no_way_out_and_the_models_one_of_their_own(services):
    networks = compose()["networks"]
    assert networks["inside"] == {"internal": True}
    for name in ("weaviate", *PROGRAM, *CAPTURE):
        assert services[name]["networks"] == ["inside"]
    on_the_models_way_out = [name for name, service in services.items() if "models" in service["networks"]]
    assert on_the_models_way_out == list(MODEL_SERVERS)


def test_what_must_outlive_a_container_lies_on_a_named_volume(services):
    mounted = {
        name: [mount for mount in service.get("volumes", []) if mount[0] != "."]
        for name, service in services.items()
    }
    mounted = {name: mounts for name, mounts in mounted.items() if mounts}
    assert mounted == {
        "postgres": ["postgres:/var/lib/postgresql/data"],
        "prometheus": ["prometheus:/prometheus"],
        "kafka": [f"kafka:{services['kafka']['environment']['KAFKA_LOG_DIRS']}"],
        "weaviate": [f"weaviate:{services['weaviate']['environment']['PERSISTENCE_DATA_PATH']}"],
        **{name: ["ollama:/root/.ollama"] for name in MODEL_SERVERS},
        "gateway": ["keys:/keys"],
    }
    assert set(compose()["volumes"]) == {mount.split(":")[0] for [mount] in mounted.values()}


def test_every_server_and_the_worker_have_a_health_check_of_their_own_readiness(services):
    probes = {
        name: " ".join(service["healthcheck"]["test"])
        for name, service in services.items()
        if "healthcheck" in service
    }
    ours = ("worker", "gateway")
    assert set(probes) == {"kafka", "weaviate", *MODEL_SERVERS, *ours, "postgres", "connect", *WATCHERS}
    assert "/v1/.well-known/ready" in probes["weaviate"]
    assert "/api/tags" in probes["ollama"]
    assert "livez" in probes["worker"]
    assert "readyz" in probes["worker"]
    assert ":8090/readyz" in probes["gateway"]


def test_the_workers_probe_is_python_and_asks_where_the_worker_listens(services):
    test = services["worker"]["healthcheck"]["test"]
    assert test[:3] == ["CMD", "python", "-c"]
    compile(test[3], "healthcheck", "exec")
    assert f":{services['worker']['environment']['STREAMS_METRICS_PORT']}/" in test[3]


def test_the_worker_waits_for_servers_that_are_ready_and_for_topics_and_models_that_are_there(services):
    waits = {name: wait["condition"] for name, wait in services["worker"]["depends_on"].items()}
    ready, done = "service_healthy", "service_completed_successfully"
    models = dict.fromkeys(MODEL_SERVERS, ready)
    assert waits == {"kafka": ready, "weaviate": ready, **models, "topics": done, "models": done}
    assert all("healthcheck" in services[name] for name, condition in waits.items() if condition == ready)
    assert all(
        services[name]["restart"] != "unless-stopped"
        for name, condition in waits.items()
        if condition == done
    )


def test_the_worker_may_drain_for_longer_than_it_needs(services):
    assert int(services["worker"]["stop_grace_period"].removesuffix("s")) > 20


def test_the_profile_says_whether_the_models_run_on_gpus_and_they_are_found_by_one_name(services):
    ours = {name: services[name] for name in MODEL_SERVERS}
    assert {name: service["profiles"] for name, service in ours.items()} == {
        "ollama": ["cpu"],
        "ollama-gpu": ["gpu"],
    }
    assert all(service["networks"]["inside"] == {"aliases": ["ollama"]} for service in ours.values())
    for name in ("worker", "models"):
        waits = services[name]["depends_on"]
        # Else the one that the profile leaves out would keep all from starting.
        assert all(waits[server]["required"] is False for server in MODEL_SERVERS)
    devices = services["ollama-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
    assert [name for name, service in services.items() if "deploy" in service] == ["ollama-gpu"]


def test_the_model_server_answers_as_many_at_once_as_the_worker_asks(services):
    for given, wanted in ((KEY, "4"), (KEY | {"STREAMS_ANSWER_SLOTS": "7"}, "7")):
        services = compose(given)["services"]
        assert str(services["ollama-gpu"]["environment"]["OLLAMA_NUM_PARALLEL"]) == wanted
        assert str(services["worker"]["environment"]["STREAMS_ANSWER_SLOTS"]) == wanted


def test_every_image_has_an_exact_version(services):
    for service in services.values():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(\.Final)?", service["image"]), service["image"]


@pytest.mark.parametrize("name", [*PROGRAM, "gateway"])
def test_the_programs_settings_are_settings(services, name, monkeypatch):
    for variable, value in services[name]["environment"].items():
        monkeypatch.setenv(variable, str(value))
    read = settings.load(env_file=None)
    assert read.kafka == "kafka:9092"
    assert read.weaviate == "http://weaviate:8080"
    assert read.weaviate_api_key.get_secret_value() == KEY["STREAMS_WEAVIATE_API_KEY"]
    assert read.ollama == "http://ollama:11434"


def test_the_defaults_are_those_of_the_settings(services):
    fields = settings.Settings.model_fields
    text = FILE.read_text(encoding="utf-8")
    # Empty is as if it were not there.
    defaults = dict(re.findall(r"STREAMS_(\w+): \$\{STREAMS_\w+:-([^}]+)\}", text))
    assert len(defaults) >= 5
    assert defaults == {name: str(fields[name.lower()].default) for name in defaults}


def test_the_program_runs_its_commands_as_nobody_in_particular(services):
    commands = {name: services[name]["command"] for name in PROGRAM}
    assert commands == {"topics": ["topics", "create"], "models": ["models", "pull"], "worker": ["worker"]}
    for name in PROGRAM:
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]


def sources(service):
    """What is mounted: volumes by name, files by their path."""
    return [mount.split(":")[0] for mount in service.get("volumes", [])]


def test_what_is_mounted_from_here_is_there_and_read_only(services):
    files = [
        mount for service in services.values() for mount in service.get("volumes", []) if mount[0] == "."
    ]
    assert len(files) == 11
    for mount in files:
        path, _, how = mount.split(":")
        assert (ROOT / path).exists(), path
        assert how == "ro"


def test_change_data_capture_runs_only_where_its_profile_is_asked_for(services):
    assert [name for name, service in services.items() if service.get("profiles") == ["cdc"]] == list(CAPTURE)
    for name in set(services) - set(CAPTURE):
        assert not set(services[name].get("depends_on", [])) & set(CAPTURE)


def test_the_worker_reads_the_sources_file_that_its_setting_can_name(services):
    whole = compose(KEY | {"STREAMS_SOURCES": "/etc/rag-streams/sources.toml"})
    worker = whole["services"]["worker"]
    assert worker["environment"]["STREAMS_SOURCES"] == "/etc/rag-streams/sources.toml"
    [folder] = sources(worker)
    read = load(
        ROOT / folder / "sources.toml", changes_topic="documents.changes", questions_topic="questions"
    )
    assert [source.topic for source in read.sources] == ["documents.changes", "cms.public.articles"]
    assert services["worker"]["environment"]["STREAMS_SOURCES"] == ""


def test_the_connector_reads_what_the_database_offers_and_writes_what_the_worker_reads(services):
    config = json.loads((ROOT / "ops/cdc/connector.json").read_text())
    script = (ROOT / "ops/cdc/init.sql").read_text()
    assert f"CREATE PUBLICATION {config['publication.name']} " in script
    assert f"CREATE ROLE {config['database.user']} LOGIN REPLICATION" in script
    assert f"CREATE TABLE {config['table.include.list'].removeprefix('public.')} " in script
    assert config["database.dbname"] == services["postgres"]["environment"]["POSTGRES_DB"]
    assert config["database.hostname"] in services
    topic = f"{config['topic.prefix']}.{config['table.include.list']}"
    assert f'topic = "{topic}"' in (ROOT / "ops/cdc/sources.toml").read_text()
    assert "wal_level=logical" in services["postgres"]["command"]


def test_the_image_is_built_from_a_file_that_is_there_and_copies_what_is_not_ignored(services):
    build = services["worker"]["build"]
    dockerfile = (ROOT / build["context"] / build["dockerfile"]).read_text()
    kept = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line[:1] == "!"
    }
    copied = {
        word
        for line in dockerfile.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert copied == kept
    assert all((ROOT / path).exists() for path in copied)
    assert re.search(r"^USER 10001$", dockerfile, re.MULTILINE)
    assert re.search(r"^ENTRYPOINT \[\"rag-streams\"\]$", dockerfile, re.MULTILINE)


def test_the_images_lock_holds_the_versions_that_are_tested():
    def pinned(path: Path) -> set[str]:
        return set(re.findall(r"^([\w.-]+==[\w.]+)", path.read_text(), re.MULTILINE))

    assert pinned(ROOT / "ops/worker.lock") <= pinned(ROOT / "requirements.lock")
    assert len(pinned(ROOT / "ops/worker.lock")) > 30


def test_prometheus_scrapes_each_worker_and_gateway_and_has_the_alerts_and_grafana_the_dashboard(services):
    mounted = {
        source: target
        for name in WATCHERS
        for source, target, _ in (mount.split(":") for mount in services[name]["volumes"] if mount[0] == ".")
    }
    assert all((ROOT / source).is_file() for source in mounted)
    scraped = yaml.safe_load((ROOT / "ops/observe/scrape.yml").read_text())
    assert scraped["rule_files"] == [mounted["./ops/observe/rules.yml"]]
    for job, name in zip(scraped["scrape_configs"], ("worker", "gateway"), strict=True):
        (found,) = job["dns_sd_configs"]
        assert found["names"] == [name]
        assert str(found["port"]) == services[name]["environment"]["STREAMS_METRICS_PORT"]
    provider = yaml.safe_load((ROOT / "ops/observe/grafana/provider.yml").read_text())["providers"][0]
    dashboard = mounted["./ops/observe/grafana/rag-streams.json"]
    assert provider["options"]["path"] == str(Path(dashboard).parent)
    source = yaml.safe_load((ROOT / "ops/observe/grafana/datasource.yml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    assert all(services[name]["profiles"] == ["observe"] for name in WATCHERS)
