"""The experts of the mixture, one a module, all of the same shape.

An expert is a ``NamedTuple`` of arrays, its state, and plain functions: ``new`` makes a state, ``grow`` makes
room for more columns and classes, ``predict`` writes class probabilities, ``observe`` (where the expert learns
from every event) and ``learn`` (a label) change the state in place. The compiled ones allocate nothing.
"""
