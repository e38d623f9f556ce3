"""What the handlers of several sections begin with. Stack notation: the top is on the right."""

from __future__ import annotations

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm.table._layout import NEXT

__all__ = ["compare", "copy_section", "place_of"]


def copy_section(code: Assembler) -> None:
    """``row data d`` stays: bring the section's content to ``BUFFER``, and the next one's descriptor to ``NEXT``."""
    code.op("DUP1").push(240).op("SHR", "DUP2").push(0xFFFF).op("AND").push(NEXT).op("DUP5", "EXTCODECOPY")


def place_of(code: Assembler) -> None:
    """``d`` becomes its place."""
    code.push(200).op("SHR").push(0xFFFFFF).op("AND")


def compare(code: Assembler) -> None:
    """``node other`` becomes ``node other c``: 1 where the feature's value is above the node's threshold.

    The node's first byte is the address of the feature's lane. Lane and node begin with that byte, then two bytes of
    value and threshold, then 0 and not 0: compared as whole words, what comes behind never matters.
    """
    code.op("DUP2").push(0).op("BYTE", "MLOAD", "DUP3", "LT")
