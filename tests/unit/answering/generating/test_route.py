import pytest

from streams.answering.generating.circuit import Circuit
from streams.answering.generating.route import Models, choose, first_token_limit

MODELS = Models("big", "small", primary_first_token_s=2.0, fallback_first_token_s=0.5)


@pytest.mark.parametrize(
    ("left_s", "circuit_open", "not_primary", "not_fallback", "route", "reason"),
    [
        (30, False, None, False, "primary", None),
        (2, False, None, False, "primary", None),
        (1.9, False, None, False, "fallback", "deadline"),
        (30, True, None, False, "fallback", "circuit_open"),
        (0.4, False, None, False, "extract", "deadline"),
        (0.4, True, None, False, "extract", "deadline"),
        (30, False, "timeout", False, "fallback", "timeout"),
        (0.4, False, "timeout", False, "extract", "timeout"),
        (30, False, "error", True, "extract", "error"),
        (-1, False, None, False, "extract", "deadline"),
    ],
)
def test_what_is_left_and_what_failed_decide(left_s, circuit_open, not_primary, not_fallback, route, reason):
    choice = choose(
        MODELS, left_s=left_s, circuit_open=circuit_open, not_primary=not_primary, not_fallback=not_fallback
    )
    assert (choice.route, choice.reason) == (route, reason)
    assert choice.model == {"primary": "big", "fallback": "small", "extract": None}[route]


def test_the_same_model_twice_is_no_fallback():
    same = Models("tiny", "tiny", 2.0, 0.5)
    assert choose(same, left_s=30, circuit_open=False, not_primary="error").route == "extract"
    primary = choose(same, left_s=30, circuit_open=False)
    assert first_token_limit(same, primary, left_s=30) == 30


def test_the_first_models_wait_leaves_the_second_its_time():
    primary = choose(MODELS, left_s=30, circuit_open=False)
    assert first_token_limit(MODELS, primary, left_s=30) == 23.5
    assert first_token_limit(MODELS, primary, left_s=4) == 2.5
    assert first_token_limit(MODELS, primary, left_s=2) == pytest.approx(1.2), "a short deadline is shared"
    assert first_token_limit(MODELS, primary, left_s=1) == 1, "a share would be too little for the second"
    fallback = choose(MODELS, left_s=1, circuit_open=False)
    assert first_token_limit(MODELS, fallback, left_s=1) == 1


def test_a_circuit_opens_after_failures_in_a_row_and_tries_again_one_at_a_time():
    time = [100.0]
    circuit = Circuit(failures=2, open_s=10, monotonic=lambda: time[0])
    circuit.failed()
    circuit.succeeded()
    circuit.failed()
    assert circuit.admits()
    circuit.failed()
    assert circuit.open
    assert not circuit.admits()
    time[0] += 10
    assert circuit.admits()
    assert not circuit.admits(), "one trial at a time"
    circuit.failed()
    time[0] += 9
    assert not circuit.admits()
    time[0] += 1
    assert circuit.admits()
    circuit.succeeded()
    assert circuit.admits()
    assert circuit.admits()
