"""Random maps of duplicates."""

from itertools import combinations

from hypothesis import strategies as st


def symmetric(names, pairs):
    found = {name: [] for name in names}
    for one, other in pairs:
        found[one].append(other)
        found[other].append(one)
    return found


@st.composite
def names_of_images(draw, least=1):
    count = draw(st.integers(least, 8))
    return draw(st.permutations([f"image {number}.jpg" for number in range(count)]))


@st.composite
def truths(draw, names, least=0):
    pairs = list(combinations(names, 2))
    wanted = st.lists(st.sampled_from(pairs), unique=True, min_size=least) if pairs else st.just([])
    return symmetric(names, draw(wanted))


@st.composite
def ranked_cases(draw):
    """Any list of names for every image, in both directions or not, without repeats."""
    names = draw(names_of_images())
    truth = draw(truths(names))
    ranked = {}
    for name in names:
        others = [other for other in names if other != name]
        ranked[name] = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
    return truth, ranked


@st.composite
def scored_cases(draw, least=0, complete=False):
    """A symmetric retrieved map with distances, many of them equal."""
    names = draw(names_of_images(least=2))
    truth = draw(truths(names, least))
    pairs = list(combinations(names, 2))
    chosen = pairs if complete else draw(st.lists(st.sampled_from(pairs), unique=True))
    distances = {pair: draw(st.integers(0, 6)) for pair in chosen}
    scored = {name: [] for name in names}
    for (one, other), distance in distances.items():
        scored[one].append((other, distance))
        scored[other].append((one, distance))
    return truth, scored, distances
