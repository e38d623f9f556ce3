"""Gas and bytes of a dense int8 layer on the EVM, in several layouts; docs/explanation/evm-dense.md explains them.

    python bench/dense.py            a table
    python bench/dense.py --json     one JSON object

Every layout runs in py-evm and equals the reference on the rows it is measured with. Gas is that of the call, without
intrinsic gas and calldata; data contracts are cold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from tallystick.exact import DenseLayer, ErrorBound, Feature, Mlp, Program, score_outputs
from tallystick.targets.evm import Assembler, DenseCode, DenseOptions, RowCode, dense_code
from tallystick.targets.evm._contract import ROW_AT
from tallystick.targets.evm.dense._build import place
from tallystick.targets.evm.dense._layers import layers_of
from tallystick.targets.evm.dense._packed import plan_packed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.targets.evm.machine import run

_QUICK_MACS = 20_000  # layers below this are quick
SHAPES = ((784, 16), (784, 128), (32, 16))
INT32 = (-(1 << 31), (1 << 31) - 1)
ETHEREUM, GLAMSTERDAM = 24_576, 65_536  # most bytes of code: EIP-170, and EIP-7954 (in review)


class Contracts(NamedTuple):
    """A layout of a layer: its contract, and data contracts by address."""

    layout: str
    code: bytes
    data: dict[bytes, bytes]


def program_of(inputs: int, outputs: int) -> Program:
    """One layer with random weights; its outputs are the sums."""
    random = Random(inputs)
    weight = tuple(tuple(random.randint(-128, 127) for _ in range(inputs)) for _ in range(outputs))
    features = tuple(Feature(f"f{i}", 0, 255) for i in range(inputs))
    return Program(features, bytes(32), Mlp((DenseLayer(weight, (0,) * outputs, 0, *INT32),)), 0, ErrorBound(0, ""))


def layouts_of(program: Program) -> Iterator[Contracts]:
    model = program.model
    assert isinstance(model, Mlp)
    yield named("as compiled", dense_code(program))
    yield named("data", dense_code(program, DenseOptions(inline=False)))
    for classes in (2, 1):
        plan = plan_packed(layers_of(program)[0], width=1, most_classes=classes)
        data = place((plan,), ETHEREUM - 1).contracts
        yield named(f"data, {classes} output(s) to a word", DenseCode(RowCode(program), DenseOptions(), (plan,), data))
    yield named("as compiled, code of 65,536 bytes", dense_code(program, DenseOptions(code_limit=GLAMSTERDAM)))
    if model.outputs == 16:
        yield from (broadcast(model.layers[0], wide) for wide in (True, False))


def named(layout: str, compiled: DenseCode) -> Contracts:
    addresses = [bytes([9] * 19 + [i]) for i in range(len(compiled.data))]
    kept = " ".join(compiled.layouts)
    code = compiled.runtime(addresses)
    name = f"{layout} ({kept})" if layout.startswith("as") else layout
    return Contracts(name, code, dict(zip(addresses, compiled.data, strict=True)))


# Two older layouts to compare with: an input times a word of weights at a time, unrolled, for 16 outputs. They give
# bare sums: no bias, no shift, no clip, no check of the call. In comments the stack's top is on the right.
LANES_16 = sum(1 << 16 * lane for lane in range(16))
LANES_32 = sum(1 << 32 * lane for lane in range(8))
WEIGHTS_AT = bytes([7] * 20)


def wide_step(code: Assembler, at: int, number: int) -> None:
    """``mask, sums, sums, input``: eight outputs in lanes of 32 bits, then the other eight; the sums change places."""
    one, other = (at, at - 1) if number % 2 == 0 else (at - 1, at)
    code.op("SWAP1").push(one).op("MLOAD", "DUP5", "AND", "DUP3", "MUL", "ADD", "SWAP2", "SWAP1")
    code.push(other).op("MLOAD", "DUP5", "AND", "MUL", "ADD")


def narrow_step(code: Assembler, at: int, number: int) -> None:
    """``mask, sums, sums, input``: 16 outputs in lanes of 16 bits; the products' sum, and that of every other lane.

    The two sums change places at each step.
    """
    code.push(at).op("MLOAD", "DUP5", "AND", "MUL", "DUP1").push(16).op("SHR").push(LANES_32 * 0xFFFF).op("AND")
    code.op(*["SWAP1"] * (number % 2), "SWAP2", "ADD", "SWAP2", "ADD")


def broadcast(layer: DenseLayer, wide: bool) -> Contracts:
    blob = b"".join(word_of(layer, i, wide) for i in range(0, layer.inputs, 2))
    base = ROW_AT + layer.inputs + 32
    code = Assembler()
    code.push(layer.inputs).push(0).push(ROW_AT).op("CALLDATACOPY")
    code.push(len(blob)).push(1).push(base).push(int.from_bytes(WEIGHTS_AT, "big")).op("EXTCODECOPY")
    code.push(255 * (LANES_32 if wide else LANES_16)).push(0).push(0)
    for i in range(layer.inputs):
        code.push(ROW_AT + i).op("MLOAD").push(0).op("BYTE")
        step, back = (wide_step, 2) if wide else (narrow_step, 1)
        step(code, base + 32 * (i // 2) - back * (i % 2), i)
    if not wide:  # the sum of all lanes, without the odd ones', is that of the even ones
        code.op("DUP2").push(16).op("SHL", "SWAP1", "SUB")
    write_sums(code, layer.inputs, wide)
    return Contracts(
        "8 lanes of 32 bits" if wide else "16 lanes of 16 bits", code.assemble(), {WEIGHTS_AT: b"\x00" + blob}
    )


def word_of(layer: DenseLayer, i: int, wide: bool) -> bytes:
    """Weights of two inputs: a word read so many bytes earlier has a group of them in the lanes' lowest bytes."""
    word = bytearray(32)
    for side in (0, 1):
        for k, row in enumerate(layer.weight):
            lane = 4 * (k % 8) + 2 * side + k // 8 if wide else 2 * k + side
            word[31 - lane] = row[i + side] + 128
    return bytes(word)


