"""Hundreds of hostile files through every encoder, the runner, the pages and `remove`.

Each command has 2 GiB of memory and some minutes: it ends as documented, lists every bad file with
a reason, and finds the copies among the readable ones and no others.
"""

import csv
import json
import os
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from imagededup import PHash
from tests.hostile.bounded import MEMORY, bounded
from tests.hostile.corpus import make_corpus
from tests.hostile.pages import strange_parts

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs the files of POSIX")
METHODS = ("PHash", "DHash", "AHash", "WHash", "CNN")


def check(corpus, names, failures, pairs, expected, allowed=lambda *_: False):
    """What a search has listed and found."""
    assert [name for name, count in Counter(failures).items() if count > 1] == []
    assert set(names) & set(failures) == set()
    assert corpus.whole <= set(names)
    assert corpus.bad <= set(failures)
    assert all(name.split("/")[0] != "special" for name in (*names, *failures))
    files = {path for path in corpus.scenes if not re.search(r"\.(tar|zip|tgz|gz)(/|$)", path)}
    assert files <= {*names, *failures}  # none is passed over
    assert expected - pairs == set()
    false = [sorted(pair) for pair in pairs if not (corpus.is_true(*pair) or allowed(*pair))]
    assert false == []


def listing(folder):
    """All that is no folder, by its name below this one."""
    return {
        os.path.relpath(f"{root}/{name}", folder)
        for root, _, found in os.walk(folder)
        for name in found
    }


def is_damaged(one, other):
    return one.startswith("damaged/") and other.startswith("damaged/")


def test_a_share_of_it(tmp_path):
    corpus = make_corpus(tmp_path / "images", every=52)
    found = PHash(verbose=False).search(tmp_path / "images", recursive=True)
    pairs = {frozenset((a, b)) for a, others in found.to_dict().items() for b in others}
    assert all(failure.reason.isprintable() and failure.reason for failure in found.failures)
    failures = [failure.name for failure in found.failures]
    check(corpus, found.names, failures, pairs, corpus.copies(), is_damaged)
    page = found.to_html(tmp_path / "page.html", verbose=False)
    assert strange_parts(page.path) == []


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    begin = time.monotonic()
    corpus = make_corpus(tmp_path_factory.mktemp("hostile") / "images")
    print(f"\n{sum(corpus.kinds.values())} files in {time.monotonic() - begin:.0f} s:")
    print("  " + ", ".join(f"{count} {kind}" for kind, count in corpus.kinds.most_common()))
    assert sum(corpus.kinds.values()) >= 300
    return corpus


@pytest.mark.long
class TestAll:
    @pytest.fixture
    def run(self, tmp_path):
        """Run a command and check what holds for each of them; print what it took."""

        def call(what, *arguments, seconds=240):
            ended = bounded(*arguments, seconds=seconds, folder=tmp_path)
            print(f"{what}: {ended.seconds:.0f} s, {ended.peak / 2**20:.0f} MiB")
            assert ended.code == 0, ended.err[-3000:]
            assert "Traceback" not in ended.err
            assert ended.peak < MEMORY
            said = ended.out + ended.err
            assert {c for c in said if not c.isprintable() and not "\udc80" <= c <= "\udcff"} <= {
                "\n"
            }
            return ended

        return call

    def test_every_encoder(self, corpus, run, tmp_path):
        out, page = tmp_path / "found.json", tmp_path / "page.html"
        for methods in (METHODS[:4], METHODS[4:]):
            arguments = ("-m", "tests.hostile.search_all", corpus.folder, out, page, *methods)
            run("Searches by " + ", ".join(methods), *arguments)
            for method, found in json.loads(out.read_text()).items():
                self.check_search(corpus, method, found)
            assert strange_parts(page) == []

    def check_search(self, corpus, method, found):
        pairs = {frozenset((a, b)) for a, others in found["pairs"].items() for b in others}
        expected = corpus.copies()
        if method == "CNN":
            expected = {pair for pair in expected if not pair & corpus.pale}
        failures = dict(found["failures"])
        allowed = is_damaged if method == "AHash" else lambda *_: False  # what is left is grey
        listed = [name for name, _ in found["failures"]]
        check(corpus, found["names"], listed, pairs, expected, allowed)
        assert all(reason.isprintable() and reason for reason in failures.values())
        reasons = Counter(re.sub(r"[\d.,]+", "N", reason)[:60] for reason in failures.values())
        print(f"  {method}: {len(found['names'])} read, {len(pairs)} pairs, all of them true")
        print(f"  {len(failures)} bad: ", end="")
        print("; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(6)))

    def test_the_runner_and_its_pages(self, corpus, run, tmp_path):
        work = tmp_path / "work"
        arguments = ("-m", "imagededup", "fastdup", corpus.folder, "--work_dir", work)
        ended = run("Runner", *arguments, "--verify", 1)

        def rows(name):
            with (work / name).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
                return list(csv.DictReader(file))

        def short(path):
            return path.removeprefix(f"{corpus.folder}/")

        names = [short(row["filename"]) for row in rows("features.dat.csv")]
        failures = [short(row["filename"]) for row in rows("features.bad.csv")]
        assert all(row["error"].isprintable() and row["error"] for row in rows("features.bad.csv"))
        pairs = {
            frozenset((short(row["from"]), short(row["to"])))
            for row in rows("verified.csv")
            if row["relation"] in ("identical", "copy")
        }
        failures += re.findall(r"^imagededup: (\S+): ", ended.err, re.MULTILINE)  # of containers
        check(corpus, names, failures, pairs, set())
        code = (
            "import sys; from imagededup import fastdup as f; w = sys.argv[1]\n"
            "f.create_duplicates_gallery(w + '/similarity.csv', w)\n"
            "f.create_outliers_gallery(w + '/outliers.csv', w)\n"
            "f.create_similarity_gallery(w + '/similarity.csv', w)\n"
            "f.create_components_gallery(w, w)\n"
            "f.create_stats_gallery(w, w)\n"
        )
        run("Galleries", "-c", code, work)
        pages = sorted(work.glob("*.html"))
        assert len(pages) == 5
        assert [strange_parts(page) for page in pages] == [[]] * 5

    def test_the_report(self, corpus, run, tmp_path):
        page = tmp_path / "report.html"
        arguments = ("-m", "imagededup", "report", corpus.folder, "-r", "-m", "phash", "-o", page)
        run("Report", *arguments)
        assert strange_parts(page) == []

    def test_remove(self, corpus, run, tmp_path):
        """The last test: it moves files away."""
        arguments = ("-m", "imagededup", "remove", corpus.folder, "-r")

        before = listing(corpus.folder)
        run("Remove, dry", *arguments)
        assert listing(corpus.folder) == before
        moved_to = tmp_path / "moved"
        run("Remove", *arguments, "--move-to", moved_to)
        moved = listing(moved_to) & before
        assert listing(corpus.folder) == before - moved
        assert not moved & corpus.bad
        kept = {corpus.scenes[name] for name in before - moved if name in corpus.scenes}
        assert {corpus.scenes[name] for name in moved} <= kept  # of each picture something stays
        print(f"  {len(moved)} files moved, of each picture one stays")
        assert len(moved) > 100
        ended = run("Remove again", *arguments)
        assert ended.out.startswith("0 of ")
        assert Path(corpus.folder).is_dir()
