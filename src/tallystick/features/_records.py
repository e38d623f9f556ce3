"""The state's columns as objects with names, for the reference engine and the families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from tallystick.features._state import ACCOUNT_COLUMNS, FACTS

__all__ = ["Account", "Facts"]


class _Record:
    """Named integers, all zero at first."""

    _names: tuple[str, ...] = ()

    def __init__(self) -> None:
        for name in self._names:
            setattr(self, name, 0)

    def copy(self) -> Self:
        """Another record with the same values."""
        other = type(self)()
        other.__dict__.update(self.__dict__)
        return other

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> int: ...
        def __setattr__(self, name: str, value: int) -> None: ...


class Account(_Record):
    """What the engine remembers of one account; see ``_state.py``."""

    _names = ACCOUNT_COLUMNS

    @property
    def count(self) -> int:
        """Transfers of the chain's own coin."""
        return self.count_in + self.count_out


class Facts(_Record):
    """What one side of a transfer knows about it before it changes the state."""

    _names = FACTS
