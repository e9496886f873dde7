//! What training sees: some training images, each as it is and as an augmented stage changes it in
//! its first epochs.

use runner_experiment::Checked;
use runner_experiment::listing::{Split, WHOLE};
use runner_experiment::plan::{Dataset, Stage};
use runner_experiment::section::dataset::OnBadImage;
use runner_experiment::section::task::Task;

use crate::augment::{augment, rounded, view_key};
use crate::division::{self, Earlier};
use crate::error::DataError;
use crate::interrupt::Interrupt;
use crate::scan::{self, ImageFile, ScannedSplit};
use runner_random::{Key, Purpose};
use runner_record::Event;
use runner_record::{BadImage, Pixels};

/// The first stage that augments, with its position.
#[must_use]
pub fn augmented(checked: &Checked) -> Option<(usize, &Stage)> {
    checked.plan.stage.iter().enumerate().find(|(_, stage)| stage.augment)
}

/// How many views of an image take turns, where the first stage that augments keeps them.
#[must_use]
pub fn views(checked: &Checked) -> Option<usize> {
    let views = checked.plan.augmentation.as_ref()?.views?;
    let (_, stage) = augmented(checked)?;
    (stage.frozen_prefix(&checked.layers) > 0).then_some(views)
}

/// One row per image, as many of each class as there is room for: the image, then what the first
/// epochs make of it, or its views where these are kept.
///
/// # Errors
///
/// [`DataError::BadImages`] where one cannot be read.
pub fn rows(
    checked: &Checked,
    (images, epochs): (usize, usize),
    earlier: &Earlier,
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(Event),
) -> Result<Vec<Vec<Pixels>>, DataError> {
    let (Some(dataset), Some(settings)) = (&checked.plan.dataset, &checked.plan.augmentation)
    else {
        return Ok(Vec::new());
    };
    let named = |name| checked.splits.iter().find(|split| split.name == name);
    let Some(split) = named("train").or_else(|| named(WHOLE)) else {
        return Ok(Vec::new());
    };
    let (files, bad) = in_training_order(split, dataset.on_bad_image, interrupt)?;
    let files = trained_on(dataset, split, files, earlier)?;
    if !bad.is_empty() {
        observe(Event::Skipped(bad));
    }
    let stage = augmented(checked).map_or(0, |(index, _)| index);
    let key =
        Key { stage: stage as u64, ..Key::new(checked.plan.experiment.seed, Purpose::Augment) };
    let mut rows = Vec::new();
    // Of labels and numbers, the first images whatever they are labelled with.
    let is_of_classes = dataset.task == Task::Classification;
    let classes = if is_of_classes { split.classes.len() } else { 1 };
    for class in 0..classes {
        let left = classes - class;
        let files = by_name(&files, is_of_classes.then_some(class));
        for (sample, file) in files.into_iter().take((images - rows.len()).div_ceil(left)) {
            let pixels = file
                .pixels(dataset.image_size)
                .map_err(|problem| DataError::bad_image(file.path.clone(), &problem))?;
            let mut row = vec![pixels.clone()];
            for epoch in 1..=epochs {
                let key = match views(checked) {
                    Some(views) => view_key(&file.hash, (epoch - 1) % views),
                    None => Key { sample: sample as u64, epoch: epoch as u64, ..key },
                };
                let mut stream = key.stream();
                row.push(rounded(&augment(&pixels, settings, &mut stream), &pixels));
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The images of a class, or all, by their names, each with the number that a run gives it.
fn by_name(files: &[ImageFile], class: Option<usize>) -> Vec<(usize, &ImageFile)> {
    let is_of = |file: &ImageFile| class.is_none() || file.target.class() == class;
    let mut files: Vec<(usize, &ImageFile)> =
        files.iter().enumerate().filter(|(_, file)| is_of(file)).collect();
    files.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    files
}

/// Of a folder that is divided, the images that are trained on.
fn trained_on(
    dataset: &Dataset,
    split: &Split,
    images: Vec<ImageFile>,
    earlier: &Earlier,
) -> Result<Vec<ImageFile>, DataError> {
    if !dataset.is_divided() {
        return Ok(images);
    }
    let (classes, bad, narrow) = (split.classes.clone(), Vec::new(), Vec::new());
    let whole = ScannedSplit { name: split.name, classes, images, bad, narrow };
    let divided = division::divide(dataset, &split.folder, whole, earlier)?;
    Ok(divided.splits.into_iter().next().map(|train| train.images).unwrap_or_default())
}

/// The images of a split in the order in which a run numbers them, and those that it leaves out.
/// Where none is left out, nothing needs to be decoded for that.
fn in_training_order(
    split: &Split,
    on_bad_image: OnBadImage,
    interrupt: &Interrupt,
) -> Result<(Vec<ImageFile>, Vec<BadImage>), DataError> {
    if on_bad_image == OnBadImage::Skip {
        let mut scanned = scan::scan(std::slice::from_ref(split), interrupt, &mut |_| {})?;
        return Ok(scanned.pop().map(|split| (split.images, split.bad)).unwrap_or_default());
    }
    let (mut files, mut bad) = (Vec::new(), Vec::new());
    for listed in &split.images {
        interrupt.check()?;
        match scan::hash(&listed.path) {
            Ok(hash) => files.push(ImageFile::new(listed, hash, [0; 2])),
            Err(problem) => {
                bad.push(BadImage { path: listed.path.clone(), problem: problem.to_string() });
            }
        }
    }
    if !bad.is_empty() {
        return Err(DataError::BadDataset(bad));
    }
    scan::sort(&mut files);
    Ok((files, bad))
}
