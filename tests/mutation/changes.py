"""What a piece of code may be changed to, so that it decides otherwise."""

import ast
import builtins
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from typing import Final

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


def changes_of(node: ast.AST, *, told: bool) -> Iterator[ast.AST]:
    """Yield what a node may become; what is `told` to people is not changed in its words."""
    if isinstance(node, ast.Constant):
        yield from _of_constant(node, told=told)
    if isinstance(node, ast.Call) and not told:
        yield from _fewer(node, "keywords", [keyword for keyword in node.keywords if keyword.arg])
    for kind, changes in _OPERATORS:
        if isinstance(node, kind):
            yield from changes(node)


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
