"""Models of every framework."""

import numpy as np
import pytest
import simbias


def verdicts(found):
    return {row["block"]: row["verdict"] for row in found.rows("blocks")}


def test_a_function_gets_rows_of_the_form_of_X():
    X = np.random.default_rng(0).normal(size=(300, 4, 5))
    seen = set()

    def model(rows):
        seen.add((rows.dtype, rows.shape[1:]))
        return rows[:, 0, 0]

    found = simbias.reliance(model, X, X[:, 0, 0] > 0, blocks={"first": [0], "others": slice(1, 20)}, progress=False)
    assert seen == {(np.dtype("float64"), (4, 5))}
    assert verdicts(found) == {"first": "exclusive", "others": "unused"}


def test_what_a_model_raises_is_the_cause(rows):
    X, y = rows

    def broken(batch):
        raise ZeroDivisionError("no scores today")

    with pytest.raises(simbias.InputError, match="no scores today") as caught:
        simbias.reliance(broken, X, y, progress=False)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_scores_that_are_none_are_told(rows):
    X, y = rows
    for model, words in [
        (lambda batch: ["a"] * len(batch), "not numbers"),
        (lambda batch: np.zeros(3), "return"),
        (lambda batch: np.zeros((len(batch), 2, 2)), "return"),
        (lambda batch: np.full(len(batch), np.nan), "must be finite"),
        (7, "a model is a function"),
    ]:
        with pytest.raises(simbias.InputError) as caught:
            simbias.reliance(model, X, y, progress=False)
        assert words in str(caught.value), str(caught.value)


def test_a_pipeline_gets_the_data_frame(people):
    pytest.importorskip("sklearn")
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    table = people.drop(columns="seen")
    table.loc[::11, "income"] = np.nan
    X, y = table.drop(columns="outcome"), table["outcome"]
    columns = make_column_transformer(
        (OneHotEncoder(), ["ward"]), (SimpleImputer(), ["income", "age"]), verbose_feature_names_out=False
    )
    model = make_pipeline(columns, RandomForestClassifier(random_state=0)).fit(X[:200], y[:200])
    found = simbias.reliance(model, X[200:], y[200:], blocks="columns", repeats=20, progress=False)
    words = verdicts(found)
    assert words["income"] in ("dominant", "exclusive") and words["age"] in ("unused", "not-settled", "backup")
    both = simbias.reliance(model, table[200:], "outcome", blocks="columns", repeats=20, progress=False)
    assert verdicts(both) == words


def test_exchanged_cells_are_those_of_the_donors(people):
    seen = []

    def model(table):
        seen.append(table)
        return table["income"].to_numpy()

    simbias.reliance(model, people, "outcome", classes=["well", "ill"], repeats=1, blocks="columns", progress=False)
    assert all(list(table.columns) == ["income", "age", "ward", "seen"] for table in seen)
    assert all((table.dtypes == people.drop(columns="outcome").dtypes).all() for table in seen)
    whole = [table for table in seen if len(table) > 2]
    others = people[["age", "ward", "seen"]]
    exchanged = [
        table
        for table in whole
        if not table["income"].equals(people["income"].loc[table.index])
        and table[["age", "ward", "seen"]].equals(others.loc[table.index])
    ]
    assert exchanged, "one job exchanges income alone"


def test_a_part_of_a_category_is_refused(people):
    with pytest.raises(simbias.InputError, match="only a part of column \"ward\""):
        simbias.reliance(lambda t: t["income"].to_numpy(), people, "outcome", classes=["well", "ill"],
                         blocks={"north": ["ward=north"]}, progress=False)


def test_a_time_of_day_goes_with_its_date(people):
    pandas = pytest.importorskip("pandas")
    table = people.assign(seen=pandas.date_range("2024-01-01", periods=len(people), freq="h"))
    found = simbias.reliance(lambda t: t["income"].to_numpy(), table, "outcome", classes=["well", "ill"],
                             blocks={"when": ["seen"], "rest": ["income", "age", "ward"]}, progress=False)
    assert verdicts(found)["rest"] == "exclusive"


def test_whole_columns_are_named_by_the_user(people):
    found = simbias.reliance(lambda t: t["income"].to_numpy(), people, "outcome", classes=["well", "ill"],
                             blocks={"who": ["age", "ward"], "income": ["income"]}, progress=False)
    assert verdicts(found)["income"] == "exclusive"
    X, y = people.drop(columns="outcome"), people["outcome"]
    numbered = X.set_axis([10, 20, 30, 40], axis=1)
    found = simbias.reliance(lambda t: t[10].to_numpy(), numbered, y, classes=["well", "ill"],
                             blocks={"ten": [10], "others": [20, 30, 40]}, progress=False)
    assert verdicts(found)["ten"] == "exclusive"


