"""When a change happened: commit times in any unit, and the order that each database's log has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.messages.position import fits
from streams.sources.debezium.moment import Moment, moment
from streams.sources.debezium.order import order_of

SECOND = 10**9
NOW = 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("info", "time"),
    [
        ({"ts_ns": NOW + 1, "ts_us": 1, "ts_ms": 1}, NOW + 1),
        ({"ts_us": NOW // 1000 + 1, "ts_ms": 1}, NOW + 1000),
        ({"ts_ms": NOW // 10**6 + 1}, NOW + 10**6),
        ({"ts_sec": 1_700_000_000}, NOW),
        ({"ts_ms": str(NOW // 10**6)}, NOW),
        ({"ts_ns": None, "ts_ms": NOW // 10**6}, NOW),
        ({"ts_ns": NOW * 1000, "ts_us": NOW, "ts_ms": NOW // 10**6}, NOW),  # the first two in wrong units
        ({"ts_ms": NOW}, None),
        ({"ts_ms": 0}, None),
        ({"ts_ms": -1}, None),
        ({"ts_ms": True}, None),
        ({"ts_ms": 1.5}, None),
        ({"ts_ms": "soon"}, None),
        ({}, None),
    ],
)
def test_the_finest_clock_that_makes_sense_is_the_time(info, time):
    assert moment(info, op="u").time == time


def test_a_change_without_a_time_has_no_order_either():
    assert moment({"lsn": 7}, op="u") == Moment()


@pytest.mark.parametrize(
    ("op", "snapshot", "timed"),
    [
        ("u", None, True),
        ("u", False, True),
        ("u", "false", True),
        ("r", "false", False),
        ("r", "incremental", False),
        ("c", True, False),
        ("c", "last", False),
        ("d", True, True),
    ],
)
def test_what_a_snapshot_read_has_no_time(op, snapshot, timed):
    made = moment({"ts_ms": NOW // 10**6, "snapshot": snapshot}, op=op)
    assert (made.time is not None) == timed


def test_whole_seconds_of_a_binary_log_are_when_a_statement_began_finer_ones_and_others_are_commits():
    log = {"file": "bin.000001", "pos": 4}
    assert moment(log | {"ts_us": NOW // 1000, "ts_ms": NOW // 10**6}, op="u").early
    assert not moment(log | {"ts_us": NOW // 1000 + 1}, op="u").early
    assert not moment({"lsn": 7, "ts_us": NOW // 1000}, op="u").early


LSN = "{:08x}:{:08x}:{:04x}".format
LATER = {
    "postgresql": [{"lsn": 1}, {"lsn": 24023128}, {"lsn": "24023129"}, {"lsn": 2**64 - 1}],
    "mysql": [
        {"file": "mysql-bin.000003", "pos": 401, "row": 0},
        {"file": "mysql-bin.000003", "pos": 401, "row": 1},
        {"file": "mysql-bin.000003", "pos": 4_294_967_295},
        {"file": "mysql-bin.000010", "pos": 4},
        {"file": "mysql-bin.1000000", "pos": 4},
    ],
    "mongodb": [{"ord": 1, "tord": None}, {"ord": 1, "tord": 1}, {"ord": 2}, {"ord": 31, "h": 7}],
    "sqlserver": [
        {"change_lsn": None, "commit_lsn": LSN(1, 1, 1)},
        {"change_lsn": LSN(0x27, 0x758, 3), "commit_lsn": LSN(0xFFFF, 0, 5), "event_serial_no": "1"},
        {"change_lsn": LSN(0x27, 0x758, 3), "event_serial_no": "2"},
        {"change_lsn": LSN(0x27, 0xAC0, 2), "event_serial_no": "1"},
        {"change_lsn": LSN(2**32 - 1, 2**32 - 1, 2**16 - 1), "event_serial_no": 99999},
    ],
    "db2": [{"change_lsn": f"00000000:00000000:{n:016x}"} for n in (2**48, 2**49, 2**63)],
    "informix": [{"change_lsn": "627404540485812"}, {"change_lsn": "627404540485813"}],
    "oracle": [{"scn": "2122185"}, {"scn": "2122186"}, {"scn": 2**63}],
    "spanner": [
        {"mod_number": 0, "sequence": "1"},
        {"mod_number": 1, "sequence": "1"},
        {"mod_number": 0, "sequence": "2"},
    ],
    "cockroachdb": [{"ts_hlc": f"{NOW}.{n:010d}"} for n in (0, 1, 99)],
    "vitess": [
        {"shard": "-80", "vgtid": f'[{{"shard":"80-","gtid":"x:1-99"}},{{"shard":"-80","gtid":"{gtid}"}}]'}
        for gtid in (
            "MySQL56/e03e-11ec:1-37",
            "MySQL56/e03e-11ec:1-38",
            "MySQL56/e03e-11ec:1-38,aaaa-11ec:1-5",
        )
    ],
}


@pytest.mark.parametrize("database", LATER)
def test_an_order_grows_along_the_log(database):
    orders = [order_of(info, NOW) for info in LATER[database]]
    assert orders == sorted(set(orders))
    assert all(fits(order, 1) for order in orders)
    assert orders[0] > 0


@pytest.mark.parametrize("database", ["mongodb", "spanner"])
def test_a_count_that_begins_anew_with_the_time_grows_with_the_time(database):
    first, *_, last = LATER[database]
    assert order_of(last, NOW) < order_of(first, NOW + SECOND)


@pytest.mark.parametrize("info", [{"lsn": 10**30}, {"file": "bin.1", "pos": 10**11}, {"scn": "9" * 31}])
def test_a_number_that_no_log_has_is_none(info):
    assert order_of(info, NOW) == 0


VALUES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats() | st.just("0:ffffffffffff")
)
NAMES = [
    "lsn",
    "file",
    "pos",
    "row",
    "ord",
    "tord",
    "mod_number",
    "sequence",
    "change_lsn",
    "scn",
    "ts_hlc",
    "vgtid",
]


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.integers(1, 2**63 - 1))
def test_any_source_block_has_an_order_that_fits(info, time):
    assert fits(order_of(info, time), 1)


@given(st.lists(st.tuples(st.integers(0, 999999), st.integers(0, 2**32), st.integers(0, 999)), min_size=2))
def test_binlog_places_are_ordered_as_their_parts_are(places):
    def order(place):
        return order_of({"file": f"bin.{place[0]:06d}", "pos": place[1], "row": place[2]}, NOW)

    assert sorted(places) == sorted(places, key=order)
