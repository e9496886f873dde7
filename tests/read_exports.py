"""Exports runs, and reads them with MLflow and TensorBoard: every value must be that of the tables.

    python tests/read_exports.py path/to/runner folder

The folder holds `results/`, as tests/read_tables.py leaves it.
"""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet

# MLflow 3.13 and newer read folders only where they are told to.
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

RUNNER, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()

STATUS = {"finished": "FINISHED", "failed": "FAILED", "running": "RUNNING", "interrupted": "KILLED"}


def export(*arguments):
    """Twice: the second time everything takes the place of what is there."""
    experiments = [folder.name for folder in (FOLDER / "results").iterdir()]
    for _ in range(2):
        command = [RUNNER, "export", *experiments, *arguments]
        subprocess.run(command, cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)


def make_odd():
    """A failed run with values that are not finite, and names that other tools do not take."""
    place = FOLDER / "results" / "it's odd: 100%"
    folder = next(folder for folder, *_ in runs() if folder.parent != place)
    odd = place / folder.name
    shutil.copytree(folder, odd, dirs_exist_ok=True)

    def change(name, columns):
        table = pyarrow.parquet.read_table(odd / name)
        for column, values in columns.items():
            place = table.schema.get_field_index(column)
            field = table.schema.field(place)
            values = (values + table[column].to_pylist())[: len(table)]
            table = table.set_column(place, field, pyarrow.array(values, field.type))
        pyarrow.parquet.write_table(table, odd / name)

    change("run.parquet", {"status": ["failed"], "error": ["a \"loss\":\n\u00e9 \U0001f600"]})
    change("epochs.parquet", {"train_loss": [math.nan, math.inf], "validation_loss": [-math.inf]})
    change("params.parquet", {"key": ["stage.a:b.epochs"], "value": ["x" * 10_000]})
    labels = {"run_id": [odd.name], "tags": [["a", "b"]], "note": ["\u00e9\n# a note"]}
    pyarrow.parquet.write_table(pyarrow.table(labels), odd / "labels.parquet")


def runs():
    """Every run with its tables."""
    for path in sorted((FOLDER / "results").glob("*/*/run.parquet")):
        read = lambda name: pyarrow.parquet.read_table(path.parent / name).to_pylist()
        yield path.parent, read("run.parquet")[0], read("epochs.parquet"), read("params.parquet")


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


def grow(values):
    return all(a < b for a, b in zip(values, values[1:]))


EPOCH = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate"]


def read_mlflow():
    from mlflow import MlflowClient

    export("--mlflow", "mlruns")
    client = MlflowClient(tracking_uri=str(FOLDER / "mlruns"))
    names = {folder.parent.name for folder, *_ in runs()}
    # By a list: MLflow cannot look for a name with a quote in it.
    experiments = {e.name: e.experiment_id for e in client.search_experiments()}
    assert set(experiments) == names, experiments
    count = 0
    for folder, row, epochs, params in runs():
        where = f"attributes.run_name = '{folder.name}'"
        found = client.search_runs([experiments[folder.parent.name]], where)
        assert len(found) == 1, (folder, found)
        run = client.get_run(found[0].info.run_id)
        # A run whose process is gone still says in its table that it runs.
        status = "interrupted" if row["status"] == "running" else row["status"]
        assert run.info.status == STATUS[status], run.info
        assert run.info.start_time == round(row["started_at"].timestamp() * 1000), run.info
        for entry in params:
            cut = entry["value"][:6000]
            assert run.data.params[entry["key"].replace(":", "_")] == cut, entry
        assert len(run.data.params) == len(params)
        for name in EPOCH:
            points = client.get_metric_history(run.info.run_id, name)
            steps = [(epoch["global_epoch"], epoch[name]) for epoch in epochs]
            assert len(points) == len(steps), (name, points)
            for point, (step, value) in zip(points, steps):
                assert point.step == step and same(point.value, value), (point, step, value)
            assert grow([point.timestamp for point in points]), points
        for name in ["test_loss", "test_accuracy", "best_validation_loss", "duration_s"]:
            assert run.data.metrics.get(name) == row[name], (name, run.data.metrics)
        assert run.data.tags.get("mlflow.source.git.commit") == row["git_commit"]
        assert run.data.tags["runner.fingerprint"] == row["fingerprint"]
        assert run.data.tags.get("runner.error") == row["error"]
        if (folder / "labels.parquet").exists():
            labels = pyarrow.parquet.read_table(folder / "labels.parquet").to_pylist()[0]
            assert run.data.tags.get("mlflow.note.content") == labels["note"], run.data.tags
        files = {file.path for file in client.list_artifacts(run.info.run_id)}
        kept = {p.name for p in folder.iterdir() if p.name[0] != "." and p.name != "checkpoints"}
        assert files == kept, files ^ kept
        # What MLflow itself does with a run works.
        client.set_tag(run.info.run_id, "seen", "yes")
        count += 1
    return count


def read_tensorboard():
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import metadata

    export("--tensorboard", "logs")
    count = 0
    for folder, row, epochs, params in runs():
        logs = FOLDER / "logs" / folder.parent.name / folder.name
        assert len(list(logs.rglob("*tfevents*"))) <= 4, list(logs.rglob("*"))
        guidance = {"scalars": 0, "images": 0, "tensors": 0}

        def load(path):
            return EventAccumulator(str(path), size_guidance=guidance).Reload()

        single = lambda value: pyarrow.scalar(value, pyarrow.float32()).as_py()
        for name in EPOCH:
            split, _, metric = name.partition("_")
            parts = (logs, name) if name == "learning_rate" else (logs / split, metric)
            points = load(parts[0]).Scalars(parts[1]) if epochs else []
            steps = [(epoch["global_epoch"], single(epoch[name])) for epoch in epochs]
            assert len(points) == len(steps), (name, points)
            for point, (step, value) in zip(points, steps):
                assert point.step == step and same(point.value, value), (point, step, value)
            assert grow([point.wall_time for point in points]), points
        if row["test_accuracy"] is not None:
            test = load(logs / "test").Scalars("accuracy")
            assert [point.value for point in test] == [single(row["test_accuracy"])], test
        whole = load(logs)
        for tag in whole.Tags()["images"]:
            image = whole.Images(tag)[0]
            assert image.encoded_image_string[:4] == b"\x89PNG" and image.width > 0, tag
        start = whole.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
        settings = metadata.parse_session_start_info_plugin_data(start).hparams
        given = {entry["key"]: entry["value"] for entry in params}
        assert settings["experiment.seed"].number_value == row["seed"], settings
        for key, value in settings.items():
            kind = value.WhichOneof("kind")
            read = {"number_value": float, "bool_value": lambda text: text == "true"}
            assert getattr(value, kind) == read.get(kind, str)(given[key]), key
        end = whole.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
        assert metadata.parse_session_end_info_plugin_data(end).status in (1, 2)
        count += 1
    return count


def main():
    make_odd()
    for name, read in [("MLflow", read_mlflow), ("TensorBoard", read_tensorboard)]:
        try:
            print(f"{name}: {read()} runs read as the tables say")
        except ImportError as error:
            print(f"{name}: skipped, {error}")


if __name__ == "__main__":
    main()
