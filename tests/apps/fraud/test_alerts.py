"""Alerts: one an account, at its first transfer over the bar, with reasons that add up."""

from __future__ import annotations

import json

import pytest

from tallystick.apps.fraud import Alert, Alerts, Scored, Scorer, score_stream
from tallystick.apps.fraud._words import reason_words
from tallystick.exact import Program, explain_row
from tallystick.features import SPEC

from .world import World

AT_PPM, AFTER = 700_000, 2


def find(world: World, program: Program, rows: int = 10_000, at_ppm: int = AT_PPM, after: int = AFTER) -> list[Alert]:
    scorer = Scorer(program)
    alerts = Alerts(scorer, at_ppm, after)
    return [alert for table in world.source().batches(rows) for alert in alerts.find(scorer.score(table))]


def expected(scored: Scored, at_ppm: int, after: int) -> list[tuple[int, str]]:
    """Row number and account of each alert, by a plain loop."""
    found: dict[str, int] = {}
    transfers = scored.transfers.to_pylist()
    for row, (ppm, features) in enumerate(zip(scored.ppm.tolist(), scored.features.rows.tolist(), strict=True)):
        address = transfers[row // 2][("from_address", "to_address")[row % 2]]
        if address is not None and ppm >= at_ppm and features[SPEC.names.index("transfers")] >= after:
            found.setdefault("0x" + address.hex(), row)
    return [(row, account) for account, row in found.items()]


@pytest.mark.parametrize(("at_ppm", "after"), [(AT_PPM, AFTER), (500_000, 1), (0, 5), (1_000_000, 1)])
def test_alerts_against_a_plain_loop(world: World, program: Program, scored: Scored, at_ppm: int, after: int) -> None:
    found = find(world, program, at_ppm=at_ppm, after=after)
    wanted = expected(scored, at_ppm, after)
    assert [alert.account for alert in found] == [account for _, account in wanted]
    assert len({alert.account for alert in found}) == len(found)
    for alert, (row, _) in zip(found, wanted, strict=True):
        transfer = scored.transfers.slice(row // 2, 1).to_pylist()[0]
        assert (alert.block_number, alert.timestamp) == (transfer["block_number"], transfer["timestamp"])
        assert alert.transaction_hash == "0x" + transfer["transaction_hash"].hex()
        assert alert.side == ("sender", "receiver")[row % 2]
        assert (alert.raw, alert.score_ppm) == (scored.raw[row], scored.ppm[row])


@pytest.mark.parametrize("rows", [1, 77])
def test_batches_do_not_matter(world: World, program: Program, rows: int) -> None:
    whole = find(world, program)
    assert len(whole) > 20
    assert find(world, program, rows) == whole


def test_reasons_are_the_largest_of_what_adds_up(world: World, program: Program, scored: Scored) -> None:
    found = find(world, program)
    for alert, (row, _) in zip(found, expected(scored, AT_PPM, AFTER), strict=True):
        values = scored.features.rows[row].tolist()
        why = explain_row(program, values)
        assert why.bias == alert.bias
        assert why.bias + sum(why.contributions) == alert.raw
        assert alert.bias + alert.others + sum(reason.contribution for reason in alert.reasons) == alert.raw
        shown = {reason.feature: reason for reason in alert.reasons}
        assert 0 < len(shown) == len(alert.reasons) <= 4
        worst = sorted((c for c in why.contributions if c > 0), reverse=True)[:4]
        assert [reason.contribution for reason in alert.reasons] == worst
        for name, reason in shown.items():
            feature = SPEC.features[SPEC.names.index(name)]
            assert reason.contribution == why.contributions[SPEC.names.index(name)]
            assert (reason.value, reason.unit) == (values[SPEC.names.index(name)], feature.unit)
            assert reason.help == feature.help
            assert reason.words == reason_words(feature, reason.value)


def test_to_json_is_plain(world: World, program: Program) -> None:
    alert = find(world, program)[0]
    content = json.loads(json.dumps(alert.to_json()))
    assert content["account"] == alert.account
    assert content["reasons"][0] == vars(alert.reasons[0])
    assert set(content) == set(vars(alert))


def test_an_alert_is_not_raised_twice_by_the_same_rows(world: World, program: Program) -> None:
    scorer = Scorer(program)
    alerts = Alerts(scorer, AT_PPM, AFTER)
    (scored,) = score_stream(world.source(), scorer)
    assert alerts.find(scored)
    assert alerts.find(scored) == []
