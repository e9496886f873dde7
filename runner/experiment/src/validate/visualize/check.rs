//! The checks that picture jobs share.

use std::ops::Range;

use crate::architecture::{Layer, Op, named};
use crate::diagnostic::Diagnostics;
use crate::plan::{Dataset, ImageSet, Suspects};
use crate::section::Root;
use crate::section::task::Task;
use crate::section::visualize::{ImageSetSection, SplitName, SuspectsSection};
use crate::suggest::{closest, did_you_mean};
use crate::value::{Located, Plain};

use crate::validate::dataset::Data;
use crate::validate::keys::require;
use crate::validate::path::{has_control, missing_help};

/// What the checks of one job look at.
pub(super) struct Check<'a> {
    /// The dotted key of the job.
    pub(super) key: String,
    pub(super) root: &'a Root,
    pub(super) layers: &'a [Layer],
    pub(super) data: &'a Data,
    pub(super) diagnostics: &'a mut Diagnostics,
}

impl Check<'_> {
    pub(super) fn needs_stage(&mut self, span: &Range<usize>, job: &str) {
        if self.root.stage.is_none() && !self.root.present.iter().any(|key| key == "stage") {
            self.diagnostics
                .error(span.clone(), &self.key, format!("`{job}` needs a stage to draw"))
                .help("add a `[[stage]]`, or remove this job");
        }
    }

    /// Refuses a job that is about classes where there are none.
    pub(super) fn needs_classes(&mut self, span: &Range<usize>, job: &str) {
        let task = self.data.plan.as_ref().map(|plan| plan.task).unwrap_or_default();
        if task != Task::Classification {
            self.diagnostics
                .error(
                    span.clone(),
                    &self.key,
                    format!("`{job}` is about classes, and `dataset.task` is `{task}`"),
                )
                .help("remove this job");
        }
    }

    /// The images of a job that needs some of the data set's.
    pub(super) fn image_set(&mut self, table: &ImageSetSection, span: &Range<usize>) -> ImageSet {
        ImageSet { split: self.split(table.split.as_ref(), span) }
    }

    pub(super) fn split(
        &mut self,
        given: Option<&Located<SplitName>>,
        span: &Range<usize>,
    ) -> SplitName {
        let dataset = self.data.plan.as_ref();
        let has = |name: SplitName| self.data.has(name);
        let chosen = given.map(Plain::plain).unwrap_or(match has(SplitName::Test) {
            true => SplitName::Test,
            false => SplitName::Validation,
        });
        if !has(chosen) {
            let span = given.map_or(span.clone(), |given| given.span.clone());
            self.diagnostics
                .error(span, &self.key, format!("this job needs the images of `dataset.{chosen}`"))
                .help(match dataset {
                    Some(dataset) if dataset.is_divided() => {
                        format!("give `dataset.split.{chosen}` a share")
                    }
                    Some(Dataset { table: Some(_), .. }) => {
                        format!("put rows of the split `{chosen}` into the table")
                    }
                    _ => format!("add `{chosen} = \"…\"` to `[dataset]`"),
                });
        }
        chosen
    }

    /// Training images are told by what layers that did not learn their labels make of them.
    pub(super) fn check_folds(&mut self, table: &SuspectsSection, plan: &Suspects) {
        let key = self.key.clone();
        if let Some(folds) = table.folds.as_ref().filter(|_| plan.folds < 2) {
            let message = "one fold leaves no image to learn from";
            self.diagnostics
                .error(folds.span.clone(), format!("{key}.folds"), message)
                .help("give two or more: `folds = 5`");
        }
    }

    pub(super) fn check_channels(
        &mut self,
        span: &Range<usize>,
        channels: &[usize],
        layers: &[String],
    ) {
        let Some(largest) = channels.iter().max() else { return };
        let named = self.layers.iter().filter(|layer| layers.contains(&layer.name));
        let mut without = named.filter(|layer| *largest >= layer.output.channels());
        if let Some(layer) = without.next() {
            let channels = layer.output.channels();
            self.diagnostics
                .error(
                    span.clone(),
                    &self.key,
                    format!("`{}` has no channel {largest}", layer.name),
                )
                .help(format!("its channels are 0 to {}", channels - 1));
        }
    }

    pub(super) fn check_images(
        &mut self,
        images: Option<&Located<Vec<Located<String>>>>,
        present: &[String],
        span: &Range<usize>,
    ) {
        require(present, "images", &self.key, span, self.diagnostics);
        let Some(images) = images else {
            return;
        };
        if images.value.is_empty() {
            self.diagnostics.error(
                images.span.clone(),
                format!("{}.images", self.key),
                "there is no image in this list",
            );
        }
        for image in
            images.value.iter().filter(|image| !std::path::Path::new(&image.value).is_file())
        {
            let missing = self
                .diagnostics
                .error(
                    image.span.clone(),
                    format!("{}.images", self.key),
                    format!("the image `{}` does not exist", image.value),
                )
                .label("no such file");
            if has_control(&image.value) || crate::folder::fetch_command(&image.value).is_some() {
                missing.help(missing_help(&image.value));
            }
        }
    }

    /// Layers of the conv base; with `top` also the classifier.
    pub(super) fn layer_names(
        &mut self,
        names: Option<&Located<Vec<Located<String>>>>,
        top: bool,
    ) -> Vec<String> {
        let Some(names) = names else {
            return self.first_convolutions();
        };
        if names.value.is_empty() {
            self.diagnostics.error(names.span.clone(), &self.key, "there is no layer in this list");
        }
        names.value.iter().map(|name| self.check_layer(name, top)).collect()
    }

    /// The layer of a job that weights feature maps.
    pub(super) fn weighted_layer(&mut self, given: Option<&Located<String>>) -> String {
        match given {
            Some(layer) => self.check_layer(layer, false),
            None => self.last_map(),
        }
    }

    /// The layer of this name; a block's or a stage's stands for its last layer.
    fn check_layer(&mut self, name: &Located<String>, top: bool) -> String {
        let model = self.root.model.as_ref();
        let published = model.is_some_and(|model| model.value.plain().include_top);
        let is_shown =
            |layer: &&Layer| layer.base || (top && published && layer.classes().is_some());
        let base: Vec<&Layer> = self.layers.iter().filter(is_shown).collect();
        if let Some(layer) = named(self.layers, &name.value).filter(is_shown) {
            return layer.name.clone();
        }
        if base.is_empty() {
            return name.plain();
        }
        let help = layer_help(&name.value, &base);
        self.diagnostics
            .error(
                name.span.clone(),
                &self.key,
                format!("there is no layer `{}` in the conv base", name.value),
            )
            .label("unknown layer")
            .help(help);
        name.plain()
    }

    pub(super) fn check_target(&mut self, target: &Located<String>, classes: &[String]) {
        let number = target.value.parse::<usize>().is_ok_and(|number| number < classes.len());
        let known = target.value == "predicted" || number || classes.contains(&target.value);
        if classes.is_empty() || known {
            return;
        }
        let choices = std::iter::once("predicted").chain(classes.iter().map(String::as_str));
        self.diagnostics
            .error(
                target.span.clone(),
                format!("{}.target", self.key),
                format!("there is no class `{}`", target.value),
            )
            .label("unknown class")
            .help(did_you_mean(&target.value, choices));
    }

    /// The first convolution of every stage or block, or every convolution where there are no blocks.
    fn first_convolutions(&self) -> Vec<String> {
        let mut last_block = "";
        let mut names = Vec::new();
        for layer in self.layers.iter().filter(|layer| layer.is_convolution()) {
            let block = if layer.stage.is_empty() { &layer.block } else { &layer.stage };
            if block.is_empty() || block != last_block {
                names.push(layer.name.clone());
            }
            last_block = block;
        }
        names
    }

    /// The end of the last block, or the last convolution where a pool ends it.
    fn last_map(&self) -> String {
        let end = self.layers.iter().rfind(|layer| layer.base);
        let end = end.filter(|layer| !matches!(layer.op, Op::MaxPool(_)));
        let last = end.or_else(|| self.layers.iter().rfind(|layer| layer.is_convolution()));
        last.map(|layer| layer.name.clone()).unwrap_or_default()
    }
}

/// A long network is not listed layer by layer.
const MOST_LISTED: usize = 40;

/// What may have been meant, or what there is.
fn layer_help(name: &str, base: &[&Layer]) -> String {
    let all = base.iter().flat_map(|layer| [&layer.name, &layer.block, &layer.stage]);
    let named = all.map(String::as_str).filter(|known| !known.is_empty());
    if let Some(close) = closest(name, named) {
        return format!("did you mean `{close}`?");
    }
    let mut listed: Vec<&str> = Vec::new();
    for layer in base {
        let known = if base.len() > MOST_LISTED { &layer.block } else { &layer.name };
        if !known.is_empty() && !listed.contains(&known.as_str()) {
            listed.push(known);
        }
    }
    did_you_mean(name, listed)
}
