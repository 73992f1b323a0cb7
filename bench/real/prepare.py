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

table = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "malignant"})
# scikit-learn codes malignant as 0.
table["malignant"] = 1 - table["malignant"]
table.to_csv(cache / "tumours.csv", index=False)