def write_sums(code: Assembler, inputs: int, wide: bool) -> None:
    """Take 128 times the sum of the inputs out of each lane, and return."""
    code.push(255 * LANES_16).push(0)  # mask, mask of bytes, sum of bytes
    for at in range(ROW_AT, ROW_AT + inputs, 32):
        code.push(at).op("MLOAD", "DUP3", "AND", "ADD").push(at - 1).op("MLOAD", "DUP3", "AND", "ADD")
    code.push(LANES_32 * 0xFFFF).op("DUP2", "DUP2", "AND", "SWAP2").push(16).op("SHR", "AND", "ADD")
    code.push(LANES_32).op("MUL").push(224).op("SHR").push(-128).op("MUL")
    for k in range(16):
        first = k >= 8 if wide else k % 2
        code.op("DUP4" if first else "DUP3").push(32 * (k % 8 if wide else k // 2)).op("SHR").push(0xFFFFFFFF)
        code.op("AND", "DUP2", "ADD").push(32 * k).op("MSTORE")
    code.push(512).push(0).op("RETURN")


def measure(program: Program, layout: Contracts, rows: int) -> dict[str, object]:
    """Gas of a call on random rows, the largest; each answer equals the reference."""
    random = Random(1)
    macs = len(program.features) * program.model.outputs
    gas = 0
    for row in [[random.randint(0, 255) for _ in program.features] for _ in range(rows)]:
        outcome = run(layout.code, RowCode(program).encode(row), layout.data)
        assert outcome.words() == score_outputs(program, row), layout.layout
        gas = max(gas, outcome.gas)
    size = sum(map(len, (layout.code, *layout.data.values())))
    return {
        "inputs": len(program.features),
        "outputs": program.model.outputs,
        "layout": layout.layout,
        "gas": gas,
        "gas_per_mac": round(gas / macs, 2),
        "bytes": size,
        "bytes_per_mac": round(size / macs, 2),
        "contracts": 1 + len(layout.data),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="the smaller layers, a row each")
    asked = parser.parse_args()
    shapes = [shape for shape in SHAPES if not asked.quick or shape[0] * shape[1] < _QUICK_MACS]
    programs = [program_of(*shape) for shape in shapes]
    cases = [
        measure(program, layout, 1 if asked.quick else 3) for program in programs for layout in layouts_of(program)
    ]
    if asked.json:
        print(json.dumps({"cases": cases}))
        return
    print("| layer | layout | gas | gas per MAC | bytes | bytes per MAC | contracts |\n|---|---|--:|--:|--:|--:|--:|")
    for case in cases:
        print(
            f"| {case['inputs']}×{case['outputs']} | {case['layout']} | {case['gas']:,} | {case['gas_per_mac']:.2f} "
            f"| {case['bytes']:,} | {case['bytes_per_mac']:.2f} | {case['contracts']} |"
        )


if __name__ == "__main__":
    main()
