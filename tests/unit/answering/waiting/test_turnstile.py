import asyncio
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.answering.waiting.turnstile import Full, Turnstile
from tests.unit.answering.virtual import monotonic, run


async def stay(turnstile, tenant, order, *, seconds=1.0, left_s=1e6):
    async with turnstile.enter(tenant, left_s):
        order.append(tenant)
        await asyncio.sleep(seconds)


def test_a_tenant_that_asks_much_delays_its_own_and_nobody_elses():
    async def crowded():
        turnstile, order = Turnstile(2, most=1000, monotonic=monotonic), []
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(stay(turnstile, "loud", order))
            await asyncio.sleep(0.5)
            group.create_task(stay(turnstile, "quiet", order))
            group.create_task(stay(turnstile, "shy", order))
        return order

    assert {"quiet", "shy"} <= set(run(crowded())[2:5])


def test_who_would_not_get_in_in_time_is_told_at_once():
    async def crowded():
        turnstile, order = Turnstile(1, most=1000, monotonic=monotonic), []
        async with asyncio.TaskGroup() as group:
            for _ in range(10):
                group.create_task(stay(turnstile, "a", order))
            await asyncio.sleep(0)
            with pytest.raises(Full) as refused:
                await stay(turnstile, "a", order, left_s=3.0)
            assert monotonic() == 0
            assert refused.value.retry_after_s == pytest.approx(10)
            # Another tenant is before most of them.
            await stay(turnstile, "b", order, left_s=3.0)
        return order

    assert run(crowded()).index("b") == 2


def test_who_was_let_wait_and_did_not_get_in_after_all_is_told_when_the_time_is_over():
    async def stuck():
        turnstile, order = Turnstile(1, most=1000, monotonic=monotonic), []
        holding = asyncio.create_task(stay(turnstile, "a", order, seconds=1000))
        await asyncio.sleep(0)
        with pytest.raises(Full):
            await stay(turnstile, "a", order, left_s=5.0)
        assert (monotonic(), turnstile.waiting) == (5, 0)
        holding.cancel()

    run(stuck())


def test_how_long_one_stays_is_learnt():
    async def slow():
        turnstile, order = Turnstile(1, most=1000, monotonic=monotonic), []
        for _ in range(30):
            await stay(turnstile, "a", order, seconds=20)
        holding = asyncio.create_task(stay(turnstile, "a", order, seconds=20))
        await asyncio.sleep(0)
        assert turnstile.expected_s("a") == pytest.approx(20, rel=0.05)
        await holding

    run(slow())


def test_where_no_more_may_wait_the_last_of_the_longest_line_makes_room_for_who_has_less():
    async def crowded():
        turnstile, order, refused = Turnstile(1, most=10, monotonic=monotonic), [], []

        async def one(name):
            try:
                await stay(turnstile, name[0], order)
            except Full:
                refused.append(name)

        async with asyncio.TaskGroup() as group:
            for name in [f"a{n}" for n in range(12)] + [f"b{n}" for n in range(7)]:
                group.create_task(one(name))
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert (monotonic(), turnstile.waiting) == (0, 10)
        return order, refused

    order, refused = run(crowded())
    # One of a is inside; ten wait: those that came first, and of each as many as of the other.
    assert refused == ["a11", "a10", "a9", "a8", "a7", "a6", "b5", "b6"]
    assert (order.count("a"), order.count("b")) == (6, 5)


@given(st.integers(1, 4), st.integers(0, 2**32))
def test_no_place_is_lost_or_given_twice_however_many_leave_while_they_wait(places, seed):
    chance, inside, most = random.Random(seed), set(), []

    async def one(turnstile, number):
        await asyncio.sleep(chance.choice([0, 0, 1, 2]))
        async with turnstile.enter(chance.choice("abc"), chance.choice([1, 3, 1e6])):
            inside.add(number)
            most.append(len(inside))
            try:
                await asyncio.sleep(chance.choice([0, 1, 2]))
            finally:
                inside.discard(number)

    async def crowd():
        turnstile = Turnstile(places, most=1000, monotonic=monotonic)
        tasks = [asyncio.create_task(one(turnstile, number)) for number in range(30)]
        for task in tasks:
            await asyncio.sleep(chance.choice([0, 0, 1]))
            if chance.random() < 0.3:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert max(most, default=0) <= places
        # All places are free again.
        order = []
        async with asyncio.TaskGroup() as group:
            for _ in range(places):
                group.create_task(stay(turnstile, "z", order))
            await asyncio.sleep(0.5)
            assert len(order) == places

    run(crowd())


