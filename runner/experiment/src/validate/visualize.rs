//! `[[visualize]]`: images that are there, layers and classes that exist.

use crate::architecture::{Layer, LayerKind};
use crate::plan::Visualize;
use crate::problem::Problems;
use crate::section::Root;
use crate::section::visualize::VisualizeSection;
use crate::suggest::did_you_mean;
use crate::value::{Count, Located};

use super::{get, require};

pub(super) fn resolve(
    root: &Root,
    layers: &[Layer],
    classes: &[String],
    problems: &mut Problems,
) -> Vec<Visualize> {
    let Some(sections) = &root.visualize else {
        return Vec::new();
    };
    sections
        .value
        .iter()
        .enumerate()
        .map(|(at, section)| {
            let mut check =
                Check { key: format!("visualize[{at}]"), layers, problems: &mut *problems };
            check.job(section, root, classes)
        })
        .collect()
}

struct Check<'a> {
    key: String,
    layers: &'a [Layer],
    problems: &'a mut Problems,
}

impl Check<'_> {
    fn job(&mut self, section: &VisualizeSection, root: &Root, classes: &[String]) -> Visualize {
        match section {
            VisualizeSection::Curves(table) => {
                if root.stage.is_none() && !root.present.iter().any(|key| key == "stage") {
                    self.problems
                        .error(table.span.clone(), &self.key, "`curves` needs a stage to draw")
                        .help("add a `[[stage]]`, or remove this job");
                }
                Visualize::Curves { smoothing: get(&table.smoothing).map_or(0.8, |x| x.0) }
            }
            VisualizeSection::Activations(table) => Visualize::Activations {
                images: self.images(table.images.as_ref(), &table.present, &table.span),
                layers: self.layer_names(table.layers.as_ref()),
                images_per_row: count(&table.images_per_row, 16),
            },
            VisualizeSection::Filters(table) => Visualize::Filters {
                layers: self.layer_names(table.layers.as_ref()),
                count: count(&table.count, 64),
            },
            VisualizeSection::Gradcam(table) => {
                if let Some(layer) = &table.layer {
                    self.check_layer(layer);
                }
                if let Some(target) = &table.target {
                    self.check_target(target, classes);
                }
                Visualize::Gradcam {
                    images: self.images(table.images.as_ref(), &table.present, &table.span),
                    layer: get(&table.layer).unwrap_or_else(|| self.last_convolution()),
                    target: get(&table.target).unwrap_or_else(|| "predicted".to_owned()),
                }
            }
        }
    }

    fn images(
        &mut self,
        images: Option<&Located<Vec<Located<String>>>>,
        present: &[String],
        span: &std::ops::Range<usize>,
    ) -> Vec<String> {
        require(present, "images", &self.key, span, self.problems);
        let Some(images) = images else {
            return Vec::new();
        };
        if images.value.is_empty() {
            self.problems.error(
                images.span.clone(),
                format!("{}.images", self.key),
                "there is no image in this list",
            );
        }
        for image in
            images.value.iter().filter(|image| !std::path::Path::new(&image.value).is_file())
        {
            let problem = self
                .problems
                .error(
                    image.span.clone(),
                    format!("{}.images", self.key),
                    format!("the image `{}` does not exist", image.value),
                )
                .label("no such file");
            if let Some(command) = crate::folder::command_that_brings(&image.value) {
                problem.help(format!("`{command}` brings it"));
            }
        }
        images.value.iter().map(|image| image.value.clone()).collect()
    }

    fn layer_names(&mut self, names: Option<&Located<Vec<Located<String>>>>) -> Vec<String> {
        let Some(names) = names else {
            return self.first_convolutions();
        };
        for name in &names.value {
            self.check_layer(name);
        }
        names.value.iter().map(|name| name.value.clone()).collect()
    }

    fn check_layer(&mut self, name: &Located<String>) {
        let base: Vec<&str> =
            self.layers.iter().filter(|l| l.base).map(|l| l.name.as_str()).collect();
        if base.is_empty() || base.contains(&name.value.as_str()) {
            return;
        }
        self.problems
            .error(
                name.span.clone(),
                &self.key,
                format!("there is no layer `{}` in the conv base", name.value),
            )
            .label("unknown layer")
            .help(did_you_mean(&name.value, base.iter().copied()));
    }

    fn check_target(&mut self, target: &Located<String>, classes: &[String]) {
        let known = target.value == "predicted" || classes.contains(&target.value);
        if classes.is_empty() || known {
            return;
        }
        let choices = std::iter::once("predicted").chain(classes.iter().map(String::as_str));
        self.problems
            .error(
                target.span.clone(),
                format!("{}.target", self.key),
                format!("there is no class `{}`", target.value),
            )
            .label("unknown class")
            .help(did_you_mean(&target.value, choices));
    }

    /// The first convolution of every block, or every convolution where there are no blocks.
    fn first_convolutions(&self) -> Vec<String> {
        let mut last_block = "";
        let mut names = Vec::new();
        for layer in self.layers.iter().filter(|layer| is_convolution(layer)) {
            if layer.block.is_empty() || layer.block != last_block {
                names.push(layer.name.clone());
            }
            last_block = &layer.block;
        }
        names
    }

    fn last_convolution(&self) -> String {
        let last = self.layers.iter().rfind(|layer| is_convolution(layer));
        last.map(|layer| layer.name.clone()).unwrap_or_default()
    }
}

fn is_convolution(layer: &Layer) -> bool {
    matches!(layer.kind, LayerKind::Convolution { .. })
}

fn count(field: &Option<Located<Count>>, default: usize) -> usize {
    get(field).map_or(default, |n| usize::try_from(n.0).unwrap_or(usize::MAX))
}
