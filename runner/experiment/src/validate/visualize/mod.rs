//! `[[visualize]]`: images, layers and classes that exist.
//!
//! Resolves the table of each job; `check` has the checks that jobs share.

mod check;

use check::Check;

use crate::architecture::Layer;
use crate::diagnostic::Diagnostics;
use crate::plan::{
    Activations, Confusion, Embedding, Faithfulness, Filters, Gradcam, Mistakes, Suspects,
    Visualize,
};
use crate::section::Root;
use crate::section::visualize::{
    ActivationsSection, FaithfulnessSection, FiltersSection, GradcamSection, Method,
    Parametrization, SplitName, SuspectsSection, VisualizeSection,
};
use crate::validate::dataset::Data;
use crate::value::{Located, Plain};

pub(super) fn resolve(
    root: &Root,
    layers: &[Layer],
    (data, classes): (&Data, &[String]),
    diagnostics: &mut Diagnostics,
) -> Vec<Visualize> {
    let Some(sections) = &root.visualize else {
        return Vec::new();
    };
    sections
        .value
        .iter()
        .enumerate()
        .map(|(index, section)| {
            let key = format!("visualize[{index}]");
            Check { key, root, layers, data, diagnostics: &mut *diagnostics }.job(section, classes)
        })
        .collect()
}

/// Height and width of a filter's picture: among others, and alone.
const SMALL: usize = 64;
const LARGE: usize = 150;

impl Check<'_> {
    fn job(&mut self, section: &VisualizeSection, classes: &[String]) -> Visualize {
        match section {
            VisualizeSection::Curves(table) => {
                self.needs_stage(&table.span, "curves");
                Visualize::Curves(table.plain())
            }
            VisualizeSection::Activations(table) => Visualize::Activations(self.activations(table)),
            VisualizeSection::Filters(table) => Visualize::Filters(self.filters(table)),
            VisualizeSection::Gradcam(table) => Visualize::Gradcam(self.gradcam(table, classes)),
            VisualizeSection::Faithfulness(table) => {
                Visualize::Faithfulness(self.faithfulness(table))
            }
            VisualizeSection::Confusion(table) => {
                self.needs_stage(&table.span, "confusion");
                self.needs_classes(&table.span, "confusion");
                Visualize::Confusion(Confusion { of: self.image_set(&table.of, &table.span) })
            }
            VisualizeSection::Mistakes(table) => {
                self.needs_stage(&table.span, "mistakes");
                let of = self.image_set(&table.of, &table.span);
                Visualize::Mistakes(Mistakes { of, ..table.plain() })
            }
            VisualizeSection::Embedding(table) => {
                self.needs_classes(&table.span, "embedding");
                let of = self.image_set(&table.of, &table.span);
                Visualize::Embedding(Embedding { of, ..table.plain() })
            }
            VisualizeSection::Suspects(table) => {
                self.needs_classes(&table.span, "suspects");
                Visualize::Suspects(self.suspects(table))
            }
        }
    }

    fn suspects(&mut self, table: &SuspectsSection) -> Suspects {
        self.needs_stage(&table.span, "suspects");
        let plan: Suspects = table.plain();
        self.split(Some(&Located { value: plan.split, span: table.span.clone() }), &table.span);
        if plan.split == SplitName::Train {
            self.check_folds(table, &plan);
        }
        plan
    }

    fn activations(&mut self, table: &ActivationsSection) -> Activations {
        let plan = table.plain();
        let layers = self.layer_names(table.layers.as_ref(), false);
        if let Some(given) = &table.channels {
            self.check_channels(&given.span, &plan.channels, &layers);
        }
        self.check_images(table.images.as_ref(), &table.present, &table.span);
        Activations { layers, ..plan }
    }

    fn filters(&mut self, table: &FiltersSection) -> Filters {
        let plan = table.plain();
        let layers = self.layer_names(table.layers.as_ref(), true);
        if let Some(given) = &table.filters {
            self.check_channels(&given.span, &plan.filters, &layers);
        }
        Filters {
            size: table.size.as_ref().map_or_else(|| self.side(&plan, &layers), Plain::plain),
            step_size: table.step_size.as_ref().map_or_else(
                || if plan.parametrization == Parametrization::Fourier { 0.05 } else { 1.0 },
                Plain::plain,
            ),
            layers,
            ..plan
        }
    }

    /// Height and width of a filter's picture where the file does not say.
    fn side(&self, plan: &Filters, layers: &[String]) -> usize {
        let single = plan.filters.len() == 1 || (plan.filters.is_empty() && plan.count == 1);
        let flattens = self.layers.iter().any(|layer| !layer.base && layers.contains(&layer.name));
        match (flattens, single) {
            (true, _) => self.layers.first().map_or(0, |layer| layer.input.size()[0]),
            (false, true) => LARGE,
            (false, false) => SMALL,
        }
    }

    fn gradcam(&mut self, table: &GradcamSection, classes: &[String]) -> Gradcam {
        if let Some(target) = &table.target {
            self.check_target(target, classes);
        }
        self.check_images(table.images.as_ref(), &table.present, &table.span);
        let plan = table.plain();
        Gradcam {
            layer: self.weighted_layer(table.layer.as_ref()),
            methods: or_default(plan.methods, Gradcam::default().methods),
            ..plan
        }
    }

    fn faithfulness(&mut self, table: &FaithfulnessSection) -> Faithfulness {
        match &table.images {
            Some(_) => self.check_images(table.images.as_ref(), &table.present, &table.span),
            None => {
                self.split(None, &table.span);
            }
        }
        let plan = table.plain();
        Faithfulness {
            layer: self.weighted_layer(table.layer.as_ref()),
            methods: or_default(plan.methods, sums_of_feature_maps()),
            ..plan
        }
    }
}

/// The methods that weight the feature maps of a layer.
fn sums_of_feature_maps() -> Vec<Method> {
    Method::ALL.iter().copied().filter(|method| method.sums_feature_maps()).collect()
}

/// An empty list of methods counts as absent.
fn or_default(given: Vec<Method>, default: Vec<Method>) -> Vec<Method> {
    if given.is_empty() { default } else { given }
}
