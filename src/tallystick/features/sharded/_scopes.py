"""Whose state a feature is made of: what decides where a sharded engine computes it.

Shards own accounts and tokens (``sharded/_owners.py``); the driver sees the whole stream.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tallystick.errors import FeatureError
from tallystick.features._options import EngineOptions
from tallystick.features.families import FAMILIES

__all__ = ["COLUMN_SCOPES", "SCOPES", "Placement", "Scope"]


@dataclass(frozen=True)
class Scope:
    """Where the features of a family come from.

    Parameters
    ----------
    name
        ``account``: the shard that owns the row's subject; ``counterparty``: the one that owns the other side;
        ``asset``: the one that owns the token; ``global``: an engine on the driver.
    why
        What the family reads.
    """

    name: str
    why: str


SCOPES: Final = {
    "flow": Scope("account", "The subject's own transfers."),
    "size": Scope("account", "The subject's own transfers."),
    "rhythm": Scope("account", "The subject's own transfers."),
    "activity": Scope("account", "The subject's own transfers."),
    "counterparties": Scope(
        "account",
        "The subject's own transfers and edges, and what each counterparty was like: exchanged between passes.",
    ),
    "partner": Scope("counterparty", "The counterparty's own transfers and what its counterparties were like."),
    "fees": Scope("account", "The subject's own transfers."),
    "motifs": Scope("global", "Recent transfers of accounts up to two steps away."),
    "passing": Scope("global", "Recent amounts of the same asset; rings know assets by numbers of the whole stream."),
    "exposure": Scope("global", "Labelled money, however many accounts it came through."),
    "lookalike": Scope("global", "Which of all addresses that look alike came first."),
    "approvals": Scope("account", "The subject's own transfers; a shard also gets the row that says who signed."),
    "kind": Scope("global", "Who was funded by whom first, which takes one more exchange for each step."),
    "assets": Scope("account", "The subject's own holdings; holders of a token come from the token's shard."),
}
"""Scope of each family."""

COLUMN_SCOPES: Final = {"asset_holders": "asset"}
"""Features whose scope is not their family's."""


@dataclass(frozen=True)
class Placement:
    """Which columns of a row are computed where.

    Parameters
    ----------
    shards
        What shards compute.
    driver
        What the driver computes; ``None`` for nothing.
    inside, outside
        For each scope of the shards its columns in a shard's rows, and in the whole row.
    whole
        The driver's columns in the whole row.
    """

    shards: EngineOptions
    driver: EngineOptions | None
    inside: dict[str, np.ndarray]
    outside: dict[str, np.ndarray]
    whole: np.ndarray

    @classmethod
    def of(cls, options: EngineOptions) -> Placement:
        """Place the families that an engine is to compute.

        Raises
        ------
        FeatureError
            All of them need the whole graph: there is nothing for shards.

        Examples
        --------
        >>> placement = Placement.of(EngineOptions(families=("flow", "motifs")))
        >>> placement.shards.families, placement.driver.families, placement.whole.tolist()[:3]
        (('flow',), ('motifs',), [13, 14, 15])
        """
        wanted = [name for name in FAMILIES if name in options.families]
        local = tuple(name for name in wanted if SCOPES[name].name != "global")
        overall = tuple(name for name in wanted if SCOPES[name].name == "global")
        if not local:
            cause = f"shards compute none of {', '.join(wanted)}: they need the whole graph"
            raise FeatureError(cause, name=wanted[0], next_step="Use the engine of one process: --engine local.")
        shards = replace(options, families=local)
        driver = replace(options, families=overall) if overall else None
        at = {name: column for column, name in enumerate(options.spec.names)}
        scope_of = {
            feature.name: COLUMN_SCOPES.get(feature.name, SCOPES[name].name)
            for name in wanted
            for feature in FAMILIES[name].FEATURES
        }
        names = shards.spec.names
        inside, outside = {}, {}
        for scope in ("account", "counterparty", "asset"):
            columns = [column for column, name in enumerate(names) if scope_of[name] == scope]
            inside[scope] = np.array(columns, np.int64)
            outside[scope] = np.array([at[names[column]] for column in columns], np.int64)
        whole = np.array([at[name] for name in driver.spec.names] if driver else [], np.int64)
        return cls(shards, driver, inside, outside, whole)
