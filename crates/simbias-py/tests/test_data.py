"""Rows in every form that people have."""

import numpy as np
import pytest
import simbias

QUICK = {"quick": True, "remedies": "none", "max_steps": 40, "solo_steps": 0, "progress": False}


def first_column(rows):
    return np.asarray(rows, dtype="float32")[:, 0]


def necessity(found):
    return {row["block"]: row["necessity"] for row in found.rows("blocks")}


def test_lists_arrays_and_tensors_are_the_same_rows(rows):
    X, y = rows
    expected = simbias.reliance(first_column, X, y, progress=False).to_dict()
    forms = [X.tolist(), X.astype("float64"), np.asfortranarray(X), X[::1]]
    torch = pytest.importorskip("torch")
    forms.append(torch.from_numpy(X))
    for form in forms:
        found = simbias.reliance(first_column, form, y.tolist(), progress=False).to_dict()
        assert found["blocks"] == expected["blocks"]


def test_labels_in_every_form(rows):
    X, y = rows
    pandas = pytest.importorskip("pandas")
    words = np.where(y == 1, "yes", "no")
    one_hot = np.eye(2)[y]
    expected = necessity(simbias.reliance(first_column, X, y, progress=False))
    for labels in [y.astype(bool), words, words.tolist(), pandas.Series(words, dtype="category"), y[:, None], one_hot]:
        order = {"classes": ["no", "yes"]} if "yes" in np.asarray(labels).astype(str) else {}
        assert necessity(simbias.reliance(first_column, X, labels, progress=False, **order)) == expected


def test_names_and_categories_of_a_data_frame_are_kept(people):
    found = simbias.audit(people, "outcome", blocks="columns", **QUICK)
    blocks = {row["block"] for row in found.rows("blocks")}
    assert {"income", "age", "ward", "seen"} <= blocks, blocks
    pandas = pytest.importorskip("pandas")
    categories = people.assign(ward=people["ward"].astype(pandas.CategoricalDtype(["north", "east", "south"])))
    again = simbias.audit(categories, "outcome", blocks="columns", **QUICK)
    assert again.to_dict()["reliance"]["blocks"] == found.to_dict()["reliance"]["blocks"]


def test_polars_and_pandas_are_read_alike(people):
    polars = pytest.importorskip("polars")
    columns = {name: people[name].to_list() for name in people.columns}
    columns["seen"] = [moment.to_pydatetime() for moment in people["seen"]]
    frame = polars.DataFrame(columns)
    found = [simbias.audit(table, "outcome", blocks="columns", **QUICK).to_dict() for table in (people, frame)]
    assert found[0]["reliance"]["blocks"] == found[1]["reliance"]["blocks"]


def test_a_table_with_missing_cells_asks_and_then_works(people):
    missing = people.copy()
    missing.loc[::7, "income"] = np.nan
    with pytest.raises(simbias.InputError, match="income") as caught:
        simbias.audit(missing, "outcome", **QUICK)
    assert "--" not in str(caught.value), "flags are for the command line"
    assert 'missing="' in str(caught.value)
    assert simbias.audit(missing, "outcome", missing="mean", **QUICK).summary


def test_images_in_both_orders_and_as_bytes(rows):
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, size=300)
    images = rng.integers(0, 200, size=(300, 8, 8, 3), dtype=np.uint8)
    images[y == 1, :3, :3] += 50

    def corner(batch):
        assert batch.dtype == np.uint8 and batch.shape[1:] == (8, 8, 3)
        return batch[:, :3, :3].astype(float).mean(axis=(1, 2, 3)) / 50

    last = simbias.reliance(corner, images, y, blocks="grid:2x2", progress=False)

    def corner_first(batch):
        assert batch.dtype == np.uint8 and batch.shape[1:] == (3, 8, 8)
        return batch[:, :, :3, :3].astype(float).mean(axis=(1, 2, 3)) / 50

    channels_first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    first = simbias.reliance(corner_first, channels_first, y, blocks="grid:2x2", progress=False)
    assert necessity(first) == necessity(last)
    values = list(necessity(last).values())
    assert max(values) > 0.9 and sorted(values)[-2] < 0.1


