"""Mutants of source files: cosmic-ray's, and calls that lose a keyword argument."""

import ast
import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.exception_replacer import ExceptionReplacer
from cosmic_ray.operators.operator import Operator
from parso.tree import NodeOrLeaf

Place = tuple[tuple[int, int], tuple[int, int]]
Change = tuple[str, Operator, int]


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        file: The file, relative to the checkout.
        line: The line that changes, from 1.
        first_line: The first line of the function that holds it, or the line itself.
        operator: The name of the change.
        source: The changed source.
        before: The line before the change, without its indentation.
        changed: The line after it.
    """

    file: str
    line: int
    first_line: int
    operator: str
    source: str
    before: str
    changed: str

    @property
    def place(self) -> str:
        """Where the change is, and its name."""
        return f"{self.file}:{self.line} {self.operator}"

    def __str__(self) -> str:
        """Return the place and the change in three lines."""
        return f"{self.place}\n  - {self.before}\n  + {self.changed}"


class DropKeyword(Operator):
    """Removes a keyword argument of a call, as when an option is not passed on."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Place]:
        """Give the place of an argument `name=value`."""
        if node.type == "argument" and node.children[1] == "=":
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:  # noqa: ARG002
        """Return the argument as an empty `**{}`."""
        return get_ast(node.get_first_leaf().prefix + "**{}")

    @classmethod
    def examples(cls) -> tuple[()]:
        """Give none."""
        return ()


class ReplaceNamedException(ExceptionReplacer):
    """Expects another exception; cosmic-ray's own operator stumbles over dotted ones."""

    @staticmethod
    def _name_nodes(node: NodeOrLeaf) -> list[NodeOrLeaf]:
        return [name for name in ExceptionReplacer._name_nodes(node) if name.type == "name"]


def _operators() -> Iterator[tuple[str, Operator]]:
    """Give the operators, without those that swap equality and identity."""
    yield "DropKeyword", DropKeyword()
    yield "ReplaceNamedException", ReplaceNamedException()
    for name in cosmic_ray.plugins.operator_names():
        kind = cosmic_ray.plugins.get_operator(name)
        short = name.rpartition("/")[2]
        identity = short.startswith("ReplaceComparison") and "Is" in short
        if issubclass(kind, ExceptionReplacer):
            continue
        if not kind.arguments() and (not identity or short.endswith(("Is_IsNot", "IsNot_Is"))):
            yield short, kind()


# Guards against mistakes of whoever changes the package: no input makes them act.
_GUARDS = {"frozen", "slots", "strict"}


class _Source:
    """A file, and which of its places are not to be changed.

    These are annotations, overloads, imports of types and `_GUARDS`.
    """

    def __init__(self, tree: Path, file: str) -> None:
        self.file = file
        self.text = (tree / file).read_text(encoding="utf-8")
        nodes = list(ast.walk(ast.parse(self.text)))
        self._functions = [
            (node.lineno, node.end_lineno or node.lineno)
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        self._excluded: list[Place] = [
            ((left.lineno, left.col_offset), (left.end_lineno, left.end_col_offset))
            for node in nodes
            for left in _excluded(node)
        ]

    def _is_code(self, position: tuple[int, int]) -> bool:
        return not any(start <= position < end for start, end in self._excluded)

    def places(self) -> dict[tuple[str, Place, str], list[Change]]:
        """Return the possible changes by place and kind of operator."""
        nodes = list(ast_nodes(get_ast(self.text)))
        places = defaultdict(list)
        for name, operator in _operators():
            found = [place for node in nodes for place in operator.mutation_positions(node)]
            for occurrence, place in enumerate(found):
                if self._is_code(place[0]):
                    kind = name.partition("_")[0]
                    places[self.file, place, kind].append((name, operator, occurrence))
        return places

    def mutant(self, line: int, change: Change) -> Mutant:
        """Return the mutant of one change."""
        name, operator, occurrence = change
        changed = mutate_code(self.text, operator, occurrence)
        lines = itertools.zip_longest(self.text.splitlines(), changed.splitlines(), fillvalue="")
        before, after = next((pair for pair in lines if pair[0] != pair[1]), ("", ""))
        inner = [first for first, last in self._functions if first <= line <= last]
        first = max(inner, default=line)
        return Mutant(self.file, line, first, name, changed, before.strip(), after.strip())


def _excluded(node: ast.AST) -> Iterator[Any]:
    """Give the nodes at or directly below one that are not to be changed."""
    match node:
        case ast.FunctionDef(decorator_list=decorators, returns=returns):
            if returns:
                yield returns
            if any(ast.unparse(decorator).endswith("overload") for decorator in decorators):
                yield from (*decorators, node)
        case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
            yield annotation
        case ast.keyword(arg=name) if name in _GUARDS:
            yield node
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            yield node
        case ast.Assign(value=ast.Subscript(value=ast.Name(id="Literal")) as value):
            yield value


def sample_mutants(tree: Path, targets: list[str], size: int, seed: int) -> list[Mutant]:
    """Return a random sample of mutants, at most one of a place and kind of operator.

    Args:
        tree: The checkout.
        targets: Files and folders in it.
        size: Number of mutants; all places if there are fewer.
        seed: Of the draw: the same files and seed give the same sample.
    """
    files = sorted(
        path.relative_to(tree).as_posix()
        for target in targets
        for path in ([tree / target] if target.endswith(".py") else (tree / target).rglob("*.py"))
    )
    sources = {file: _Source(tree, file) for file in files}
    places = [place for source in sources.values() for place in source.places().items()]
    places.sort(key=lambda place: place[0])
    draw = random.Random(seed)
    chosen = sorted(draw.sample(places, min(size, len(places))), key=lambda place: place[0])
    return [sources[key[0]].mutant(key[1][0][0], draw.choice(changes)) for key, changes in chosen]
