"""Assembler for the EVM: opcodes, constants in the shortest push, labels in the shortest push that reaches them."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.targets.evm._opcodes import OPCODES

__all__ = ["Assembler"]

_WORD: Final = 1 << 256


class _Label(NamedTuple):
    """A place: a JUMPDEST, or the begin of data."""

    name: str
    jump: bool


class _Reference(NamedTuple):
    """A push of a label's offset, plus a constant."""

    name: str
    plus: int


class Assembler:
    """Collects code, then lays it out.

    Parameters
    ----------
    push0
        Whether the chain knows ``PUSH0`` (EIP-3855, Shanghai); without it zero takes two bytes and one gas more.

    Examples
    --------
    >>> code = Assembler()
    >>> code.push(1).push_label("end").op("JUMPI", "INVALID").label("end").push(0).op("STOP").assemble().hex()
    '6001600657fe5b5f00'
    """

    def __init__(self, push0: bool = True) -> None:
        self.push0 = push0
        self._parts: list[bytes | _Label | _Reference] = []

    def op(self, *names: str) -> Assembler:
        """Append opcodes by name."""
        self._parts.append(bytes(OPCODES[name] for name in names))
        return self

    def push(self, value: int, size: int | None = None) -> Assembler:
        """Append a constant, modulo 2**256, in the shortest push or one of ``size`` bytes."""
        value %= _WORD
        if size is None:
            size = (value.bit_length() + 7) // 8 if value or self.push0 else 1
        self._parts.append(bytes([OPCODES["PUSH0"] + size]) + value.to_bytes(size, "big"))
        return self

    def push_label(self, name: str, plus: int = 0) -> Assembler:
        """Append a label's offset in the code, plus a constant."""
        self._parts.append(_Reference(name, plus))
        return self

    def label(self, name: str) -> Assembler:
        """Append a ``JUMPDEST`` and name it."""
        self._parts.append(_Label(name, jump=True))
        return self

    def data(self, name: str, content: bytes) -> Assembler:
        """Append bytes that are no code, and name their begin. Put an ``INVALID`` or a return before them."""
        self._parts += (_Label(name, jump=False), content)
        return self

    def extend(self, other: Assembler) -> Assembler:
        """Append another assembler's parts; its labels must differ from ours."""
        self._parts += other._parts
        return self

    def assemble(self) -> bytes:
        """Return the code.

        Label pushes begin with one byte and grow until every offset fits; they never shrink, so this ends.
        """
        sizes = [1] * len(self._parts)
        while True:
            places = self._places(sizes)
            needed = [
                max(size, _bytes_of(places[part.name] + part.plus)) if isinstance(part, _Reference) else size
                for part, size in zip(self._parts, sizes, strict=True)
            ]
            if needed == sizes:
                return self._write(places, sizes)
            sizes = needed

    def _places(self, sizes: list[int]) -> dict[str, int]:
        places: dict[str, int] = {}
        at = 0
        for part, size in zip(self._parts, sizes, strict=True):
            match part:
                case _Label(name, jump):
                    assert name not in places, f"label {name} twice"
                    places[name] = at
                    at += jump
                case _Reference():
                    at += 1 + size
                case content:
                    at += len(content)
        return places

    def _write(self, places: dict[str, int], sizes: list[int]) -> bytes:
        code = bytearray()
        for part, size in zip(self._parts, sizes, strict=True):
            match part:
                case _Label(_, jump):
                    code += bytes([OPCODES["JUMPDEST"]] * jump)
                case _Reference(name, plus):
                    code.append(OPCODES["PUSH0"] + size)
                    code += (places[name] + plus).to_bytes(size, "big")
                case content:
                    code += content
        return bytes(code)


def _bytes_of(value: int) -> int:
    return max(1, (value.bit_length() + 7) // 8)
