"""All contracts of a program in a table, in the order in which they can be made."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.exact import Program
from tallystick.targets.evm._contract import initcode
from tallystick.targets.evm._table_code import interpreter_code, interpreter_initcode
from tallystick.targets.evm._table_data import CODE_LIMIT, table_data
from tallystick.targets.evm._table_deploy import AddressOf
from tallystick.targets.evm._table_front import front_code

__all__ = ["TableContract", "TableOptions", "table_contracts"]


@dataclass(frozen=True)
class TableOptions:
    """What the chain can do.

    Parameters
    ----------
    code_limit
        Largest code of a contract, bytes. The interpreter has 8.4 KB whatever the limit.
    push0
        Whether it knows ``PUSH0``. Data contracts and their addresses do not depend on it.
    """

    code_limit: int = CODE_LIMIT
    push0: bool = True


@dataclass(frozen=True)
class TableContract:
    """One contract: ``interpreter``, ``data 1``, ``data 2``, … or ``front``, its code, and what makes it."""

    role: str
    runtime: bytes
    initcode: bytes


def table_contracts(
    program: Program, address_of: AddressOf, options: TableOptions | None = None
) -> tuple[TableContract, ...]:
    """The interpreter, the data's parts from the last to the first, and the front.

    Every address follows from init code. Deploy those that have no code yet: the interpreter is there after the first
    model, the data after the first user of this model. Call the front with rows; or, for some 2,800 gas less, the
    interpreter with the address of ``data 1`` and a row.

    Raises
    ------
    ProgramError
        As in :func:`table_data`.
    """
    options = options or TableOptions()
    data = table_data(program, address_of, options.code_limit)
    made = interpreter_initcode(options.push0)
    interpreter = TableContract("interpreter", interpreter_code(options.push0), made)
    front = front_code(program, address_of(made), data.address, options.push0)
    numbers = range(len(data.parts), 0, -1)
    parts = (
        TableContract(f"data {number}", data.parts[number - 1], code)
        for number, code in zip(numbers, data.initcodes, strict=True)
    )
    return interpreter, *parts, TableContract("front", front, initcode(front, options.push0))