def test_rows_keep_their_precision_and_type():
    A = np.random.default_rng(0).normal(size=(600, 3))
    y = (A[:, 2] > 0).astype(int)
    seconds = A * 20 + 1.7e9
    found = simbias.reliance(lambda r: r[:, 2] - 1.7e9, seconds, y, progress=False)
    assert verdicts(found)["x[2]"] == "exclusive"
    with pytest.raises(simbias.InputError, match="subtract a constant"):
        simbias.reliance(lambda r: 1e6 + r[:, 2] * 1e-3, A, y, progress=False)
    for kind in ("float16", "int8", "int32"):
        seen = set()

        def model(rows, seen=seen):
            seen.add(rows.dtype)
            return rows[:, 2].astype("float32")

        simbias.reliance(model, (A * 20).astype(kind), y, progress=False)
        assert seen == {np.dtype(kind)}


def test_a_label_by_name_never_reaches_the_model():
    A = np.random.default_rng(0).normal(size=(600, 3))
    y = (A[:, 2] > 0).astype(int)
    names = ["y", "a", "b", "c"]

    def last(rows):
        assert rows.shape[1] == 3
        return rows[:, -1]

    words = verdicts(simbias.reliance(last, np.column_stack([y, A]), "y", names=names, progress=False))
    assert words["c"] == "exclusive" and words["a"] == "unused"
    records = np.array([tuple(row) for row in np.column_stack([y, A])], dtype=[(name, "f8") for name in names])

    def of_records(rows):
        assert rows.dtype.names == ("a", "b", "c")
        return rows["c"]

    assert verdicts(simbias.reliance(of_records, records, "y", progress=False))["c"] == "exclusive"


def test_ctrl_c_inside_a_model_is_ctrl_c(rows):
    X, y = rows

    def stopped(batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simbias.reliance(stopped, X, y, progress=False)


def test_a_regression(rows):
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LinearRegression

    X, _ = rows
    y = X @ np.array([2.0, 1.0, 0.0]) + 0.1 * np.random.default_rng(0).normal(size=len(X))
    found = simbias.reliance(LinearRegression().fit(X, y), X, y, progress=False)
    assert found.to_dict()["metric"] == "r2"
    assert verdicts(found)["x[2]"] == "unused"


def test_classes_of_an_estimator_decide_the_order(rows):
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression

    X, y = rows
    words = np.array(["zebra", "ant"])[y]
    model = LogisticRegression().fit(X, words)
    found = simbias.reliance(model, X, words, progress=False)
    assert verdicts(found)["x[0]"] == "exclusive"
    assert found.to_dict()["auc_std"]["value"] > 0.9


def test_a_module_of_torch_is_left_as_it_was(rows):
    torch = pytest.importorskip("torch")
    X, y = rows
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(), torch.nn.Linear(4, 2))
    model.train()
    before = model[1].running_mean.clone()
    found = simbias.reliance(model, torch.from_numpy(X), torch.from_numpy(y), progress=False)
    assert model.training and torch.equal(model[1].running_mean, before)
    assert found.to_dict()["n"] == 500


def test_several_models_are_seeds_of_one(rows):
    X, y = rows
    found = simbias.reliance([lambda r: r[:, 0], lambda r: r[:, 0] + 0.01 * r[:, 1]], X, y, progress=False)
    assert verdicts(found)["x[0]"] == "exclusive"


def test_a_verdict_that_fails(rows):
    X, y = rows
    found = simbias.reliance(lambda r: r[:, 0], X, y, fail_on="exclusive", progress=False)
    assert found.has_bad_verdict
    assert not simbias.reliance(lambda r: r[:, 0], X, y, fail_on="no-signal", progress=False).has_bad_verdict


def test_an_onnx_session_is_its_file(tmp_path, rows):
    onnxruntime = pytest.importorskip("onnxruntime")
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.linear_model import LogisticRegression

    X, y = rows
    model = skl2onnx.to_onnx(LogisticRegression().fit(X, y), X[:1], options={"zipmap": False})
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    by_path = simbias.reliance(path, X, y, progress=False).to_dict()
    for session in (onnxruntime.InferenceSession(str(path)), onnxruntime.InferenceSession(path.read_bytes())):
        assert simbias.reliance(session, X, y, progress=False).to_dict()["blocks"] == by_path["blocks"]
    other = simbias.reliance(path, X, y, runtime="onnxruntime", progress=False)
    assert "ONNX Runtime" in str(other.to_dict()), "onnxruntime is found by itself"
    assert verdicts(other) == verdicts(simbias.reliance(path, X, y, progress=False))
