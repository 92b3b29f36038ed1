"""Every small change of a module that a test should notice: one decision less, or another one.

Sentences are for people and are left alone, and so are annotations, decorators and docstrings.
"""

import ast
import builtins
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Final

_LONGEST_NAME: Final = 72  # letters of code by which a mutant is told apart from its neighbours
_COMPARED: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_RECKONED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_CALLED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_TRIMMED: Final = {"strip", "rstrip", "lstrip", "lower", "upper", "casefold"}
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
    if isinstance(node, ast.Constant):
        yield from _of_constant(node, told=site.told)
    if isinstance(node, ast.Call) and not site.told:
        yield from _fewer(node, "keywords", [keyword for keyword in node.keywords if keyword.arg])
    if isinstance(node, ast.Assign | ast.AnnAssign) and _is_felt(node, site.rebound):
        yield ast.Pass()
    for kind, changes in _OPERATORS:
        if isinstance(node, kind):
            yield from changes(node)


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


def _of_constant(node: ast.Constant, *, told: bool) -> Iterator[ast.AST]:
    match node.value:
        case bool(value):
            yield ast.Constant(not value)
        case int(value):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case float(value):
            yield ast.Constant(value * 2 if value else 1.0)
            if value:
                yield ast.Constant(value / 2)
        case str(value) if not told and " " not in value:
            yield ast.Constant(f"{value}x")


def _fewer(node: ast.AST, slot: str, removable: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield a node without one of its parts, for each of them."""
    for part in removable:
        yield _with(node, slot, [other for other in getattr(node, slot) if other is not part])


def _with(node: ast.AST, slot: str, value: object) -> ast.AST:
    new = copy(node)
    setattr(new, slot, value)
    return new


def _of_compare(node: ast.Compare) -> Iterator[ast.AST]:
    for place, operator in enumerate(node.ops):
        for other in _COMPARED[type(operator)]:
            yield _with(node, "ops", [*node.ops[:place], other(), *node.ops[place + 1 :]])


def _of_bool(node: ast.BoolOp) -> Iterator[ast.AST]:
    """Leave each operand out, which is harder to notice than `or` for `and`."""
    for value in node.values:
        rest = [other for other in node.values if other is not value]
        yield _with(node, "values", rest) if len(rest) > 1 else rest[0]


def _of_reckoning(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.AST]:
    if type(node.op) in _RECKONED:
        yield _with(node, "op", _RECKONED[type(node.op)]())


def _of_unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _of_comprehension(node: ast.comprehension) -> Iterator[ast.AST]:
    for condition in node.ifs:
        yield _with(node, "ifs", [other for other in node.ifs if other is not condition])


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield _with(node, "func", ast.Name(_CALLED[name], ast.Load()))
        case ast.Call(func=ast.Name(id=name), args=[ast.expr() as one], keywords=[]) if _is_ours(name, one):
            yield one
        case ast.Call(func=ast.Attribute(value=subject, attr=name), args=[], keywords=[]) if name in _TRIMMED:
            yield subject


def _is_ours(name: str, argument: ast.expr) -> bool:
    return name.islower() and name not in vars(builtins) and not isinstance(argument, ast.Starred)


def _of_case(node: ast.match_case) -> Iterator[ast.AST]:
    if node.guard is None:
        yield _with(node, "guard", ast.Constant(value=False))


def _of_alternatives(node: ast.MatchOr) -> Iterator[ast.AST]:
    for pattern in node.patterns:
        rest = [other for other in node.patterns if other is not pattern]
        yield _with(node, "patterns", rest) if len(rest) > 1 else rest[0]


def _of_set(node: ast.Set) -> Iterator[ast.AST]:
    if len(node.elts) > 1:
        yield from _fewer(node, "elts", node.elts)


def _of_dict(node: ast.Dict) -> Iterator[ast.AST]:
    for place in range(len(node.keys)):
        keys, values = [*node.keys], [*node.values]
        del keys[place], values[place]
        yield ast.Dict(keys, values)


def _of_except(node: ast.ExceptHandler) -> Iterator[ast.AST]:
    if isinstance(node.type, ast.Tuple):
        for caught in node.type.elts:
            rest = [other for other in node.type.elts if other is not caught]
            yield _with(node, "type", ast.Tuple(rest, ast.Load()))


def _of_return(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and not isinstance(node.value, ast.Constant):
        yield _with(node, "value", None)


def _of_with(node: ast.With | ast.AsyncWith) -> Iterator[ast.AST]:
    if all(item.optional_vars is None for item in node.items):
        yield ast.If(ast.Constant(value=True), node.body, [])


def _of_statement(_: ast.AST) -> Iterator[ast.AST]:
    yield ast.Pass()


_OPERATORS: Final[tuple[tuple[type[ast.AST] | tuple[type[ast.AST], ...], Callable[..., Iterator[ast.AST]]], ...]] = (
    (ast.Compare, _of_compare),
    (ast.BoolOp, _of_bool),
    ((ast.BinOp, ast.AugAssign), _of_reckoning),
    (ast.UnaryOp, _of_unary),
    (ast.comprehension, _of_comprehension),
    (ast.Call, _of_call),
    (ast.match_case, _of_case),
    (ast.MatchOr, _of_alternatives),
    (ast.Set, _of_set),
    (ast.Dict, _of_dict),
    (ast.ExceptHandler, _of_except),
    (ast.Return, _of_return),
    ((ast.With, ast.AsyncWith), _of_with),
    ((ast.Expr, ast.AugAssign, ast.Raise, ast.Delete, ast.Continue, ast.Break), _of_statement),
)
