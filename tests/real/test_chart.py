"""The Helm chart as `helm` renders it, against what Kubernetes and KEDA declare."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from ops.servers.launch import servers_folder
from streams import settings
from streams.sources import load
from tests.composed import compose
from tests.conftest import lacking

CHART = Path(__file__).parents[2] / "ops" / "chart"
KUBERNETES = ("1.27.0", "1.31.0", kubernetes_validate.latest_version())

GIVEN = {
    "kafka": {"bootstrapServers": "kafka-1:9093,kafka-2:9093"},
    "weaviate": {"apiKeySecret": "weaviate"},
    "gateway": {"keysSecret": "gateway-keys"},
}
"""What has no default."""

EVERYTHING = {
    "kafka": {
        "bootstrapServers": "kafka-1:9093,kafka-2:9093",
        "securityProtocol": "SASL_SSL",
        "saslMechanism": "SCRAM-SHA-512",
        "saslSecret": "kafka-user",
        "caSecret": "kafka-ca",
    },
    "weaviate": {"apiKeySecret": "weaviate", "storageClass": "fast", "nodeSelector": {"disk": "ssd"}},
    "ollama": {
        "gpus": 2,
        "runtimeClass": "nvidia",
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    },
    "gateway": {
        "keysSecret": "gateway-keys",
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "host": "ask.example.org",
            "tlsSecret": "ask-tls",
            "annotations": {"nginx.ingress.kubernetes.io/proxy-buffering": "off"},
        },
    },
    "index": {"autoscaling": {"enabled": True}},
    "answer": {"autoscaling": {"enabled": True, "topic": "questions"}},
    "image": {"tag": "1.2.3", "pullSecrets": ["registry"]},
    "settings": {"STREAMS_NUM_CTX": 4096, "STREAMS_TEMPERATURE": "0.2"},
    "sources": '[[sources]]\ntopic = "cms.public.articles"\nformat = "debezium"\nid = "{id}"\ntext = "{b}"\n',
    "networkPolicy": {"metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
    "podAnnotations": {"team": "search"},
}


@pytest.fixture(scope="module")
def helm(tmp_path_factory):
    program = servers_folder() / "helm" / "helm"
    if not program.is_file():
        lacking(f"{program} is missing: run `make servers`")
    home = tmp_path_factory.mktemp("helm")

    def run(command, values, *more):
        file = home / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        return subprocess.run(
            [program, command, *more, CHART, "-f", file, "--kube-version", KUBERNETES[1]],
            env=os.environ
            | {"HELM_CACHE_HOME": str(home), "HELM_CONFIG_HOME": str(home), "HELM_DATA_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def rendered(helm):
    def render(values):
        done = helm("template", values, "told", "--namespace", "search")
        assert done.returncode == 0, done.stderr
        return [one for one in yaml.safe_load_all(done.stdout) if one]

    return render


def named(resources, kind, name):
    [found] = [one for one in resources if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def pods(resources):
    """Each pod's specification, with the labels that it has."""
    for one in resources:
        if one["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield (
                one["metadata"]["name"],
                one["spec"]["template"]["metadata"]["labels"],
                one["spec"]["template"]["spec"],
            )


@pytest.mark.parametrize("values", [GIVEN, EVERYTHING], ids=["least", "everything"])
def test_helm_finds_nothing_to_complain_of(helm, values):
    done = helm("lint", values, "--strict")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", [GIVEN, EVERYTHING], ids=["least", "everything"])
def test_every_resource_is_one_that_kubernetes_takes(rendered, values, version):
    checked = [one for one in rendered(values) if not one["apiVersion"].startswith("keda.sh/")]
    assert len(checked) > 15
    for one in checked:
        kubernetes_validate.validate(one, version, strict=True)


def test_what_scales_is_what_keda_takes(rendered):
    declared = {}
    for file in (servers_folder() / "keda").glob("keda.sh_*.yaml"):
        crd = yaml.safe_load(file.read_text())
        declared[crd["spec"]["names"]["kind"]] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    resources = [one for one in rendered(EVERYTHING) if one["apiVersion"].startswith("keda.sh/")]
    assert [one["kind"] for one in resources] == ["ScaledObject", "ScaledObject", "TriggerAuthentication"]
    for one in resources:
        jsonschema.validate(one, declared[one["kind"]])
    index, answer = (one["spec"]["triggers"][0]["metadata"] for one in resources[:2])
    assert (index["consumerGroup"], answer["consumerGroup"]) == ("rag-streams-index", "rag-streams-answer")
    assert ("topic" in index, answer["topic"]) == (False, "questions")
    assert (index["tls"], index["sasl"]) == ("enable", "scram_sha512")


