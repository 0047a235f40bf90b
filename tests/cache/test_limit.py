"""The size of a cache: what was not used for longest goes first."""

import pytest

from imagededup.cache.codes import CodeCache
from imagededup.cache.database import current_file
from imagededup.cache.entries import CachedCode, CachedMethod
from imagededup.cache.stamps import Stamp

METHOD = CachedMethod("test", "fingerprint")
LIMIT = 1_000_000
CODE = 850


def stamps(folder, count=350):
    return [Stamp(folder, b"%05d" % number, b"state" * 8, True) for number in range(count)]


def run(place, looked_up, added, limit=LIMIT):
    """One run: how many of the images are known."""
    with CodeCache(place, limit) as cache:
        known = sum(code is not None for code in cache.find(METHOD, looked_up))
        codes = [(stamp, CachedCode(b"x" * CODE, b"")) for stamp in added]
        for begin in range(0, len(codes), 50):
            cache.add(METHOD, codes[begin : begin + 50])
            cache._commit()
    return known


def size(place):
    return sum(path.stat().st_size for path in place.iterdir())


def test_it_stays_below_its_limit(tmp_path):
    for number in range(8):
        run(tmp_path, [], stamps(b"/%d" % number))
        assert size(tmp_path) <= LIMIT
    assert size(tmp_path) > LIMIT / 2


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    first, second, third = (stamps(b"/" + name) for name in (b"a", b"b", b"c"))
    run(tmp_path, [], first)
    run(tmp_path, [], second)
    assert run(tmp_path, first, []) == 350
    run(tmp_path, first, third)
    assert run(tmp_path, first, []) == 350
    assert run(tmp_path, third, []) == 350
    assert run(tmp_path, second, []) < 350


def test_only_so_many_go_as_have_to(tmp_path):
    run(tmp_path, [], stamps(b"/a", 700))
    run(tmp_path, [], stamps(b"/b", 300))
    assert 350 < run(tmp_path, stamps(b"/a", 700), []) < 700
    assert run(tmp_path, stamps(b"/b", 300), []) == 300


def test_a_folder_that_is_larger_than_the_limit_keeps_what_fits(tmp_path):
    """A run that puts out what the next one needs first would never find anything."""
    images = stamps(b"/a", 2000)
    run(tmp_path, images, images)
    first = run(tmp_path, images, [])
    assert first > 500
    for _ in range(3):
        known = run(tmp_path, images, images[first:])
        assert known >= first * 0.7
        assert size(tmp_path) <= LIMIT * 1.1


def test_a_limit_that_is_lowered(tmp_path):
    for name in (b"/a", b"/b"):
        run(tmp_path, [], stamps(name))
    before = size(tmp_path)
    run(tmp_path, [], stamps(b"/c", 10), limit=LIMIT // 4)
    assert size(tmp_path) < min(before, LIMIT // 3)
    assert run(tmp_path, stamps(b"/c", 10), []) == 10


def test_a_changed_file_takes_the_place_of_its_former_self(tmp_path):
    run(tmp_path, [], stamps(b"/a"))
    before = size(tmp_path)
    for number in range(10):
        changed = [stamp._replace(state=b"%040d" % number) for stamp in stamps(b"/a")]
        run(tmp_path, [], changed)
        assert run(tmp_path, changed, []) == 350
    assert size(tmp_path) < 1.5 * before


def test_use_is_noted_without_writing_every_time(tmp_path):
    """Below half the limit every ninth run notes what it used."""
    run(tmp_path, [], stamps(b"/a"))
    written = []
    for _ in range(10):
        before = current_file(tmp_path).read_bytes()
        run(tmp_path, stamps(b"/a"), [])
        after = current_file(tmp_path).read_bytes()
        written.append(sum(one != other for one, other in zip(before, after, strict=True)))
    assert sorted(written)[-2] < 50 < 350 <= max(written)


@pytest.mark.parametrize("folders", [1, 40])
def test_codes_of_many_methods_and_folders(tmp_path, folders):
    for number in range(6):
        method = CachedMethod("test", f"version {number}")
        with CodeCache(tmp_path, LIMIT) as cache:
            for folder in range(folders):
                added = stamps(b"/%d" % folder, 400 // folders)
                cache.add(method, [(stamp, CachedCode(b"x" * CODE, b"")) for stamp in added])
        with CodeCache(tmp_path, LIMIT) as cache:
            found = cache.find(method, stamps(b"/0", 400 // folders))
        assert None not in found
        assert size(tmp_path) <= LIMIT
