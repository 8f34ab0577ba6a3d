"""Small, mechanical mistakes in a reference solution: a bank that does not notice them grades too kindly.

    for mutant in mutants(source):
        mutant.where, mutant.source       # "line 7: < becomes <=", the whole cell with that change

Operators, constants, comparisons and their bounds, conditions, and left-out statements; one change a mutant.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to a source."""

    where: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a source, in the order of its lines. Docstrings and annotations are left alone."""
    tree = ast.parse(source)
    for index, node in enumerate(ast.walk(tree)):
        for change in range(_changes(node)):
            changed = copy.deepcopy(tree)
            target = next(found for at, found in enumerate(ast.walk(changed)) if at == index)
            what = _apply(target, change)
            if what:
                text = ast.unparse(ast.fix_missing_locations(changed))
                yield Mutant(f"line {getattr(node, 'lineno', '?')}: {what}", text)


def _changes(node: ast.AST) -> int:
    """How many ways this node can be changed."""
    if isinstance(node, ast.Compare):
        return len(node.ops)
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign | ast.If | ast.While | ast.IfExp):
        return 1
    if isinstance(node, ast.Constant):
        return 1
    if isinstance(node, ast.UnaryOp):
        return int(isinstance(node.op, ast.Not | ast.USub))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.For | ast.With):
        return len(node.body)
    return 0


def _apply(node: ast.AST, change: int) -> str | None:  # noqa: PLR0911 - one short case for each kind of node
    """Change a node in place and say how, or None where the change would be no mistake."""
    match node:
        case ast.Compare():
            return _swap_in(node.ops, change)
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign():
            return _swap(node)
        case ast.If() | ast.While() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
            return "condition is turned round"
        case ast.UnaryOp(op=ast.Not()):
            node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
            return "not is left out"
        case ast.UnaryOp(op=ast.USub()):
            node.op = ast.UAdd()
            return "minus becomes plus"
        case ast.Constant():
            return _constant(node)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.For() | ast.With():
            return _leave_out(node, change)
    return None


def _swap_in(operators: list[ast.cmpop], at: int) -> str | None:
    new = SWAPS.get(type(operators[at]))
    if new is None:
        return None
    old = type(operators[at]).__name__
    operators[at] = new()  # type: ignore[call-overload]
    return f"{old} becomes {new.__name__}"


def _swap(node: ast.BinOp | ast.BoolOp | ast.AugAssign) -> str | None:
    new = SWAPS.get(type(node.op))
    if new is None:
        return None
    old = type(node.op).__name__
    node.op = new()  # type: ignore[assignment]
    return f"{old} becomes {new.__name__}"


def _constant(node: ast.Constant) -> str | None:
    old = node.value
    if isinstance(old, bool):
        node.value = not old
    elif isinstance(old, int | float):
        node.value = old + 1
    elif isinstance(old, str) and old and "\n" not in old and " " not in old:
        node.value = old + "x"
    else:
        return None
    return f"{old!r} becomes {node.value!r}"


def _leave_out(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.For | ast.With, at: int) -> str | None:
    statement = node.body[at]
    if isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    ):
        return None
    text = ast.unparse(statement).split("\n")[0]
    node.body[at] = ast.Pass()
    return f"left out: {text[:60]}"
