from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Rejected
from streams.messages.held import Head, Listed, sharing
from streams.messages.position import WIDTHS, Position
from streams.ports import Generation, Generations
from streams.stores.encoded import (
    check_passage,
    decoded_generations,
    decoded_head,
    encodable,
    encodable_part,
    encoded_head,
    encoded_time,
)
from tests.contract.held import head, passage

ANY_TEXT = st.text(st.characters(), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
POSITIONS = st.builds(Position, *(st.integers(0, 10**width - 1) for width in WIDTHS))
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-7))])
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2900, 1, 1), timezones=ZONES)  # noqa: DTZ001 - the zone is added
LISTED = st.builds(Listed, st.uuids(), ANY_TEXT, st.integers(0), st.integers(0))
HEADS = st.builds(
    Head,
    document_key=st.uuids(),
    position=POSITIONS,
    deleted=st.booleans(),
    tenant=st.none() | ANY_TEXT,
    document_id=st.none() | ANY_TEXT,
    title=st.none() | ANY_TEXT,
    url=st.none() | ANY_TEXT,
    language=st.none() | ANY_TEXT,
    readers=st.lists(ANY_TEXT, max_size=3).map(tuple),
    metadata=st.lists(ANY_TEXT, max_size=3).map(tuple),
    source=ANY_TEXT,
    record_key=ANY_TEXT,
    topic=ANY_TEXT,
    partition=st.integers(0),
    offset=st.integers(0),
    written=TIMES,
    passages=st.lists(LISTED, max_size=3).map(tuple),
    row=st.dictionaries(ANY_TEXT, JSON, max_size=3),
)


@given(HEADS)
def test_any_head_comes_back_and_its_text_is_utf8(held):
    text = encoded_head(held)
    assert decoded_head(text) == held
    assert text.encode()
    assert "\x00" not in text


@given(HEADS, HEADS)
def test_a_head_that_shares_with_another_is_what_it_was(one, other):
    assert encoded_head(sharing(one, other)) == encoded_head(one)
    again = sharing(decoded_head(encoded_head(one)), one)
    assert encoded_head(again) == encoded_head(one)
    assert again.passages is one.passages
    assert all(again.row[name] is value for name, value in one.row.items() if isinstance(value, str))


@given(TIMES, TIMES)
def test_times_compare_as_their_texts_do(one, other):
    assert (one < other) == (encoded_time(one) < encoded_time(other))
    assert datetime.fromisoformat(encoded_time(one)) == one


@given(ANY_TEXT)
def test_any_text_has_a_part_that_can_be_searched_for(text):
    assert encodable(encodable_part(text))


def test_a_row_without_a_json_form_is_rejected():
    with pytest.raises(Rejected):
        encoded_head(head(row={"set": {1}}))


@pytest.mark.parametrize("field", ["text", "title", "readers", "metadata"])
def test_half_a_surrogate_pair_is_rejected_wherever_it_stands(field):
    value = "a\ud83d" if field in {"text", "title"} else ("a\ud83d",)
    with pytest.raises(Rejected) as rejected:
        check_passage(replace(passage(), **{field: value}))
    assert rejected.value.code == "invalid_text"


@pytest.mark.parametrize("tenant", ["", "a b", "a/b", "a" * 65, "é", "a\n"])
def test_a_tenant_that_weaviate_could_not_have_is_rejected(tenant):
    with pytest.raises(Rejected):
        check_passage(passage(tenant=tenant))


def test_a_record_of_generations_that_a_later_version_wrote_is_read():
    live = {"embed_model": "m", "dimension": 2, "chunking": "c", "name": "g1", "colour": "red"}
    later = {"live": live, "building": None, "previous": live, "made": 3, "switched": None, "shards": 7}
    one = Generation("m", 2, "c")
    assert decoded_generations(json.dumps(later)) == Generations(one, previous=one, made=3)
    assert decoded_generations(json.dumps(live)) == Generations(one)


@given(HEADS, st.lists(JSON, max_size=2))
def test_a_head_that_a_later_version_wrote_is_read_without_what_is_not_known(held, more):
    written = json.loads(encoded_head(held))
    entries = [[*entry, *[None] * (5 - len(entry)), *more] for entry in written["passages"]]
    later = written | {"later": None, "passages": entries}
    assert decoded_head(json.dumps(later)) == held
