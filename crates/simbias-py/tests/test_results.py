"""What an answer offers."""

import json

import pytest
import simbias


@pytest.fixture(scope="module")
def found(rows):
    X, y = rows
    return simbias.reliance(lambda batch: batch[:, 0], X, y, names=["a", "b", "7"], progress=False)


def test_summary_text_and_tables(found):
    assert "a" in found.summary and str(found).startswith(found.title)
    assert "blocks" in found.tables
    rows = found.rows("blocks")
    assert [row["block"] for row in rows] == ["a", "b", "7"], "names stay texts"
    assert isinstance(rows[0]["necessity"], (int, float))
    with pytest.raises(simbias.InputError, match="there are"):
        found.rows("blcks")


def test_tables_are_data_frames(found):
    pandas = pytest.importorskip("pandas")
    table = found.table("blocks")
    assert isinstance(table, pandas.DataFrame) and len(table) == 3
    assert table["necessity"].dtype.kind == "f"


def test_a_saved_answer_is_a_run(found, tmp_path):
    kept = found.save(tmp_path / "kept")
    names = {path.name for path in kept.iterdir()}
    assert {"run.json", "result.json", "report.json", "report.html", "csv"} <= names
    assert json.loads((kept / "result.json").read_text()) == found.to_dict()
    run = json.loads((kept / "run.json").read_text())
    assert run["command"] == "simbias.reliance" and run["seed"] == 0
    assert simbias.compare(kept, found).summary
    with pytest.raises(simbias.InputError, match="never overwritten"):
        found.save(kept)


def test_a_notebook_shows_a_light_piece_of_html(found):
    html = found._repr_html_()
    assert "<script" not in html and "<svg" in html and len(html) < 200_000
    assert "http://" not in html.replace("http://www.w3.org", "") and "https://" not in html


def test_the_folder_goes_with_the_answer(rows):
    X, y = rows
    short = simbias.reliance(lambda batch: batch[:, 0], X, y, progress=False)
    folder = short.folder
    assert folder.is_dir()
    del short
    assert not folder.exists()


def test_an_answer_is_pickled_with_its_folder(found, rows):
    import pickle

    X, y = rows
    copied = pickle.loads(pickle.dumps(found))
    assert copied.to_dict() == found.to_dict() and copied.rows("blocks") == found.rows("blocks")
    assert copied.folder != found.folder
    gone = simbias.reliance(lambda batch: batch[:, 0], X, y, progress=False)
    gone._keeper.cleanup()
    with pytest.raises(simbias.InputError, match="is gone"):
        gone.rows("blocks")
    with pytest.raises(simbias.InputError, match="cannot write"):
        found.save("/proc/none/here")


def test_out_keeps_the_run_and_is_not_overwritten(rows, tmp_path):
    X, y = rows
    place = tmp_path / "run"
    simbias.reliance(lambda batch: batch[:, 0], X, y, out=place, progress=False)
    assert (place / "report.html").is_file()
    with pytest.raises(simbias.InputError, match="out"):
        simbias.reliance(lambda batch: batch[:, 0], X, y, out=place, progress=False)
