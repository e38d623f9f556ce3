"""Parts of packed contracts by hand: folding, lanes, segments, plans."""

from __future__ import annotations

import pytest

from tallystick.exact import DenseLayer, Mlp
from tallystick.targets.evm.dense._inline import plan_inline
from tallystick.targets.evm.dense._lanes import Lanes, segments
from tallystick.targets.evm.dense._layers import Finish, Layer, layers_of
from tallystick.targets.evm.dense._packed import plan_packed

from .dense_programs import BYTE, dense, linear, make


def layer_of(weight: tuple[int, ...], bias: int, shift: int, low: int, high: int) -> Layer:
    second = DenseLayer(((1,),), (0,), 0, -(1 << 31), (1 << 31) - 1)
    first = DenseLayer((weight,), (bias,), shift, low, high)
    return layers_of(make([(-10, 20)] * len(weight), Mlp((first, second))))[0]


def test_lows_are_folded_into_the_constant() -> None:
    layer = layer_of((2, -3), 7, 0, -1000, 1000)
    assert layer.span == (30, 30)
    # 7 + 2 * -10 - 3 * -10, and the smallest sum, 17 - 90, is where stored values begin.
    assert layer.constant == (17 + 73,)
    assert layer.sums == ((0, 150),)
    assert layer.finish == (Finish(-73, False, 0, False, 0, -73, 150),)


@pytest.mark.parametrize(
    ("low", "high", "finish"),
    [
        (-5, 1000, Finish(-5, False, 0, True, 0, -5, 45)),
        (-1000, 5, Finish(5, True, 25, False, 0, -20, 25)),
        (-5, 5, Finish(5, True, 10, True, 0, -5, 10)),
        (-20, 40, Finish(-20, False, 0, False, 0, -20, 60)),
        (100, 200, Finish(100, False, 0, True, 0, 100, 0)),
        (-200, -100, Finish(-100, True, 0, False, 0, -100, 0)),
    ],
)
def test_clips_that_cannot_bind_are_left_out(low: int, high: int, finish: Finish) -> None:
    assert layer_of((2,), 0, 0, low, high).finish == (finish,)


def test_last_layer_is_stored_as_it_is() -> None:
    model = Mlp((DenseLayer(((2,),), (0,), 1, -5, 6),))
    (layer,) = layers_of(make([(-10, 20)], model))
    assert layer.finish == (Finish(6, True, 11, True, -5, 0, 11),)
    assert layer.constant == (-20 - (6 << 1),)


def test_used_inputs_can_change_something() -> None:
    (layer,) = layers_of(linear([(1, 2, 3, 0)], [(0, 1), (5, 5), (0, 9), (0, 9)]))
    assert layer.used == (0, 2)
    assert layer.constant == (10,)


def test_segments() -> None:
    assert segments([], 5) == []
    assert segments([5, 5], 5) == [range(1), range(1, 2)]
    assert segments([0, 5, 0], 5) == [range(3)]


def test_lanes_group_inputs_of_similar_span() -> None:
    lanes = Lanes.of([0, 1, 2, 3], [9, 1, 8, 2], 64, 2)
    assert lanes.words == ((1, 3), (2, 0))
    assert lanes.places == ((2, 32), (0, 24), (1, 0), (3, -8))
    assert lanes.weights(0, [0, 5, 0, -7]) == (5 << 64) - 7


def test_lanes_cut_out_of_the_row() -> None:
    lanes = Lanes.of(range(7), [255] * 7, 16, 3, width=1)
    assert lanes.words == ((4, 2, 0), (5, 3, 1), (6,))
    assert lanes.strided == 2
    assert lanes.mask == 1 | 1 << 16 | 1 << 32


def test_lanes_that_no_stride_fits() -> None:
    assert Lanes.of(range(40), [65_535] * 40, 24, 10, width=2).strided == 0
    assert Lanes.of(range(40), [255] * 40, 256, 1, width=1).strided == 0


def test_plans_of_784_by_16() -> None:
    (layer,) = layers_of(dense(784, 16))
    code, data = plan_inline(layer, 1), plan_packed(layer, 1)
    assert (code.lanes.bits, code.lanes.count, data.lanes.bits, data.lanes.count) == (24, 10, 24, 10)
    assert (data.classes, data.loops, len(data.parts)) == (3, [(3, 5), (1, 1)], 4)
    assert code.gas < data.gas
    assert plan_packed(layer, 1, most_classes=1).gas < data.gas  # but for three times the bytes


def test_narrow_inputs_take_narrow_lanes() -> None:
    (layer,) = layers_of(make([(0, 1)] * 64, Mlp((DenseLayer(((1, -1) * 32,) * 3, (0,) * 3, 0, -64, 64),))))
    assert (plan_inline(layer).lanes.bits, plan_packed(layer).lanes.bits) == (8, 8)
    assert plan_packed(layer).classes == 1


def test_wide_sums_take_few_lanes() -> None:
    wide = (0, (1 << 63) - 1)
    (layer,) = layers_of(linear([(1 << 61, 1)], [(0, 1), BYTE]))
    assert plan_inline(layer).lanes.count == 3
    (layer,) = layers_of(linear([(1, 0), (0, (1 << 63) - 1)], [wide, (0, 1)]))
    assert plan_inline(layer).lanes.count == 2
    assert plan_packed(layer).lanes.count == 1
