//! A trained model as ONNX, for programs that know nothing of this one.
//!
//! Its input is `pixels`, `[batch, 3, height, width]`: red, green and blue from 0 to 255, of images
//! that have the size already. The preprocessing is part of the graph. Its output is `probabilities`,
//! `[batch, classes]`, or `[batch, 1]` of the second of two classes. Values between have the names of
//! layers, parameters those of this program; metadata says the classes.

mod activation;
mod message;
mod nodes;

use std::path::Path;

use prost::Message;
use runner_experiment::architecture::Shape;
use runner_experiment::disk::{self, Synced};

use crate::about::About;
use crate::error::NetworkError;
use crate::network::Network;
use crate::weights::{PREPROCESSING, PRODUCER};
use message::{Graph, Model, Opset, Pair, ValueInfo};
use nodes::Nodes;

/// The version of the operators: LayerNormalization came with 17.
const OPSET: i64 = 17;
/// The version of the format that goes with it.
const FORMAT: i64 = 8;

const INPUT: &str = "pixels";
const OUTPUT: &str = "probabilities";

/// Writes a model; the file appears whole or not at all.
///
/// # Errors
///
/// [`NetworkError::Write`], or [`NetworkError::Compute`] where the device lost the tensors.
pub fn write(network: &Network, about: &About, path: &Path) -> Result<(), NetworkError> {
    let mut nodes = Nodes::new(network, INPUT);
    preprocess(&mut nodes, about);
    let last = nodes.layers()?;
    let output = network.layers.last().map_or(Shape::Vector(0), |layer| layer.output);
    if let Some(node) = nodes.nodes.iter_mut().find(|node| node.output == [last.clone()]) {
        node.output = vec![OUTPUT.to_owned()];
    }
    let [height, width] = about.image_size;
    let graph = Graph {
        name: about.architecture.to_string(),
        node: nodes.nodes,
        initializer: nodes.initializers,
        input: vec![ValueInfo::floats(INPUT, &[3, height, width])],
        output: vec![ValueInfo::floats(OUTPUT, &[output.elements()])],
    };
    let classes = serde_json::to_string(&about.classes).unwrap_or_default();
    let pair = |key: &str, value: String| Pair { key: key.to_owned(), value };
    let model = Model {
        ir_version: FORMAT,
        producer_name: PRODUCER.to_owned(),
        graph: Some(graph),
        opset_import: vec![Opset { domain: String::new(), version: OPSET }],
        metadata_props: vec![
            pair("classes", classes),
            pair("preprocessing", format!("{}, in the graph", about.preprocessing)),
        ],
    };
    let failed = |source| NetworkError::Write { path: path.to_path_buf(), source };
    disk::write(path, &model.encode_to_vec(), Synced::Now).map_err(|error| failed(error.into()))
}

/// From pixels to what the network sees: less a mean, over a deviation, channel by channel.
fn preprocess(nodes: &mut Nodes<'_>, about: &About) {
    let channels = about.preprocessing.channels();
    let mut value = INPUT.to_owned();
    if channels.reversed {
        let order = nodes.integers(&format!("{PREPROCESSING}order"), &[2, 1, 0]);
        let axis = message::Attribute::integer("axis", 1);
        value = nodes.node("Gather", &[&value, &order], vec![axis]);
    }
    let mean = nodes.floats(&format!("{PREPROCESSING}mean"), &[3, 1, 1], &channels.mean);
    let deviation =
        nodes.floats(&format!("{PREPROCESSING}deviation"), &[3, 1, 1], &channels.deviation);
    let centred = nodes.node("Sub", &[&value, &mean], Vec::new());
    let value = nodes.node("Div", &[&centred, &deviation], Vec::new());
    nodes.set_image(value);
}
