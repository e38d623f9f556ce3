"""Linear models and perceptrons in packed lanes."""

from tallystick.targets.evm.dense._code import DenseCode, DenseOptions, dense_code

__all__ = ["DenseCode", "DenseOptions", "dense_code"]
