//! The text of an experiment for photos: what there is as a comment, then every key with a line on what
//! it is and what else it could be.

use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::task::Task;

use super::choice::{Choice, Weights};
use super::folder::Photos;
use super::found::header;
use super::layout::Layout;
use super::paths::quoted;
use super::table::Table;

/// How many photos are explained.
const EXPLAINED: usize = 4;

/// The whole file.
pub(super) fn text(name: &str, photos: &Photos, choice: &Choice) -> String {
    [
        header(name, photos),
        experiment(name),
        dataset(photos, choice),
        model(choice),
        stage(choice),
        pictures(photos),
    ]
    .join("\n")
}

fn experiment(name: &str) -> String {
    format!(
        "[experiment]\n\
         # Also the name of its folder below results/.\n\
         name = {}\n\
         # Where random draws start. Another seed is another run: how far do scores move by chance?\n\
         seed = 1\n",
        quoted(name)
    )
}

/// How one folder or table is divided; photos of a `group` of the table stay together.
fn division(group: Option<&str>) -> String {
    let together = match group {
        Some(group) => format!("Photos with the same {} stay together.", quoted(group)),
        None => "With `group = '(\\d+)_'`, say, what a file name shares stays together.".to_owned(),
    };
    format!(
        "# Shares to validate after every epoch and to test at the end; the rest is trained on.\n\
         # {together}\n\
         split = {{ validation = 0.2, test = 0.2, seed = 1, stratify = true }}\n\
         # In place of one test split, five runs that test every photo once:\n\
         # folds = 5\n"
    )
}

/// The keys of `[dataset]` about a table.
fn table_keys(table: &Table) -> String {
    let mut text = String::new();
    for (key, value) in table.keys() {
        let comment = match key {
            "table" => {
                "One row per image. Folders in its place: `path`, or train, validation and test."
            }
            "images" => "The folder that paths in the table start from.",
            "columns" => "What the columns are called. Others: split, group, weight.",
            _ => about_task(table),
        };
        text += &format!("# {comment}\n{key} = {value}\n");
    }
    if table.are_whole_numbers {
        text += "# Its numbers are names of classes; what learns them as numbers:\n\
                 # task = \"regression\"\n";
    }
    if !table.unused.is_empty() {
        let unused: Vec<String> = table.unused.iter().map(|column| quoted(column)).collect();
        text += &format!("# Not used: {}.\n", unused.join(", "));
    }
    match table.is_split() {
        true => text,
        false => text + &division(table.group()),
    }
}

fn about_task(table: &Table) -> &'static str {
    match (table.task, table.labels.len()) {
        (Task::Regression, 1) => "A number; its loss is in `[model.head] loss`.",
        (Task::Regression, _) => "Numbers, a column each; their loss is in `[model.head] loss`.",
        (_, 1) => "Any of several labels per image; `separator = \"|\"` stands between them.",
        _ => "Any of several labels per image, each in a column with 0 or 1.",
    }
}

/// The keys of `[dataset]` that say where the photos are.
fn places(layout: &Layout) -> String {
    match layout {
        Layout::Table(table) => table_keys(table),
        Layout::Whole { path, .. } => {
            format!(
                "# One folder per class inside. Folders that are split already: train, validation, test.\n\
                 path = {}\n{}",
                quoted(path),
                division(None)
            )
        }
        Layout::Splits { train, validation, test } => {
            let test = match test {
                Some(test) => format!("\ntest = {}\n", quoted(test)),
                None => " There is no such folder.\n# test = \"photos/test\"\n".to_owned(),
            };
            format!(
                "# One folder per class inside. One folder for all photos: `path` and `split`.\n\
                 train = {}\n\
                 # Measured after every epoch; what to stop and what to choose by.\n\
                 validation = {}\n\
                 # Measured once at the end.{test}",
                quoted(train),
                quoted(validation)
            )
        }
    }
}

fn dataset(photos: &Photos, choice: &Choice) -> String {
    let mut text = format!("[dataset]\n{}", places(&photos.layout));
    let [height, width] = choice.image_size;
    text += &format!(
        "# Height and width that photos are resized to; more shows more and takes longer.\n\
         image_size = [{height}, {width}]\n"
    );
    if let Some(preprocessing) = choice.preprocessing {
        text += &format!(
            "# What the weights were trained on; the textbook has \"rescale\".\n\
             preprocessing = {}\n",
            quoted(word(preprocessing))
        );
    }
    let bad = if photos.bad.is_empty() { "fail" } else { "skip" };
    text + &format!(
        "# A file that cannot be read: \"fail\" ends the run and names it, \"skip\" leaves it out.\n\
         on_bad_image = \"{bad}\"\n"
    )
}

