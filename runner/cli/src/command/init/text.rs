//! The text of an experiment for a folder of photos: what is in the folder as a comment, then every key
//! with a line on what it is and what else it could be.

use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::text::{thousands, visible};

use super::choice::{Choice, Weights};
use super::folder::Photos;
use super::layout::{Layout, quoted};

/// How many classes are listed by name.
const LISTED: usize = 40;

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

/// What was found, as comments.
fn header(name: &str, photos: &Photos) -> String {
    let mut lines = vec![
        format!("{} photos of {} classes.", thousands(photos.images()), photos.classes.len()),
        format!("`runner check` shows the plan, `runner run` trains and tests: results/{name}"),
        String::new(),
    ];
    lines.extend(table(photos));
    let [smallest, median, largest] =
        photos.sizes().map(|[height, width]| format!("{height}x{width}"));
    lines.push(String::new());
    lines.push(format!("Height and width: {smallest} to {largest}, half of them up to {median}."));
    if let Layout::Whole { aside: Some(aside), .. } = &photos.layout {
        let aside = visible(aside);
        lines.push(format!(
            "There is no folder for validation, so one folder is divided, and {aside}"
        ));
        lines.push(format!("takes no part; later: `runner predict last {aside}`"));
    }
    if let Some(bad) = photos.bad.first() {
        let path = visible(&bad.path.to_string_lossy()).into_owned();
        lines.push(format!("Files that cannot be used: {}, such as {path}:", photos.bad.len()));
        lines.push(visible(&bad.problem).into_owned());
    }
    let comment = |line: String| format!("# {line}").trim_end().to_owned() + "\n";
    lines.into_iter().map(comment).collect()
}

/// One line per class, with its images in each split.
fn table(photos: &Photos) -> Vec<String> {
    let names: Vec<String> = photos.classes.iter().map(|n| visible(n).into_owned()).collect();
    let width =
        names.iter().take(LISTED).map(|name| name.chars().count()).max().unwrap_or(0).max(5);
    let row = |name: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>12}")).collect();
        format!("{name:<width$}{cells}")
    };
    let splits = photos.splits.iter().map(|split| split.name.to_owned());
    let header: Vec<String> = ["images".to_owned()].into_iter().chain(splits).collect();
    let mut lines = vec![row("class", &header)];
    for (class, name) in names.iter().enumerate().take(LISTED) {
        let counts = photos.counts(class);
        let all = [counts.iter().sum()].into_iter().chain(counts);
        lines.push(row(name, &all.map(thousands).collect::<Vec<_>>()));
    }
    if let Some(rest) = names.len().checked_sub(LISTED).filter(|rest| *rest > 0) {
        lines.push(format!("and {rest} more"));
    }
    lines
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

/// The keys of `[dataset]` that name folders.
fn folders(layout: &Layout) -> String {
    match layout {
        Layout::Whole { path, .. } => {
            format!(
                "# One folder per class inside. Folders that are split already: train, validation, test.\n\
                 path = {}\n\
                 # Shares of each class to validate after every epoch and to test at the end; the rest is\n\
                 # trained on. With `group = '(\\d+)_'`, say, what a file name shares stays together.\n\
                 split = {{ validation = 0.2, test = 0.2, seed = 1, stratify = true }}\n\
                 # In place of one test split, five runs that test every photo once:\n\
                 # folds = 5\n",
                quoted(path)
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
    let mut text = format!("[dataset]\n{}", folders(&photos.layout));
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
    let examples = photos.examples(EXPLAINED);
    let images: String = examples
        .iter()
        .map(|image| format!("    {},\n", quoted(&image.path.to_string_lossy())))
        .collect();
    format!(
        "# Accuracy and loss by epoch.\n\
         [[visualize]]\n\
         job = \"curves\"\n\
         \n\
         # How often each class is taken for each.\n\
         [[visualize]]\n\
         job = \"confusion\"\n\
         # Of which photos: train, validation or test.\n\
         split = \"{of}\"\n\
         \n\
         # Which part of a photo decides. \"mistakes\", \"embedding\", \"activations\" are jobs, too.\n\
         [[visualize]]\n\
         job = \"gradcam\"\n\
         # Of the {of} photos, one of each of the first classes; any other image file will do.\n\
         images = [\n{images}]\n\
         # \"predicted\", or the name of a class: what speaks for it?\n\
         target = \"predicted\"\n"
    )
}
