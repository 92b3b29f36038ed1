"""Every small change of a module that a test should notice: one decision less, or another one.

Sentences are for people and are left alone, and so are annotations, decorators and docstrings.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.mutation.changes import changes_of

_LONGEST_NAME: Final = 72  # letters of code by which a mutant is told apart from its neighbours
_NOT_LOOKED_AT: Final = {"annotation", "returns", "decorator_list", "type_params", "ctx", "bases"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the child of `parent` in `slot` (and at `index`, in a list) becomes `new`."""

    name: str
    line: int
    parent: ast.AST = field(compare=False, repr=False)
    slot: str
    index: int | None
    new: ast.AST = field(compare=False, repr=False)

    def swap(self) -> "Mutant":
        """Make the change in the tree, and return the mutant that undoes it."""
        if self.index is None:
            old = getattr(self.parent, self.slot)
            setattr(self.parent, self.slot, self.new)
        else:
            children = getattr(self.parent, self.slot)
            old, children[self.index] = children[self.index], self.new
        return Mutant(self.name, self.line, self.parent, self.slot, self.index, old)


@dataclass(frozen=True, slots=True)
class _Site:
    """Where the walk is: in which function, below which expressions, and whether what is said here is for people."""

    scope: str
    above: tuple[ast.AST, ...]
    told: bool
    rebound: frozenset[str]


def mutants_of(source: str) -> tuple[ast.Module, list[Mutant]]:
    """Return a module's tree and its mutants, each with a name that lasts while the code it is about does."""
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    named = []
    for scope, top, mutant in _walk(tree, _Site("", (), told=False, rebound=frozenset())):
        before = ast.unparse(top)
        undo = mutant.swap()
        # where the top itself was replaced, it is the new one that shows
        after = ast.unparse(_shown(mutant.new) if top is undo.new else top)
        undo.swap()
        name = f"{scope}: {_line(before)} → {_line(after)}" if scope else f"{_line(before)} → {_line(after)}"
        seen[name] += 1
        numbered = name if seen[name] == 1 else f"{name} ({seen[name]})"
        named.append(Mutant(numbered, mutant.line, mutant.parent, mutant.slot, mutant.index, mutant.new))
    return tree, named


def _shown(node: ast.AST) -> ast.AST:
    return ast.Name("nothing") if isinstance(node, ast.Pass) else node


def _line(code: str) -> str:
    first, *more = code.splitlines()
    return f"{first[: 2 * _LONGEST_NAME]} …" if more or len(first) > 2 * _LONGEST_NAME else first


def _walk(node: ast.AST, site: _Site) -> Iterator[tuple[str, ast.AST, Mutant]]:
    for slot, index, child in _children(node):
        if slot in _NOT_LOOKED_AT or _is_left_alone(child):
            continue
        inner = _inside(node, child, site)
        line = getattr(child, "lineno", 0) or getattr(node, "lineno", 0)
        for new in (*_changes(child, inner), *_forced(node, slot)):
            yield inner.scope, _top(child, inner), Mutant("", line, node, slot, index, new)
        yield from _walk(child, inner)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for slot, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield slot, None, value
        elif isinstance(value, list):
            yield from ((slot, index, child) for index, child in enumerate(value) if isinstance(child, ast.AST))


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec"))):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")) | ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case _:
            return False


def _inside(node: ast.AST, child: ast.AST, site: _Site) -> _Site:
    if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope = f"{site.scope}.{child.name}" if site.scope else child.name
        return _Site(scope, (), told=False, rebound=_rebound(child))
    if isinstance(node, ast.Module | ast.ClassDef) and isinstance(child, ast.Assign | ast.AnnAssign):
        target = child.targets[0] if isinstance(child, ast.Assign) else child.target
        name = ast.unparse(target).strip("()")
        return _Site(f"{site.scope}.{name}" if site.scope else name, (), told=False, rebound=frozenset())
    keeps = isinstance(child, ast.expr | ast.keyword | ast.comprehension) and not isinstance(node, ast.FormattedValue)
    above = (*site.above, node) if keeps and isinstance(node, ast.expr | ast.keyword | ast.comprehension) else ()
    return _Site(site.scope, above, site.told or isinstance(child, ast.Raise | ast.JoinedStr), site.rebound)


def _rebound(function: ast.AST) -> frozenset[str]:
    """Return the names that a function binds more than once: without one binding it goes on with another."""
    bound = Counter(node.arg for node in ast.walk(function) if isinstance(node, ast.arg))
    bound.update(
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    return frozenset(name for name, times in bound.items() if times > 1)


def _top(node: ast.AST, site: _Site) -> ast.AST:
    """Return the largest piece of code around a node that is still short enough to name a mutant by."""
    for around in site.above:
        if isinstance(around, ast.expr) and len(ast.unparse(around)) <= _LONGEST_NAME:
            return around
    return node


def _changes(node: ast.AST, site: _Site) -> Iterator[ast.AST]:
    if isinstance(node, ast.Assign | ast.AnnAssign) and _is_felt(node, site.rebound):
        yield ast.Pass()
    yield from changes_of(node, told=site.told)


def _forced(parent: ast.AST, slot: str) -> Iterator[ast.AST]:
    """Yield what a condition may be instead of itself; a loop that never ends says nothing."""
    if slot in {"test", "guard"}:
        yield ast.Constant(value=False)
        if not isinstance(parent, ast.While):
            yield ast.Constant(value=True)


def _is_felt(node: ast.Assign | ast.AnnAssign, rebound: frozenset[str]) -> bool:
    """Tell whether code goes on without an assignment: the name has another value, or the object its old one."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if node.value else []
    return any(
        isinstance(target, ast.Attribute | ast.Subscript) or (isinstance(target, ast.Name) and target.id in rebound)
        for target in targets
    )
