"""All that writes, as runs that faults strike: what it takes, and what it leaves in the end."""

import shutil
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import textured

__all__ = [
    "JOBS",
    "Job",
    "Stage",
    "contents",
    "is_work_in_progress",
    "make_inputs",
    "pictures_of",
    "shared_out",
    "warm",
]


@dataclass(frozen=True)
class Stage:
    """Where a job runs.

    Attributes:
        inputs: Pictures and results that no job changes.
        own: Copies of pictures that are removed and restored.
        place: Where all output goes, by the name that the command is given.
        seen: The same folder as this process sees it.
    """

    inputs: Path
    own: Path
    place: Path
    seen: Path

    def text(self, template):
        """A template with the folders in their places."""
        return template.format(inputs=self.inputs, own=self.own, place=self.place)

    def clear(self):
        """Leave nothing of an earlier run."""
        for folder in (self.own, self.seen):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@dataclass(frozen=True)
class Job:
    """A command, or lines of Python.

    Attributes:
        name: For figures and messages.
        line: Its arguments, with the folders of the stage in braces; or the lines.
        prepare: Puts there what it finds.
        python: Whether it is lines of Python.
        moves: Whether it moves pictures, none of which may be lost.
        sizes: On how many full disks it is tried.
    """

    name: str
    line: str
    prepare: Callable[[Stage], None] = lambda _: None
    python: bool = False
    moves: bool = False
    sizes: int = 5

    def request(self, stage):
        """What `Commands.run` takes: arguments and conditions."""
        text = stage.text(self.line)
        return ([], {"python": text}) if self.python else (text.split(), {})

    def lay_out(self, stage):
        """Put everything there as it is before the job."""
        stage.clear()
        (stage.seen / "other").write_bytes(b"before")
        self.prepare(stage)


def _pictures(stage):
    shutil.copytree(stage.inputs / "photos", stage.own, dirs_exist_ok=True)


def _hashes_of_half(stage):
    shutil.copy(stage.inputs / "half.npz", stage.seen / "hashes.npz")


def _older_results(stage):
    for name in ("found.json", "found.csv", "hashes.json"):
        (stage.seen / name).write_text("{}")


def _work_folder(stage):
    shutil.copytree(stage.inputs / "work", stage.seen / "work")


_GALLERIES = """
from imagededup import fastdup
work = "{place}/work"
fastdup.create_duplicates_gallery(work + "/similarity.csv", work)
fastdup.create_outliers_gallery(work + "/outliers.csv", work)
fastdup.create_components_gallery(work, work)
fastdup.create_stats_gallery(work, work)
"""
_SPLIT = """
from pathlib import Path
from imagededup.pages import NamedPicture, PagePicture, PictureSection, write_page
names = [f"{{number:02}}.jpg" for number in range(16)]
pictures = [NamedPicture(PagePicture(name, Path("{inputs}/photos"))) for name in names]
section = PictureSection("All", pictures * 400)
write_page("{place}/page.html", "Many", [section], max_bytes=1_000_000)
"""

JOBS = (
    Job("find, JSON", "find {inputs}/photos --scores -o {place}/found.json", _older_results),
    Job("find, JSON lines", "find {inputs}/photos --format groups -o {place}/found.jsonl"),
    Job(
        "find, CSV, verified",
        "find {inputs}/photos -m cnn --verify -o {place}/found.csv",
        _older_results,
    ),
    Job("encode, JSON", "encode {inputs}/photos -o {place}/hashes.json", _older_results),
    Job("encode, CSV", "encode {inputs}/photos -o {place}/hashes.csv"),
    Job("encode, npz", "encode {inputs}/photos -m cnn -o {place}/descriptors.npz"),
    Job(
        "encode --append",
        "encode {inputs}/photos --append -o {place}/hashes.npz",
        _hashes_of_half,
    ),
    Job("report", "report {inputs}/photos -o {place}/report.html"),
    Job("fastdup", "fastdup {inputs}/photos --work_dir={place}/work --verify=1", sizes=20),
    Job(
        "fastdup, over earlier results",
        "fastdup {inputs}/more --work_dir={place}/work --threshold=0.7",
        _work_folder,
        sizes=12,
    ),
    Job("galleries", _GALLERIES, _work_folder, python=True),
    Job("pages of several files", _SPLIT, python=True),
    Job("evaluate", "evaluate {inputs}/truth.csv {inputs}/found.json -o {place}/scores.json"),
    Job("sweep", "sweep {inputs}/photos {inputs}/truth.csv -m phash -o {place}/sweep.csv"),
    Job(
        "plot, PNG",
        "plot duplicates {inputs}/photos {inputs}/found.json 00.jpg -o {place}/plot.png",
    ),
    Job("plot, PDF", "plot clusters {inputs}/photos {inputs}/found.json -o {place}/plot.pdf"),
    Job("plot, SVG", "plot histogram {inputs}/found.json -t 10 -o {place}/plot.svg"),
    Job(
        "remove --move-to",
        "remove {own} --move-to {place}/away --journal {place}/journal",
        _pictures,
        moves=True,
        sizes=12,
    ),
)


def make_inputs(folder: Path, commands) -> None:
    """Make pictures, and results that jobs read."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    for number in range(16):
        image = textured(number // 2, (480, 360))
        image = image.resize((320, 240)) if number % 2 else image
        image.save(photos / f"{number:02}.jpg")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    shutil.copytree(photos, folder / "more")
    textured(100).save(folder / "more" / "new.jpg")
    shutil.copytree(photos, folder / "half", ignore=lambda *_: ["10.jpg", "11.jpg", "12.jpg"])
    pairs = "".join(f"{number:02}.jpg,{number + 1:02}.jpg\n" for number in range(0, 16, 2))
    (folder / "truth.csv").write_text(f"image,duplicate\n{pairs}")
    commands.warm(
        ["find", photos, "--scores", "-o", folder / "found.json"],
        ["find", photos, "-m", "cnn", "--verify"],
        ["encode", folder / "half", "-o", folder / "half.npz"],
        ["report", photos, "-o", folder / "report.html"],
        ["fastdup", photos, f"--work_dir={folder}/work"],
        ["sweep", photos, folder / "truth.csv"],
        ["evaluate", folder / "truth.csv", folder / "found.json"],
        ["plot", "histogram", folder / "found.json", "-t", "10", "-o", folder / "h.pdf"],
        ["plot", "histogram", folder / "found.json", "-t", "10", "-o", folder / "h.svg"],
    )


def warm(commands, inputs):
    """Have another process import and compile what jobs need."""
    found = inputs / "found.json"
    commands.warm(
        ["find", inputs / "photos", "-m", "cnn", "--verify"],
        ["plot", "histogram", found, "-t", "10", "-o", inputs / "other.png"],
    )


def shared_out(jobs, workers):
    """What workers, which work at the same time, return for each job, by its name."""
    waiting = list(jobs)

    def work(worker):
        found = {}
        while waiting:
            job = waiting.pop()
            found[job.name] = worker(job)
        return found

    with ThreadPoolExecutor(len(workers)) as executor:
        return dict(item for part in executor.map(work, workers) for item in part.items())


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder by their names."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def pictures_of(*folders):
    """How often each picture is there, by its bytes."""
    return Counter(data for folder in folders for data in contents(folder).values())


def is_work_in_progress(name: str) -> bool:
    """Whether a run goes on from this file, which is none of its results."""
    return name.endswith((".partial", ".journal", ".new", ".lock"))
