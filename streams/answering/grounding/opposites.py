"""Opposites: pairs of words, and what a prefix turns round."""

from __future__ import annotations

import re

from streams.answering.grounding.clauses import Clause, Said
from streams.answering.text.words import listed

_PAIRS = """
before/after more/less,fewer most/least maximum/minimum maximal/minimal enabled/disabled enable/disable
enables/disables allowed/denied free/pay,paid,pays increases,increased/decreases,decreased,reduces,reduced
increase,increasing/decrease,reduce,decreasing,reducing above/below over/under first/last oldest/newest
lower/higher lowest/highest smaller/larger smallest/largest shorter/longer earlier/later faster/slower
cheaper/dearer better/worse best/worst starts,started,start/stops,ends,stopped,ended,stop,end
begins,began,begin/ends,ended,end required,mandatory,compulsory/optional,voluntary
includes,included,include,including/excludes,excluded,exclude,excluding
accepted,accepts,accept/rejected,refused,declined,rejects,refuses,declines,reject,refuse,decline
approved,approves,approve/rejected,refused,declined,rejects,refuses,declines,reject,refuse,decline
granted,grants,grant/denied,refused,revoked,denies,refuses,revokes,deny,refuse,revoke
allow,allows/deny,denies,forbid,forbids grew,rose,grow,rise,grows,rises/fell,shrank,fall,shrink,falls,shrinks
gained,gain,gains/lost,lose,loses won,win,wins/lost,lose,loses open,opened,opens/closed,closes
inside/outside internal/external public/private present/absent passes,passed,pass/fails,failed,fail
succeeds,succeeded,succeed/fails,failed,fail success/failure true/false online/offline upper/lower
positive/negative permanent/temporary manual/automatic manually/automatically agree,agrees/disagree,disagrees
connected/disconnected continued/discontinued
avant/apres plus/moins premier/dernier premiere/derniere gratuit,gratuite,gratuits,gratuites/payant,payante
augmente,augmentent/diminue,diminuent,baisse obligatoire,obligatoires/facultatif,facultative,facultatifs
inferieur,inferieure/superieur,superieure accepte,acceptee,acceptes/refuse,refusee,refuses,rejete,rejetee
accorde,accordee/refuse,refusee ouvert,ouverte/ferme,fermee inclut,comprend/exclut hausse/baisse
public,publique/prive,privee
vor/nach mehr/weniger mindestens/hochstens erlaubt/verweigert steigt,stieg,gestiegen/sinkt,sank,fallt,fiel
kostenlos/kostenpflichtig beginnt/endet geoffnet/geschlossen akzeptiert,angenommen,genehmigt/abgelehnt
freiwillig/verpflichtend,obligatorisch
"""
_SIDES = [[side.split(",") for side in pair.split("/")] for pair in _PAIRS.split()]
_STATED = [(word, other) for one, two in _SIDES for mine, theirs in ((one, two), (two, one))
           for word in mine for other in theirs]  # fmt: skip
_OPPOSITES = {word: frozenset(other for first, other in _STATED if first == word) for word, _ in _STATED}
_TURNED = re.compile(
    r"(?:un|non)(\w{4,})|(?:in|im|il|ir)(\w{2,}(?:[ai]ble|[ae]nt|ive|if|al|id|ar|ate|ite|e?ct|et|ete|ure)s?)"
)
"""A word with what turns it round in front: `unsafe`, `incomplete`, `unzulässig`."""
_PLAIN = listed(
    "united unique uniform unanimous instant incident invent invite individual impact indirect insect"
)


def contrary(clause: Clause, other: Clause) -> bool:
    """Whether a word of `clause` has its opposite in the other one, which has no word of its side.

    What tells of both, `opens at 10 and closes at 18`, speaks against neither.
    """
    mine, theirs = ({word.folded for word in one.words if not word.denies} for one in (clause, other))
    turned = frozenset[str]().union(*map(opposites, theirs))
    against = (word for word in mine - theirs if word in turned or opposites(word) & theirs)
    return any(not _side(word) & theirs for word in against)


def _side(word: str) -> frozenset[str]:
    """The words that have an opposite in common with a folded one."""
    return frozenset[str]().union(*map(opposites, opposites(word)))


def opposites(word: str) -> frozenset[str]:
    """What says the opposite of a folded word, as far as is known without the other text."""
    found = _TURNED.fullmatch(word)
    plain = frozenset({found[1] or found[2]}) if found and word not in _PLAIN else frozenset[str]()
    return _OPPOSITES.get(word, frozenset()) | plain


def opposable(clause: Clause, source: Said) -> frozenset[str]:
    """The words of `clause` that have an opposite in the source."""
    theirs = {word.folded for one in source.sentences for word in one.words}
    turned = frozenset[str]().union(*map(opposites, theirs))
    mine = {word.folded for word in clause.words}
    return frozenset(word for word in mine if word in turned or opposites(word) & theirs)
