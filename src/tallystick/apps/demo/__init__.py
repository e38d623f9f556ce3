"""The demo: an economy made before the user's eyes, and the whole loop on it."""

from __future__ import annotations

from tallystick.apps.demo._demo import DemoResult, run_demo
from tallystick.apps.demo._forge import Forgery, forge
from tallystick.apps.demo._truth import Detection, detect

__all__ = ["DemoResult", "Detection", "Forgery", "detect", "forge", "run_demo"]
