"""What every suite shares: the data that others made, and settings that nothing outside can reach."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# What a machine does beside the tests must not fail one.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent


def lacking(reason: str) -> None:
    """Ends the test for want of something: a failure in CI, a skip that says why elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of the data that others made: see docs for where each set is from."""
    folder = Path(os.environ.get("STREAMS_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        lacking(f"no test data in {folder}: set STREAMS_TEST_DATA to the folder that has it")
    return folder.resolve()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own STREAMS_ settings must not change what the tests say."""
    for name in list(os.environ):
        if name.startswith("STREAMS_") and name not in {"STREAMS_TEST_DATA", "STREAMS_SERVERS_DIR"}:
            monkeypatch.delenv(name)
