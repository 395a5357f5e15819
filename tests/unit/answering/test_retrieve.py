import uuid

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.answering.retrieve import retrieve
from streams.messages.held import current
from streams.ports import SearchQuery
from tests.unit.answering.scripted import Index, head_of, hit
from tests.unit.answering.virtual import run

QUERY = SearchQuery("acme", "password", (0.6, 0.8), ("group:a",), ("v=2",), limit=4)


def find(index, query=QUERY, *, wanted=3, rounds=4):
    return run(retrieve(index, query, wanted=wanted, overfetch=2, rounds=rounds))


def edited(times):
    """An index of one document, edited so often: all of its versions are found, the current one last."""
    versions = [hit(f"version {n}", part=n) for n in range(times)]
    heads = [
        head_of(version, offset=n, readers=("group:a",), metadata=("v=2",))
        for n, version in enumerate(versions)
    ]
    return Index(versions, {versions[0].document_key: heads})


def test_superseded_passages_do_not_crowd_out_current_ones():
    index = edited(80)
    found = find(index).found
    assert [one.hit.text for one in found] == ["version 79"]
    assert found[0].head.offset == 79
    assert [query.limit for query in index.queries] == [6, 12, 24, 48]


def test_the_search_goes_on_for_a_bounded_number_of_rounds():
    index = edited(1000)
    assert find(index).found == ()
    assert len(index.queries) == 4
    stubborn = edited(1000)
    stubborn.obeys_exclude = False
    assert find(stubborn).found == ()
    assert len(stubborn.queries) <= 4


def test_one_round_is_enough_where_everything_counts():
    index = Index.of(*(hit(f"text {n}", name=f"d{n}") for n in range(9)))
    query = SearchQuery("acme", "text", (0.6, 0.8))
    assert len(find(index, query).found) == 3
    assert len(index.queries) == 1


READERS = st.sampled_from([("*",), ("group:a",), ("group:b",), ("group:a", "group:b")])


@settings(max_examples=80)
@given(st.data())
def test_only_what_the_current_head_lists_for_this_reader_is_ever_found(data):
    draw = data.draw
    hits, held = [], {}
    for document in range(draw(st.integers(1, 4))):
        passages = [
            hit(
                f"{document} {n}",
                name=str(document),
                part=n,
                tenant=draw(st.sampled_from(["acme", "acme", "other"])),
            )
            for n in range(draw(st.integers(1, 3)))
        ]
        hits += passages
        heads = []
        for offset in draw(st.lists(st.integers(0, 9), unique=True, max_size=3)):
            listed = draw(st.lists(st.sampled_from(passages), unique=True, min_size=1))
            head = head_of(
                *listed, offset=offset, readers=draw(READERS), deleted=draw(st.booleans()),
                metadata=draw(st.sampled_from([("v=2",), (), ("v=2", "w=1")])),
                tenant=draw(st.sampled_from(["acme", "acme", "other"])),
                document_key=passages[0].document_key,
            )  # fmt: skip
            heads.append(head)
        held[passages[0].document_key] = heads
    hits = draw(st.permutations(hits)) + draw(st.lists(st.sampled_from(hits), max_size=2))
    index = Index(hits, held, obeys_exclude=draw(st.booleans()))
    found = find(index, wanted=draw(st.integers(1, 9))).found
    assert len({one.hit.id for one in found}) == len(found)
    for one in found:
        head = current(held[one.hit.document_key])
        assert one.head == head
        assert not head.deleted
        assert (head.tenant, one.hit.tenant) == ("acme", "acme")
        assert one.hit.id in [listed.id for listed in head.passages]
        assert {"*", "group:a"} & set(head.readers)
        assert "v=2" in head.metadata


def test_a_passage_that_is_excluded_is_not_found_whatever_the_search_says():
    one = hit("text")
    index = Index.of(one)
    index.obeys_exclude = False
    query = SearchQuery("acme", "text", (0.6, 0.8), exclude=frozenset({one.id, uuid.uuid4()}))
    assert find(index, query).found == ()
