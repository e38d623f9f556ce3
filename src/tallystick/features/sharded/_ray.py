"""Shards on Ray: one actor for each, on this machine or on a cluster; extra ``[ray]``."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import process_time_ns
from types import TracebackType
from typing import Any, Final, Self

from tallystick.errors import FeatureError, InputError, MissingExtra, TallyError
from tallystick.features._options import EngineOptions
from tallystick.features.sharded._owners import check_shards
from tallystick.features.sharded._scopes import Placement
from tallystick.features.sharded._shard import Cells, Shard
from tallystick.features.sharded._split import Part

__all__ = ["RayAddress", "RayShards", "no_statistics"]

_REACH_S: Final = 5  # Ray itself tries for minutes, and then ends the process
_START_S: Final = 120
_NEXT_STEP: Final = "Give ray for a Ray of our own, ray://HOST:10001 for Ray's client port, or ray:HOST:6379 on a node."
_NO_STATISTICS: Final = "RAY_USAGE_STATS_ENABLED"


@dataclass(frozen=True)
class RayAddress:
    """Which Ray to use.

    Parameters
    ----------
    text
        As ``ray.init`` takes it; empty for a Ray of our own on this machine.
    host, port
        Where it listens.

    Examples
    --------
    >>> RayAddress.parse("ray://head:10001").text, RayAddress.parse("ray:head:6379").text, RayAddress.parse("ray").text
    ('ray://head:10001', 'head:6379', '')
    """

    text: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> RayAddress:
        """Read ``ray``, ``ray://HOST:PORT`` (Ray's client) or ``ray:HOST:PORT`` (a node of the cluster).

        Raises
        ------
        InputError
            It is none of these.
        """
        if text == "ray":
            return cls()
        kind, _, rest = text.partition(":")
        client = rest.startswith("//")
        host, _, port = rest.removeprefix("//").rpartition(":")
        if (
            kind != "ray"
            or not host
            or "/" in host
            or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)
        ):
            raise InputError(f"{text!r} is no address of Ray", name="engine", value=text, next_step=_NEXT_STEP)
        return cls(f"ray://{host}:{port}" if client else f"{host}:{port}", host, int(port))

    def check_reachable(self) -> None:
        """Refuse an address where nothing listens.

        Raises
        ------
        FeatureError
            Nothing answers within seconds.
        """
        if not self.text:
            return
        try:
            socket.create_connection((self.host.strip("[]"), self.port), _REACH_S).close()
        except OSError as error:
            cause = f"no Ray at {self.text}: {error.strerror or error}"
            step = f"Start one with `ray start --head`, or check host and port. {_NEXT_STEP}"
            raise FeatureError(cause, name=self.text, next_step=step) from error


class _Worker(Shard):
    """What runs in an actor."""

    def ready(self, spec_hash: bytes) -> bool:
        """Say that the actor is there, and computes what the driver expects."""
        self.check_spec(spec_hash)
        return True

    def sizes(self) -> tuple[int, int, int]:
        """Processor time in ns, bytes of state, accounts."""
        return process_time_ns(), self.state_bytes, self.accounts_known


class RayShards:
    """Shards as Ray actors of one processor each; a context manager that ends them, and Ray where it began it.

    Looks go from actor to actor; the driver sends transfers and gets cells.

    Parameters
    ----------
    address
        ``ray``, ``ray://HOST:PORT`` or ``ray:HOST:PORT``.
    count
        How many shards; by default one for each processor of the cluster.
    options
        What the whole engine computes.

    Raises
    ------
    MissingExtra
        Ray is not installed.
    InputError
        The address cannot be read.
    FeatureError
        Nothing answers there, the cluster has fewer processors than there are shards, or there is no family for them.
    SpecMismatch
        The cluster's tallystick computes other features.
    """

    def __init__(self, address: str = "ray", count: int | None = None, options: EngineOptions | None = None) -> None:
        self.options = options or EngineOptions()
        Placement.of(self.options)  # refuses before anything is started
        if count is not None:
            check_shards(count)
        where = RayAddress.parse(address)
        self._ray = _import_ray()
        where.check_reachable()
        self._own = not self._ray.is_initialized()
        if self._own:
            self._connect(where, count)
        self._actors: list[Any] = []
        try:
            self._start(count)
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._actors)

    def _connect(self, where: RayAddress, count: int | None) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if where.text:
            where_and_how = quiet | {"address": where.text}
        else:
            processors = max(count or 0, len(os.sched_getaffinity(0)))
            where_and_how = quiet | {"num_cpus": processors, "include_dashboard": False, "address": "local"}
        try:
            with no_statistics():
                self._ray.init(**where_and_how)
        except (Exception, SystemExit) as error:  # Ray raises what it likes here, and ends the process after minutes
            name = where.text or "this machine"
            step = f"{_NEXT_STEP} Where the cluster wants a token, set RAY_AUTH_MODE and RAY_AUTH_TOKEN as it has them."
            raise FeatureError(f"Ray does not start on {name}: {error}", name=name, next_step=step) from error

    def _start(self, count: int | None) -> None:
        processors = int(self._ray.cluster_resources().get("CPU", 0))
        wanted = count or max(processors, 1)
        if wanted > processors:
            cause = f"{wanted} shards, and the cluster has {processors} processors"
            raise FeatureError(cause, name="shards", next_step="Give fewer shards, or add nodes to the cluster.")
        worker = self._ray.remote(num_cpus=1)(_Worker)
        self._actors = [worker.remote(k, wanted, self.options) for k in range(wanted)]
        self._get([actor.ready.remote(self.options.spec.hash) for actor in self._actors], _START_S)

    def begin(self, parts: Sequence[Part]) -> list[Any]:
        """Start both passes over one part for each shard; see :meth:`finish`."""
        looks = [
            actor.look.options(num_returns=self.count).remote(part)
            for actor, part in zip(self._actors, parts, strict=True)
        ]
        if self.count == 1:
            looks = [[reference] for reference in looks]  # one answer is not in a list
        return [actor.rows.remote(*(look[k] for look in looks)) for k, actor in enumerate(self._actors)]

    def finish(self, begun: list[Any]) -> list[Cells]:
        """Wait for what was begun.

        Raises
        ------
        FeatureError
            A shard failed or was lost.
        """
        cells: list[Cells] = self._get(begun)
        return cells

    def sizes(self) -> list[tuple[int, int, int]]:
        """For each shard its processor time in ns, bytes of state, and accounts it knows."""
        sizes: list[tuple[int, int, int]] = self._get([actor.sizes.remote() for actor in self._actors])
        return sizes

    def _get(self, references: list[Any], seconds: int | None = None) -> Any:
        exceptions = self._ray.exceptions
        try:
            return self._ray.get(references, timeout=seconds)
        except exceptions.GetTimeoutError as error:
            cause = f"the shards did not start within {seconds} s"
            step = "Other jobs may hold the cluster's processors: `ray status` shows them."
            raise FeatureError(cause, name="shards", next_step=step) from error
        except exceptions.RayTaskError as error:
            if isinstance(error.cause, TallyError):
                raise error.cause from error
            step = "This is a defect; --debug shows where."
            raise FeatureError(f"a shard failed: {error.cause!r}", name="shards", next_step=step) from error
        except exceptions.RayError as error:
            step = "Run the command again: a shard's state is not kept elsewhere. `ray logs` tells why it was lost."
            first = str(error).partition("\n")[0]
            raise FeatureError(f"a shard was lost: {first}", name="shards", next_step=step) from error

    def close(self) -> None:
        """End the actors, and Ray if it was begun here."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        if self._own:
            self._ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtra.of("ray", "ray") from error
    return ray


@contextmanager
def no_statistics() -> Iterator[None]:
    """Keep a Ray that we start from reporting its use to its makers, unless the user asked for it."""
    before = os.environ.get(_NO_STATISTICS)
    os.environ[_NO_STATISTICS] = before or "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NO_STATISTICS]
