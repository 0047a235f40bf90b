"""Which verified duplicates go: what goes is shown by an image that stays and matches it itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods import PHash
from imagededup.methods.results import Duplicates, Removal
from imagededup.search.matches import Matches, Pairs
from imagededup.verification.relation import ACTED_ON, REMOVABLE, Relation
from imagededup.verification.verdict import Verdict, Verdicts


def verdict(word, score=0.9):
    """'<' says that the left picture is a part, '>' that the right one is."""
    if word in "<>":
        covered = (1.0, 0.4) if word == "<" else (0.4, 1.0)
        return Verdict(Relation.PART, score, left_covered=covered[0], right_covered=covered[1])
    return Verdict(Relation(word), score, left_covered=1.0, right_covered=1.0)


def duplicates(groups, pairs, reference_groups=None):
    """A verified result of images 'a', 'b', ... from pairs of groups with their verdicts."""
    ordered = sorted(pairs)
    left, right = (np.array([pair[side] for pair in ordered], np.int64) for side in (0, 1))
    verdicts = Verdicts.of([pairs[pair] for pair in ordered])
    matches = Matches(
        np.array(groups, np.int64),
        None if reference_groups is None else np.array(reference_groups, np.int64),
        Pairs(left, right, verdicts.rows["score"].copy()),
        1.0,
        descending=True,
    )
    names = [chr(ord("a") + item) for item in range(len(groups))]
    others = None
    if reference_groups is not None:
        others = [chr(ord("A") + item) for item in range(len(reference_groups))]
    return Duplicates(names, matches, "score", reference_names=others, verdicts=verdicts)


def single(pairs, count=4):
    """The same of images that all differ in their pixels; pairs by names: {"ab": "copy"}."""
    places = {tuple(ord(name) - ord("a") for name in pair): word for pair, word in pairs.items()}
    return duplicates(range(count), {pair: verdict(word) for pair, word in places.items()})


class TestPartsAndWholes:
    @pytest.mark.parametrize("keep", ["first", lambda name: name == "a", lambda name: name == "b"])
    def test_the_whole_stays_whatever_is_preferred(self, keep):
        assert single({"ab": "<"}).to_remove(keep) == ["a"]
        assert single({"ab": ">"}).to_remove(keep) == ["b"]

    def test_a_chain_of_parts_is_not_followed(self):
        """c shows more than b, and b more than a; whether c shows a nobody has looked at."""
        found = single({"ab": "<", "bc": "<"})
        assert found.removals() == [Removal("b", "c", pytest.approx(0.9))]

    def test_a_chain_that_was_verified_throughout(self):
        found = single({"ab": "<", "bc": "<", "ac": "<"})
        assert [(r.name, r.duplicate_of) for r in found.removals()] == [("a", "c"), ("b", "c")]

    def test_a_copy_of_a_part_stays_with_nothing_that_shows_it(self):
        """a goes for c, of which it is a part; b is no part of c as far as is known."""
        assert single({"ab": "copy", "ac": "<"}).to_remove() == ["a"]

    def test_a_circle_of_errors_loses_nothing(self):
        """a is part of b, b of c and c of a: a stays, and c goes for it."""
        found = single({"ab": "<", "bc": "<", "ac": ">"})
        assert found.removals() == [Removal("c", "a", pytest.approx(0.9))]

    def test_a_part_of_a_circle_comes_after_it(self):
        found = single({"ab": "<", "bc": "<", "cd": "<", "bd": ">"})
        assert "a" in found.to_remove()

    def test_the_partner_is_never_a_part(self):
        """b goes for a, its copy, and not for c, a part of it that is nearer."""
        pairs = {(0, 1): verdict("copy", 0.7), (1, 2): verdict(">", 0.99)}
        found = duplicates(range(3), pairs)
        assert found.removals() == [Removal("b", "a", pytest.approx(0.7))]

    def test_groups_of_identical_images(self):
        """b, c and d have the pixels of one part of a and e."""
        found = duplicates([0, 1, 1, 1, 0], {(0, 1): verdict(">")})
        assert [(r.name, r.duplicate_of) for r in found.removals()] == [
            ("b", "a"), ("c", "a"), ("d", "a"), ("e", "a"),
        ]  # fmt: skip
        assert found.to_remove(lambda name: name in "ce") == ["a", "b", "c", "d"]


class TestRelations:
    FOUND = single({"ab": "copy", "ac": "variant", "ad": "overlap"})

    def test_variants_and_overlaps_stay(self):
        assert self.FOUND.to_remove() == ["b"]

    @pytest.mark.parametrize(
        ("relations", "removed"),
        [
            (["variant"], ["c"]),
            ((Relation.VARIANT, "copy"), ["b", "c"]),
            ({"overlap"}, ["d"]),
            (["part", "identical"], []),
        ],
    )
    def test_those_that_are_asked_for(self, relations, removed):
        assert self.FOUND.to_remove(relations=relations) == removed

    def test_identical_images_stay_where_they_are_not_asked_for(self):
        found = duplicates([0, 0, 1, 1], {(0, 1): verdict("copy")})
        assert found.to_remove() == ["b", "c", "d"]
        assert found.to_remove(relations=["copy"]) == ["c", "d"]
        assert found.to_remove(relations=["identical"]) == ["b", "d"]

    @pytest.mark.parametrize(
        ("relations", "error", "message"),
        [
            ("copy", InvalidTypeError, "relations must be a sequence of str, got str 'copy'"),
            ([1], InvalidTypeError, "relations must be a sequence of str, got int in it"),
            (3, InvalidTypeError, "relations must be a sequence of str, got int 3"),
            ([], InvalidValueError, "relations must be of 'identical', .*'overlap', got none"),
            (["undecided"], InvalidValueError, "'overlap', got 'undecided'"),
            (["same"], InvalidValueError, "'overlap', got 'same'"),
        ],
    )
    def test_others_are_errors(self, relations, error, message):
        with pytest.raises(error, match=message):
            self.FOUND.removals(relations=relations)

    def test_codes_know_none(self):
        found = PHash().search(encoding_map={"a": "0" * 16, "b": "0" * 16})
        with pytest.raises(InvalidValueError, match="relations are of verified pairs"):
            found.to_remove(relations=["copy"])


class TestTwoCollections:
    def test_an_image_whose_duplicate_is_its_part_stays(self):
        found = duplicates([0, 1, 2], {(0, 3): verdict(">"), (1, 3): verdict("<")}, [3, 2])
        assert found.removals() == [
            Removal("b", "A", pytest.approx(0.9)),
            Removal("c", "B", 1.0),
        ]


vocabularies = st.sampled_from(
    [("<", ">"), ("copy", "<", ">"), ("copy", "<", ">", "variant", "overlap", "unrelated")]
)
scores = st.sampled_from([0.25, 0.5, 0.75])


@st.composite
def results(draw, against=False):
    """Verified results of a few images, in groups of equal pixels."""
    groups = draw(st.lists(st.integers(0, 5), min_size=1, max_size=8))
    others = draw(st.lists(st.integers(3, 8), min_size=1, max_size=6)) if against else groups
    possible = {(a, b) for a in groups for b in others if (a != b if against else a < b)}
    chosen = draw(st.sets(st.sampled_from(sorted(possible)))) if possible else set()
    words = st.sampled_from(draw(vocabularies))
    pairs = {pair: verdict(draw(words), draw(scores)) for pair in sorted(chosen)}
    return duplicates(groups, pairs, others if against else None), groups, others, pairs


def may_go(found, pairs, relations, groups, others, against):
    """For each item the items for which it may go, with the scores, by looking at every two."""
    result = {}
    for item, group in enumerate(groups):
        for other, another in enumerate(others):
            if group == another and (against or item != other):
                result.setdefault(item, {})[other] = 1.0
            turned = not against and group > another
            said = pairs.get((another, group) if turned else (group, another))
            if said is None or said.relation not in relations:
                continue
            if not (said.left_is_part if turned else said.right_is_part):
                result.setdefault(item, {})[other] = said.score
    return result


def strict(links, item, other):
    """Whether the one may go for the other and not the other way round."""
    return other in links.get(item, {}) and item not in links.get(other, {})


def plain_walk(links, count, rank):
    """The items that stay: the best of those that wait for no whole, again and again."""
    reaches = {(i, j) for i in range(count) for j in range(count) if strict(links, i, j)}
    for middle in range(count):
        for i in range(count):
            for j in range(count):
                if (i, middle) in reaches and (middle, j) in reaches:
                    reaches.add((i, j))

    def waits_for(item):
        return {
            whole
            for whole in range(count)
            if strict(links, item, whole) and (whole, item) not in reaches
        }

    kept, seen = [], set()
    while len(seen) < count:
        ready = [item for item in range(count) if item not in seen and waits_for(item) <= seen]
        item = min(ready, key=rank.index)
        seen.add(item)
        if not any(other in links.get(item, {}) for other in kept):
            kept.append(item)
    return set(kept)


@settings(deadline=None, max_examples=50)
@given(results(), st.randoms(use_true_random=False), st.sampled_from([REMOVABLE, ACTED_ON]))
def test_as_a_plain_double_loop(result, random, relations):
    found, groups, others, pairs = result
    rank = list(range(len(groups)))
    random.shuffle(rank)
    links = may_go(found, pairs, relations, groups, others, against=False)
    removals = found.removals(lambda name: -rank.index(ord(name) - ord("a")), relations)
    gone = {ord(removal.name) - ord("a") for removal in removals}
    kept = set(range(len(groups))) - gone
    assert kept == plain_walk(links, len(groups), rank)
    for removal in removals:
        allowed = links[ord(removal.name) - ord("a")]
        best = max(sorted(kept & allowed.keys()), key=lambda other: allowed[other])
        assert ord(removal.duplicate_of) - ord("a") == best
        assert removal.score == allowed[best]


@settings(deadline=None, max_examples=50)
@given(results(against=True))
def test_two_collections_as_a_plain_double_loop(result):
    found, groups, others, pairs = result
    links = may_go(found, pairs, REMOVABLE, groups, others, against=True)
    expected = []
    for item in range(len(groups)):
        if allowed := links.get(item):
            best = max(sorted(allowed), key=lambda other: allowed[other])
            expected.append(Removal(chr(97 + item), chr(65 + best), allowed[best]))
    assert found.removals() == expected


def test_a_long_chain_and_a_large_hub_take_no_time():
    """Copies in a row go by turns; of 20,000 parts of one whole the whole stays."""
    count = 20_000
    row, hub = np.arange(count - 1), np.zeros(count - 1, np.int64)
    for left, word, removed in ((row, "copy", count // 2), (hub, ">", count - 1)):
        rows = np.repeat(Verdicts.of([verdict(word)]).rows, count - 1)
        pairs = Pairs(left, np.arange(1, count), rows["score"].copy())
        matches = Matches(np.arange(count), None, pairs, 1.0, descending=True)
        names = [f"{item:06}" for item in range(count)]
        found = Duplicates(names, matches, "score", verdicts=Verdicts(rows))
        assert len(found.to_remove()) == removed
