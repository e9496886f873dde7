//! `[[visualize]]`: images that are there, layers and classes that exist.

use std::ops::Range;

use crate::architecture::Layer;
use crate::plan::{Activations, Faithfulness, Filters, Gradcam, Visualize};
use crate::problem::Problems;
use crate::section::Root;
use crate::section::visualize::{
    ActivationsSection, Colors, FaithfulnessSection, FiltersSection, GradcamSection, Method, Of,
    Parametrization, Projection, Scale, SplitName, VisualizeSection,
};
use crate::suggest::did_you_mean;
use crate::value::{Count, Located, Size, Whole};

use super::dataset::{has_control, missing_help};
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
    let top = root.model.as_ref().and_then(|model| get(&model.value.include_top));
    let published = top == Some(true);
    sections
        .value
        .iter()
        .enumerate()
        .map(|(at, section)| {
            let mut check = Check {
                key: format!("visualize[{at}]"),
                published,
                layers,
                problems: &mut *problems,
            };
            check.job(section, root, classes)
        })
        .collect()
}

struct Check<'a> {
    key: String,
    /// Whether the network ends with the classifier that was published with it.
    published: bool,
    layers: &'a [Layer],
    problems: &'a mut Problems,
}

/// Methods that weight feature maps.
const OF_MAPS: [Method; 6] = [
    Method::Gradcam,
    Method::Gradcamplusplus,
    Method::Hirescam,
    Method::Layercam,
    Method::Scorecam,
    Method::Eigencam,
];

