"""Exact programs as ONNX models with integer operators."""

from tallystick.targets.onnx._export import HASH_KEY, to_onnx

__all__ = ["HASH_KEY", "to_onnx"]