def test_who_makes_room_and_was_alone_in_its_line_leaves_no_line_behind():
    async def crowded():
        turnstile, refused = Turnstile(1, most=2, monotonic=monotonic), []

        async def one(tenant):
            try:
                await stay(turnstile, tenant, [])
            except Full:
                refused.append(tenant)

        async with asyncio.TaskGroup() as group, turnstile.enter("inside", 1e6):
            for tenant in "bcd":
                group.create_task(one(tenant))
            # The last of them makes one of the others leave, and the place is free before that one wakes.
            await asyncio.sleep(0)
        return refused, turnstile.waiting

    assert run(crowded()) == (["b"], 0)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32))
def test_no_place_is_lost_where_few_may_wait_and_tenants_come_and_leave_at_the_same_moment(
    places, most, seed
):
    chance = random.Random(seed)

    async def one(turnstile, tenant):
        await asyncio.sleep(chance.randrange(4))
        await stay(turnstile, tenant, [], seconds=chance.randrange(3), left_s=chance.choice([2, 1e6, 1e6]))

    async def crowd():
        turnstile = Turnstile(places, most=most, monotonic=monotonic)
        tasks = [asyncio.create_task(one(turnstile, f"t{number}")) for number in range(20)]
        for _ in range(6):
            await asyncio.sleep(chance.choice([0, 1]))
            if chance.random() < 0.5:
                chance.choice(tasks).cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(error) for error in ended if error} <= {Full, asyncio.CancelledError}
        assert (turnstile.waiting, turnstile.expected_s("z")) == (0, 0.0)
        began, order = monotonic(), []
        async with asyncio.TaskGroup() as group:
            for _ in range(places):
                group.create_task(stay(turnstile, "z", order))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert (monotonic(), len(order)) == (began, places)

    run(crowd())


def test_leaving_costs_twice_as_much_where_twice_as_many_tenants_wait():
    async def calls(tenants):
        """Calls that are made when one leaves while as many tenants wait."""
        turnstile, made = Turnstile(1, most=1000, monotonic=monotonic), []
        async with turnstile.enter("first", 1e6):
            waiting = [asyncio.create_task(stay(turnstile, f"t{n}", [])) for n in range(tenants)]
            waiting += [asyncio.create_task(stay(turnstile, "many", [])) for _ in range(tenants)]
            await asyncio.sleep(0.5)
            before = sys.getprofile()
            sys.setprofile(lambda *event: made.append(event[1]))
        sys.setprofile(before)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return len(made)

    assert run(calls(200)) < 3 * run(calls(100))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 3), st.floats(0.5, 25))
def test_who_can_no_longer_get_in_in_time_is_told_when_stays_turn_out_longer(lines, places, stay_s):
    async def told():
        turnstile, refused = Turnstile(places, most=1000, monotonic=monotonic), {}

        async def one(tenant, own):
            try:
                await stay(turnstile, tenant, [], left_s=30.0)
            except Full as full:
                refused[tenant, own] = full.retry_after_s

        holding = [asyncio.create_task(stay(turnstile, "in", [], seconds=1000)) for _ in range(places - 1)]
        await asyncio.sleep(0)
        async with turnstile.enter("in", 1e6):
            tasks = [
                asyncio.create_task(one(tenant, own))
                for tenant, n in enumerate(lines)
                for own in range(1, n + 1)
            ]
            await asyncio.sleep(stay_s)
        await asyncio.sleep(0.01)
        for task in (*holding, *tasks):
            task.cancel()
        await asyncio.gather(*holding, *tasks, return_exceptions=True)
        return refused

    mean_s, found = (1.0 + stay_s) / 2, run(told())
    # The first of the first line came in.
    left = [lines[0] - 1, *lines[1:]]
    for tenant, length in enumerate(left):
        for own in range(1, length + 1):
            before = sum(min(line, own - 1) for other, line in enumerate(left) if other != tenant) + own
            wait_s, refused_s = before * mean_s / places, found.get((tenant, own + (tenant == 0)))
            if abs(wait_s - (30.0 - stay_s)) > 1e-6:
                assert refused_s == (pytest.approx(wait_s) if wait_s > 30.0 - stay_s else None)
