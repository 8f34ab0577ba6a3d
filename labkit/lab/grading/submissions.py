"""Find the notebooks of a class in what a course system exports: folders, zip files, their file names.

Archives from strangers hold paths that climb out of a folder, links to other files, and a gigabyte of zeros
in a kilobyte. So nothing is ever unpacked to disk: entries are read one by one, up to a limit, and only those
that are plain files named `NN_….ipynb` count.

    for submission in find([Path("canvas_export.zip"), Path("late/")]):
        submission.student, submission.exercise, submission.problem or submission.cells
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from labkit.lab.grading.notebook import MOST_BYTES, Unreadable, digest, read_notebook

MOST_ENTRIES = 50_000
MOST_ARCHIVE = 512 * 1024 * 1024  # of one archive, unpacked
NOTEBOOK = re.compile(
    r"(?:^|[^0-9])(?P<exercise>[0-9]{2})_[A-Za-z0-9_]*(?:-(?P<attempt>[0-9]{1,4}))?\.ipynb$"
)
CANVAS = re.compile(r"^(?P<student>[^_]+)_(?:LATE_)?(?P<id>\d+)_(?P<file>\d+)_(?P<name>.+)$")
MOODLE = re.compile(r"^(?P<student>.+)_(?P<id>\d+)_assignsubmission_file_?$")


@dataclass(frozen=True, slots=True)
class Submission:
    """One student's notebook for one exercise. `problem` says why it cannot be read; then it has no cells."""

    student: str
    exercise: str
    place: str
    cells: tuple[str, ...] = ()
    problem: str = ""
    course_id: str = ""
    attempt: int = 0

    @property
    def digest(self) -> str:
        """Names the work: equal code has an equal digest, whoever handed it in."""
        return digest(list(self.cells)) if not self.problem else "unreadable"


def find(places: Iterable[Path]) -> Iterator[Submission]:
    """Every notebook in the places, in order of their names. A place that is not there raises Unreadable."""
    for place in places:
        if place.is_dir():
            for path in sorted(place.rglob("*")):
                # A link could lead to another student's file, or to any file of this machine.
                if path.is_symlink() or not path.is_file():
                    continue
                inner = path.relative_to(place)
                if path.suffix == ".zip":
                    yield from or_problem(path, inner.with_suffix(""))
                else:
                    yield from one(PurePosixPath(place.name, *inner.parts), str(path), path)
        elif place.suffix == ".zip" and place.is_file():
            yield from in_archive(place.read_bytes(), str(place), within=PurePosixPath())
        elif place.is_file():
            yield from one(PurePosixPath(place.parent.name, place.name), str(place), place)
        else:
            raise Unreadable(f"{place} is no folder, zip file or notebook")


def or_problem(archive: Path | bytes, within: PurePosixPath | Path, place: str = "") -> Iterator[Submission]:
    """A student's archive, or one submission that says why it cannot be read: it stops nobody else."""
    try:
        if isinstance(archive, Path):
            yield from in_archive(read_file(archive, MOST_ARCHIVE), str(archive), within)
        else:
            yield from in_archive(archive, place, within, depth=1)
    except (Unreadable, OSError) as error:
        problem = str(error) if isinstance(error, Unreadable) else f"cannot be read: {type(error).__name__}"
        student, course_id = student_of(PurePosixPath(*within.parts, "00_.ipynb"))
        yield Submission(student, "", place or str(archive), (), problem, course_id)


def one(name: PurePosixPath, place: str, source: Path | bytes) -> Iterator[Submission]:
    """The submission in a file of this name, if the name is that of an exercise."""
    found = NOTEBOOK.search(name.name)
    if found is None:
        return
    student, course_id = student_of(name)
    attempt = int(found["attempt"] or 0)
    try:
        cells = tuple(read_notebook(read_file(source) if isinstance(source, Path) else source))
    except (Unreadable, OSError) as error:
        problem = str(error) if isinstance(error, Unreadable) else f"cannot be read: {type(error).__name__}"
        yield Submission(student, found["exercise"], place, (), problem, course_id, attempt)
        return
    yield Submission(student, found["exercise"], place, cells, "", course_id, attempt)


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """A file's bytes, refused by its size before it is read."""
    size = path.stat().st_size
    if size > most:
        raise Unreadable(f"{size:,} bytes; it may have {most:,}")
    return path.read_bytes()


def in_archive(raw: bytes, place: str, within: PurePosixPath | Path, depth: int = 0) -> Iterator[Submission]:
    """Every notebook in a zip file, and in zip files within it, one level deep."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES:
                raise Unreadable(f"{len(entries):,} entries; an archive may have {MOST_ENTRIES:,}")
            left = MOST_ARCHIVE
            for entry in sorted(entries, key=lambda item: item.filename):
                path = PurePosixPath(entry.filename.replace("\\", "/"))
                unsafe = path.is_absolute() or ".." in path.parts
                if entry.is_dir() or unsafe or stat.S_ISLNK(entry.external_attr >> 16):
                    continue
                name = PurePosixPath(*within.parts, *path.parts)
                inside = path.suffix == ".zip" and depth == 0
                if not inside and NOTEBOOK.search(path.name) is None:
                    continue
                content = read_entry(archive, entry, min(left, MOST_BYTES))
                left -= len(content or b"")
                if inside and content is not None:
                    yield from or_problem(content, name.with_suffix(""), f"{place}:{path}")
                elif content is not None:
                    yield from one(name, f"{place}:{path}", content)
                else:
                    yield from one(name, f"{place}:{path}", b"")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise Unreadable(f"{place} is no zip file that can be read ({type(error).__name__})") from None


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes | None:
    """An entry's bytes, or None if it is broken or has more than `most`, whatever the archive claims."""
    try:
        with archive.open(entry) as source:
            content = source.read(most + 1)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError):
        return None  # a wrong checksum, an unknown compression, a password
    return None if len(content) > most else content


def student_of(name: PurePosixPath) -> tuple[str, str]:
    """Who handed in a file, from its path, and their id in the course system if the name has one.

    Canvas writes `name_12345_67890_06_x.ipynb`, Moodle a folder `Name_123_assignsubmission_file`, nbgrader
    `submitted/NAME/ASSIGNMENT/06_x.ipynb`; otherwise it is the folder that the file is in.
    """
    canvas = CANVAS.match(name.name)
    if canvas:
        return canvas["student"], canvas["id"]
    folders = [part for part in name.parts[:-1] if part not in {"", "."}]
    for folder in reversed(folders):
        system = MOODLE.match(folder) or CANVAS.match(folder)  # Canvas: a zip file that a student sent
        if system:
            return system["student"], system["id"]
    if "submitted" in folders and folders.index("submitted") + 1 < len(folders):
        return folders[folders.index("submitted") + 1], ""
    stem = NOTEBOOK.sub("", name.name).rstrip("_- ")
    return stem or (folders[-1] if folders else "unnamed"), ""


def latest(submissions: Iterable[Submission]) -> Iterator[Submission]:
    """Of several attempts by a student at an exercise, the last: by attempt number, then by place."""
    best: dict[tuple[str, str], Submission] = {}
    for submission in submissions:
        key = (submission.student, submission.exercise)
        other = best.get(key)
        if other is None or (submission.attempt, submission.place) >= (other.attempt, other.place):
            best[key] = submission
    yield from (best[key] for key in sorted(best))