def test_several_arrays_by_name(rows):
    X, y = rows

    def model(parts):
        assert set(parts) == {"scan", "record"}
        return parts["scan"][:, 0]

    found = simbias.reliance(model, {"scan": X[:, :1], "record": X[:, 1:]}, y, progress=False)
    assert necessity(found)["scan"] > 0.9 and abs(necessity(found)["record"]) < 0.05


def test_strata_by_name_and_by_value(people, rows):
    found = simbias.reliance(lambda table: table["income"].to_numpy(), people, "outcome", strata="ward", progress=False,
                             classes=["well", "ill"])
    assert "ward" not in necessity(found)
    X, y = rows
    site = np.where(np.arange(len(y)) % 2 == 0, "a", "b")
    found = simbias.reliance(first_column, X, y, strata={"site": site}, progress=False)
    assert "site" in str(found.to_dict())


def test_rows_for_the_test_alone(rows):
    X, y = rows
    found = simbias.audit(X[:400], y[:400], test=(X[400:], y[400:]), **QUICK)
    assert found.to_dict()["reliance"]["n"] == 100


def test_missing_labels_are_told_for_models_of_tables(people):
    table = people.copy()
    table.loc[3, "outcome"] = None
    with pytest.raises(simbias.InputError, match="1 missing labels"):
        simbias.reliance(lambda t: t["income"].to_numpy(), table, "outcome", progress=False)
    assert simbias.audit(table, "outcome", missing="drop", **QUICK).summary


def test_what_cannot_be_rows_is_told(rows, people):
    X, y = rows
    for call, words in [
        (lambda: simbias.audit(X, **QUICK), "y is missing"),
        (lambda: simbias.audit(X, y[:-1], **QUICK), "499"),
        (lambda: simbias.audit(X, "outcome", **QUICK), "no columns with names"),
        (lambda: simbias.audit(people, "outcme", **QUICK), "outcome"),
        (lambda: simbias.audit(np.array(3.0), y, **QUICK), "single value"),
        (lambda: simbias.audit(X.astype(complex), y, **QUICK), "complex"),
        (lambda: simbias.audit(X, y, names=["a"], **QUICK), "1 names for 3 columns"),
        (lambda: simbias.audit(X, y, strata="site", **QUICK), "no columns with names"),
        (lambda: simbias.audit(y=y, **QUICK), "X is missing"),
        (lambda: simbias.audit("absent.csv", "y", **QUICK), "absent.csv"),
        (lambda: simbias.audit(X, y, blocks=3, **QUICK), "blocks is int"),
        (lambda: simbias.audit(X, y, no_such_flag=1, **QUICK), "no_such_flag is not an argument of simbias.audit"),
        (lambda: simbias.audit(X, y, names=["a", "a", "b"], **QUICK), "several columns 'a'"),
        (lambda: simbias.audit({"one": X, "two": X[1:]}, y, **QUICK), "'two' has 499 rows"),
        (lambda: simbias.audit(people, people[["age", "ward"]], **QUICK), "2 columns"),
        (lambda: simbias.audit([[1.0, 2.0], [3.0]], [0, 1], **QUICK), "no form that can be read"),
        (lambda: simbias.audit(X, y, threads=1.5, **QUICK), "threads must be"),
        (lambda: simbias.audit(X, y, seed=-1, **QUICK), "seed"),
        (lambda: simbias.reliance([], X, y), "empty list"),
        (lambda: simbias.reliance(first_column, None, y), "X is missing"),
        (lambda: simbias.reliance(first_column, X, y, blocks={"b": [-1]}), "-1 is not a column"),
        (lambda: simbias.compare(3, 4), "not int"),
    ]:
        with pytest.raises(simbias.InputError) as caught:
            call()
        assert words in str(caught.value), str(caught.value)
