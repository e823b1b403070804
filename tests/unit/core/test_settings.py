"""Settings come from the environment once, and a wrong one is named without its value."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from settings import Settings, SettingsError, complaint, in_simulated_world, simulated_world

LINE = {
    "urls": {
        "runpod_jobs": "http://127.0.0.1:1",
        "runpod_rest": "http://127.0.0.1:2",
        "vast_console": "http://127.0.0.1:3",
        "modal_web": "http://127.0.0.1:4",
    },
    "modal_grpc": "http://127.0.0.1:5",
}
KEYS = ("RUNPOD_API_KEY", "VAST_API_KEY", "MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "HF_TOKEN")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [field.upper() for field in Settings.model_fields]
    for name in (*names, *(f"BAKEOFF_{name}" for name in names), "VAST_AI_API_KEY", "HUGGINGFACE_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def refused(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    return complaint(caught.value)


def test_without_an_environment_there_is_no_key_no_cap_and_loopback() -> None:
    found = Settings()
    assert (found.address, found.port, found.data_dir) == ("127.0.0.1", 8501, Path("data"))
    assert found.spend_cap_usd is None
    assert not found.touch_production
    assert [getattr(found, name.lower()) for name in KEYS] == [None] * len(KEYS)


def test_keys_have_their_providers_own_names_and_ours_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, f"canary-{name}")
    monkeypatch.setenv("BAKEOFF_SPEND_CAP_USD", "12.50")
    monkeypatch.setenv("BAKEOFF_DATA_DIR", "elsewhere")
    found = Settings()
    assert found.spend_cap_usd == Decimal("12.50")
    assert found.ready_line == Path("elsewhere/simulator.json")
    for name in KEYS:
        assert getattr(found, name.lower()).get_secret_value() == f"canary-{name}"


def test_a_key_is_shown_by_no_repr_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "canary")
    assert "canary" not in repr(Settings()) + str(Settings()) + Settings().model_dump_json()


@pytest.mark.parametrize(("other", "field"), [("VAST_AI_API_KEY", "vast_api_key"), ("HUGGINGFACE_TOKEN", "hf_token")])
def test_a_key_is_found_under_its_other_name(monkeypatch: pytest.MonkeyPatch, other: str, field: str) -> None:
    monkeypatch.setenv(other, "k")
    assert getattr(Settings(), field).get_secret_value() == "k"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNPOD_API_KEY", "BAKEOFF_SPEND_CAP_USD", "BAKEOFF_PORT"):
        monkeypatch.setenv(name, "")
    found = Settings()
    assert (found.runpod_api_key, found.spend_cap_usd, found.port) == (None, None, 8501)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BAKEOFF_PORT", "0"),
        ("BAKEOFF_PORT", "65536"),
        ("BAKEOFF_PORT", "canary"),
        ("BAKEOFF_SPEND_CAP_USD", "0"),
        ("BAKEOFF_SPEND_CAP_USD", "-3"),
        ("BAKEOFF_SPEND_CAP_USD", "nan"),
        ("BAKEOFF_SPEND_CAP_USD", "inf"),
        ("BAKEOFF_SPEND_CAP_USD", "canary"),
        ("BAKEOFF_TOUCH_PRODUCTION", "canary"),
    ],
)
def test_a_wrong_variable_is_named_with_the_way_out_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    said = refused(monkeypatch, **{name: value})
    assert said.startswith(f"The environment variable {name} cannot be used: ")
    assert said.endswith("Correct it, or unset it.")
    assert "canary" not in said
    assert "\n" not in said


def test_a_folder_without_a_ready_line_is_on_real_providers(tmp_path: Path) -> None:
    assert simulated_world(Settings(data_dir=tmp_path)) is None


def test_the_ready_line_of_a_simulated_world_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "simulator.json").write_text(json.dumps(LINE))
    assert simulated_world(Settings(data_dir=tmp_path)) == LINE


@pytest.mark.parametrize("content", [b"", b'{"urls": {', b"[]", b'"urls"', b"{}", b"\xff\xfe"])
def test_a_ready_line_that_is_none_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "simulator.json").write_bytes(content)
    with pytest.raises(SettingsError, match="Run `bakeoff demo` anew"):
        simulated_world(Settings(data_dir=tmp_path))


def test_in_a_simulated_world_every_address_is_on_loopback_and_no_key_is_missing() -> None:
    inside = in_simulated_world(Settings(), LINE)
    addresses = {name: value for name, value in inside if name.endswith("_url")}
    assert len(addresses) == 5
    assert all(value.startswith("http://127.0.0.1:") for value in addresses.values()), addresses
    for name in KEYS[:-1]:
        assert isinstance(getattr(inside, name.lower()), SecretStr), name


def test_a_simulated_world_leaves_the_settings_it_came_from_alone() -> None:
    outside = Settings()
    in_simulated_world(outside, LINE)
    assert outside.runpod_api_key is None
    assert outside.runpod_jobs_url == "https://api.runpod.ai/v2"


def test_a_key_that_is_there_is_sent_to_the_simulator_so_that_it_can_be_refused() -> None:
    inside = in_simulated_world(Settings(runpod_api_key=SecretStr("mine")), LINE)
    assert inside.runpod_api_key is not None
    assert inside.runpod_api_key.get_secret_value() == "mine"
