"""A linear model or a multilayer perceptron as a contract, with packed lanes (``docs/explanation/evm-dense.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tallystick.errors import ProgramError
from tallystick.exact import Program
from tallystick.targets.evm._contract import initcode
from tallystick.targets.evm._row import RowCode
from tallystick.targets.evm.dense._build import STOP, Plan, assemble, place
from tallystick.targets.evm.dense._inline import Inline, plan_inline
from tallystick.targets.evm.dense._layers import Layer, layers_of
from tallystick.targets.evm.dense._packed import Stored, plan_packed

__all__ = ["DenseCode", "DenseOptions", "dense_code"]


@dataclass(frozen=True)
class DenseOptions:
    """What a contract may be like.

    Parameters
    ----------
    code_limit
        Most bytes of a contract's code on the chain; 24,576 on Ethereum (EIP-170).
    push0
        As for :class:`Assembler`.
    inline
        Whether weights may be constants in the code where they fit: less gas and more bytes.
    """

    code_limit: int = 24_576
    push0: bool = True
    inline: bool = True


@dataclass(frozen=True)
class DenseCode:
    """A program compiled.

    Parameters
    ----------
    row
        How rows are packed.
    options
        As given.
    plans
        What became of each layer.
    data
        Code of each data contract: a zero byte, then weights. Empty where everything is in one contract. Its content
        is all that matters: contracts of the same content can be shared.
    """

    row: RowCode
    options: DenseOptions
    plans: tuple[Plan, ...]
    data: tuple[bytes, ...]

    @property
    def layouts(self) -> tuple[str, ...]:
        """How each layer's weights are kept: ``code`` or ``data``."""
        return tuple("code" if isinstance(plan, Inline) else "data" for plan in self.plans)

    def runtime(self, addresses: Sequence[bytes] = ()) -> bytes:
        """Code of the contract.

        Parameters
        ----------
        addresses
            20 bytes each, of the data contracts.

        Raises
        ------
        ProgramError
            Another number of addresses than of data contracts, or no addresses.
        """
        if len(addresses) != len(self.data) or any(len(address) != 20 for address in addresses):
            cause = f"the contract needs {len(self.data)} addresses of data contracts, 20 bytes each"
            raise ProgramError(cause, value=len(addresses), next_step="Deploy the data contracts first.")
        numbers = tuple(int.from_bytes(address, "big") for address in addresses)
        room = self.options.code_limit - len(STOP) if self.data else None
        return assemble(self.row, self.plans, Stored(numbers), place(self.plans, room), self.options.push0)

    def initcode(self, addresses: Sequence[bytes] = ()) -> bytes:
        """Code that leaves :meth:`runtime` when a contract is made of it."""
        return initcode(self.runtime(addresses), self.options.push0)

    @property
    def data_initcodes(self) -> tuple[bytes, ...]:
        """Code that leaves each data contract."""
        return tuple(initcode(data, self.options.push0) for data in self.data)


def dense_code(program: Program, options: DenseOptions | None = None) -> DenseCode:
    """Compile a linear model or a multilayer perceptron.

    Weights are constants in the code where they fit; else, largest layer first, data behind it; else data contracts.

    Parameters
    ----------
    program
        Program to compile.
    options
        As on Ethereum by default.

    Raises
    ------
    ProgramError
        The program has trees, or its code does not fit under the limit.
    """
    options = options or DenseOptions()
    row = RowCode(program)
    choices = list(_choices(row, layers_of(program), options))
    for plans in choices:
        code = DenseCode(row, options, plans, ())
        if len(code.runtime()) <= options.code_limit:
            return code
    for plans in choices:
        if any(plan.layer.used and plan.lanes.size > options.code_limit - len(STOP) for plan in plans):
            continue
        code = DenseCode(row, options, plans, place(plans, options.code_limit - len(STOP)).contracts)
        if len(code.runtime([bytes(20)] * len(code.data))) <= options.code_limit:
            return code
    cause = f"the contract does not fit into {options.code_limit} bytes of code"
    step = "Use fewer features or layers, or a chain with a higher code limit."
    raise ProgramError(cause, value=len(program.features), next_step=step)


def _choices(row: RowCode, layers: Sequence[Layer], options: DenseOptions) -> Iterator[tuple[Plan, ...]]:
    """The layers' plans: all weights in the code, then more and more of the largest layers' as data."""
    widths = [_strided_width(row, layers[0]), *[0] * (len(layers) - 1)]
    sizes = [sum(weight != 0 for weights in layer.weight for weight in weights) for layer in layers]
    order = sorted(range(len(layers)), key=lambda i: (-sizes[i], i))
    movable = [i for i in order if layers[i].used]
    # A weight takes a byte of code at least.
    least = sum(size > options.code_limit for size in sizes) if options.inline else len(movable)
    inline = {i: plan_inline(layers[i], widths[i]) for i in range(len(layers)) if i not in movable[:least]}
    packed = {i: plan_packed(layers[i], widths[i]) for i in movable}
    for count in range(least, len(movable) + 1):
        data = movable[:count]
        yield tuple(packed[i] if i in data else inline[i] for i in range(len(layers)))


def _strided_width(row: RowCode, layer: Layer) -> int:
    """Bytes of every feature where all have as many and are used; else 0."""
    return row.widths[0] if len(set(row.widths)) == 1 and len(layer.used) == len(row.widths) else 0
