"""All contracts of a program in a table, in the order in which they can be made."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.exact import Program
from tallystick.targets.evm.table._code import interpreter_code, interpreter_initcode
from tallystick.targets.evm.table._data import CODE_LIMIT, table_data
from tallystick.targets.evm.table._deploy import AddressOf

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
    """One contract: ``interpreter``, ``data 2``, ``data 3``, … or ``model``, its code, and what makes it."""

    role: str
    runtime: bytes
    initcode: bytes


def table_contracts(
    program: Program, address_of: AddressOf, options: TableOptions | None = None
) -> tuple[TableContract, ...]:
    """The interpreter, the data's further parts from the last on, and the model: the first part, with its front.

    Every address follows from init code. Deploy those that have no code yet, in this order: the interpreter is there
    after the first model, the model after its first user. Call the model with rows, or the interpreter with the
    model's address and a row.

    Raises
    ------
    ProgramError
        As in :func:`table_data`.
    """
    options = options or TableOptions()
    made = interpreter_initcode(options.push0)
    data = table_data(program, address_of, options.code_limit, address_of(made))
    numbers = range(len(data.parts), 0, -1)
    parts = (
        TableContract(f"data {number}" if number > 1 else "model", data.parts[number - 1], code)
        for number, code in zip(numbers, data.initcodes, strict=True)
    )
    return TableContract("interpreter", interpreter_code(options.push0), made), *parts
