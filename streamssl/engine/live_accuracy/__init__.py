"""How right the predictions of all events are, although few of them ever get a label.

People are asked about events with known probabilities, and answer. From their answers follow an estimate and an
interval that holds: about the recent events and since a fixed start; for each predicted class, for pseudo-labels,
for the twin and the gain over it. What enters and what does not:

==========================================  =================================================================
case                                        rule
==========================================  =================================================================
answer to a request                         counts, with its propensity
correction                                  takes the answer's place
retraction                                  removes it; the request is open again until it expires
volunteered label                           stays out: who volunteers chooses what to label
label made with the guess shown             stays out, and the event counts as unanswered
"I don't know", expired, swallowed by cap   unanswered: the guaranteed interval allows for the worst
request with a key beyond the reach         stays out, answered or not: see `streamssl.engine.asking.reach`
request that is still open                  the window ends before it
event asked about with no class known       stays out: nothing was predicted
==========================================  =================================================================

``intervals`` has the method, ``blocks`` and ``requests`` what is kept, ``estimator`` how it comes there,
``evidence`` what it says of whom, ``reading`` all the estimates. See docs/live-accuracy.md.
"""

from __future__ import annotations

from streamssl.engine.live_accuracy.estimator import LiveAccuracy, Observed
from streamssl.engine.live_accuracy.intervals import Estimate
from streamssl.engine.live_accuracy.reading import Comparison, Reading, read

__all__ = ["Comparison", "Estimate", "LiveAccuracy", "Observed", "Reading", "read"]
