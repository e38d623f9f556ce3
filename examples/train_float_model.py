#!/usr/bin/env python3
"""Train a LightGBM model on floats, as ``docs/guides/programs.md`` goes on from: train.csv, test.csv and model.txt.

Wisconsin breast cancer, which scikit-learn carries: 569 rows, 30 measurements. Every second row is for training.
"""

from __future__ import annotations

import lightgbm
import polars
from sklearn.datasets import load_breast_cancer

PARAMETERS = {"objective": "binary", "max_depth": 4, "num_leaves": 16, "num_threads": 1, "verbose": -1}


def main() -> None:
    """Write the three files into the folder where it is called."""
    data = load_breast_cancer()
    names = [name.replace(" ", "_") for name in data.feature_names]
    rows = polars.DataFrame(data.data, schema=names, orient="row").with_columns(malignant=1 - data.target)
    rows[::2].write_csv("train.csv")
    rows[1::2].write_csv("test.csv")
    train = rows[::2]
    dataset = lightgbm.Dataset(train[:, :30].to_numpy(), train["malignant"].to_numpy(), feature_name=names)
    lightgbm.train(PARAMETERS, dataset, 50).save_model("model.txt")


if __name__ == "__main__":
    main()