def test_who_scales_has_no_fixed_number_of_replicas(rendered):
    assert named(rendered(GIVEN), "Deployment", "told-index")["spec"]["replicas"] == 1
    assert "replicas" not in named(rendered(EVERYTHING), "Deployment", "told-index")["spec"]


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ("kafka", "kafka.bootstrapServers"),
        ("weaviate", "weaviate.apiKeySecret"),
        ("gateway", "gateway.keysSecret"),
    ],
)
def test_what_has_no_default_is_asked_for_by_name(helm, left_out, said):
    done = helm("template", {name: value for name, value in GIVEN.items() if name != left_out})
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"kafak": {}},
        {"kafka": {"bootstrapServer": "kafka:9092"}},
        {"answer": {"slots": 0}},
        {"settings": {"STREAMS_KAFKA_SASL_PASSWORD": "in the open"}},
        {"settings": {"NUM_CTX": "4096"}},
    ],
)
def test_a_value_that_the_chart_does_not_know_or_that_is_a_secret_is_refused(helm, wrong):
    merged = {name: {**GIVEN.get(name, {}), **wrong.get(name, {})} for name in GIVEN | wrong}
    done = helm("template", merged)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


@pytest.mark.parametrize("values", [GIVEN, EVERYTHING], ids=["least", "everything"])
def test_the_settings_are_settings(rendered, values, monkeypatch, tmp_path):
    data = named(rendered(values), "ConfigMap", "told-settings")["data"]
    sources = next(
        (
            one["data"]["sources.toml"]
            for one in rendered(values)
            if one["metadata"]["name"] == "told-sources"
        ),
        None,
    )
    known = {f"STREAMS_{name.upper()}" for name in settings.Settings.model_fields}
    for name, value in data.items():
        assert name in known, name
        monkeypatch.setenv(name, value)
    pod = named(rendered(values), "Deployment", "told-index")["spec"]["template"]["spec"]
    for variable in pod["containers"][0]["env"]:
        assert variable["name"] in known
        monkeypatch.setenv(variable["name"], "from a secret")
    monkeypatch.delenv("STREAMS_SOURCES", raising=False)
    monkeypatch.delenv("STREAMS_KAFKA_SSL_CAFILE", raising=False)
    read = settings.load(env_file=None)
    assert read.kafka == "kafka-1:9093,kafka-2:9093"
    assert read.ollama == "http://told-ollama:11434"
    if sources:
        (tmp_path / "sources.toml").write_text(sources)
        loaded = load(
            tmp_path / "sources.toml", changes_topic="documents.changes", questions_topic="questions"
        )
        assert [source.topic for source in loaded.sources] == ["cms.public.articles"]


@pytest.mark.parametrize("values", [GIVEN, EVERYTHING], ids=["least", "everything"])
def test_every_pod_runs_as_nobody_in_particular_and_can_write_nowhere_but_where_it_must(rendered, values):
    found = list(pods(rendered(values)))
    ours = {"index", "answer", "gateway", "topics-1", "models-1"}
    assert {name for name, _, _ in found} == {f"told-{name}" for name in ours | {"ollama", "weaviate"}}
    for name, _, pod in found:
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        [container] = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}
        assert {mount["name"] for mount in container["volumeMounts"]} >= {"tmp"}


def test_no_secret_is_written_out(rendered):
    resources = rendered(EVERYTHING)
    assert not [one for one in resources if one["kind"] == "Secret"]
    for _, _, pod in pods(resources):
        for variable in pod["containers"][0].get("env", []):
            if re.search(r"PASSWORD|API_?KEY(S)?$|USERNAME|ALLOWED_KEYS", variable["name"]):
                assert "secretKeyRef" in variable.get("valueFrom", {}), variable


