"""Puts the layers of a program together: memory, data, code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._contract import ROW_AT, check_domain, prologue, reverts
from tallystick.targets.evm._row import RowCode
from tallystick.targets.evm.dense._finish import Sink
from tallystick.targets.evm.dense._inline import Inline
from tallystick.targets.evm.dense._lanes import WORD, pack_row
from tallystick.targets.evm.dense._packed import DATA, Area, Packed, Run, Stored

__all__ = ["STOP", "Placed", "Plan", "assemble", "place"]

Plan = Inline | Packed
STOP: Final = b"\x00"  # what a data contract begins with: a call of it does nothing


class Placed(NamedTuple):
    """Code of the data contracts, and where the pieces of each packed layer's loops are."""

    contracts: tuple[bytes, ...]
    runs: tuple[list[list[Run]], ...]


def place(plans: Sequence[Plan], room: int | None) -> Placed:
    """Distribute pieces over contracts with so much room, in order; into one where there is no bound."""
    blobs = [bytearray()]
    runs = tuple(
        [_place_loop(loop, blobs, room) for loop in _loops(plan)] for plan in plans if isinstance(plan, Packed)
    )
    return Placed(tuple(STOP + bytes(blob) for blob in blobs), runs)


def _loops(plan: Packed) -> Iterator[Sequence[bytes]]:
    at = 0
    for _, times in plan.loops:
        yield plan.pieces[at : at + times]
        at += times


def _place_loop(pieces: Sequence[bytes], blobs: list[bytearray], room: int | None) -> list[Run]:
    runs: list[Run] = []
    for piece in pieces:
        if room is not None and len(blobs[-1]) + len(piece) > room:
            blobs.append(bytearray())
        contract, begin = len(blobs) - 1, len(blobs[-1])
        blobs[-1] += piece
        if runs and runs[-1].contract == contract:
            begin = runs.pop().begin
        runs.append(Run(contract, begin, len(blobs[-1])))
    return runs


def assemble(row: RowCode, plans: Sequence[Plan], stored: Stored, placed: Placed, push0: bool) -> bytes:
    """The contract's code."""
    code = Assembler(push0)
    prologue(code, row)
    check_domain(code, row)
    areas, out = _memory(row, plans)
    pack_row(code, row, plans[0].lanes, areas[0].lanes)
    runs = iter(placed.runs)
    for number, plan in enumerate(plans):
        if plan is plans[-1]:
            sink = Sink.of_words(plan.layer.outputs, out)
        else:
            sink = Sink.of_lanes(plan.layer.outputs, plans[number + 1].lanes, areas[number + 1].lanes)
        if isinstance(plan, Inline):
            plan.append(code, areas[number].lanes, sink)
        else:
            plan.append(code, areas[number], stored, next(runs))
            plan.append_finish(code, areas[number], sink)
    code.push(WORD * plans[-1].layer.outputs).push(out).op("RETURN")
    reverts(code, row)
    if not stored.addresses and placed.runs:
        code.data(DATA, placed.contracts[0][len(STOP) :])
    return code.assemble()


def _memory(row: RowCode, plans: Sequence[Plan]) -> tuple[list[Area], int]:
    """Each layer's memory, and the address of what is returned.

    First the row, then, when it is no longer needed, pieces of weights in its place; behind them each layer's inputs in
    lanes, which clear up to 31 bytes below them when they are stored; then sums.
    """
    packed = [plan for plan in plans if isinstance(plan, Packed)]
    at = ROW_AT + max([row.size, *[plan.lanes.size for plan in packed]])
    at += -at % WORD
    lanes = []
    for plan in plans:
        at += WORD
        lanes.append(at)
        at += plan.lanes.size
    sums = at
    at += WORD * max([0, *[plan.layer.outputs for plan in packed]])
    return [Area(address, ROW_AT, sums) for address in lanes], at
