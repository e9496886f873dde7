//! ONNX: the initializers of the convolutions, batch normalizations and dense layers, in the order
//! of the graph.
//!
//! Exporters name initializers as they like, so the graph decides: the n-th `Conv` is the n-th
//! convolution. What this program exported has its own names. Only the fields needed here are declared; the numbers are those of `onnx.proto`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use prost::Message;
use prost::bytes::Bytes;

use super::entry::{Entry, Values};
use super::pytorch::{bf16s, f16s, f32s, f64s};

/// Who wrote the files that this program exports.
pub(crate) const PRODUCER: &str = "runner";
/// How the names of constants in them begin that are no parameters of layers.
pub(crate) const CONSTANT: &str = "constant_";
/// The same for those of the preprocessing.
pub(crate) const PREPROCESSING: &str = "preprocessing.";

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    i: i64,
    #[prost(message, optional, tag = "5")]
    t: Option<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "bytes", tag = "9")]
    raw_data: Bytes,
    #[prost(message, repeated, tag = "13")]
    external_data: Vec<Pair>,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// More nodes than any network has.
const MOST_NODES: usize = 100_000;

pub(super) fn open(path: &Path) -> Result<Vec<Entry>, String> {
    let bytes = Bytes::from(std::fs::read(path).map_err(|error| error.to_string())?);
    let model = Model::decode(bytes).map_err(|error| format!("not ONNX: {error}"))?;
    let graph = model.graph.ok_or("not ONNX: there is no graph")?;
    if graph.node.len() > MOST_NODES {
        return Err(format!("it has more than {MOST_NODES} nodes"));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    if model.producer_name == PRODUCER {
        return own(graph, folder);
    }
    let mut tensors: HashMap<String, Arc<Tensor>> =
        graph.initializer.into_iter().map(|t| (t.name.clone(), Arc::new(t))).collect();
    for node in &graph.node {
        // A value may stand in a node of its own, and equal ones behind one that passes it on.
        let value = match node.op_type.as_str() {
            "Constant" => {
                let value = node.attribute.iter().find(|attribute| attribute.name == "value");
                value.and_then(|value| value.t.clone()).map(Arc::new)
            }
            "Identity" => node.input.first().and_then(|input| tensors.get(input)).cloned(),
            _ => None,
        };
        if let Some((value, output)) = value.zip(node.output.first()) {
            tensors.insert(output.clone(), value);
        }
    }
    let mut order =
        Order { folder, tensors, convolutions: 0, dense: 0, norms: 0, found: Vec::new() };
    for (index, node) in graph.node.iter().enumerate() {
        order.take(node, graph.node.get(index + 1))?;
    }
    Ok(order.found)
}

/// The parameters of a model that this program exported: `layer1.0.conv1.kernel`.
fn own(graph: Graph, folder: &Path) -> Result<Vec<Entry>, String> {
    let is_parameter = |tensor: &Tensor| {
        let name = tensor.name.as_str();
        tensor.data_type == 1 && !name.starts_with(CONSTANT) && !name.starts_with(PREPROCESSING)
    };
    let parameters = graph.initializer.into_iter().filter(is_parameter);
    parameters.map(|tensor| entry(&tensor.name.clone(), Arc::new(tensor), folder)).collect()
}

/// A tensor under the name by which its layer is found.
fn entry(name: &str, tensor: Arc<Tensor>, folder: &Path) -> Result<Entry, String> {
    let side = |length: &i64| {
        usize::try_from(*length).map_err(|_| format!("`{}` has a negative size", tensor.name))
    };
    let shape = tensor.dims.iter().map(side).collect::<Result<Vec<_>, _>>()?;
    let length = shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
    let length = length.ok_or_else(|| format!("`{}` is larger than any memory", tensor.name))?;
    let folder = folder.to_path_buf();
    let values: Values = Box::new(move || floats(&tensor, &folder, length));
    Ok(Entry { name: name.to_owned(), shape, values })
}

struct Order<'a> {
    /// Where data of its own lies.
    folder: &'a Path,
    tensors: HashMap<String, Arc<Tensor>>,
    convolutions: usize,
    dense: usize,
    norms: usize,
    found: Vec<Entry>,
}