@pytest.mark.parametrize("values", [GIVEN, EVERYTHING], ids=["least", "everything"])
def test_ollama_and_weaviate_take_connections_from_our_pods_alone(rendered, values):
    resources = rendered(values)
    labels = {name.removeprefix("told-").removesuffix("-1"): labels for name, labels, _ in pods(resources)}
    for server, wanted in (
        ("ollama", {"index", "answer", "models"}),
        ("weaviate", {"index", "answer", "gateway"}),
    ):
        policy = named(resources, "NetworkPolicy", f"told-{server}")["spec"]
        assert policy["podSelector"]["matchLabels"].items() <= labels[server].items()
        [rule] = policy["ingress"]
        [peer] = rule["from"]
        assert set(peer) == {"podSelector"}  # in this namespace
        assert {name for name, has in labels.items() if selected(peer["podSelector"], has)} == wanted
        service = named(resources, "Service", f"told-{server}")["spec"]
        assert service.get("type", "ClusterIP") == "ClusterIP"
        assert {port["port"] for port in rule["ports"]} == {port["port"] for port in service["ports"]}
    [ingress] = [one for one in resources if one["kind"] == "Ingress"] or [None]
    if ingress:
        backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]
        assert backend["service"]["name"] == "told-gateway"


def selected(selector, labels):
    """Whether a label selector takes these labels."""
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", [])
    )


def test_each_service_budget_and_policy_finds_the_pods_that_it_is_for(rendered):
    resources = rendered(EVERYTHING)
    all_labels = [labels for _, labels, _ in pods(resources)]
    for one in resources:
        spec = one.get("spec", {})
        for selector in filter(None, (spec.get("podSelector"), spec.get("selector"))):
            plain = selector if one["kind"] != "Service" else {"matchLabels": selector}
            assert len([labels for labels in all_labels if selected(plain, labels)]) == 1, one["metadata"][
                "name"
            ]


def test_a_worker_is_probed_where_it_listens_and_may_drain_for_longer_than_it_needs(rendered):
    resources = rendered(GIVEN)
    port = int(named(resources, "ConfigMap", "told-settings")["data"]["STREAMS_METRICS_PORT"])
    for role in ("index", "answer"):
        pod = named(resources, "Deployment", f"told-{role}")["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert container["args"] == ["worker", "--roles", role]
        assert container["ports"] == [{"name": "metrics", "containerPort": port}]
        assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "metrics"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
        assert pod["terminationGracePeriodSeconds"] > 20


def test_the_gateways_own_settings_are_settings_and_it_is_probed_where_it_listens(rendered):
    pod = named(rendered(GIVEN), "Deployment", "told-gateway")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    known = {f"STREAMS_{name.upper()}" for name in settings.Settings.model_fields}
    given = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert set(given) <= known
    [port] = container["ports"]
    assert given["STREAMS_GATEWAY_PORT"] == str(port["containerPort"])
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert str(Path(given["STREAMS_API_KEYS_FILE"]).parent) in mounts
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == port["name"]


def test_new_settings_make_new_pods(rendered):
    def sum_of(values):
        return named(rendered(values), "Deployment", "told-index")["spec"]["template"]["metadata"][
            "annotations"
        ]

    assert sum_of(GIVEN) == sum_of(json.loads(json.dumps(GIVEN)))
    assert sum_of(GIVEN) != sum_of(GIVEN | {"settings": {"STREAMS_NUM_CTX": 4096}})


def test_it_runs_the_servers_versions_that_compose_does(rendered):
    services = compose()["services"]
    images = {name: pod["containers"][0]["image"] for name, _, pod in pods(rendered(GIVEN))}
    assert images["told-weaviate"] == services["weaviate"]["image"]
    assert images["told-ollama"] == services["ollama"]["image"]
    assert images["told-index"] == services["worker"]["image"]


def test_the_versions_are_the_packages(rendered):
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = (CHART.parents[1] / "pyproject.toml").read_text()
    assert f'version = "{chart["appVersion"]}"' in project
    assert chart["version"] == chart["appVersion"]


def test_without_the_servers_of_its_own_it_uses_those_that_are_named(rendered):
    values = GIVEN | {
        "ollama": {"enabled": False, "url": "http://gpu-1:11434"},
        "weaviate": {"enabled": False, "url": "https://weaviate.example.org", "apiKeySecret": "weaviate"},
        "gateway": {"enabled": False},
    }
    resources = rendered(values)
    assert {name for name, _, _ in pods(resources)} == {
        "told-index",
        "told-answer",
        "told-topics-1",
        "told-models-1",
    }
    data = named(resources, "ConfigMap", "told-settings")["data"]
    assert (data["STREAMS_OLLAMA_URL"], data["STREAMS_WEAVIATE_URL"]) == (
        "http://gpu-1:11434",
        "https://weaviate.example.org",
    )
