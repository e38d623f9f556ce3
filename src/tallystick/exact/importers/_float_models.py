"""What a trained float model is, whichever library trained it: the shape between readers and programs.

A reader (LightGBM, XGBoost, scikit-learn, CatBoost, ONNX) fills these and refuses by name what they cannot hold;
``_from_trees``, ``_from_linear`` and ``_from_mlp`` turn them into programs, once for every library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from tallystick.exact.importers._scaling import Scaling

__all__ = ["CODES_NOTE", "FloatLayer", "FloatLinear", "FloatMlp", "FloatTree", "FloatTrees"]

# Metadata of a model whose categories came from a table with names of its own: its integers are their places there.
CODES_NOTE: Final = {"category_codes": "positions among the training table's categories"}


@dataclass(frozen=True)
class FloatTree:
    """One tree; a negative child is the leaf ``~child``; no nodes and one leaf is a constant.

    ``value <= threshold`` goes left; where ``strict`` of the model is set, ``value < threshold``.
    ``categories`` names, for nodes that test membership instead, the values that go left; all others, unseen
    and negative ones among them, go right. ``zero_left`` names, for nodes that treat 0 as missing, whether it goes
    left.
    The root is node 0. Nodes that cannot be reached are ignored.
    """

    feature: Sequence[int]
    threshold: Sequence[float | Fraction]
    left: Sequence[int]
    right: Sequence[int]
    leaf: Sequence[float | Fraction]
    cover: Sequence[float]  # training weight in each leaf; all 1 where the library does not say
    output: int = 0
    categories: Mapping[int, frozenset[int]] = field(default_factory=dict)  # node: values that go left
    zero_left: Mapping[int, bool] = field(default_factory=dict)  # node: where 0 goes as a missing value


@dataclass(frozen=True)
class FloatTrees:
    """``score[k] = base[k] + sum(leaves of output k) / divisor``, before the link function."""

    library: str  # as in messages: "LightGBM"
    names: Sequence[str]  # of the features; "" where the library has none: then their order counts
    trees: Sequence[FloatTree]
    base: Sequence[float | Fraction]  # for each output
    divisor: int = 1
    strict: bool = False
    value_bits: int = 53  # significand of the type that the library turns values into: 24 or 53
    sum_bits: int = 53  # significand of the type that it adds leaves in
    link: str = "identity"  # "identity", "logistic", "softmax", "exp", "isolation": from score to what predict says
    classes: Sequence[str] = ()
    slope: float = 1  # the link is applied to slope * score
    base_error: Fraction = Fraction(0)  # how far the library's own base may be from the one given here
    more_roundings: int = 0  # of each term, besides the sum's: 1 where leaves are scaled when they are added
    notes: Mapping[str, str | int] = field(default_factory=dict)  # further metadata

    @property
    def are_shares(self) -> bool:
        """Each score is the share of a class, as of a forest: a mean of leaves that are shares."""
        positive = all(leaf >= 0 for tree in self.trees for leaf in tree.leaf)
        return bool(self.classes) and self.link == "identity" and positive


@dataclass(frozen=True)
class FloatLinear:
    """``score[k] = intercept[k] + sum(coefficient[k][i] * value[i])``, before the link function."""

    library: str
    names: Sequence[str]
    coefficient: Sequence[Sequence[float]]  # (outputs, features)
    intercept: Sequence[float | Fraction]
    link: str = "identity"
    classes: Sequence[str] = ()
    base_error: Fraction = Fraction(0)  # how far the library's own intercept may be from the one given here
    value_bits: int = 53  # significand of the type that the library turns values into: 24 or 53
    sum_bits: int = 53  # significand of the type that it multiplies and adds in
    slope: float = 1  # the link is applied to slope * score
    scaling: Scaling | None = None  # affine steps between the values and the model
    notes: Mapping[str, str | int] = field(default_factory=dict)  # further metadata


@dataclass(frozen=True)
class FloatLayer:
    """``y[j] = activation(bias[j] + sum(weight[j][i] * x[i]))``."""

    weight: Sequence[Sequence[float]]  # (outputs, inputs)
    bias: Sequence[float]
    relu: bool


@dataclass(frozen=True)
class FloatMlp:
    """Dense layers; the last one is linear."""

    library: str
    names: Sequence[str]
    layers: Sequence[FloatLayer]
    link: str = "identity"
    classes: Sequence[str] = ()
    value_bits: int = 53  # significand of the type that the library turns values into: 24 or 53
    sum_bits: int = 53  # significand of the type that it multiplies and adds in
    slope: float = 1  # the link is applied to slope * score
    scaling: Scaling | None = None  # affine steps between the values and the model
    notes: Mapping[str, str | int] = field(default_factory=dict)  # further metadata
