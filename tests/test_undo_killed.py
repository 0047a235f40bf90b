"""A removal that is killed at any moment: the journal tells the truth, and all of it comes back."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from imagededup.pages.embed import state_text
from imagededup.removal import restore
from imagededup.removal.journal_reader import JournalReader
from imagededup.sources.listing import list_images
from tests.conftest import wait_until
from tests.test_moving import elsewhere  # noqa: F401 - a fixture
from tests.test_undo import picture

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")

long = pytest.mark.long
CHECKOUT = Path(__file__).parents[1]

AT_EVERY_CALL = """
import os, resource, shutil, signal, sys
from pathlib import Path
from imagededup.removal import carry_out_marked, delete, move_into, read_marked, restore, trash
from tests.test_marked import line
from tests.test_undo_killed import check_truth
from tests.test_undo import picture

root, kind, away, what = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
photos, journal, marked = root / "photos", root / "journal.jsonl", root / "marked.jsonl"
action = {"delete": delete, "move": move_into(away), "trash": trash}[kind]

def set_up():
    for folder in (photos, away):
        shutil.rmtree(folder, ignore_errors=True)
    journal.unlink(missing_ok=True)
    (photos / "sub").mkdir(parents=True)
    for number, name in enumerate(("a", "b", "sub/c")):
        (photos / name).write_bytes(b"picture %d" % number)
        os.utime(photos / name, ns=(10**18, 10**18))
    shutil.copy2(photos / "a", photos / "same")
    (photos / "link").symlink_to("sub/../b")
    marked.write_text("".join(line(photos, n, "a") for n in ("b", "same", "sub/c", "link")))

def remove():
    for _ in carry_out_marked(read_marked([marked]), action, journal):
        pass

def die_at(moment, work):
    def die(*_, seen=[0]):
        seen[0] += 1
        if seen[0] == moment + 1:
            os.kill(os.getpid(), signal.SIGKILL)
    if what == "write":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (moment * 97, moment * 97))
    else:
        sys.addaudithook(die)
    work()
    os._exit(0)

deaths = 0
for moment in range(2000):
    set_up()
    before = picture(photos)
    if what == "restore":
        remove()
    child = os.fork()
    if not child:
        die_at(moment, (lambda: list(restore(journal))) if what == "restore" else remove)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    check_truth(photos, before, journal)
    lost = set() if kind != "delete" else {"b", "sub/c"} - set(picture(photos))
    for again in range(2):
        results = list(restore(journal)) if journal.exists() else []
        now = {n: c for n, c in picture(photos).items() if not Path(n).name.startswith(".")}
        assert now == {n: c for n, c in before.items() if n not in lost}, (moment, results)
        assert [r.path.name for r in results if r.result == "failed"] == sorted(
            (Path(n).name for n in lost), reverse=True), results
    assert {r.result for r in results} <= {"there", "failed"}
    if code == 0:
        break
    assert code in (-signal.SIGKILL, -signal.SIGXFSZ), code
    deaths += 1
