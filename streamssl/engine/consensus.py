"""What the answers about one event come to: the label that holds, and how likely each class is.

=======================================  ===========================================================================
answers                                  what is learnt
=======================================  ===========================================================================
one, without an annotator                the label, as it is (unless `annotators.unnamed` is ``weighed``)
several, the last without an annotator   that label: it speaks for the record, not for a person
one or more, with annotators             every class with its probability: what the model said of the event when it
                                         passed, times how likely each annotator is to answer this to that class
all the same class with under 20 labels  the label, as it is: a good reviewer who knows a new class looks wrong
some such class, some another            what the annotators are worth; the model has no say
only classes that it is not              all that were named; as long as nobody names the class
=======================================  ===========================================================================

The label that holds is always one that somebody gave: the likeliest by the annotators alone. What is said about
how right the model is rests on it, and the model has no part in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamssl.config import AnnotatorSettings
from streamssl.engine.annotators import Annotators
from streamssl.engine.learnt import LearntExamples
from streamssl.engine.table_of_mistakes import RIGHT, WIDTH
from streamssl.messages import Label

MODEL = 0.8
"""Weight of what the model said, beside the classes' shares: it must not be so sure that no label moves it."""
FEW = 20
"""Labels below which a class is young."""
LEAST_SHARE = 1e-3
"""Probability below which a class is left out."""

Soft = tuple[tuple[str, float], ...]
"""Classes and their probabilities, the likeliest first; they sum to 1."""


class Consensus(NamedTuple):
    """What is learnt of an event."""

    label: str | None
    """The label that holds; None where there are only classes that it is not."""
    excluded: tuple[str, ...]
    """Classes that it is not; empty where ``label`` is given."""
    soft: Soft | None
    """None: the label, as it is."""
    answers: tuple[tuple[str | None, str], ...]
    """Who gave which label, as far as it is to be counted."""


def consensus(
    key: int,
    answers: Sequence[Label],
    said: NDArray[np.float64],
    classes: Sequence[str],
    learnt: LearntExamples,
    annotators: Annotators,
    settings: AnnotatorSettings,
) -> Consensus:
    """Return what the answers about an event come to.

    Parameters
    ----------
    key
        Of the event in ``learnt`` and ``annotators``.
    answers
        At least one, of one annotator each, the newest last.
    said
        (k,) what the model said of the event when it passed; all 0: nothing.
    classes
        Names of at least these k classes.
    learnt
        What was learnt lately: how many labels of each class.

    Notes
    -----
    Cost: some 100 us and what reading one table of mistakes an answer costs.
    """
    given = [answer for answer in answers if answer.label is not None]
    if not given:
        excluded = dict.fromkeys(name for answer in answers for name in answer.excluded)
        return Consensus(None, tuple(excluded), None, ())
    newest = given[-1]
    assert newest.label is not None, "it was chosen for it"
    is_trusted = newest.annotator is None and settings.unnamed == "trusted" and newest is answers[-1]
    counted = () if is_trusted and len(given) == 1 else tuple((each.annotator, each.label or "") for each in given)
    if is_trusted:
        return Consensus(newest.label, (), None, counted)
    if settings.rule == "equal":
        return _vote(given, counted)
    labelled = _labelled_otherwise(learnt, key)
    if labelled.get(newest.label, 0) < FEW and all(each.label == newest.label for each in answers):
        return Consensus(newest.label, (), None, counted)
    names = [*classes, *dict.fromkeys(name for _, name in counted if name not in classes)]
    number = {name: k for k, name in enumerate(names)}
    young = [k for k, name in enumerate(names) if labelled.get(name, 0) < FEW]
    likelihood = np.ones(len(names))
    for answer in answers:
        likelihood *= _likelihood(answer, number, _table_of(annotators, answer, len(names), young, key, settings))
    if any(number[name] in young for _, name in counted):
        prior = np.full(len(names), 1 / len(names))
    else:
        prior = _prior(said, names, labelled)
    label = max(reversed(given), key=lambda each: likelihood[number[each.label or ""]]).label
    return Consensus(label, (), _soft(names, prior * likelihood), counted)


