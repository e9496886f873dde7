"""Runs a small experiment and reads its tables as other programs would.

    python tests/read_tables.py path/to/runner empty/folder
"""

import subprocess
import sys
from pathlib import Path

import duckdb
import pandas
import pyarrow.parquet

RUNNER, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2])

EXPERIMENT = """
[experiment]
name = "tables"
[dataset]
train = "data/shapes/train"
validation = "data/shapes/validation"
test = "data/shapes/test"
image_size = [32, 32]
[model]
weights = "random"
[[stage]]
name = "head"
epochs = 2
optimizer = { name = "adam", learning_rate = 1e-3 }
"""


def run(*arguments):
    subprocess.run([RUNNER, *arguments], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)


def main():
    (FOLDER / "tables.toml").write_text(EXPERIMENT)
    run("dataset", "generate", "shapes")
    run("run", "tables.toml", "--quiet")
    run("run", "tables.toml", "--quiet", "--set", "experiment.seed=7")
    everything = f"{FOLDER}/results/tables/*"

    # DuckDB: a folder of runs is one data set.
    rows = duckdb.sql(
        f"""
        select r.seed, r.test_accuracy, avg(p.correct::int) as share, max(e.epoch) as epochs
        from '{everything}/run.parquet' r
        join '{everything}/predictions.parquet' p using (run_id)
        join '{everything}/epochs.parquet' e using (run_id)
        where p.split = 'test' and r.status = 'finished'
        group by all order by r.seed
        """
    ).fetchall()
    assert [row[0] for row in rows] == [7, 42], rows
    assert all(abs(row[1] - row[2]) < 1e-12 and row[3] == 2 for row in rows), rows

    run_folder = sorted((FOLDER / "results/tables").iterdir())[0]
    # pandas: lists and UTC timestamps are what they should be.
    frame = pandas.read_parquet(run_folder / "run.parquet")
    assert list(frame["classes"][0]) == ["circle", "square", "triangle"], frame["classes"]
    assert str(frame["started_at"].dt.tz) == "UTC", frame["started_at"]

    # pyarrow: every table has its run's id in front.
    for path in sorted(run_folder.glob("*.parquet")):
        table = pyarrow.parquet.read_table(path)
        assert table.column_names[0] == "run_id", path
        assert set(table["run_id"].to_pylist()) <= {run_folder.name}, path
    print("3 passed, 0 failed")


if __name__ == "__main__":
    main()
