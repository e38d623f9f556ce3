from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tallystick.errors import FeatureError, InputError, MissingExtra, RangeError, SpecMismatch
from tallystick.features import Engine, EngineOptions, RayShards, ShardedEngine
from tallystick.features.sharded._ray import RayAddress, no_statistics

from ..streams import assert_same, random_stream, to_batch
from .shards import grouped, pieces, token_stream


def test_address_of_our_own() -> None:
    assert RayAddress.parse("ray") == RayAddress()
    RayAddress().check_reachable()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("ray://head:10001", RayAddress("ray://head:10001", "head", 10_001)),
        ("ray:head:6379", RayAddress("head:6379", "head", 6_379)),
        ("ray://[::1]:10001", RayAddress("ray://[::1]:10001", "[::1]", 10_001)),
    ],
)
def test_address_of_a_cluster(text: str, want: RayAddress) -> None:
    assert RayAddress.parse(text) == want


def test_address_where_something_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        RayAddress.parse(f"ray:127.0.0.1:{server.getsockname()[1]}").check_reachable()


@pytest.mark.parametrize(
    "text",
    ["", "rays", "ray:", "ray:head", "ray://head", "ray://:1", "ray://head:x", "ray:h:0", "ray:h:65536", "ray://h/x:1",
     "http://head:1", "ray:h:²"],
)  # fmt: skip
def test_invalid_address(text: str) -> None:
    with pytest.raises(InputError, match="is no address of Ray") as caught:
        RayAddress.parse(text)
    assert "ray://HOST:10001" in caught.value.advice


@pytest.mark.parametrize("form", ["ray://127.0.0.1:{}", "ray:127.0.0.1:{}"])
def test_invalid_address_where_nothing_listens(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(FeatureError, match=r"no Ray at .* refused") as caught:
        RayShards(form.format(port), 2)
    assert "ray start --head" in caught.value.advice


def test_invalid_number_of_shards() -> None:
    with pytest.raises(RangeError, match="0 shards"):
        RayShards("ray", 0)


def test_invalid_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match="ray is not installed") as caught:
        RayShards("ray", 2)
    assert caught.value.advice == 'pip install "tallystick[ray]"'


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray of two processors, which what tests begin joins."""
    import ray

    with no_statistics():
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, address="local", logging_level="ERROR")
    yield ray
    ray.shutdown()


def check_equal(shards: int, options: EngineOptions) -> None:
    batch = grouped(token_stream(3_000, accounts=80, seed=shards), 3)
    want = Engine(options, journal_blocks=0).advance(batch)
    with RayShards("ray", shards, options) as workers:
        engine = ShardedEngine(workers)
        found = list(engine.stream(pieces(batch, set(range(500, 3_000, 100))), ahead=2))
        sizes = workers.sizes()
    assert_same(np.concatenate([part.rows for part in found]), want.rows, options.spec.names)
    assert np.array_equal(np.concatenate([part.account for part in found]), want.account)
    assert len(sizes) == shards
    assert all(processor > 0 and state > 0 and known > 0 for processor, state, known in sizes)
    assert (engine.shuffle.between_shards > 0) == (shards > 1)


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 2])
def test_rows_are_those_of_one_engine(cluster: Any, shards: int) -> None:
    check_equal(shards, EngineOptions())
    assert cluster.is_initialized()  # who began it ends it


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_shard_for_each_processor_unless_told() -> None:
    with RayShards(options=EngineOptions(families=("fees",))) as workers:
        assert workers.count == 2


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_invalid_more_shards_than_processors() -> None:
    with pytest.raises(FeatureError, match="3 shards, and the cluster has 2 processors"):
        RayShards("ray", 3)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_invalid_spec_on_the_cluster() -> None:
    with RayShards("ray", 1, EngineOptions(families=("fees",))) as workers:
        reference = workers._actors[0].ready.remote(bytes(32))  # what a driver of another version would send
        with pytest.raises(SpecMismatch, match="other features") as caught:
            workers.finish([reference])
        assert "same version" in caught.value.advice


@pytest.mark.slow
def test_invalid_shard_that_was_lost(cluster: Any) -> None:
    batch = to_batch(random_stream(50))
    with RayShards("ray", 2) as workers:
        cluster.kill(workers._actors[1])
        with pytest.raises(FeatureError, match="a shard was lost"):
            ShardedEngine(workers).advance(batch)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_invalid_what_goes_wrong_in_a_shard_is_told() -> None:
    with RayShards("ray", 1, EngineOptions(families=("fees",))) as workers:
        reference = workers._actors[0].rows.remote()  # nothing was looked at
        with pytest.raises(FeatureError, match="a shard failed: IndexError"):
            workers.finish([reference])