def _labelled_otherwise(learnt: LearntExamples, key: int) -> Mapping[str, int]:
    """Return class -> labels, without what was said before of the event that is to be judged."""
    said = learnt.get(key)
    if said is None or said.label is None:
        return learnt.labelled
    return learnt.labelled - Counter({said.label: 1})


def said_when_it_passed(experts: NDArray[np.uint8], decision: int, confidence: float) -> NDArray[np.float64]:
    """Return (k,) what the model said of an event, from what the pending store remembers of it.

    Beside the decision's, the probabilities are shared out as the experts (e, k) did on average.

    Examples
    --------
    >>> experts = np.array([[51, 102, 102], [51, 0, 204]], np.uint8)
    >>> said_when_it_passed(experts, decision=2, confidence=0.7).round(2)
    array([0.15, 0.15, 0.7 ])
    """
    if decision < 0:
        return np.zeros(experts.shape[1])
    others = experts.sum(axis=0, dtype=np.int64) + 1.0
    others[decision] = 0
    said: NDArray[np.float64] = others * ((1 - confidence) / max(1.0, others.sum()))
    said[decision] = confidence
    return said


def _vote(given: Sequence[Label], counted: tuple[tuple[str | None, str], ...]) -> Consensus:
    """Return the label that most say, of equals the newest; its share is its share of the votes."""
    votes: dict[str, int] = {}
    for answer in reversed(given):
        votes[answer.label or ""] = votes.get(answer.label or "", 0) + 1
    label = max(votes, key=votes.__getitem__)
    if len(votes) == 1:
        return Consensus(label, (), None, counted)
    return Consensus(label, (), _soft(list(votes), np.array(list(votes.values()), dtype=np.float64)), counted)


def _table_of(
    annotators: Annotators,
    answer: Label,
    n_classes: int,
    young: Sequence[int],
    key: int,
    settings: AnnotatorSettings,
) -> NDArray[np.float64]:
    """Return the table of mistakes of who gave an answer; a label that nobody signed is a newcomer's."""
    if answer.annotator is None and settings.unnamed == "trusted":
        return Annotators().confusion(None, n_classes)
    return annotators.confusion(answer.annotator, n_classes, young, without=key)


def _likelihood(answer: Label, number: Mapping[str, int], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how likely the answer is to an event of each class."""
    n_classes = len(number)
    if answer.label is None:
        excluded = [number[name] for name in answer.excluded if name in number]
        likelihood = np.full(n_classes, RIGHT)
        likelihood[excluded] = 1 - RIGHT
        return likelihood
    sure = 1.0 if answer.confidence is None else answer.confidence
    likely: NDArray[np.float64] = sure * table[:, number[answer.label]] + (1 - sure) / n_classes
    return likely


def _prior(said: NDArray[np.float64], names: Sequence[str], labelled: Mapping[str, int]) -> NDArray[np.float64]:
    counts = np.array([labelled.get(name, 0) + 1.0 for name in names])
    shares: NDArray[np.float64] = counts / counts.sum()
    total = said.sum()
    if total <= 0:
        return shares
    model = np.zeros(len(names))
    model[: len(said)] = said / total
    return MODEL * model + (1 - MODEL) * shares


def _soft(names: Sequence[str], likely: NDArray[np.float64]) -> Soft:
    """Return the likeliest classes with their probabilities."""
    shares = likely / likely.sum()
    order = np.argsort(-shares, kind="stable")[:WIDTH]
    order = order[shares[order] >= LEAST_SHARE]
    kept = shares[order] / shares[order].sum()
    return tuple((names[k], round(share, 6)) for k, share in zip(order.tolist(), kept.tolist(), strict=True))
