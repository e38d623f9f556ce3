"""What an object of scikit-learn is, and what its columns are called."""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["LIBRARY", "class_of", "feature_names", "label_of"]

LIBRARY: Final = "scikit-learn"
_NO_LABEL: Final = re.compile(r"[^!-~]+")
_LONGEST: Final = 64
_PARTS: Final = (["base"], ["utils"])  # what other libraries build their own estimators from


def class_of(model: object) -> str | None:
    """Name of the first of its classes that is one of scikit-learn's estimators; None for any other object."""
    for kind in type(model).__mro__:
        package, *rest = kind.__module__.split(".")
        if package == "sklearn" and rest[:1] not in _PARTS:
            return kind.__name__
    return None


def feature_names(model: Any, features: int) -> list[str]:
    """Names of the columns as labels: what is no printable ASCII becomes ``_``; empty where the model has none.

    Examples
    --------
    >>> class Fitted:
    ...     feature_names_in_ = ["mean radius", "age_s"]
    >>> feature_names(Fitted(), 2), feature_names(object(), 2)
    (['mean_radius', 'age_s'], ['', ''])
    """
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return [""] * features
    return [label_of(name) for name in names]


def label_of(name: object) -> str:
    """A column's name as a label: what is no printable ASCII becomes ``_``.

    Examples
    --------
    >>> label_of("mean radius")
    'mean_radius'
    """
    return _NO_LABEL.sub("_", str(name))[:_LONGEST]
