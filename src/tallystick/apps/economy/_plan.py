"""Plan an economy: the same seed and size give the same plan, on every machine."""

from __future__ import annotations

from typing import Final

from tallystick.apps.economy._laundering import open_mixing, open_structuring
from tallystick.apps.economy._model import DEFAULT_START, EconomySize, Plan
from tallystick.apps.economy._people import open_casual, open_people
from tallystick.apps.economy._phishing import open_gangs, open_sales
from tallystick.apps.economy._society import open_services
from tallystick.apps.economy._wash import open_rings
from tallystick.apps.economy._world import World
from tallystick.errors import RangeError
from tallystick.units import UnixSeconds

__all__ = ["plan_economy"]

_PPM: Final = 1_000_000
_COLLECTORS, _STRUCTURING, _WASH, _MIXING = 50_000, 65_000, 17_000, 17_000  # shares of the accounts, in ppm
_SALES, _CASUAL, _PEOPLE = 5_000, 220_000, 330_000


def plan_economy(seed: int, size: EconomySize | None = None, start: int = DEFAULT_START) -> Plan:
    """Plan an economy of accounts with fraud in it.

    Everybody is a life of their own, woken in time order, with an own random stream: who is added last
    changes nothing for the others but what they do together.

    Parameters
    ----------
    seed
        In [0, 2**31).
    size
        Accounts, days and block time; the default has about 600 accounts and 6,000 transactions in 120 days.
    start
        UTC second the period starts at; the first block is one block time later.

    Raises
    ------
    RangeError
        The seed or the start is outside its domain.

    Examples
    --------
    >>> plan = plan_economy(1, EconomySize(accounts=40, days=7))
    >>> plan.actions[0].kind.value, plan.digest() == plan_economy(1, EconomySize(accounts=40, days=7)).digest()
    ('deploy', True)
    """
    if not 0 <= seed < 1 << 31:
        raise RangeError("seed must be in [0, 2**31)", name="seed", value=seed)
    if not 0 <= start < 1 << 32:
        raise RangeError("start must be in [0, 2**32)", name="start", value=start)
    size = size or EconomySize()
    world = World(seed, size, UnixSeconds(start))
    society = open_services(world)

    def share(ppm: int) -> int:
        return max(size.accounts * ppm // _PPM, 1)

    open_casual(society, share(_CASUAL))
    open_people(society, share(_PEOPLE))
    open_sales(society, share(_SALES))
    open_gangs(society, share(_COLLECTORS))
    open_structuring(society, share(_STRUCTURING))
    open_rings(society, share(_WASH))
    open_mixing(society, share(_MIXING))
    return world.run()
