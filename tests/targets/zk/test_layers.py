from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tallystick.exact import DenseLayer, Feature, Mlp
from tallystick.targets.zk._layers import plan_layers

from .programs import finished

NO_CLIP = (-(1 << 31), (1 << 31) - 1)
FEATURES = (Feature("a", -10, 10),)


def plan(*layers: DenseLayer):
    model = Mlp(layers)
    return plan_layers(finished(FEATURES, model), model)


def test_clips_that_cannot_bite_are_left_out() -> None:
    (wide,) = plan(DenseLayer(((2,),), (0,), 0, -20, 20))
    assert (wide.low, wide.high, wide.reach) == (None, None, 0)
    (low,) = plan(DenseLayer(((2,),), (0,), 0, -19, 20))
    assert (low.low, low.high, low.reach) == (-19, None, 39)
    (high,) = plan(DenseLayer(((2,),), (0,), 0, -20, 19))
    assert (high.low, high.high, high.reach) == (None, 19, 39)


def test_first_bias_is_for_packed_values() -> None:
    (only,) = plan(DenseLayer(((3,),), (5,), 0, *NO_CLIP))
    assert only.bias == (5 - 30,)


def test_ranges_pass_from_layer_to_layer() -> None:
    first, second = plan(DenseLayer(((1,),), (0,), 0, 0, 5), DenseLayer(((2,),), (0,), 0, 0, 10))
    assert (first.low, first.high) == (0, 5)
    assert (second.low, second.high) == (None, None)


@given(st.integers(0, 31))
def test_every_floor_divides_by_1024(shift: int) -> None:
    (only,) = plan(DenseLayer(((3,),), (5,), shift, *NO_CLIP))
    assert only.steps == -(-shift // 10)
    assert only.weight[0][0] == 3 << (10 * only.steps - shift)
    assert only.reach == (35 << (10 * only.steps - shift) if shift else 0)


@given(st.integers(-(1 << 60), 1 << 60), st.integers(0, 31))
def test_floors_of_floors(number: int, shift: int) -> None:
    """The rule that lets one base serve every shift."""
    steps = -(-shift // 10)
    value = number << (10 * steps - shift)
    for _ in range(steps):
        value //= 1024
    assert value == number >> shift
