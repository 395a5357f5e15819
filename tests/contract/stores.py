"""What every store must do, whatever it is made of: one class of tests, run over each of them.

A test class that derives from `StoreContract` supplies two fixtures: `open_store`, which opens one
more handle on the same data and closes it in the end, and `store`, the first of them.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import uuid
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from streams.errors import Misconfigured, Rejected
from streams.messages.held import current
from streams.messages.position import Position
from streams.ports import Catalogue, Documents, Generation, Generations, Maintenance, Search, SearchQuery
from tests.contract.held import DIMENSION, MINUTE, NOON, at, head, ids, key, listing, passage, unit

FAR = [3.4e38] * 2 + [0.0] * (DIMENSION - 2)


def query(text="", vector=None, **given):
    return SearchQuery(**({"tenant": "acme", "text": text, "vector": vector or unit(0)} | given))


async def collect(items):
    return [item async for item in items]


async def found(store, *args, **given):
    return [hit.text for hit in await store.hybrid(query(*args, **given))]


@asynccontextmanager
async def opening(open_one):
    """Opens one more each time that it is called, as `open_one` does; all are closed in the end."""
    opened = []

    async def open_another(**changes):
        opened.append(await open_one(**changes))
        return opened[-1]

    yield open_another
    for one in opened:
        await one.close()


class HeadsContract:
    """Writing, reading and deleting heads."""

    async def test_a_head_comes_back_as_it_was_written(self, store):
        one = passage("a passage")
        written = head(
            "kb/42", at(5, 7), title="Title", url="https://example.org/42", language="fr",
            readers=("group:a", "user:7"), metadata=("a=1", "b=x=y"), partition=3, offset=2**62,
            passages=listing(one, passage("another")), media_type="text/markdown",
            row={"body": "text", "n": 828249295637925889, "none": None, "list": [1, 2.5, {"deep": True}]},
        )  # fmt: skip
        await store.write_heads([written])
        assert (await store.heads([key("kb/42")]))[key("kb/42")] == [written]

    async def test_a_deletion_of_what_was_never_seen_has_no_tenant_and_no_id(self, store):
        gone = head("gone", deleted=True, tenant=None, document_id=None)
        await store.write_heads([gone])
        assert (await store.heads([key("gone")]))[key("gone")] == [gone]

    async def test_a_document_without_heads_is_absent_or_empty(self, store):
        assert not (await store.heads([key("nothing")])).get(key("nothing"))

    async def test_a_head_written_twice_is_one(self, store):
        await store.write_heads([head(), head()])
        await store.write_heads([head()])
        assert (await store.heads([key("doc")]))[key("doc")] == [head()]

    async def test_all_heads_of_a_document_are_read_however_many(self, store):
        written = [head("much", at(n)) for n in range(40)]
        await store.write_heads(written[::-1])
        read = (await store.heads([key("much")]))[key("much")]
        assert sorted(read, key=lambda one: one.position) == written
        assert current(read) == written[-1]

    async def test_large_heads_are_read_together(self, store):
        written = [head(f"large{n}", row={"body": f"{n}" * 700_000}) for n in range(12)]
        for one in written:
            await store.write_heads([one])
        read = await store.heads([one.document_key for one in written])
        assert [read[one.document_key] for one in written] == [[one] for one in written]

    async def test_heads_of_hundreds_of_documents_are_read_in_one_call(self, store):
        written = [head(f"doc{n}", at(time)) for n in range(600) for time in (1, 2)]
        await store.write_heads(written)
        read = await store.heads([key(f"doc{n}") for n in range(700)])
        assert {one.id for heads in read.values() for one in heads} == ids(written)
        assert all(len(read[key(f"doc{n}")]) == 2 for n in range(600))

    async def test_positions_beyond_what_a_double_holds_stay_apart(self, store):
        near = [Position(828249295637925888 + n, 10**29 + n, 1, 2**62 + n) for n in range(3)]
        await store.write_heads([head(position=position) for position in near])
        read = (await store.heads([key("doc")]))[key("doc")]
        assert sorted(one.position for one in read) == near
        await store.delete_heads({key("doc"): [near[1]]})
        read = (await store.heads([key("doc")]))[key("doc")]
        assert sorted(one.position for one in read) == [near[0], near[2]]

    async def test_the_current_head_of_each_document_is_the_highest_of_all_that_are_read(self, store):
        near = [Position(828249295637925888 + n, 10**29 + n, 1, 2**62 + n) for n in range(3)]
        written = [head(f"doc{n}", position) for n in range(300) for position in (near[n % 3], at(n))]
        await store.write_heads([*written, *(head(position=one) for one in near), head("gone", deleted=True)])
        keys = [*(key(f"doc{n}") for n in range(300)), key("doc"), key("gone"), key("never")]
        read = await store.current_heads([*keys, *keys[:2]])
        every = await store.heads(keys)
        assert read == {one: current(every[one]) for one in keys[:-1]}
        assert read[key("doc")].position == near[2]

    async def test_the_current_head_is_found_whatever_came_and_went_since_the_last_look(self, store):
        chance, names, there = random.Random(7), [f"doc{n}" for n in range(4)], {}
        for step in range(60):
            name = chance.choice(names)
            wanted = {at(chance.randrange(1000), n) for n in range(chance.choice([1, 1, 2, 30]))}
            held = there.setdefault(name, set())
            gone = {
                "none": set(),
                "old": held - {max(held, default=None)},
                "newest": set(sorted(held)[-3:]),
                "all": set(held),
            }[chance.choice(["none", "none", "old", "newest", "all"])]
            await store.write_heads([head(name, one, title=f"step {step}") for one in wanted - held])
            await store.delete_heads({key(name): gone - wanted})
            there[name] = (held | wanted) - (gone - wanted)
            read = await store.current_heads([key(one) for one in names])
            assert {one: read[key(one)].position for one in names if key(one) in read} == {
                one: max(positions) for one, positions in there.items() if positions
            }

    async def test_heads_of_many_documents_are_deleted_at_once_each_its_own(self, store):
        written = [head(f"doc{n}", at(offset)) for n in range(600) for offset in (1, 2)]
        await store.write_heads(written)
        await store.delete_heads({key(f"doc{n}"): [at(1 + n % 2)] for n in range(600)})
        read = await store.heads([key(f"doc{n}") for n in range(600)])
        assert all([one.position for one in read[key(f"doc{n}")]] == [at(2 - n % 2)] for n in range(600))

    async def test_deleting_a_head_leaves_its_neighbours_and_what_is_not_there(self, store):
        kept = [head("kb/42", at(1)), head("kb-42 old", at(2)), head(" kb/42", at(2))]
        await store.write_heads([*kept, head("kb/42", at(2))])
        await store.delete_heads({key("kb/42"): [at(2), at(9)]})
        await store.delete_heads({key("never"): [at(2)]})
        read = await store.heads([one.document_key for one in kept])
        assert [read[one.document_key] for one in kept] == [[one] for one in kept]

    async def test_a_head_with_every_naughty_string_comes_back(self, store, naughty):
        written = head(
            title=naughty[-1], row={"texts": naughty}, readers=tuple(naughty), record_key="".join(naughty)
        )
        await store.write_heads([written])
        assert (await store.heads([written.document_key]))[written.document_key] == [written]

    @pytest.mark.parametrize("text", ["\x00", "a\x00b", "half \ud83d", "\ud800", "\u202e", "\ufffe", " ", ""])
    async def test_a_head_with_what_is_hardly_text_comes_back_or_is_rejected(self, store, text):
        written = head(document_id=text, title=text, source=text, tenant=text, row={text: text})
        try:
            await store.write_heads([written])
        except Rejected:
            return
        assert (await store.heads([written.document_key]))[written.document_key] == [written]

    async def test_a_row_that_has_no_json_form_is_rejected(self, store):
        deep: list = []
        for _ in range(100_000):
            deep = [deep]
        for row in ({"deep": deep}, {"set": {1, 2}}):
            with pytest.raises(Rejected):
                await store.write_heads([head(row=row)])
        while deep:  # taking it apart level by level keeps the interpreter from recursing
            deep = deep.pop()


class PassagesContract:
    """Writing, reading and deleting passages."""

    async def test_a_passage_comes_back_with_its_vector(self, store):
        one = passage(
            "Some text.", title="A title", readers=("group:a", "user:7"), metadata=("lang=fr", "tag=a=b"),
            born=Position(2**63, 10**29, 1, 2**62), vector=[0.5, -0.25, 0, 0, 0.125, 0, 0, 1],
        )  # fmt: skip
        await store.write_passages([one])
        (read,) = await store.passages("acme", [one.id])
        assert read == one
        assert list(read.vector) == list(one.vector)

    async def test_what_is_not_there_is_left_out(self, store):
        one = passage()
        await store.write_passages([one])
        assert ids(await store.passages("acme", [uuid.uuid4(), one.id, one.id])) == {one.id}
        assert len(await store.passages("acme", [one.id, one.id])) == 1

    async def test_a_tenant_that_does_not_exist_holds_nothing(self, store):
        await store.write_passages([passage()])
        assert list(await store.passages("nobody", [passage().id])) == []
        assert list(await store.hybrid(query("text", tenant="nobody"))) == []
        assert await store.word_counts("nobody", ["text"]) == (0, {"text": 0})
        assert list(await store.passages_of([key("doc")], "nobody")) == []
        await store.delete_passages("nobody", [passage().id])
        assert ids(await store.passages("acme", [passage().id])) == {passage().id}

    async def test_tenants_see_nothing_of_each_other(self, store):
        tenants = ("acme", "ACME", "acme-2", "acme_2", "a" * 64)
        mine = {tenant: passage("same words", tenant=tenant) for tenant in tenants}
        await store.write_passages(list(mine.values()))
        everything = [one.id for one in mine.values()]
        for tenant, one in mine.items():
            assert ids(await store.passages(tenant, everything)) == {one.id}
            assert ids(await store.hybrid(query("same words", tenant=tenant))) == {one.id}
            assert await store.word_counts(tenant, ["same"]) == (1, {"same": 1})
            assert ids(await store.passages_of([key("doc")], tenant)) == {one.id}
        await store.delete_passages("ACME", everything)
        assert ids(await store.passages("acme", everything)) == {mine["acme"].id}
        assert list(await store.passages("ACME", everything)) == []

    async def test_a_passage_written_twice_is_one_and_has_the_later_time(self, store):
        again = passage(written=NOON + MINUTE)
        await store.write_passages([passage(), passage()])
        await store.write_passages([again])
        assert (await store.passages("acme", [again.id]))[0].written == NOON + MINUTE
        assert len(await store.hybrid(query("text"))) == 1
        assert await store.word_counts("acme", ["text"]) == (1, {"text": 1})

    async def test_more_than_a_thousand_passages_are_written_read_and_deleted_in_one_call(self, store):
        many = [passage(f"passage {n}", vector=unit(n % DIMENSION)) for n in range(1200)]
        await store.write_passages(many)
        read = await store.passages("acme", [one.id for one in many])
        assert ids(read) == ids(many)
        assert {one.id: list(one.vector) for one in read} == {one.id: one.vector for one in many}
        assert ids(await store.passages_of([key("doc")], "acme")) == ids(many)
        await store.delete_passages("acme", [one.id for one in many[:1100]])
        assert ids(await store.passages_of([key("doc")], "acme")) == ids(many[1100:])

    async def test_deleting_takes_a_passage_out_of_both_arms_and_spares_the_rest(self, store):
        gone, kept = passage("quetzal", vector=unit(0)), passage("quetzal kept", vector=unit(1))
        await store.write_passages([gone, kept])
        await store.delete_passages("acme", [gone.id, uuid.uuid4()])
        await store.delete_passages("acme", [gone.id])
        for alpha in (0.0, 1.0):
            assert ids(await store.hybrid(query("quetzal", alpha=alpha))) == {kept.id}
        assert await store.word_counts("acme", ["quetzal"]) == (1, {"quetzal": 1})

    async def test_a_deleted_passage_can_be_written_again(self, store):
        await store.write_passages([passage("quetzal")])
        await store.delete_passages("acme", [passage("quetzal").id])
        await store.write_passages([passage("quetzal")])
        assert await found(store, "quetzal", alpha=0.0) == ["quetzal"]

    async def test_a_vector_of_another_dimension_names_the_setting(self, store):
        with pytest.raises(Misconfigured) as refused:
            await store.write_passages([passage("ok"), passage("short", vector=[1.0, 0.0])])
        assert refused.value.setting == "STREAMS_EMBED_DIMENSION"
        assert "docs/how-to/reindex.md" in str(refused.value)
        with pytest.raises(Misconfigured):
            await store.hybrid(query("text", [1.0, 0.0]))

    @pytest.mark.parametrize("number", [math.nan, math.inf])
    async def test_a_vector_that_holds_no_numbers_is_rejected(self, store, number):
        with pytest.raises(Rejected):
            await store.write_passages([passage(vector=[number] * DIMENSION)])

    async def test_naughty_texts_come_back_and_are_searched_for_without_failing(self, store, naughty):
        many = [
            passage(text, title=text, occurrence=n, readers=(f"user:{text}",), metadata=(f"a={text}",))
            for n, text in enumerate(naughty)
        ]
        await store.write_passages(many)
        read = {one.id: one for one in await store.passages("acme", [one.id for one in many])}
        assert [read.get(one.id) for one in many] == many
        for one in many:
            seen = query(one.text, principals=one.readers, filters=one.metadata, limit=len(many))
            assert one.id in ids(await store.hybrid(seen)), repr(one.text)
        total, counts = await store.word_counts("acme", naughty)
        assert total == len(many)
        assert set(counts) == set(naughty)

    @pytest.mark.parametrize("text", ["\x00", "a\x00b", "half \ud83d", "\ud800", "\u202e", "\ufffe", " ", ""])
    async def test_what_is_hardly_text_comes_back_or_is_rejected(self, store, text):
        one = replace(passage(), text=text, title=text, readers=(text, "*"), metadata=(f"a={text}",))
        try:
            await store.write_passages([one])
        except Rejected:
            pass
        else:
            assert await store.passages("acme", [one.id]) == [one]
        await store.hybrid(query(text, principals=(text,), filters=(f"a={text}",)))
        await store.word_counts("acme", [text])

    async def test_a_tenant_that_no_store_may_have_is_rejected(self, store):
        for tenant in ("", "a b", "a" * 65, "é"):
            with pytest.raises(Rejected):
                await store.write_passages([passage(tenant=tenant)])


class SearchContract:
    """Finding passages."""

    async def test_what_was_written_is_found_at_once_by_words_and_by_vector(self, store):
        for n in range(20):
            await store.write_passages([passage(f"word{n}", vector=unit(n % DIMENSION))])
            assert await found(store, f"word{n}", alpha=0.0) == [f"word{n}"]
            assert f"word{n}" in await found(store, "", unit(n % DIMENSION), alpha=1.0)

    async def test_the_best_come_first_and_no_more_than_the_limit(self, store):
        many = [passage(f"number {n}", vector=unit(0, 1, n / 100)) for n in range(90)]
        await store.write_passages(many)
        for limit in (1, 10, 50, 90, 500):
            hits = await store.hybrid(query("", limit=limit, alpha=1.0))
            assert [hit.text for hit in hits] == [one.text for one in many[:limit]]
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert await found(store, "7 13", limit=2, alpha=0.0) in (
            ["number 7", "number 13"],
            ["number 13", "number 7"],
        )

    async def test_a_hit_says_what_the_passage_is(self, store):
        one = passage("the text", title="the title", document="kb/42")
        await store.write_passages([one])
        (hit,) = await store.hybrid(query("text"))
        assert (hit.id, hit.document_key, hit.tenant) == (one.id, key("kb/42"), "acme")
        assert (hit.text, hit.title) == ("the text", "the title")

    async def test_similarity_is_the_cosine_whichever_arm_found_it(self, store):
        much = [passage(f"filler {n}", vector=unit(0, 2, n / 1000)) for n in range(250)]
        opposite = passage("quetzal", vector=[-3.0, *[0.0] * (DIMENSION - 1)])
        aslant = passage("quetzal quetzal", vector=[2.0 * number for number in unit(0, 1, 0.4)])
        await store.write_passages([*much, opposite, aslant])
        hits = await store.hybrid(query("quetzal", unit(0), limit=10, alpha=0.2))
        by_id = {hit.id: hit.similarity for hit in hits}
        assert by_id[opposite.id] == pytest.approx(-1, abs=1e-5)
        assert by_id[aslant.id] == pytest.approx(0.6, abs=1e-5)
        assert by_id[much[0].id] == pytest.approx(1, abs=1e-5)
        assert all(-1 <= similarity <= 1 for similarity in by_id.values())

    async def test_alpha_weighs_vectors_against_words(self, store):
        near, worded = passage("nothing of it", vector=unit(0)), passage("quetzal", vector=unit(1))
        await store.write_passages([near, worded, passage("neither", vector=unit(2))])
        assert (await found(store, "quetzal", unit(0), alpha=0.9))[0] == near.text
        assert (await found(store, "quetzal", unit(0), alpha=0.1))[0] == worded.text
        assert await found(store, "quetzal", unit(0), alpha=0.0) == [worded.text]
        assert (await found(store, "quetzal", unit(1), alpha=0.5))[0] == worded.text

    async def test_what_comes_first_is_the_same_however_much_is_asked_for(self, store):
        many = [
            passage(
                " ".join([f"p{n}", *["quetzal"] * (n % 3 == 0), *["bird"] * (n * 7 % 97)]),
                vector=unit(0, 1, (n * 37 % 250) / 250),
            )
            for n in range(250)
        ]
        await store.write_passages(many)
        first = await found(store, "quetzal", unit(0), limit=20)
        assert len(first) == 20
        for limit in (40, 80, 160):
            assert (await found(store, "quetzal", unit(0), limit=limit))[:20] == first

    async def test_what_both_arms_find_outranks_what_one_does(self, store):
        both, vector, word = (
            passage("quetzal bird in a forest", vector=unit(0, 1, 0.05)),
            passage("something else", vector=unit(0)),
            passage("quetzal", vector=unit(3)),
        )
        await store.write_passages([both, vector, word])
        assert (await found(store, "quetzal", unit(0)))[0] == both.text

    async def test_a_word_of_the_title_counts_more_than_one_of_the_text(self, store):
        in_title = passage("some other words stand here", title="quetzal")
        in_text = passage("quetzal and other words here", title="something")
        await store.write_passages([in_text, in_title, passage("no such word", title="none")])
        assert await found(store, "quetzal", alpha=0.0) == [in_title.text, in_text.text]

    async def test_words_match_whatever_their_case_and_accents(self, store):
        await store.write_passages([passage("Le café est ouvert. RÉSUMÉ")])
        for word in ("cafe", "CAFÉ", "café", "résumé", "Resume"):
            assert await found(store, word, alpha=0.0) == ["Le café est ouvert. RÉSUMÉ"]
            assert (await store.word_counts("acme", [word]))[1] == {word: 1}

    async def test_a_query_of_which_no_word_is_rare_still_finds_them(self, store):
        await store.write_passages([passage("the one"), passage("the other")])
        assert set(await found(store, "the", alpha=0.0)) == {"the one", "the other"}

    @pytest.mark.parametrize(
        "text",
        [
            "", " ", "?!", "the of and", "***", '"', "'", 'a" OR "b', "text:a", "title : x", "NEAR(a b)",
            "-some", "a AND", "NOT", "^some", "{text}: a", "some*", "(", "\x00", "\ud800", "scope",
            "🙂", "\u0301", "a\u0301",
        ],
    )  # fmt: skip
    async def test_no_text_of_a_question_fails(self, store, text):
        await store.write_passages([passage()])
        for alpha in (0.0, 0.5, 1.0):
            await store.hybrid(query(text, alpha=alpha))
        assert await found(store, text, alpha=1.0) == ["some text"]
        await store.word_counts("acme", [text])

    async def test_a_question_of_thousands_of_words_is_searched_for(self, store):
        await store.write_passages([passage("quetzal"), passage("other")])
        long = " ".join(f"word{n}" for n in range(2000))
        assert await found(store, f"{long} quetzal", alpha=0.0) == ["quetzal"]

    async def test_the_tenant_is_no_word(self, store):
        await store.write_passages([passage("text")])
        assert await found(store, "acme", alpha=0.0) == []

    async def test_only_readers_find_a_passage(self, store):
        await store.write_passages(
            [
                passage("for everyone", readers=("*",)),
                passage("for a", readers=("group:a",)),
                passage("for a and b", readers=("group:a", "group:b")),
                passage("for spaces", readers=(" group:a ",)),
                passage("for capitals", readers=("GROUP:A",)),
                passage("for longer", readers=("group:a b", "group:ab")),
            ]
        )
        for alpha in (0.0, 0.5, 1.0):

            async def read(*principals, alpha=alpha):
                return set(await found(store, "for", alpha=alpha, principals=principals))

            assert await read() == {"for everyone"}
            assert await read("group:a") == {"for everyone", "for a", "for a and b"}
            assert await read("group:b", "nobody") == {"for everyone", "for a and b"}
            assert await read(" group:a ") == {"for everyone", "for spaces"}
            assert await read("group") == {"for everyone"}

    async def test_a_star_among_the_principals_opens_nothing_but_what_everyone_reads(self, store):
        await store.write_passages([passage("hidden", readers=("group:a",)), passage("open")])
        assert await found(store, "hidden", principals=("*", "%", "group:*", "")) == ["open"]

    async def test_hundreds_of_principals_are_one_query(self, store):
        await store.write_passages([passage("mine", readers=("group:999",))])
        principals = tuple(f"group:{n}" for n in range(1000))
        assert await found(store, "mine", principals=principals) == ["mine"]

    async def test_every_filter_must_be_met_exactly(self, store):
        await store.write_passages(
            [
                passage("both", metadata=("lang=fr", "product=kb/42")),
                passage("one", metadata=("lang=fr",)),
                passage("close", metadata=("lang=fr", "product=kb-42 old")),
                passage("spaced", metadata=("lang=fr ", "product=kb/42 ")),
                passage("neither"),
            ]
        )
        for alpha in (0.0, 1.0):
            text = "both one close spaced neither"
            exact = await found(store, text, alpha=alpha, filters=("lang=fr", "product=kb/42"))
            assert exact == ["both"]
            lang = await found(store, text, alpha=alpha, filters=("lang=fr",))
            assert set(lang) == {"both", "one", "close"}
            assert await found(store, text, alpha=alpha, filters=("lang=FR",)) == []

    async def test_filters_choose_before_the_limit_does(self, store):
        crowd = [passage(f"needle {n}", vector=unit(0)) for n in range(300)]
        mine = passage("needle mine", vector=unit(1), readers=("me",), metadata=("a=1",))
        await store.write_passages([*crowd, mine])
        assert await found(store, "needle", limit=1, filters=("a=1",), principals=("me",)) == ["needle mine"]

    async def test_excluded_passages_make_room_for_others(self, store):
        crowd = [passage(f"needle {n}", vector=unit(0)) for n in range(1200)]
        rest = [passage(f"needle rest {n}", vector=unit(1)) for n in range(3)]
        await store.write_passages([*crowd, *rest])
        for alpha in (0.0, 0.5, 1.0):
            exclude = frozenset([*(one.id for one in crowd), uuid.uuid4()])
            hits = await store.hybrid(query("needle", limit=5, alpha=alpha, exclude=exclude))
            assert ids(hits) == ids(rest)

    async def test_word_counts_count_passages_by_text_or_title(self, store):
        await store.write_passages(
            [
                passage("quetzal quetzal quetzal"),
                passage("a bird", title="Quetzal"),
                passage("quetzals are others"),
                passage("the quetzal", tenant="other"),
            ]
        )
        words = ["quetzal", "QUETZAL", "bird", "the", "absent", "?!", ""]
        total, counts = await store.word_counts("acme", words)
        assert total == 3
        assert counts == {"quetzal": 2, "QUETZAL": 2, "bird": 1, "the": 0, "absent": 0, "?!": 0, "": 0}

    async def test_many_searches_and_writes_at_once_are_fine(self, store):
        async def write(n):
            await store.write_passages(
                [passage(f"word{n}", document=f"doc{n}", tenant=f"t{n % 5}", vector=unit(n % 8))]
            )
            await store.write_heads([head(f"doc{n}", tenant=f"t{n % 5}")])
            hits = await store.hybrid(query(f"word{n}", unit(n % 8), tenant=f"t{n % 5}"))
            assert f"word{n}" in [hit.text for hit in hits]
            assert (await store.heads([key(f"doc{n}")]))[key(f"doc{n}")] == [
                head(f"doc{n}", tenant=f"t{n % 5}")
            ]

        await asyncio.gather(*(write(n) for n in range(60)))


class MaintenanceContract:
    """What the vacuum needs."""

    async def test_documents_with_superseded_heads_or_a_deletion_are_named_when_old_enough(self, store):
        await store.write_heads(
            [
                head("edited", at(1)),
                head("edited", at(2), written=NOON + MINUTE),
                head("deleted", deleted=True),
                head("settled"),
                head("young", at(1), written=NOON + 10 * MINUTE),
                head("young", at(2), written=NOON + 11 * MINUTE),
            ]
        )
        named = set(await collect(store.unsettled(NOON + 2 * MINUTE)))
        assert named >= {key("edited"), key("deleted")}
        assert key("young") not in named
        assert set(await collect(store.unsettled(NOON + 12 * MINUTE))) >= {
            key("edited"),
            key("deleted"),
            key("young"),
        }

    async def test_a_document_that_was_settled_is_named_again_once_it_is_edited(self, store):
        await store.write_heads([head("doc", at(1))])
        for _ in range(2):
            await collect(store.unsettled(NOON + 2 * MINUTE))
        await store.write_heads([head("doc", at(2))])
        for _ in range(2):
            assert key("doc") in await collect(store.unsettled(NOON + 2 * MINUTE))
        assert {one.position for one in (await store.heads([key("doc")]))[key("doc")]} == {at(1), at(2)}

    async def test_what_is_settled_is_not_named_for_ever(self, store):
        await store.write_heads([head(f"doc{n}") for n in range(30)])
        await collect(store.unsettled(NOON + 2 * MINUTE))
        assert await collect(store.unsettled(NOON + 2 * MINUTE)) == []
        assert (await store.heads([key("doc0")]))[key("doc0")] == [head("doc0")]

    async def test_thousands_of_documents_are_all_named(self, store, page):
        heads = [head(f"doc{n}", at(time)) for n in range(page + 10) for time in (1, 2)]
        await store.write_heads(heads)
        named = await collect(store.unsettled(NOON + MINUTE))
        assert set(named) == {one.document_key for one in heads}

    async def test_a_documents_passages_are_all_found_listed_or_not(self, store):
        mine = [passage(f"mine {n}", born=at(2**62 + n)) for n in range(40)]
        await store.write_passages(
            [*mine, passage("other", document="doc old"), passage("x", tenant="other")]
        )
        refs = await store.passages_of([key("doc")], "acme")
        assert {ref.id: ref.born for ref in refs} == {one.id: one.born for one in mine}
        assert {(ref.document_key, ref.tenant) for ref in refs} == {(key("doc"), "acme")}
        assert list(await store.passages_of([key("nothing")], "acme")) == []

    async def test_passages_of_many_documents_are_found_at_once(self, store):
        mine = [passage("text", document=f"doc{n}") for n in range(500)]
        await store.write_passages([*mine, passage("text", document="doc old")])
        refs = await store.passages_of([key(f"doc{n}") for n in range(500)], "acme")
        assert {ref.id: ref.document_key for ref in refs} == {one.id: one.document_key for one in mine}

    async def test_old_passages_of_every_tenant_are_found(self, store, page):
        old = [passage(f"old {n}", tenant=f"t{n % 2}") for n in range(page + 10)]
        young = [passage(f"young {n}", written=NOON + timedelta(microseconds=1)) for n in range(5)]
        await store.write_passages([*old, *young])
        refs = await collect(store.passages_written_before(NOON + timedelta(microseconds=1)))
        assert {(ref.id, ref.tenant, ref.document_key, ref.born) for ref in refs} == {
            (one.id, one.tenant, one.document_key, one.born) for one in old
        }
        assert await collect(store.passages_written_before(NOON)) == []

    async def test_what_is_found_may_be_deleted_while_the_finding_goes_on(self, store, page):
        old = [passage(f"old {n}") for n in range(page + 10)]
        await store.write_passages(old)
        seen = set()
        async for ref in store.passages_written_before(NOON + MINUTE):
            seen.add(ref.id)
            if len(seen) % 50 == 0:
                await store.delete_passages("acme", list(seen))
        assert seen == ids(old)

    async def test_an_empty_store_has_nothing_to_tidy(self, store):
        assert await collect(store.unsettled(NOON)) == []
        assert await collect(store.passages_written_before(NOON)) == []


class CatalogueContract:
    """Which documents there are."""

    async def test_every_document_that_has_a_head_is_named_once_in_order(self, store):
        await store.write_heads([head(f"doc{n}", at(time)) for n in range(40) for time in (1, 2)])
        await store.write_heads([head("gone", deleted=True, tenant=None, document_id=None)])
        await store.write_passages([passage("of a document without a head", document="headless")])
        keys = sorted(key(name) for name in ["gone", *(f"doc{n}" for n in range(40))])
        assert await collect(store.document_keys()) == keys

    async def test_a_documents_last_head_takes_it_out(self, store):
        await store.write_heads([head("doc", at(1)), head("doc", at(2))])
        await store.delete_heads({key("doc"): [at(1)]})
        assert await collect(store.document_keys()) == [key("doc")]
        await store.delete_heads({key("doc"): [at(2)]})
        assert await collect(store.document_keys()) == []

    @pytest.mark.parametrize(
        "source", ["cms.articles", "cms", "cms.articles ", "CMS.articles", 'a"b*?\\', "é"]
    )
    async def test_only_one_sources_documents_are_named_where_that_is_asked_for(self, store, source):
        await store.write_heads([head("mine", source=source), head("other", source="cms.articles.old")])
        await store.write_heads([head("another", source="")])
        assert await collect(store.document_keys(source)) == [key("mine")]
        assert await collect(store.document_keys("cms.articles.older")) == []

    async def test_it_goes_on_after_any_key_that_there_is_or_was(self, store):
        await store.write_heads([head(f"doc{n}") for n in range(20)])
        keys = sorted(key(f"doc{n}") for n in range(20))
        for place, one in enumerate(keys):
            assert await collect(store.document_keys("documents.changes", one)) == keys[place + 1 :]
        between = uuid.UUID(int=(keys[4].int + keys[5].int) // 2)
        assert await collect(store.document_keys(after=between)) == keys[5:]
        assert await collect(store.document_keys(after=uuid.UUID(int=2**128 - 1))) == []

    async def test_thousands_of_documents_are_named_in_order_and_from_any_place(self, store, page):
        written = [head(f"doc{n}", source="many") for n in range(page + 10)]
        await store.write_heads([*written, *(head(f"other{n}") for n in range(10))])
        keys = sorted(one.document_key for one in written)
        assert await collect(store.document_keys("many")) == keys
        assert len(await collect(store.document_keys())) == len(keys) + 10
        for place in (0, page // 2, page + 8):
            assert await collect(store.document_keys("many", keys[place])) == keys[place + 1 :]

    async def test_what_is_written_and_deleted_meanwhile_hides_no_other(self, store, page):
        kept = {key(f"doc{n}") for n in range(page + 10)}
        await store.write_heads([head(f"doc{n}") for n in range(page + 10)])
        await store.write_heads([head(f"gone{n}") for n in range(50)])
        named = []
        async for one in store.document_keys():
            if len(named) % 100 == 0:
                await store.delete_heads({key(f"gone{len(named) // 100}"): [at()]})
                await store.write_heads([head(f"new{len(named)}")])
            named.append(one)
        assert set(named) >= kept
        assert named == sorted(set(named))

    async def test_passages_that_are_there_are_told_from_those_that_are_not(self, store, page):
        held = [passage(f"text {n}") for n in range(page // 2 + 10)]
        await store.write_passages([*held, passage("of another", tenant="bolt")])
        asked = [one.id for one in [*held, passage("never written"), passage("of another", tenant="bolt")]]
        assert set(await store.present("acme", [*asked, *asked])) == ids(held)
        await store.delete_passages("acme", [held[0].id])
        assert set(await store.present("acme", asked)) == ids(held[1:])
        assert set(await store.present("nobody", asked)) == set()
        assert set(await store.present("acme", [])) == set()

    async def test_an_empty_store_has_none_and_the_canary_is_none(self, store):
        assert await collect(store.document_keys()) == []
        await store.canary()
        assert await collect(store.document_keys()) == []
        assert await collect(store.document_keys("documents.changes")) == []


class NamesContract:
    """Documents by their tenant and id."""

    async def test_documents_of_every_source_are_found_by_their_id(self, store):
        await store.write_heads([head("one", document_id="kb/42"), head("other", at(2), document_id="kb/42")])
        await store.write_heads([head("else", document_id="kb/43"), head("gone", tenant=None)])
        assert set(await store.named("acme", ["kb/42", "kb/42"])) == {key("one"), key("other")}
        assert set(await store.named("acme", ["kb/43", "kb/42"])) == {key("one"), key("other"), key("else")}
        assert set(await store.named("acme", ["never"])) == set()
        assert set(await store.named("acme", [])) == set()

    @pytest.mark.parametrize("id_", ["kb/42", "KB/42", "kb/42 ", " kb/42", 'a"b*?\\', "é", "kb", "42"])
    async def test_an_id_is_matched_as_a_whole_and_in_its_tenant_alone(self, store, id_):
        others = {"kb/42", "KB/42", "kb/42 ", " kb/42", 'a"b*?\\', "é", "kb", "42", "kb-42", "e"} - {id_}
        await store.write_heads([head(f"other{one}", document_id=one) for one in others])
        await store.write_heads([head("theirs", document_id=id_, tenant="bolt"), head("id", document_id=id_)])
        assert set(await store.named("acme", [id_])) == {key("id")}
        assert set(await store.named("bolt", [id_])) == {key("theirs")}
        assert set(await store.named("acme/kb", ["42"])) == set()

    async def test_a_document_that_had_another_id_is_named_by_both_and_one_without_heads_by_none(self, store):
        await store.write_heads(
            [head("doc", at(1), document_id="old"), head("doc", at(2), document_id="new")]
        )
        assert (
            set(await store.named("acme", ["old"])) == set(await store.named("acme", ["new"])) == {key("doc")}
        )
        await store.delete_heads({key("doc"): [at(1)]})
        assert set(await store.named("acme", ["old"])) == set()

    async def test_thousands_of_heads_of_one_id_hide_no_other_document(self, store, page):
        many = [head("much", at(n), document_id="kb/42") for n in range(page + 10)]
        await store.write_heads([*many, head("little", document_id="kb/42")])
        assert set(await store.named("acme", ["kb/42"])) == {key("much"), key("little")}

    async def test_naughty_ids_are_found(self, store, naughty):
        named = {text: head(f"naughty{n}", document_id=text) for n, text in enumerate(naughty) if text}
        await store.write_heads(list(named.values()))
        assert set(await store.named("acme", list(named))) == {one.document_key for one in named.values()}
        for text in list(named)[::40]:
            assert set(await store.named("acme", [text])) == {named[text].document_key}


class NotesContract:
    """What is remembered beside the documents."""

    async def test_a_note_is_there_for_every_handle_and_the_last_one_counts(self, store, open_store):
        assert await store.note("clean docs") is None
        await store.set_note("clean docs", "2026-11-22T10:00:00+00:00")
        await store.set_note("clean docs", 'ä "quoted" text\n')
        await store.set_note("clean", "another")
        other = await open_store()
        assert await other.note("clean docs") == 'ä "quoted" text\n'
        assert await other.note("clean") == "another"

    async def test_a_note_is_no_document(self, store):
        await store.set_note("clean docs", "now")
        assert await collect(store.document_keys()) == []
        assert await collect(store.unsettled(NOON + MINUTE)) == []


class WholeContract:
    """The store itself: empty calls, generation, several handles."""

    async def test_it_is_all_four_ports(self, store):
        documents: Documents = store
        search: Search = store
        maintenance: Maintenance = store
        catalogue: Catalogue = store
        assert documents is search is maintenance is catalogue

    async def test_empty_lists_are_fine_everywhere(self, store):
        assert await store.heads([]) == {}
        assert list(await store.passages("acme", [])) == []
        await store.write_passages([])
        await store.write_heads([])
        await store.delete_passages("acme", [])
        await store.delete_heads({key("doc"): []})
        assert await store.word_counts("acme", []) == (0, {})
        assert list(await store.hybrid(query())) == []

    async def test_a_second_handle_sees_what_the_first_has_done(self, store, open_store):
        other = await open_store()
        one = passage("quetzal")
        await store.write_passages([one])
        await store.write_heads([head()])
        assert ids(await other.hybrid(query("quetzal"))) == {one.id}
        assert (await other.heads([key("doc")]))[key("doc")] == [head()]
        await other.delete_passages("acme", [one.id])
        await other.delete_heads({key("doc"): [at()]})
        assert list(await store.hybrid(query("quetzal"))) == []
        assert not (await store.heads([key("doc")])).get(key("doc"))

    async def test_two_handles_write_at_once(self, store, open_store):
        handles = [store, await open_store()]

        async def write(handle, n):
            await handle.write_passages([passage(f"passage {n}", tenant=f"t{n % 7}")])
            await handle.write_heads([head("doc", at(n))])

        await asyncio.gather(*(write(handles[n % 2], n) for n in range(40)))
        assert len((await store.heads([key("doc")]))[key("doc")]) == 40
        assert sum([(await store.word_counts(f"t{n}", []))[0] for n in range(7)]) == 40

    async def test_it_says_that_it_is_ready_and_which_version_it_is(self, store):
        await store.ready()
        await store.canary()
        await store.canary()
        assert any(character.isdigit() for character in await store.version())

    async def test_the_canary_is_nobodys_document(self, store):
        await store.canary()
        later = NOON + timedelta(days=36500)
        assert await collect(store.unsettled(later)) == []
        assert await collect(store.passages_written_before(later)) == []

    async def test_closing_twice_is_fine_and_nothing_hangs_afterwards(self, open_store):
        store = await open_store()
        await store.close()
        await store.close()


class IndexContract:
    """The record of generations, and the generations; `open_index` opens one more handle on them."""

    FIRST = Generation("model-a", DIMENSION, "c1")
    SECOND = Generation("model-b", DIMENSION + 3, "c2", name="g2")
    BEGUN = Generations(FIRST)
    WHOLE = Generations(SECOND, replace(SECOND, name="g3"), FIRST, made=3, switched=NOON, kafka="k1")

    async def test_its_clock_is_right_to_the_second_below_where_it_has_one(self, open_index):
        before = datetime.now(UTC) - timedelta(seconds=2)
        told = await (await open_index()).clock()
        assert told is None or before <= told <= datetime.now(UTC)

    async def test_the_first_record_stays(self, open_index):
        one, other = await open_index(), await open_index()
        assert await one.generations() is None
        assert await one.replace_generations(None, self.BEGUN)
        assert not await other.replace_generations(None, Generations(self.SECOND))
        assert await one.generations() == await other.generations() == self.BEGUN

    async def test_of_racing_first_records_all_see_the_same_winner(self, open_index):
        handles = [await open_index() for _ in range(3)]
        wanted = [Generations(replace(self.FIRST, embed_model=f"model-{n}")) for n in range(3)]

        async def claim(handle, record):
            return await handle.replace_generations(None, record), await handle.generations()

        claims = await asyncio.gather(*map(claim, handles, wanted))
        assert sorted(won for won, _ in claims) == [False, False, True]
        assert len({seen for _, seen in claims}) == 1

    async def test_a_record_is_replaced_only_where_it_is_the_one_expected(self, open_index):
        one, other = await open_index(), await open_index()
        await one.replace_generations(None, self.BEGUN)
        assert await one.replace_generations(self.BEGUN, self.WHOLE)
        assert not await other.replace_generations(self.BEGUN, Generations(self.SECOND))
        assert await one.generations() == await other.generations() == self.WHOLE

    async def test_whoever_reads_while_it_is_replaced_sees_one_record_or_the_other(self, open_index):
        writer, readers = await open_index(), [await open_index() for _ in range(3)]
        await writer.replace_generations(None, self.BEGUN)
        seen, done = [], asyncio.Event()

        async def read(handle):
            while not done.is_set():
                seen.append(await handle.generations())

        reading = [asyncio.create_task(read(handle)) for handle in readers]
        for _ in range(10):
            assert await writer.replace_generations(self.BEGUN, self.WHOLE)
            assert await readers[0].generations() == self.WHOLE
            assert await writer.replace_generations(self.WHOLE, self.BEGUN)
        done.set()
        await asyncio.gather(*reading)
        assert set(seen) <= {self.BEGUN, self.WHOLE}
        assert len(seen) > 20

    async def test_generations_are_apart_and_may_have_another_dimension(self, open_index):
        index = await open_index()
        one, other = await index.open(self.FIRST), await index.open(self.SECOND)
        longer = [1.0, *[0.0] * (self.SECOND.dimension - 1)]
        await one.write_passages([passage("of the first")])
        await one.write_heads([head()])
        assert not (await other.heads([key("doc")])).get(key("doc"))
        await other.write_passages([passage("of the second", vector=longer)])
        assert await found(one) == ["of the first"]
        assert await found(other, vector=longer) == ["of the second"]
        for store in (one, other):
            await store.close()

    @pytest.mark.parametrize("name", ["g1", "g2"])
    async def test_a_generation_that_is_dropped_is_gone_and_the_other_one_stays(self, open_index, name):
        index = await open_index()
        await index.replace_generations(None, self.BEGUN)
        generations = {one.name: one for one in (self.FIRST, self.SECOND)}
        for one in generations.values():
            store = await index.open(one)
            await store.write_heads([head()])
            await store.close()
        await index.drop(generations[name])
        await index.drop(generations[name])
        await index.drop(Generation("never", DIMENSION, "c1", name="g9"))
        left = {}
        for one in generations.values():
            store = await index.open(one)
            left[one.name] = (await store.heads([key("doc")])).get(key("doc"), []) == [head()]
            await store.close()
        assert left == {"g1": True, "g2": True} | {name: False}
        assert await index.generations() == self.BEGUN


class StoreContract(
    HeadsContract,
    PassagesContract,
    SearchContract,
    MaintenanceContract,
    CatalogueContract,
    NamesContract,
    NotesContract,
    WholeContract,
):
    """All of it."""

    page = pytest.fixture(lambda self: 1200)

    @pytest.fixture
    def naughty(self, test_data):
        path = test_data / "naughty" / "blns.json"
        texts = json.loads(path.read_text(encoding="utf-8"))
        return [text for text in dict.fromkeys(texts) if len(text) <= 2000]