impl Order<'_> {
    /// `next` may hold the bias of a `MatMul`.
    fn take(&mut self, node: &Node, next: Option<&Node>) -> Result<(), String> {
        match node.op_type.as_str() {
            "Conv" => {
                let owner = format!("#convolution.{}", self.convolutions);
                self.convolutions += 1;
                self.push(&node.input, 1, &format!("{owner}.kernel"))?;
                self.push(&node.input, 2, &format!("{owner}.bias"))
            }
            "BatchNormalization" => {
                let owner = format!("#norm.{}", self.norms);
                self.norms += 1;
                let parts = ["gamma", "beta", "moving_mean", "moving_variance"];
                (1..).zip(parts).try_for_each(|(input, part)| {
                    self.push(&node.input, input, &format!("{owner}.{part}"))
                })
            }
            "Gemm" => {
                let owner = format!("#dense.{}", self.dense);
                self.dense += 1;
                // PyTorch exports [out, in] and flattens channel by channel; both go together.
                let torch = node.attribute.iter().any(|a| a.name == "transB" && a.i == 1);
                let part = if torch { "weight" } else { "kernel" };
                self.push(&node.input, 1, &format!("{owner}.{part}"))?;
                self.push(&node.input, 2, &format!("{owner}.bias"))
            }
            "MatMul" => {
                let owner = format!("#dense.{}", self.dense);
                self.dense += 1;
                self.push(&node.input, 1, &format!("{owner}.kernel"))?;
                match next.filter(|next| next.op_type == "Add") {
                    Some(add) => self.push(&add.input, 1, &format!("{owner}.bias")),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Notes the initializer that is this input of a node, if it is one.
    fn push(&mut self, inputs: &[String], input: usize, name: &str) -> Result<(), String> {
        let Some(tensor) = inputs.get(input).and_then(|input| self.tensors.get(input)) else {
            return Ok(());
        };
        let entry = entry(name, Arc::clone(tensor), self.folder)?;
        self.found.push(entry);
        Ok(())
    }
}

fn floats(tensor: &Tensor, folder: &Path, length: usize) -> Result<Vec<f32>, String> {
    type Read = fn(&[u8]) -> Vec<f32>;
    let (read, size): (Read, usize) = match tensor.data_type {
        1 => (f32s, 4),
        10 => (f16s, 2),
        11 => (f64s, 8),
        16 => (bf16s, 2),
        kind => return Err(format!("has the ONNX type {kind}, not floats")),
    };
    if tensor.data_location == 1 {
        return external(tensor, folder, length * size).map(|bytes| read(&bytes));
    }
    match tensor.raw_data.is_empty() && tensor.data_type == 1 {
        true => Ok(tensor.float_data.clone()),
        false => Ok(read(&tensor.raw_data)),
    }
}

/// The bytes of a tensor that lies in a file beside the model, as PyTorch exports large ones.
fn external(tensor: &Tensor, folder: &Path, length: usize) -> Result<Vec<u8>, String> {
    let get = |key: &str| tensor.external_data.iter().find(|p| p.key == key).map(|p| &*p.value);
    let number = |key: &str, default: u64| match get(key) {
        Some(text) => text.parse().map_err(|_| format!("its {key} `{text}` is no number")),
        None => Ok(default),
    };
    let path = beside(folder, get("location").unwrap_or_default())?;
    let (offset, stored) = (number("offset", 0)?, number("length", length as u64)?);
    if stored != length as u64 {
        return Err(format!("it has {stored} bytes in {}, not {length}", path.display()));
    }
    let failed = |error: std::io::Error| {
        format!("{}: {error}; it belongs beside the .onnx file", path.display())
    };
    let mut file = File::open(&path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() < offset.saturating_add(stored) {
        return Err(format!("{} ends before it", path.display()));
    }
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    file.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A model names files beside itself and no others.
fn beside(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    match !location.is_empty() && Path::new(location).components().all(inside) {
        true => Ok(folder.join(location)),
        false => Err(format!("refers to `{location}`, outside the model's folder")),
    }
}
