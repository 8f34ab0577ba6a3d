"""The floors of the house: who may import whom. Read from the source, so that nothing has to run."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
GROUND = {"contracts", "failures", "deadline", "backoff", "costs", "secrets"}
#: What the ground keeps in files of its own: plain data and tables, no behaviour of a call.
HELPERS = {"keykinds", "records", "usage"}
#: The front door and its key: they open the lab, so they stand above it.
DOOR = ("labkit/cli.py", "labkit/__main__.py")
#: Read before anything is installed, beside labkit/bootstrap.
EARLY = ("labkit/__init__.py", "labkit/__main__.py")
#: Each of these comes in through one door of ours.
ONLY = {
    "httpx": ("labkit/transport.py",),
    "httpcore": ("labkit/transport.py",),
    "matplotlib": ("labkit/lab/figures/",),
    "ipywidgets": ("labkit/lab/widgets/",),
}


def modules() -> list[str]:
    """Every source file of labkit, relative to the checkout."""
    return sorted(path.relative_to(HOME).as_posix() for path in (HOME / "labkit").rglob("*.py"))


def imports(file: str) -> Iterator[str]:
    """The full names of all that a file imports when it runs, wherever in it."""
    package = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".").split(".")
    tree = ast.parse((HOME / file).read_text(encoding="utf-8"))
    unread = {id(node) for branch in ast.walk(tree) if is_for_types(branch) for node in ast.walk(branch)}
    for node in ast.walk(tree):
        if id(node) in unread:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package[: len(package) - node.level + file.endswith("__init__.py")] if node.level else []
            base = ".".join([*up, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def is_for_types(node: ast.AST) -> bool:
    """`if TYPE_CHECKING:`, which no running program enters."""
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def ours(file: str) -> set[str]:
    """The modules of ours that a file imports: `labkit.failures.Kind` -> `failures`."""
    return {name.split(".")[1] for name in imports(file) if name.startswith("labkit.")}


def test_the_files_are_found() -> None:
    """The rules below look at real files, and see the imports in them."""
    assert "labkit/boundary.py" in modules()
    assert "labkit.failures.LabkitError" in set(imports("labkit/boundary.py"))


@pytest.mark.parametrize("name", sorted(GROUND))
def test_the_ground_stands_on_itself(name: str) -> None:
    """A ground module imports no module of ours that is not ground too, nor through any helper of its own."""
    seen, open_ = set(), {name}
    while open_:
        here = open_.pop()
        seen.add(here)
        open_ |= ours(f"labkit/{here}.py") - seen
    assert seen <= GROUND | HELPERS


def test_no_circles() -> None:
    """No module of ours imports itself through others."""
    graph = {file: ours(file) for file in modules() if file.count("/") == 1 and file not in DOOR}
    edges = {file.removeprefix("labkit/").removesuffix(".py"): to for file, to in graph.items()}
    while leaves := [name for name, to in edges.items() if not to & edges.keys()]:
        for leaf in leaves:
            del edges[leaf]
    assert edges == {}


def breaking(files: Iterable[str], forbidden: Callable[[str, str], bool]) -> list[str]:
    """Each import that a rule forbids, as `file imports name`."""
    return [f"{file} imports {name}" for file in files for name in imports(file) if forbidden(file, name)]


def root(name: str) -> str:
    """`httpx.Client` -> `httpx`."""
    return name.partition(".")[0]


def test_nothing_below_the_lab_imports_it() -> None:
    """A service that uses the boundary never loads teaching equipment."""
    below = [file for file in modules() if not file.startswith("labkit/lab/") and file not in DOOR]
    assert breaking(below, lambda _, name: f"{name}.".startswith("labkit.lab.")) == []


def test_foreign_packages_have_one_door() -> None:
    """httpx, matplotlib and ipywidgets are each imported in one place."""
    assert breaking(modules(), lambda file, name: not file.startswith(ONLY.get(root(name), ("",)))) == []


def test_nothing_imports_solutions_or_tests() -> None:
    """The reference solutions and the tests are looked at, never stood on."""
    apart = {"solutions", "tests", "conftest"}
    assert breaking(modules(), lambda _, name: root(name) in apart) == []


def test_setting_up_needs_the_standard_library_only() -> None:
    """What runs before anything is installed imports nothing that has to be."""
    early = [file for file in modules() if "/bootstrap/" in file or file in EARLY]
    there = sys.stdlib_module_names | {"labkit"}
    assert breaking(early, lambda _, name: root(name) not in there) == []


def test_importing_labkit_loads_nothing_foreign() -> None:
    """`import labkit` is as fast as Python itself."""
    code = (
        "import sys; before = set(sys.modules); import labkit;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["labkit"]


def test_every_public_name_is_there() -> None:
    """Each name of `labkit.__all__` loads, and type checkers are told the same names of the same modules."""
    import labkit

    stub = ast.parse((HOME / "labkit" / "__init__.pyi").read_text(encoding="utf-8"))
    told = {
        alias.asname: node.module
        for node in ast.walk(stub)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == labkit._MODULE_OF
    assert all(getattr(labkit, name) is not None for name in labkit.__all__)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    """A typing error in a name says what there is."""
    import labkit

    with pytest.raises(AttributeError, match=r"'Boundry'; it has .*Boundary"):
        labkit.Boundry  # noqa: B018