/// As experiment files write it.
fn word(preprocessing: Preprocessing) -> &'static str {
    match preprocessing {
        Preprocessing::Rescale => "rescale",
        Preprocessing::Caffe => "caffe",
        Preprocessing::Torchvision => "torchvision",
        Preprocessing::Tensorflow => "tensorflow",
        Preprocessing::EfficientnetLite => "efficientnet_lite",
    }
}

fn model(choice: &Choice) -> String {
    let fetch = match choice.weights {
        Weights::AtHand => String::new(),
        Weights::Published(name) => {
            format!(
                "# Not here yet: the first run fetches them, or `runner weights fetch {name}`.\n"
            )
        }
    };
    format!(
        "[model]\n\
         # The conv base. `runner schema` lists others: resnet50, mobilenet_v2, vgg16, …\n\
         architecture = \"{}\"\n\
         # \"random\", a name of `runner weights list`, a file, or \"run:<run id>\" would do, too.\n\
         {fetch}\
         weights = \"imagenet\"\n\
         \n\
         [model.head]\n\
         # How the last feature map becomes a vector: its mean per channel, \"max\", or \"flatten\".\n\
         pooling = \"average\"\n\
         # Units of dense layers in front of the classifier; with many photos try [256].\n\
         hidden = []\n\
         # Share of values that are left out while training, against learning by heart.\n\
         dropout = 0.2\n",
        choice.architecture
    )
}

fn stage(choice: &Choice) -> String {
    let balanced = match choice.balanced {
        true => {
            "# Rare classes count more, since there are few photos of them; without it all count the same.\n\
             class_weights = \"balanced\"\n"
        }
        false => "",
    };
    let Choice { epochs, batch_size, patience, .. } = choice;
    format!(
        "[[stage]]\n\
         # Its name in tables, and in `--set stage.head.epochs=5`.\n\
         name = \"head\"\n\
         # The base stays as it is, and its features are computed once; \"none\" trains all of it, which takes\n\
         # far longer. The last part of it in a stage after this one: `runner init finetune_efficientnet`.\n\
         frozen = \"all\"\n\
         # Passes over the training photos, at most.\n\
         epochs = {epochs}\n\
         # Photos per step.\n\
         batch_size = {batch_size}\n\
         {balanced}\
         # sgd, rmsprop, adamw, … as well. Where the loss jumps, a smaller rate.\n\
         optimizer = {{ name = \"adam\", learning_rate = 1e-3 }}\n\
         # Ends after so many epochs without a better validation loss, with the best parameters.\n\
         early_stopping = {{ monitor = \"validation_loss\", patience = {patience}, restore_best = true }}\n"
    )
}

fn pictures(photos: &Photos) -> String {
    let of = photos.splits.last().map_or("test", |split| split.name);
    let all: Vec<&str> = photos.splits.iter().map(|split| split.name).collect();
    let all = all.join(", ");
    let examples = photos.examples(EXPLAINED);
    let images: String = examples
        .iter()
        .map(|image| format!("    {},\n", quoted(&image.path.to_string_lossy())))
        .collect();
    let Words { curves, second, job, others, which, kind, raises } = words(photos.layout.task());
    format!(
        "# {curves} by epoch.\n\
         [[visualize]]\n\
         job = \"curves\"\n\
         \n\
         # {second}.\n\
         [[visualize]]\n\
         job = \"{job}\"\n\
         # Of which photos: {all}.\n\
         split = \"{of}\"\n\
         \n\
         # Which part of a photo decides. {others} are jobs, too.\n\
         [[visualize]]\n\
         job = \"gradcam\"\n\
         # {which} of the {of} photos; other image files will do, too.\n\
         images = [\n{images}]\n\
         # \"predicted\", or the name of a {kind}: what {raises} it?\n\
         target = \"predicted\"\n"
    )
}

/// What is said of pictures.
struct Words {
    curves: &'static str,
    /// Of the job behind the curves.
    second: &'static str,
    job: &'static str,
    others: &'static str,
    which: &'static str,
    kind: &'static str,
    raises: &'static str,
}

fn words(task: Task) -> Words {
    let classes = Words {
        curves: "Accuracy and loss",
        second: "How often each class is taken for each",
        job: "confusion",
        others: "\"mistakes\", \"embedding\", \"activations\"",
        which: "One of each of the first classes",
        kind: "class",
        raises: "speaks for",
    };
    let labels = Words {
        second: "The photos that it is most wrong about",
        job: "mistakes",
        others: "\"activations\", \"filters\"",
        which: "The first",
        kind: "label",
        ..classes
    };
    match task {
        Task::Classification => classes,
        Task::Multilabel => labels,
        Task::Regression => {
            Words { curves: "Error and loss", kind: "number", raises: "raises", ..labels }
        }
    }
}
