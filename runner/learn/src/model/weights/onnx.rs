//! ONNX: the initializers of the convolutions and dense layers, in the order of the graph.
//!
//! Exporters name initializers as they like, so the graph decides: the n-th `Conv` is the n-th
//! convolution. Only the fields needed here are declared; the numbers are those of `onnx.proto`.

use std::collections::HashMap;
use std::path::Path;

use prost::Message;

use super::FileTensor;
use super::pytorch::{f16s, f32s, f64s};

#[derive(Clone, PartialEq, Message)]
struct Model {
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
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

pub(super) fn read(path: &Path) -> Result<Vec<FileTensor>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let model = Model::decode(bytes.as_slice()).map_err(|error| format!("not ONNX: {error}"))?;
    let graph = model.graph.ok_or("not ONNX: there is no graph")?;
    let tensors: HashMap<&str, &Tensor> =
        graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let mut order = Order { tensors: &tensors, convolutions: 0, dense: 0, found: Vec::new() };
    for (at, node) in graph.node.iter().enumerate() {
        order.take(node, graph.node.get(at + 1))?;
    }
    Ok(order.found)
}

struct Order<'a> {
    tensors: &'a HashMap<&'a str, &'a Tensor>,
    convolutions: usize,
    dense: usize,
    found: Vec<FileTensor>,
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

    /// Notes the initializer that is the `at`-th input, if it is one.
    fn push(&mut self, inputs: &[String], at: usize, name: &str) -> Result<(), String> {
        let Some(tensor) = inputs.get(at).and_then(|input| self.tensors.get(input.as_str())) else {
            return Ok(());
        };
        let mut shape = Vec::new();
        for length in &tensor.dims {
            shape.push(
                usize::try_from(*length)
                    .map_err(|_| format!("`{}` has a negative size", tensor.name))?,
            );
        }
        let values = floats(tensor)?;
        if values.len() != shape.iter().product::<usize>() {
            return Err(format!(
                "`{}` holds {} values for the shape {shape:?}",
                tensor.name,
                values.len()
            ));
        }
        self.found.push(FileTensor { name: name.to_owned(), shape, values });
        Ok(())
    }
}

fn floats(tensor: &Tensor) -> Result<Vec<f32>, String> {
    if tensor.data_location == 1 {
        return Err(format!("`{}` lies in another file, which is not supported", tensor.name));
    }
    match (tensor.data_type, tensor.raw_data.is_empty()) {
        (1, true) => Ok(tensor.float_data.clone()),
        (1, false) => Ok(f32s(&tensor.raw_data)),
        (10, false) => Ok(f16s(&tensor.raw_data)),
        (11, false) => Ok(f64s(&tensor.raw_data)),
        (kind, _) => Err(format!("`{}` has the ONNX type {kind}, not floats", tensor.name)),
    }
}