impl Check<'_> {
    fn job(&mut self, section: &VisualizeSection, root: &Root, classes: &[String]) -> Visualize {
        match section {
            VisualizeSection::Curves(table) => {
                self.needs_stage(root, &table.span, "curves");
                Visualize::Curves { smoothing: get(&table.smoothing).map_or(0.8, |x| x.0) }
            }
            VisualizeSection::Activations(table) => Visualize::Activations(self.activations(table)),
            VisualizeSection::Filters(table) => Visualize::Filters(self.filters(table)),
            VisualizeSection::Gradcam(table) => Visualize::Gradcam(self.gradcam(table, classes)),
            VisualizeSection::Faithfulness(table) => {
                Visualize::Faithfulness(self.faithfulness(table, root))
            }
            VisualizeSection::Confusion(table) => {
                self.needs_stage(root, &table.span, "confusion");
                Visualize::Confusion { split: self.split(&table.split, &table.span, root) }
            }
            VisualizeSection::Mistakes(table) => {
                self.needs_stage(root, &table.span, "mistakes");
                Visualize::Mistakes {
                    split: self.split(&table.split, &table.span, root),
                    count: count(&table.count, 16),
                }
            }
            VisualizeSection::Embedding(table) => Visualize::Embedding {
                split: self.split(&table.split, &table.span, root),
                method: get(&table.method).unwrap_or(Projection::Pca),
                perplexity: get(&table.perplexity).map_or(30.0, |x| x.0),
            },
        }
    }

    fn needs_stage(&mut self, root: &Root, span: &Range<usize>, job: &str) {
        if root.stage.is_none() && !root.present.iter().any(|key| key == "stage") {
            self.problems
                .error(span.clone(), &self.key, format!("`{job}` needs a stage to draw"))
                .help("add a `[[stage]]`, or remove this job");
        }
    }

    fn activations(&mut self, table: &ActivationsSection) -> Activations {
        let layers = self.layer_names(table.layers.as_ref(), false);
        let channels = numbers(&table.channels);
        if let Some(given) = &table.channels {
            self.check_channels(&given.span, &channels, &layers);
        }
        Activations {
            images: self.images(table.images.as_ref(), &table.present, &table.span),
            layers,
            images_per_row: count(&table.images_per_row, 16),
            channels,
            scale: get(&table.scale).unwrap_or(Scale::Channel),
            colors: get(&table.colors).unwrap_or(Colors::Viridis),
        }
    }

    fn filters(&mut self, table: &FiltersSection) -> Filters {
        let layers = self.layer_names(table.layers.as_ref(), true);
        let filters = numbers(&table.filters);
        if let Some(given) = &table.filters {
            self.check_channels(&given.span, &filters, &layers);
        }
        let wanted = count(&table.count, 64);
        let single = filters.len() == 1 || (filters.is_empty() && wanted == 1);
        let size = |field: &Option<Located<Size>>, default: usize| {
            get(field).map_or(default, |n| usize::try_from(n.0).unwrap_or(default))
        };
        let flattens = layers
            .iter()
            .any(|name| self.layers.iter().any(|layer| layer.name == *name && !layer.base));
        let parametrization = get(&table.parametrization).unwrap_or(Parametrization::Pixels);
        let step_size = if parametrization == Parametrization::Fourier { 0.05 } else { 1.0 };
        let side = if flattens { self.image_side() } else { 64 };
        Filters {
            layers,
            count: wanted,
            filters,
            size: size(&table.size, if single && !flattens { 150 } else { side }),
            steps: count(&table.steps, 40),
            step_size: get(&table.step_size).map_or(step_size, |x| x.0),
            images_per_row: count(&table.images_per_row, 8),
            batch_size: size(&table.batch_size, 16),
            jitter: get(&table.jitter).map_or(0, |n| usize::try_from(n.0).unwrap_or(0)),
            total_variation: get(&table.total_variation).map_or(0.0, |x| x.0),
            octaves: size(&table.octaves, 1),
            parametrization,
        }
    }

    fn gradcam(&mut self, table: &GradcamSection, classes: &[String]) -> Gradcam {
        if let Some(layer) = &table.layer {
            self.check_layer(layer, false);
        }
        if let Some(target) = &table.target {
            self.check_target(target, classes);
        }
        let size = |field: &Option<Located<Size>>, default: usize| {
            get(field).map_or(default, |n| usize::try_from(n.0).unwrap_or(default))
        };
        Gradcam {
            images: self.images(table.images.as_ref(), &table.present, &table.span),
            layer: get(&table.layer).unwrap_or_else(|| self.last_convolution()),
            target: get(&table.target).unwrap_or_else(|| "predicted".to_owned()),
            methods: methods(&table.methods, &[Method::Gradcam]),
            of: get(&table.of).unwrap_or(Of::Logit),
            colors: get(&table.colors).unwrap_or(Colors::Jet),
            alpha: get(&table.alpha).map_or(0.4, |x| x.0),
            samples: count(&table.samples, 25),
            noise: get(&table.noise).map_or(0.15, |x| x.0),
            steps: count(&table.steps, 50),
            window: size(&table.window, 30),
            stride: size(&table.stride, 15),
        }
    }

    fn faithfulness(&mut self, table: &FaithfulnessSection, root: &Root) -> Faithfulness {
        if let Some(layer) = &table.layer {
            self.check_layer(layer, false);
        }
        let images = match &table.images {
            Some(_) => self.images(table.images.as_ref(), &table.present, &table.span),
            None => {
                self.split(&None, &table.span, root);
                Vec::new()
            }
        };
        Faithfulness {
            images,
            count: count(&table.count, 20),
            layer: get(&table.layer).unwrap_or_else(|| self.last_convolution()),
            methods: methods(&table.methods, &OF_MAPS),
            steps: count(&table.steps, 20),
        }
    }

    /// The images of a job that needs some of the data set's.
    fn split(
        &mut self,
        given: &Option<Located<SplitName>>,
        span: &Range<usize>,
        root: &Root,
    ) -> SplitName {
        let dataset = root.dataset.as_ref().map(|table| &table.value);
        let has = |name: SplitName| {
            dataset.is_some_and(|table| table.present.iter().any(|key| key == name.as_str()))
        };
        let chosen = get(given).unwrap_or(match has(SplitName::Test) {
            true => SplitName::Test,
            false => SplitName::Validation,
        });
        if !has(chosen) {
            let span = given.as_ref().map_or(span.clone(), |given| given.span.clone());
            self.problems
                .error(span, &self.key, format!("this job needs the images of `dataset.{chosen}`"))
                .help(format!("add `{chosen} = \"…\"` to `[dataset]`"));
        }
        chosen
    }

    fn check_channels(&mut self, span: &Range<usize>, channels: &[usize], layers: &[String]) {
        let Some(largest) = channels.iter().max() else { return };
        let named = self.layers.iter().filter(|layer| layers.contains(&layer.name));
        let mut without = named.filter(|layer| *largest >= layer.output.channels());
        if let Some(layer) = without.next() {
            let channels = layer.output.channels();
            self.problems
                .error(
                    span.clone(),
                    &self.key,
                    format!("`{}` has no channel {largest}", layer.name),
                )
                .help(format!("its channels are 0 to {}", channels - 1));
        }
    }

    fn images(
        &mut self,
        images: Option<&Located<Vec<Located<String>>>>,
        present: &[String],
        span: &Range<usize>,
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
            if has_control(&image.value)
                || crate::folder::command_that_brings(&image.value).is_some()
            {
                problem.help(missing_help(&image.value));
            }
        }
        images.value.iter().map(|image| image.value.clone()).collect()
    }

    /// Layers of the conv base; with `top` also the classifier.
    fn layer_names(
        &mut self,
        names: Option<&Located<Vec<Located<String>>>>,
        top: bool,
    ) -> Vec<String> {
        let Some(names) = names else {
            return self.first_convolutions();
        };
        if names.value.is_empty() {
            self.problems.error(names.span.clone(), &self.key, "there is no layer in this list");
        }
        for name in &names.value {
            self.check_layer(name, top);
        }
        names.value.iter().map(|name| name.value.clone()).collect()
    }

    fn check_layer(&mut self, name: &Located<String>, top: bool) {
        let base: Vec<&str> = self
            .layers
            .iter()
            .filter(|layer| layer.base || (top && layer.classes().is_some() && self.published))
            .map(|layer| layer.name.as_str())
            .collect();
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
        let number = target.value.parse::<usize>().is_ok_and(|number| number < classes.len());
        let known = target.value == "predicted" || number || classes.contains(&target.value);
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
        for layer in self.layers.iter().filter(|layer| layer.is_convolution()) {
            if layer.block.is_empty() || layer.block != last_block {
                names.push(layer.name.clone());
            }
            last_block = &layer.block;
        }
        names
    }

    /// The height of the images that the network stands on.
    fn image_side(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.input.size()[0])
    }

    fn last_convolution(&self) -> String {
        let last = self.layers.iter().rfind(|layer| layer.is_convolution());
        last.map(|layer| layer.name.clone()).unwrap_or_default()
    }
}

fn count(field: &Option<Located<Count>>, default: usize) -> usize {
    get(field).map_or(default, |n| usize::try_from(n.0).unwrap_or(usize::MAX))
}

fn numbers(field: &Option<Located<Vec<Whole>>>) -> Vec<usize> {
    let given = get(field).unwrap_or_default();
    given.iter().map(|n| usize::try_from(n.0).unwrap_or(usize::MAX)).collect()
}

fn methods(field: &Option<Located<Vec<Located<Method>>>>, default: &[Method]) -> Vec<Method> {
    let given = get(field).filter(|given| !given.is_empty());
    given.map_or(default.to_vec(), |given| given.iter().map(|method| method.value).collect())
}
