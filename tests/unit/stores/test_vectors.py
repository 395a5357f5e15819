from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Misconfigured, Rejected
from streams.stores.vectors import bounded, check_vector, cosine, packed, unpacked

FLOATS = st.lists(st.floats(-(2.0**60), 2.0**60, width=32), min_size=1, max_size=20)


@given(FLOATS)
def test_a_packed_vector_comes_back(vector):
    assert unpacked(packed(vector)) == vector
    assert packed(vector) == struct.pack(f"<{len(vector)}f", *vector)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_a_cosine_is_between_minus_1_and_1_and_the_same_both_ways(pairs):
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    assert -1 <= cosine(one, other) <= 1
    assert cosine(one, other) == pytest.approx(cosine(other, one))


def test_cosines_of_known_angles():
    assert cosine([1, 0], [2, 0]) == pytest.approx(1)
    assert cosine([1, 0], [-3, 0]) == pytest.approx(-1)
    assert cosine([1, 0], [0, 5]) == 0
    assert cosine([1, 0], [1, 1]) == pytest.approx(math.sqrt(0.5))
    assert cosine([0, 0], [1, 1]) == 0


def test_what_is_no_number_counts_as_no_similarity():
    assert bounded(None) == bounded(math.nan) == 0
    assert bounded(1.0000001) == 1
    assert bounded(-1.0000001) == -1


def test_a_vector_of_another_dimension_names_the_setting_and_the_remedy():
    with pytest.raises(
        Misconfigured, match=r"2 numbers.* 3: .*STREAMS_EMBED_DIMENSION.*docs/how-to/reindex.md"
    ):
        check_vector([1.0, 0.0], 3)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_vector_that_holds_no_numbers_is_rejected(number):
    with pytest.raises(Rejected):
        check_vector([0.0, number, 1.0], 3)


def test_a_vector_of_opposite_infinities_is_rejected():
    with pytest.raises(Rejected):
        check_vector([math.inf, -math.inf, 1.0], 3)
