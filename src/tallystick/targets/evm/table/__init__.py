"""Trees as data that one interpreter contract reads."""

from tallystick.targets.evm.table._code import interpreter_code, interpreter_initcode
from tallystick.targets.evm.table._contracts import TableContract, TableOptions, table_contracts
from tallystick.targets.evm.table._data import TableData, table_data
from tallystick.targets.evm.table._deploy import NO_SALT, create2_address
from tallystick.targets.evm.table._front import front_code

__all__ = [
    "NO_SALT",
    "TableContract",
    "TableData",
    "TableOptions",
    "create2_address",
    "front_code",
    "interpreter_code",
    "interpreter_initcode",
    "table_contracts",
    "table_data",
]
