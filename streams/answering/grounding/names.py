"""Names: those that the source does not know, and those that stand where it has others."""

from __future__ import annotations

from streams.answering.grounding.clauses import SAME, Clause, Said

MOST_CAPITALS = 0.25
"""Share of capitals from which they say nothing: of headlines, or of a language that was not told."""

_BY = frozenset({"by", "par"})


def has_names(said: Said) -> bool:
    """Whether capitals tell names from other words."""
    words = [word for one in said.sentences for word in one.words]
    return said.named and sum(word.name for word in words) <= MOST_CAPITALS * len(words)


def misnamed(sentence: Clause, source: Said) -> bool:
    """A name that the source does not know."""
    words = [word for one in source.sentences for word in one.words]
    known = {word.folded for word in words} | {word.stem for word in words}
    return any(word.name and not {word.folded, word.stem} & known for word in sentence.words)


def swapped(clause: Clause, source: Said) -> bool:
    """The names stand in another order than in every clause that says the same of them."""
    orders = [_order(clause, one) for one in source.like(clause, SAME) if _passive(one) == _passive(clause)]
    return bool(orders) and all(len(mine) > 1 and mine != theirs for mine, theirs in orders)


def _order(one: Clause, other: Clause) -> tuple[list[str], list[str]]:
    """The names that both have, in the order of each."""
    names = {w.folded for w in one.words if w.name} | {w.folded for w in other.words if w.name}
    mine, theirs = (list(dict.fromkeys(w.folded for w in c.words if w.folded in names)) for c in (one, other))
    return [n for n in mine if n in theirs], [n for n in theirs if n in mine]


def _passive(clause: Clause) -> bool:
    """Whether it seems to name who does something last."""
    return any(word.folded in _BY for word in clause.words)