print(deaths)
"""


def check_truth(photos, before, journal):
    """That every file is whole in its place or where the journal says, if it was not deleted."""
    now = picture(photos)
    gone = {name: content for name, content in before.items() if now.get(name) != content}
    if not gone:
        return
    with JournalReader(journal) as reader:
        intents = {intent.name: intent for intent in reader.backwards()}
    for name, content in gone.items():
        assert name not in now, f"{name} is a part of what it was"
        intent = intents[name]
        assert intent.path == Path(os.path.realpath((photos / name).parent)) / Path(name).name
        if intent.place is None:
            continue
        if isinstance(content, str):
            assert intent.place.is_symlink()
            assert intent.link == "sub/../b"
        else:
            assert intent.place.read_bytes() == content[2]


def die_everywhere(tmp_path, kind, away, what):
    done = subprocess.run(
        [sys.executable, "-c", AT_EVERY_CALL, tmp_path, kind, away, what],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


class TestAtEveryCall:
    """At every call that Python reports, and in the middle of writing the journal."""

    @pytest.mark.parametrize(
        "kind", ["move", *(pytest.param(kind, marks=long) for kind in ("trash", "delete"))]
    )
    def test_of_a_removal(self, tmp_path, kind):
        assert die_everywhere(tmp_path, kind, tmp_path / "away", "call") > 30

    @long
    def test_of_a_removal_to_another_file_system(self, tmp_path, elsewhere):  # noqa: F811
        assert die_everywhere(tmp_path, "move", elsewhere / "away", "call") > 30

    def test_of_the_journal(self, tmp_path):
        assert die_everywhere(tmp_path, "move", tmp_path / "away", "write") > 20

    @pytest.mark.parametrize(
        "kind", ["trash", *(pytest.param(kind, marks=long) for kind in ("move", "delete"))]
    )
    def test_of_a_restoration(self, tmp_path, kind):
        assert die_everywhere(tmp_path, kind, tmp_path / "away", "restore") > 20

    @long
    def test_of_a_restoration_from_another_file_system(self, tmp_path, elsewhere):  # noqa: F811
        assert die_everywhere(tmp_path, "move", elsewhere / "away", "restore") > 20


COUNT = 300
"""Files of a removal by the command; two thirds of the work is done when the last kill comes."""


class Collection:
    """Many small files, half of them with the bytes of the one that stays, and a list of them."""

    def __init__(self, root):
        self.photos, self.list = root / "photos", root / "marked.jsonl"
        self.journal, self.away = root / "journal.jsonl", root / "away"
        self.photos.mkdir()
        for number in range(COUNT + 1):
            content = b"picture" * 500 + (b"%d" % number if number % 2 else b"")
            (self.photos / f"{number:03}.png").write_bytes(content)
        self.before = picture(self.photos)
        states = list_images(self.photos)
        rows = [
            {
                "remove": name, "folder": str(self.photos), "state": state_text(states.state(name)),
                "keep": "000.png", "keep_folder": str(self.photos),
                "keep_state": state_text(states.state("000.png")), "relation": "copy", "score": 1,
            }
            for name in states.names[1:]
        ]  # fmt: skip
        self.list.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def command(self, kind):
        """The removal as a process."""
        how = {"delete": ["--delete", "--yes"], "move": ["--move-to", str(self.away)]}
        arguments = ["remove", "--list", str(self.list), "--journal", str(self.journal)]
        return subprocess.Popen(
            [sys.executable, "-m", "imagededup", *arguments, *how.get(kind, ["--trash"])],
            cwd=CHECKOUT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def killed(self, kind, acts):
        """Kill the command when its journal tells of so many acts; how many had gone by then."""
        process = self.command(kind)
        wait_until(lambda: self.outcomes() >= acts or process.poll() is not None)
        process.kill()
        process.wait()
        check_truth(self.photos, self.before, self.journal)
        return len(self.before) - len(picture(self.photos))

    def outcomes(self):
        return self.journal.read_bytes().count(b'"outcome"') if self.journal.exists() else 0

    def restored(self, kind):
        """Undo it twice, and return how many files came back the first time."""
        results = Counter(one.result for one in restore(self.journal))
        now = picture(self.photos)
        lost = {name for name in self.before if name not in now}
        assert now == {n: c for n, c in self.before.items() if n not in lost}
        assert len(lost) == results["failed"]
        assert kind == "delete" or not lost
        assert all(int(name[:3]) % 2 for name in lost)  # of the others the bytes are still there
        again = Counter(one.result for one in restore(self.journal))
        assert set(again) <= {"there", "failed"}
        assert picture(self.photos) == now
        return results["restored"] + results["copied"], len(lost)


def kill_the_command(tmp_path, kind, moments):
    """How many kills came before the end, and how many files were gone, came back and are lost."""
    kills = gone = back = lost = 0
    for number, acts in enumerate(moments):
        root = tmp_path / f"{kind}{number}"
        root.mkdir()
        collection = Collection(root)
        taken = collection.killed(kind, acts)
        kills += taken < COUNT
        restored, failed = collection.restored(kind)
        assert restored + failed == taken
        gone, back, lost = gone + taken, back + restored, lost + failed
    return kills, gone, back, lost


def test_the_command_killed_once(tmp_path):
    kills, gone, back, lost = kill_the_command(tmp_path, "move", [50])
    assert (kills, lost) == (1, 0)
    assert back == gone >= 50


@long
@pytest.mark.parametrize("kind", ["move", "trash", "delete"])
def test_the_command_killed_twenty_times(tmp_path, kind):
    moments = [1 + place * COUNT * 2 // 3 // 20 for place in range(20)]
    kills, gone, back, lost = kill_the_command(tmp_path, kind, moments)
    print(
        f"\n{kind}: 20 kills at {moments[0]} to {moments[-1]} of {COUNT} acts, {kills} before the "
        f"end; {gone} files were gone, {back} came back, {lost} deleted ones had no copy, "
        "0 were half written"
    )
    assert kills == 20
    assert back + lost == gone
    assert kind == "delete" or lost == 0
