"""Settings: a wrong one stops the program by name, a secret is never shown."""

import pytest

from streams import settings
from streams.errors import Misconfigured
from streams.settings.shown import shown

SECRET = "hunter2-canary"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    import os

    for name in list(os.environ):
        if name.startswith("STREAMS_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def refused(monkeypatch, **environ):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as caught:
        settings.load()
    return caught.value


def test_the_defaults_are_a_production_worker_on_this_machine():
    got = settings.load()
    assert (got.kafka, got.weaviate, got.ollama) == (
        "localhost:9092",
        "http://localhost:8080",
        "http://localhost:11434",
    )
    assert got.generate_model == "llama3:70b-instruct-q4_K_M"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("STREAMS_NUM_CTX", "many", "integer"),
        ("STREAMS_STORE", "mongodb", "'weaviate' or 'sqlite'"),
        ("STREAMS_OLLAMA_URL", "localhost:11434", "pattern"),
        ("STREAMS_OLLAMA_URL", "http://bob:hunter2-canary@x:11434", "pattern"),
        ("STREAMS_OLAMA_URL", "http://x", "did you mean STREAMS_OLLAMA_URL?"),
        ("STREAMS_TOPIC_ANSWERS", "questions", "STREAMS_TOPIC_QUESTIONS"),
        ("STREAMS_SOURCES", "nowhere.toml", "does not exist"),
        ("STREAMS_MAX_ANSWER_TOKENS", "8000", "of STREAMS_NUM_CTX (8192) to the prompt"),
        ("STREAMS_KAFKA_SASL_USERNAME", "me", "SASL_SSL"),
        ("STREAMS_WEAVIATE_API_KEY_FILE", "nowhere", "can't be read"),
        ("STREAMS_GROUP_FILE", "x", "is no setting"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(monkeypatch, name, value, says):
    error = refused(monkeypatch, **{name: value})
    assert error.setting == name
    assert says in str(error)


def test_sasl_without_a_password_names_what_is_missing(monkeypatch):
    error = refused(
        monkeypatch,
        STREAMS_KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        STREAMS_KAFKA_SASL_MECHANISM="PLAIN",
        STREAMS_KAFKA_SASL_USERNAME="me",
    )
    assert error.setting == "STREAMS_KAFKA_SASL_PASSWORD"


def test_a_registrys_password_needs_its_user(monkeypatch):
    error = refused(monkeypatch, STREAMS_SCHEMA_REGISTRY_PASSWORD=SECRET)
    assert error.setting == "STREAMS_SCHEMA_REGISTRY_USERNAME"
    assert SECRET not in str(error)


def test_an_unknown_name_in_the_env_file_is_refused_too(tmp_path):
    (tmp_path / ".env").write_text("STREAMS_GROOP=x\n")
    with pytest.raises(Misconfigured, match="did you mean STREAMS_GROUP"):
        settings.load()


def test_the_environment_goes_before_the_env_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("STREAMS_GROUP=file\nSTREAMS_NUM_CTX=4096\nOTHER=1\n")
    monkeypatch.setenv("STREAMS_GROUP", "environment")
    got = settings.load()
    assert (got.group, got.num_ctx) == ("environment", 4096)


def test_a_secret_may_come_from_a_file_and_is_masked_everywhere(monkeypatch, tmp_path):
    (tmp_path / "key").write_text(f"{SECRET}\n")
    monkeypatch.setenv("STREAMS_WEAVIATE_API_KEY_FILE", str(tmp_path / "key"))
    got = settings.load()
    assert got.weaviate_api_key.get_secret_value() == SECRET
    assert SECRET not in f"{got!r} {got} {shown(got)}"


def test_a_secrets_file_may_be_named_in_the_env_file_too(tmp_path):
    (tmp_path / "key").write_text(SECRET)
    (tmp_path / ".env").write_text(f"STREAMS_WEAVIATE_API_KEY_FILE={tmp_path / 'key'}\n")
    assert settings.load().weaviate_api_key.get_secret_value() == SECRET


def test_a_secret_given_twice_is_refused_without_showing_it(monkeypatch, tmp_path):
    (tmp_path / "key").write_text(SECRET)
    error = refused(
        monkeypatch, STREAMS_WEAVIATE_API_KEY=SECRET, STREAMS_WEAVIATE_API_KEY_FILE=str(tmp_path / "key")
    )
    assert "both set" in str(error)
    assert SECRET not in str(error)


def test_embedded_models_bring_their_own_defaults(monkeypatch):
    monkeypatch.setenv("STREAMS_LLM_PROVIDER", "embedded")
    monkeypatch.setenv("STREAMS_NUM_CTX", "1024")
    got = settings.load()
    assert (got.embed_model, got.embed_dimension, got.num_ctx) == ("all-minilm", 384, 1024)
