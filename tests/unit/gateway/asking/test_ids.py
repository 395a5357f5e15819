"""A question is found by its id: that says when it was made."""

from hypothesis import given
from hypothesis import strategies as st

from streams.gateway.asking import ids


@given(st.floats(0, 2**37))
def test_an_id_says_when_it_was_made(now):
    assert ids.made_ms(ids.new(now)) == int(now * 1000)


@given(st.text(max_size=40))
def test_any_other_text_is_no_id_of_ours(text):
    assert ids.made_ms(text) is None


def test_only_the_one_way_to_write_an_id_counts():
    id_ = ids.new(1e9)
    for other in (id_.upper(), f"{{{id_}}}", id_.replace("-", ""), f"urn:uuid:{id_}"):
        assert other == id_ or ids.made_ms(other) is None
