"""The order in which pairs are verified, and what is held meanwhile."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imagededup.verification.visits import visiting_order, visits

pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30)


def of(some, most):
    left, right = (np.array([pair[side] for pair in some], np.int64) for side in (0, 1))
    return list(visits(left, right, visiting_order(left, right), most))


@settings(deadline=None)
@given(pairs, st.integers(2, 6))
def test_both_items_are_held_when_a_pair_has_its_turn(some, most):
    held = set()
    turns = of(some, most)
    for turn in turns:
        assert not held & set(turn.looks)
        held |= set(turn.looks)
        assert {turn.left, turn.right} <= held
        assert len(held) <= most + len(turn.looks)
        held -= set(turn.drops)
        assert len(held) <= most
    assert held == set()
    assert sorted(turn.pair for turn in turns) == list(range(len(some)))
    assert [some[turn.pair] for turn in turns] == [(turn.left, turn.right) for turn in turns]


@settings(deadline=None)
@given(pairs)
def test_each_item_is_looked_at_once_where_all_fit(some):
    looks = [item for turn in of(some, 10) for item in turn.looks]
    assert sorted(looks) == sorted({item for pair in some for item in pair})


def test_few_are_held_where_pairs_are_of_small_groups():
    """A thousand groups of five, their items far apart, take room for one group."""
    groups = np.random.default_rng(0).permutation(5000).reshape(1000, 5)
    some = [(int(g[i]), int(g[j])) for g in groups for i in range(5) for j in range(i)]
    assert sum(len(turn.looks) for turn in of(some, 6)) == 5000


def test_few_are_held_where_pairs_are_a_chain_or_share_a_hub():
    places = np.random.default_rng(0).permutation(2000).tolist()
    chain = list(itertools.pairwise(places))
    hub = [(places[0], place) for place in places[1:]]
    for some in (chain, hub):
        assert sum(len(turn.looks) for turn in of(some, 3)) == 2000
