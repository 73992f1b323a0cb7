"""Lays out the two data sets as a user would have them: a table of image paths, a table of numbers."""

import csv
import pathlib
import sys

import elpv_dataset
from sklearn.datasets import load_breast_cancer

cache = pathlib.Path(sys.argv[1])
source = pathlib.Path(elpv_dataset.__file__).parent / "data"
cells = cache / "cells"
cells.mkdir(parents=True, exist_ok=True)
with open(source / "labels.csv") as lines, open(cells / "labels.csv", "w", newline="") as out:
    writer = csv.writer(out)
    writer.writerow(["path", "defect", "type"])
    for line in lines:
        path, probability, kind = line.split()
        writer.writerow([source / path, probability, kind])

# Without pandas, which scikit-learn does not bring along.
table = load_breast_cancer()
with open(cache / "tumours.csv", "w", newline="") as out:
    writer = csv.writer(out)
    writer.writerow([*table.feature_names, "malignant"])
    # scikit-learn codes malignant as 0.
    writer.writerows([*map(float, row), 1 - int(target)] for row, target in zip(table.data, table.target))
