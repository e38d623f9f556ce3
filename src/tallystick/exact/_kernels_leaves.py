"""The innermost loop over trees, as vector instructions: which leaf each row of a block reaches.

It is written in the compiler's own language because its speed rests on what stays in registers: the bits of up to
256 rows. It names no machine's instructions, so it runs wherever numba does; beside it stands its meaning.

numba's cache looks at the caller's file only: a change of meaning here needs a change in ``_kernels.py``, too.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

__all__ = ["find_leaves"]

_in_module: Any = cgutils.get_or_insert_function
_unpack: Any = cgutils.unpack_tuple
_LANES: Final = 64  # rows in one vector: a 512-bit register of bytes; other machines take several registers for it
_BYTE, _WORD, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_BYTE, _LANES)


def find_leaves(ranks: Any, masks: Any, group: int, count: int, leaves: Any) -> None:
    """Write the number of the leaf that each row of a block reaches in one tree.

    Parameters
    ----------
    ranks
        int8, a multiple of 64 rows for each column, column after column.
    masks
        ``(start, column, rank, keep)``. The masks of a group are those in ``[start[group], start[group + 1])``, at
        least one. Each clears the bits outside ``keep`` in the rows whose ``ranks[column + row]`` is above ``rank``.
    group, count
        First and number of the tree's groups; group ``g`` stands for its leaves ``8 * g`` to ``8 * g + 7``.
    leaves
        uint8 of 64, 128 or 256 rows: the lowest bit left over all groups.
    """
    start, column, rank, keep = masks
    for row in range(len(leaves)):
        word = 0
        for number in range(count):
            bits = 255
            for at in range(start[group + number], start[group + number + 1]):
                bits &= int(keep[at]) if ranks[column[at] + row] > rank[at] else 255
            word |= bits << 8 * number
        leaves[row] = (word & -word).bit_length() - 1


class _Tree:
    """Code that finds the leaves of one tree for so many vectors of rows, all held in registers until the end."""

    def __init__(self, builder: Any, ranks: Any, masks: Any, vectors: int) -> None:  # pragma: no cover - as above
        self._builder, self._ranks, self._vectors = builder, ranks, vectors
        self._start, self._column, self._rank, self._keep = masks

    def write(self, first: Any, count: Any, leaves: Any) -> None:  # pragma: no cover - as above
        """From the last group to the first, so that the lowest bit is what remains."""
        builder, empty = self._builder, [_splat_number(0)] * self._vectors
        before = builder.block
        body, end = builder.append_basic_block("group"), builder.append_basic_block("found")
        builder.branch(body)
        builder.position_at_end(body)
        number = builder.phi(_LONG)
        bits, base = self._phis(), self._phis()
        above = builder.sub(number, _LONG(1))
        kept = self._masks(builder.add(first, above))
        eights = _splat(builder, builder.trunc(builder.shl(above, _LONG(3)), _BYTE))
        some = [builder.icmp_unsigned("!=", one, zero) for one, zero in zip(kept, empty, strict=True)]
        new_bits = [builder.select(*three) for three in zip(some, kept, bits, strict=True)]
        new_base = [builder.select(flag, eights, old) for flag, old in zip(some, base, strict=True)]
        for phis, now in ((bits, new_bits), (base, new_base)):
            for phi, value, zero in zip(phis, now, empty, strict=True):
                phi.add_incoming(zero, before)
                phi.add_incoming(value, builder.block)
        number.add_incoming(count, before)
        number.add_incoming(above, builder.block)
        builder.cbranch(builder.icmp_signed(">", above, _LONG(0)), body, end)
        builder.position_at_end(end)
        kind = ir.FunctionType(_VECTOR, [_VECTOR, ir.IntType(1)])
        trailing = _in_module(builder.module, kind, f"llvm.cttz.v{_LANES}i8")
        for at, (one, eight) in enumerate(zip(new_bits, new_base, strict=True)):
            lowest = builder.call(trailing, [one, ir.IntType(1)(0)])
            builder.store(builder.add(eight, lowest), self._vector(leaves, at)).align = 1

    def _masks(self, group: Any) -> list[Any]:  # pragma: no cover - as above
        """Bits that are left after all masks of one group."""
        builder = self._builder
        begin = builder.load(builder.gep(self._start, [group]))
        end = builder.load(builder.gep(self._start, [builder.add(group, _LONG(1))]))
        before = builder.block
        body, after = builder.append_basic_block("mask"), builder.append_basic_block("masked")
        builder.branch(body)
        builder.position_at_end(body)
        at, bits = builder.phi(_LONG), self._phis()
        ranks = builder.gep(self._ranks, [builder.zext(builder.load(builder.gep(self._column, [at])), _LONG)])
        rank, keep = (_splat(builder, builder.load(builder.gep(data, [at]))) for data in (self._rank, self._keep))
        kept = []
        for number, old in enumerate(bits):
            values = builder.load(self._vector(ranks, number), align=1)
            right = builder.icmp_signed(">", values, rank)
            kept.append(builder.select(right, builder.and_(old, keep), old))
        following = builder.add(at, _LONG(1))
        at.add_incoming(begin, before)
        at.add_incoming(following, body)
        for phi, value in zip(bits, kept, strict=True):
            phi.add_incoming(_splat_number(255), before)
            phi.add_incoming(value, body)
        builder.cbranch(builder.icmp_signed("<", following, end), body, after)
        builder.position_at_end(after)
        return kept

    def _phis(self) -> list[Any]:  # pragma: no cover - as above
        return [self._builder.phi(_VECTOR) for _ in range(self._vectors)]

    def _vector(self, data: Any, number: int) -> Any:  # pragma: no cover - as above
        place = self._builder.gep(data, [_LONG(number * _LANES)])
        return self._builder.bitcast(place, _VECTOR.as_pointer())


def _splat_number(number: int) -> Any:
    return ir.Constant(_VECTOR, [number] * _LANES)


def _splat(builder: Any, byte: Any) -> Any:  # pragma: no cover - runs inside the compiler
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    one = builder.insert_element(undefined, byte, _WORD(0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(_WORD, _LANES), [0] * _LANES))


def _find(_context: Any, ranks: Any, masks: Any, group: Any, count: Any, leaves: Any) -> Any:  # pragma: no cover
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def data(kind: Any, value: Any) -> Any:
            return context.make_array(kind)(context, builder, value).data

        kinds = signature.args
        parts = _unpack(builder, arguments[1], 4)
        tables = [data(kind, part) for kind, part in zip(kinds[1], parts, strict=True)]
        rows = builder.extract_value(context.make_array(kinds[4])(context, builder, arguments[4]).shape, 0)
        for vectors in (1, 2, 4):
            with builder.if_then(builder.icmp_signed("==", rows, _LONG(vectors * _LANES))):
                tree = _Tree(builder, data(kinds[0], arguments[0]), tables, vectors)
                tree.write(arguments[2], arguments[3], data(kinds[4], arguments[4]))
        return context.get_dummy_value()

    return types.none(ranks, masks, types.int64, types.int64, leaves), generate


_finding: Any = intrinsic(_find)


@overload(find_leaves)
def _overload_find_leaves(  # pragma: no cover - runs inside the compiler
    ranks: Any, masks: Any, group: Any, count: Any, leaves: Any
) -> Any:
    def compiled_form(ranks: Any, masks: Any, group: Any, count: Any, leaves: Any) -> Any:
        return _finding(ranks, masks, group, count, leaves)

    return compiled_form
