"""Runs a small experiment and reads its tables as other programs would.

    python tests/read_tables.py path/to/runner empty/folder
"""

import glob
import math
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


def student(count):
    """The quantile 0.975 of Student's t for two or three numbers, in closed form."""
    return {2: math.tan(math.pi * 0.475), 3: 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025))}[count]


def groups_as_by_pandas():
    """`compare --group` against the same files, grouped by pandas."""
    run("compare", "--group", "--format", "parquet", "--out", "groups.parquet")
    run("compare", "--group", "--format", "csv", "--out", "groups.csv")
    groups = pandas.read_parquet(FOLDER / "groups.parquet")
    key = "stage.head.optimizer.learning_rate"
    everything = f"{FOLDER}/results/tables/*"

    def read(name):
        files = sorted(glob.glob(f"{everything}/{name}.parquet"))
        return pandas.concat([pandas.read_parquet(file) for file in files])

    params = read("params")
    rates = params[params["key"] == key].set_index("run_id")["value"].rename(key)
    last = read("epochs").sort_values("global_epoch").groupby("run_id").last()
    runs = read("run").set_index("run_id").join(rates)
    runs = runs.join(last[["validation_loss", "validation_accuracy"]])
    scores = ["validation_loss", "validation_accuracy", "best_validation_accuracy"]
    scores += ["test_loss", "test_accuracy", "duration_s"]
    expected = runs.groupby(key)[scores].agg(["mean", "std", "count"])
    for frame in (groups, pandas.read_csv(FOLDER / "groups.csv", dtype={key: str})):
        assert sorted(frame["runs"]) == [2, 3], frame
        for _, row in frame.iterrows():
            for score in scores:
                mean, std, count = expected.loc[row[key], score]
                half = student(int(count)) * std / math.sqrt(count)
                wanted = {"": mean, "_std": std, "_low": mean - half, "_high": mean + half}
                for end, value in wanted.items():
                    assert abs(row[score + end] - value) < 1e-12, (score + end, row, value)


def main():
    (FOLDER / "tables.toml").write_text(EXPERIMENT)
    run("dataset", "generate", "shapes")
    run("run", "tables.toml", "--quiet")
    run("run", "tables.toml", "--quiet", "--set", "experiment.seed=7")
    run("run", "tables.toml", "--quiet", "--set", "experiment.seed=8")
    for seed in ("7", "42"):
        faster = ("--set", "stage.head.optimizer.learning_rate=1e-2")
        run("run", "tables.toml", "--quiet", "--set", f"experiment.seed={seed}", *faster)
    everything = f"{FOLDER}/results/tables/*"

    # DuckDB: a folder of runs is one data set.
    rows = duckdb.sql(
        f"""
        select r.seed, r.test_accuracy, avg(p.correct::int) as share, max(e.epoch) as epochs
        from '{everything}/run.parquet' r
        join '{everything}/predictions.parquet' p using (run_id)
        join '{everything}/epochs.parquet' e using (run_id)
        where p.split = 'test' and r.status = 'finished'
        group by r.run_id, r.seed, r.test_accuracy order by r.seed
        """
    ).fetchall()
    assert [row[0] for row in rows] == [7, 7, 8, 42, 42], rows
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
    groups_as_by_pandas()
    print("4 passed, 0 failed")


if __name__ == "__main__":
    main()
