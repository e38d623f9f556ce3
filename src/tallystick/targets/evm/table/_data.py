"""A program of trees as data contracts (``docs/formats/evm-table-v1.md``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.errors import ProgramError
from tallystick.exact import Program
from tallystick.targets.evm._row import RowCode
from tallystick.targets.evm.table._deploy import AddressOf, data_initcode
from tallystick.targets.evm.table._front import inner_front
from tallystick.targets.evm.table._layout import (
    BUFFER,
    FIXED,
    FRONT_AT,
    HEAD_BYTES,
    JUMP,
    MAGIC,
    MAX_SLOTS,
    OUT,
    PART_HEAD_BYTES,
    PART_MAGIC,
    STOP,
    WORD,
    Section,
)
from tallystick.targets.evm.table._plan import Chunk, is_narrow, plan_chunks, trees_of, used_features
from tallystick.targets.evm.table._trees import Slots, blocks, fixed_tree, nodes

__all__ = ["CODE_LIMIT", "TableData", "table_data"]

CODE_LIMIT: Final = 24_576  # bytes, EIP-170
_LEAST_LIMIT: Final = 1024
_MOST_LIMIT: Final = (1 << 16) - 1  # offsets in a data contract are u16
_MOST_CONTENT: Final = 60_000  # addresses in memory are u16 too
_LANES: Final = 16  # features in a word of the row
_RECORD: Final = 16
_RECORDS: Final = 255  # in a section
_MAX_OUTPUTS: Final = 2047  # the answer's size is u16
_WIDE_LANE: Final = 16


@dataclass(frozen=True)
class TableData:
    """Data contracts of one program.

    Parameters
    ----------
    parts
        Runtime code of each. The first is the model's: callers give its address, it names the next.
    addresses
        Where each will be, 20 bytes.
    """

    parts: tuple[bytes, ...]
    addresses: tuple[bytes, ...]

    @property
    def address(self) -> bytes:
        """Address that callers give, 20 bytes: it commits to every byte of all parts."""
        return self.addresses[0]

    @property
    def initcodes(self) -> tuple[bytes, ...]:
        """Init code of each part, last part first: deploy those whose address has no code yet, in this order."""
        return tuple(data_initcode(part) for part in reversed(self.parts))


def table_data(
    program: Program, address_of: AddressOf, code_limit: int = CODE_LIMIT, interpreter: bytes | None = None
) -> TableData:
    """Write a program of trees as data contracts.

    Parameters
    ----------
    program
        At most 2,047 outputs. What fits narrow lanes is written for them: at most 64 features in use, of at most 2**16
        values each, and leaves in int32, or half of that in trees deeper than 5. Everything else is written wide.
    address_of
        Address, 20 bytes, that follows from init code, such as ``partial(create2_address, factory)``.
    code_limit
        Most bytes of a contract, [1,024, 2**16); larger programs take several contracts.
    interpreter
        Address, 20 bytes. With it the first contract holds a front too: it takes rows itself, and the interpreter
        reads its data while it is warm. Without it the data cannot be run.

    Raises
    ------
    ProgramError
        The model is not made of trees, or does not fit.
    """
    if code_limit < _LEAST_LIMIT:
        raise ProgramError("a table needs contracts of at least 1,024 bytes", field="code_limit", value=code_limit)
    limit = min(code_limit, _MOST_LIMIT)
    outputs = trees_of(program).outputs
    if outputs > _MAX_OUTPUTS:
        raise ProgramError("a table has at most 2,047 outputs", field="outputs", value=outputs)
    # A section is at most what the emptiest contract holds beside its head and the descriptor of what follows.
    front = b"" if interpreter is None else bytes(FRONT_AT - HEAD_BYTES) + inner_front(program, interpreter)
    sections = _Writer(program, min(limit - HEAD_BYTES - len(front) - 2 * WORD, _MOST_CONTENT)).sections()
    return _pack(sections, (_head(program, STOP if interpreter is None else JUMP), front), address_of, limit)


class _Writer:
    """Lays out the interpreter's memory for a program, and writes the sections for it."""

    def __init__(self, program: Program, most: int) -> None:
        self._program = program
        self._model = trees_of(program)
        self._row = RowCode(program)
        self._most = most
        self._narrow = is_narrow(program)
        self._chunks = plan_chunks(program, self._narrow, most)
        self.lanes_of_words = _words_of(program) if self._narrow else 0
        several = self._model.outputs > 1
        end = BUFFER + max([chunk.size + WORD for chunk in self._chunks] + [_RECORD * _RECORDS])
        self._out = end if several else OUT
        self._slots = self._place(end + WORD * self._model.outputs * several)

    def _place(self, free: int) -> Slots:
        features = self._program.features
        if self.lanes_of_words:  # where the words of the row leave them
            return Slots(features, {i: 64 * (i // 16) + 32 * (i % 2) + 4 * (i % 16 // 2) for i in range(len(features))})
        used = used_features(self._model)
        first, size = (0, 4) if self._narrow else (free, _WIDE_LANE)
        if first + size * len(used) >= 1 << 16:
            raise ProgramError("a table has no room for so many features", field="features", value=len(used))
        return Slots(features, {feature: first + size * index for index, feature in enumerate(used)})

    def sections(self) -> list[Section]:
        """Everything behind the head, in order."""
        model = self._model
        done = Section("end1")
        if (model.outputs, model.divisor) != (1, 1):
            done = Section("end", place=self._out, size=WORD * model.outputs, divisor=model.divisor)
        return [*self._inputs(), *self._bases(), *(self._section(chunk) for chunk in self._chunks), done]

    def _inputs(self) -> list[Section]:
        if not self.lanes_of_words:
            return self._records()
        if all(span == (1 << 16) - 1 for span in self._row.spans):
            return []
        return [Section("spans", _span_words(self._row.spans, self._slots), 2 * self.lanes_of_words)]

    def _records(self) -> list[Section]:
        """A record for each feature. One that no tree looks at shares the next one's lane, and is written before it."""
        row, made = self._row, []
        slot = max(self._slots.address.values(), default=0) + (4 if self._narrow else _WIDE_LANE)
        for i in reversed(range(len(row.spans))):
            slot = self._slots.address.get(i, slot)
            shift = bytes([row.widths[i], 256 - 8 * row.widths[i]])
            made.append((row.spans[i].to_bytes(8, "big") + shift + slot.to_bytes(2, "big")).ljust(_RECORD, b"\x00"))
        made.reverse()
        step = min(_RECORDS, self._most // _RECORD - 2)
        return [
            Section("narrow" if self._narrow else "wide", b"".join(part), len(part), row.offsets[at])
            for at in range(0, len(made), step)
            if (part := made[at : at + step])
        ]

    def _bases(self) -> list[Section]:
        if self._model.outputs == 1:
            return []
        words, step = _base_words(self._program), self._most // WORD - 1
        return [
            Section("bases", b"".join(words[at : at + step]), place=self._out + WORD * at)
            for at in range(0, len(words), step)
        ]

    def _section(self, chunk: Chunk) -> Section:
        place = self._out + WORD * chunk.output
        if chunk.mode == "blocks":
            return Section(chunk.mode, blocks(self._slots, chunk.trees), len(chunk.trees), place)
        if chunk.mode == "nodes":
            return Section(chunk.mode, nodes(self._slots, chunk.trees), len(chunk.trees), place)
        kind = FIXED[int(chunk.mode[-1]) - 1]
        content = b"".join(fixed_tree(self._slots, tree, kind) for tree in chunk.trees)
        return Section(chunk.mode, content, len(chunk.trees) - 1, place)


def _words_of(program: Program) -> int:
    """Words of a row of at most 64 features of two bytes each; 0 for any other row."""
    row = RowCode(program)
    if set(row.widths) != {2} or row.offsets[0] or len(row.widths) > MAX_SLOTS:
        return 0
    return -(-len(row.widths) // _LANES)


def _span_words(spans: Sequence[int], slots: Slots) -> bytes:
    """Lanes like the row's, with the span for the value and the slot plus one: what is left of it says "not above"."""
    words = bytearray()
    for slot in range(0, 64 * -(-len(spans) // _LANES), 4):
        words += bytes([slot + 1, 0xFF, 0xFF, 0])
    for i, span in enumerate(spans):
        words[slots.address[i] + 1 : slots.address[i] + 3] = span.to_bytes(2, "big")
    return bytes(words)


def _base_words(program: Program) -> list[bytes]:
    model = trees_of(program)
    return [(base * model.divisor).to_bytes(WORD, "big", signed=True) for base in model.base]


def _pack(sections: Sequence[Section], begin: tuple[bytes, bytes], address_of: AddressOf, limit: int) -> TableData:
    """Cut the chain into contracts, and link them from the last to the first."""
    groups: list[list[Section]] = [[]]
    free = limit - HEAD_BYTES - len(begin[1])
    for section in sections:
        size = WORD + len(section.content) if section.content else 0
        if size > free:
            groups.append([])
            free = limit - PART_HEAD_BYTES
        groups[-1].append(section)
        free -= size
    parts: list[bytes] = []
    addresses: list[bytes] = []
    after = b""  # descriptor of what follows a group
    for number, group in reversed(list(enumerate(groups))):
        head, front = ((STOP + PART_MAGIC).ljust(WORD, b"\x00"), b"") if number else begin
        first, chain = _chain(group, len(head) + WORD + len(front), after)
        parts.insert(0, head + first + front + chain)
        addresses.insert(0, address_of(data_initcode(parts[0])))
        after = Section("switch").descriptor(addresses[0])
    return TableData(tuple(parts), tuple(addresses))


def _chain(group: Sequence[Section], at: int, after: bytes) -> tuple[bytes, bytes]:
    """Descriptor of a group's first section, and its sections, each with the descriptor of the next in front."""
    descriptors, offset = [], at
    for section in group:
        descriptors.append(section.descriptor(offset.to_bytes(2, "big")))
        offset += WORD + len(section.content) if section.content else 0
    descriptors.append(after)
    pairs = zip(descriptors[1:], group, strict=True)
    return descriptors[0], b"".join(following + section.content for following, section in pairs if section.content)


def _head(program: Program, begin: bytes) -> bytes:
    """Head, program hash and the first output's base, a word each."""
    row, narrow = RowCode(program), is_narrow(program)
    words = _words_of(program) if narrow else 0
    head = (begin + MAGIC + bytes([words])).ljust(WORD - 3, b"\x00") + row.size.to_bytes(3, "big")
    return head + program.hash + _base_words(program)[0]
