import uuid
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.answering.retrieval.retrieve import retrieve
from streams.answering.retrieval.standing import REMEMBERED, Standing
from streams.messages.changes import floor_key
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


def test_what_does_not_go_on_takes_no_others_place():
    suspects = [hit(f"suspect {n}", name=f"s{n}") for n in range(12)]
    index = Index.of(*suspects, *(hit(f"text {n}", name=f"d{n}") for n in range(9)))
    query = SearchQuery("acme", "text", (0.6, 0.8), limit=6)

    def innocent(one):
        return one.hit.text.startswith("text")

    found = run(retrieve(index, query, wanted=3, overfetch=2, rounds=4, goes_on=innocent))
    assert [one.hit.text for one in found.found if innocent(one)] == ["text 0", "text 1", "text 2"]
    assert len(found.found) == 12 + 3, "those between them are there, to be reported"
    assert found.superseded == ()
    assert [query.limit for query in index.queries] == [6, 12, 24]


def test_one_round_is_enough_where_everything_counts():
    index = Index.of(*(hit(f"text {n}", name=f"d{n}") for n in range(9)))
    query = SearchQuery("acme", "text", (0.6, 0.8))
    assert len(find(index, query).found) == 3
    assert len(index.queries) == 1


def test_a_document_that_is_replaced_between_search_and_heads_is_found_as_it_is_now():
    before, now = hit("version 0", name="d"), hit("version 1", name="d", part=1)
    others = [hit(f"other {n}", name=f"o{n}") for n in range(3)]
    index = Index.of(before, *others)
    hybrid, replaced = index.hybrid, []

    async def hybrid_then_replaced(query):
        found = await hybrid(query)
        if not replaced:
            replaced.append(now)
            index.hits = [now, *index.hits]
            index.held[now.document_key] = [head_of(now, offset=1)]
        return found

    index.hybrid = hybrid_then_replaced
    found = find(index, SearchQuery("acme", "version", (0.6, 0.8))).found
    assert [one.hit.text for one in found] == ["version 1", "other 0", "other 1"]
    assert len(index.queries) == 2


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


def floor_of(source="documents.changes", **fields):
    """The floor of a source, held as a store holds it."""
    fields = {"passages": (), "deleted": True, "tenant": None, "document_id": None, "source": source} | fields
    head = head_of(hit("", name=f"floor of {source}"), document_key=floor_key(source), **fields)
    return {head.document_key: [head]}


def two_sources():
    """An index of two documents of one source and one of another, at offsets 3, 7 and 5."""
    hits = [hit(f"text {n}", name=f"d{n}") for n in range(3)]
    places = [("cms", 3), ("cms", 7), ("wiki", 5)]
    heads = [
        head_of(one, source=source, topic=source, offset=offset)
        for one, (source, offset) in zip(hits, places, strict=True)
    ]
    return Counting(hits, {head.document_key: [head] for head in heads})


@dataclass
class Counting(Index):
    """An index that counts the reads of heads."""

    reads: list = field(default_factory=list)

    async def current_heads(self, document_keys):
        self.reads.append(len(document_keys))
        return await super().current_heads(document_keys)


ANYTHING = SearchQuery("acme", "text", (0.6, 0.8))


def texts(index, standing=None):
    found = run(retrieve(index, ANYTHING, wanted=3, overfetch=2, rounds=4, standing=standing))
    return [one.hit.text for one in found.found], [one.text for one in found.superseded]


def test_what_is_below_its_sources_floor_is_not_found_and_the_rest_is():
    index = two_sources()
    assert texts(index) == (["text 0", "text 1", "text 2"], [])
    index.held |= floor_of("cms", topic="cms", offset=5)
    assert texts(index) == (["text 1", "text 2"], ["text 0"])


def test_the_highest_of_several_floors_counts():
    index = two_sources()
    low, high = (floor_of("cms", topic="cms", offset=offset)[floor_key("cms")][0] for offset in (5, 9))
    for floors in ([low, high], [high, low]):
        index.held[floor_key("cms")] = floors
        assert texts(index)[0] == ["text 2"]


def test_a_truncation_counts_for_the_next_question_and_takes_no_second_read():
    index, standing = two_sources(), Standing()
    texts(index, standing)
    assert index.reads == [3, 2], "the floors of two sources that it has not met before are asked for apart"
    index.held |= floor_of("wiki", topic="wiki", offset=5)
    index.reads.clear()
    assert texts(index, standing)[0] == ["text 0", "text 1"]
    assert index.reads == [5]


def test_however_many_sources_there_are_each_ones_floor_counts():
    hits = [hit(f"text {n}", name=f"d{n}") for n in range(200)]
    heads = [head_of(one, source=f"s{n}", topic=f"s{n}", offset=1) for n, one in enumerate(hits)]
    index = Counting(hits, {head.document_key: [head] for head in heads})
    for n in range(0, 200, 2):
        index.held |= floor_of(f"s{n}", topic=f"s{n}", offset=2)
    standing = Standing()
    for _ in range(3):
        found = run(
            retrieve(
                index,
                SearchQuery("acme", "text", (0.6, 0.8), limit=200),
                wanted=200,
                overfetch=1,
                rounds=1,
                standing=standing,
            )
        )
        assert [one.hit.text for one in found.found] == [f"text {n}" for n in range(1, 200, 2)]
    assert max(index.reads) == 200 + REMEMBERED
