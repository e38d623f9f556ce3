"""Fitted scikit-learn objects as models of floats; scikit-learn itself is not imported.

The class decides, by its name and that it is scikit-learn's own or derived from it. Pipelines of scalers before a model
are folded into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from tallystick.errors import ProgramError, did_you_mean
from tallystick.exact.importers._float_models import FloatLinear, FloatMlp, FloatTrees
from tallystick.exact.importers._options import ImportOptions
from tallystick.exact.importers._reading import reading
from tallystick.exact.importers._sklearn_boosting import read_gradient_boosting
from tallystick.exact.importers._sklearn_forest import read_forest, read_isolation_forest, read_tree
from tallystick.exact.importers._sklearn_hist import read_hist_gradient_boosting
from tallystick.exact.importers._sklearn_linear import read_linear_classifier, read_linear_regressor
from tallystick.exact.importers._sklearn_mlp import read_mlp
from tallystick.exact.importers._sklearn_names import LIBRARY, class_of, feature_names
from tallystick.exact.importers._sklearn_scalers import steps_of
from tallystick.exact.importers._steps import Step, move_thresholds, scaling_of

__all__ = ["is_sklearn", "read_sklearn"]

FloatModel = FloatTrees | FloatLinear | FloatMlp
_Reader = Callable[[Any, list[str]], FloatModel]

_BOOSTED: Final[dict[str, Callable[[Any, list[str], int | None], FloatTrees]]] = {
    "GradientBoostingClassifier": read_gradient_boosting,
    "GradientBoostingRegressor": read_gradient_boosting,
    "HistGradientBoostingClassifier": read_hist_gradient_boosting,
    "HistGradientBoostingRegressor": read_hist_gradient_boosting,
}
_READERS: Final[dict[str, _Reader]] = {
    "DecisionTreeClassifier": read_tree,
    "DecisionTreeRegressor": read_tree,
    "ExtraTreeClassifier": read_tree,
    "ExtraTreeRegressor": read_tree,
    "ExtraTreesClassifier": read_forest,
    "ExtraTreesRegressor": read_forest,
    "RandomForestClassifier": read_forest,
    "RandomForestRegressor": read_forest,
    "IsolationForest": read_isolation_forest,
    "LogisticRegression": read_linear_classifier,
    "LogisticRegressionCV": read_linear_classifier,
    "LinearSVC": read_linear_classifier,
    "RidgeClassifier": read_linear_classifier,
    "RidgeClassifierCV": read_linear_classifier,
    "SGDClassifier": read_linear_classifier,
    "ElasticNet": read_linear_regressor,
    "ElasticNetCV": read_linear_regressor,
    "Lasso": read_linear_regressor,
    "LassoCV": read_linear_regressor,
    "LinearRegression": read_linear_regressor,
    "LinearSVR": read_linear_regressor,
    "Ridge": read_linear_regressor,
    "RidgeCV": read_linear_regressor,
    "SGDRegressor": read_linear_regressor,
    "MLPClassifier": read_mlp,
    "MLPRegressor": read_mlp,
}
_INSTEAD: Final = {
    "AdaBoostClassifier": "Train a GradientBoostingClassifier.",
    "AdaBoostRegressor": "Train a GradientBoostingRegressor.",
    "BaggingClassifier": "Train a RandomForestClassifier.",
    "BaggingRegressor": "Train a RandomForestRegressor.",
    "CalibratedClassifierCV": "Import the classifier inside it, and calibrate the program on rows of your own.",
    "ColumnTransformer": "Transform the columns first, and fit the model on what comes out.",
    "GridSearchCV": "Hand over its best_estimator_.",
    "HalvingGridSearchCV": "Hand over its best_estimator_.",
    "HalvingRandomSearchCV": "Hand over its best_estimator_.",
    "RandomizedSearchCV": "Hand over its best_estimator_.",
    "MultiOutputClassifier": "Import each of its estimators_ as a program of its own.",
    "MultiOutputRegressor": "Import each of its estimators_ as a program of its own.",
    "OneVsRestClassifier": "Import each of its estimators_ as a program of its own.",
    "SVC": "Train a LinearSVC, or a GradientBoostingClassifier.",
    "SVR": "Train a LinearSVR, or a GradientBoostingRegressor.",
    "TransformedTargetRegressor": "Import its regressor_, and transform the scores where they are read.",
}


def is_sklearn(model: object) -> bool:
    """Whether an object is of a class of scikit-learn, or derived from one, and has the methods of an estimator."""
    return class_of(model) is not None


def read_sklearn(model: Any, options: ImportOptions | None = None) -> FloatModel:
    """Read a fitted estimator, or a pipeline of scalers and one.

    Raises
    ------
    ProgramError
        Not fitted, or of a class or with parameters that cannot be expressed; the message says what to do instead.
    """
    options = options or ImportOptions()
    step = "Fit it first; versions 1.5 and above of scikit-learn are known."
    with reading(LIBRARY, step):
        name = class_of(model)
        if name == "Pipeline":
            return _read_pipeline(model, options)
        name = _known(model)
        return _read_model(model, name, feature_names(model, int(model.n_features_in_)), options)


def _known(model: Any) -> str:
    name = class_of(model) or type(model).__name__
    if name in _BOOSTED or name in _READERS:
        return name
    step = _INSTEAD.get(name, "Train one of: " + ", ".join(sorted((*_BOOSTED, *_READERS))) + ".")
    close = "" if name in _INSTEAD else did_you_mean(name, (*_BOOSTED, *_READERS))
    close = close if "did you mean" in close else ""
    raise ProgramError(f"{LIBRARY}'s {name} cannot become a program{close}", value=name, next_step=step)


def _read_model(model: Any, name: str, names: list[str], options: ImportOptions) -> FloatModel:
    if name in _BOOSTED:
        return _BOOSTED[name](model, names, options.iterations)
    if options.iterations is not None:
        step = "Leave the option out; train with fewer trees instead."
        raise ProgramError(f"{LIBRARY}'s {name} has no iterations to choose from", field="iterations", next_step=step)
    return _READERS[name](model, names)


def _read_pipeline(pipeline: Any, options: ImportOptions) -> FloatModel:
    *before, (_, last) = pipeline.steps
    name = _known(last)
    width = int(last.n_features_in_)
    steps: list[Step] = []
    for _, scaler in before:
        steps += steps_of(scaler, width)
    first = next((scaler for _, scaler in before if scaler not in (None, "passthrough")), last)
    source = _read_model(last, name, feature_names(first, width), options)
    if isinstance(source, FloatTrees):
        return move_thresholds(source, steps)
    return replace(source, scaling=scaling_of(steps, width))
