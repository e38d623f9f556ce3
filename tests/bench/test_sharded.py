from __future__ import annotations

import sharded

from tallystick.features import EngineOptions, ShardedEngine


def test_steps_count_what_goes_from_place_to_place() -> None:
    batches = sharded.read(1_000)
    n = sum(map(len, batches))
    one, two = (sharded.measure_steps(batches, shards, n) for shards in (1, 2))
    assert one["bytes_between_shards"] == 0 < two["bytes_between_shards"]
    assert one["bytes_to_shards"] < two["bytes_to_shards"] < 2 * one["bytes_to_shards"]
    assert one["bytes_to_driver"] == two["bytes_to_driver"]  # every cell comes once
    assert one["bytes_to_driver"] > 8 * sharded.SHARDED.spec.names.index("partner_count_in")


def test_spread_of_one_shard_is_the_stream() -> None:
    batches = sharded.read(1_000)
    n = sum(map(len, batches))
    shards = sharded.TimedShards(1, EngineOptions())
    engine = ShardedEngine(shards)
    sharded.drain(engine.stream(batches))
    accounts = len({bytes(a) for batch in batches for words in (batch.sender, batch.receiver) for a in words})
    found = sharded.measure_spread(batches, 1, n, accounts)
    assert found == {"shards": 1, "transfers_times": 1.0, "accounts_times": 1.0, "largest_to_mean": 1.0}
    assert shards.transfers == n
    wider = sharded.measure_spread(batches, 4, n, accounts)
    assert 1 < wider["transfers_times"] < 4
    assert 1 < wider["accounts_times"] < 4
    assert wider["largest_to_mean"] > 1


def test_lines_show_every_figure() -> None:
    shown = sharded.lines({"a": 1, "b": {"c": 2}, "d": [{"e": 3}, {"e": 4}]})
    assert [" ".join(line.split()) for line in shown] == ["a 1", "b", "c 2", "d", "e 3", "d", "e 4"]
