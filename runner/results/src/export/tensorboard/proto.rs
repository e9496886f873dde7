//! The messages of TensorBoard's files, those fields that are written.
//!
//! The numbers are those of `event.proto`, `summary.proto` and `tensor.proto`
//! (`tensorboard/compat/proto`), of `api.proto` and `plugin_data.proto` (`tensorboard/plugins/hparams`)
//! and of Google's `struct.proto`.

use std::collections::BTreeMap;

use prost::Message;

use crate::export::Content;
use crate::parameter::{describes, is_drawn};

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(string, optional, tag = "3")]
    pub(super) file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(super) summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(super) value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
    /// Written even where it is zero.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<PluginData>,
}

#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    plugin_name: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, tag = "1")]
    size: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Hyperparameters {
    #[prost(message, optional, tag = "3")]
    start: Option<SessionStart>,
    #[prost(message, optional, tag = "4")]
    end: Option<SessionEnd>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionStart {
    #[prost(btree_map = "string, message", tag = "1")]
    hparams: BTreeMap<String, Setting>,
    #[prost(string, tag = "4")]
    group_name: String,
    #[prost(double, tag = "5")]
    start_time_secs: f64,
}

#[derive(Clone, PartialEq, Message)]
struct SessionEnd {
    #[prost(int32, tag = "1")]
    status: i32,
    #[prost(double, tag = "2")]
    end_time_secs: f64,
}

#[derive(Clone, PartialEq, Message)]
struct Setting {
    #[prost(oneof = "Kind", tags = "2, 3, 4")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Flag(bool),
}

/// Milliseconds as TensorBoard's seconds.
pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1e3
}

/// One value at a time and a step.
pub(super) fn event(time: i64, step: i64, value: Value) -> Event {
    events(time, step, vec![value])
}

/// Several values at a time and a step.
pub(super) fn events(time: i64, step: i64, value: Vec<Value>) -> Event {
    let summary = Some(Summary { value });
    Event { wall_time: seconds(time), step, summary, file_version: None }
}

/// A number of a chart; TensorBoard keeps 24 bits of it.
pub(super) fn scalar(tag: &str, number: f64) -> Value {
    Value { tag: tag.to_owned(), simple_value: Some(number as f32), ..Value::default() }
}

/// A picture in colour, as the bytes of a PNG file.
pub(super) fn picture(tag: String, (width, height): (u32, u32), png: Vec<u8>) -> Value {
    let side = |length| i32::try_from(length).unwrap_or(i32::MAX);
    let image = Image {
        height: side(height),
        width: side(width),
        colorspace: 3,
        encoded_image_string: png,
    };
    Value { tag, image: Some(image), ..Value::default() }
}

/// The settings of a run, for the HPARAMS tab. Its metrics are the scalars of the run: TensorBoard
/// finds them by itself.
pub(super) fn session_start(content: &Content<'_>) -> Value {
    let counts = |key: &str| !describes(key) && !is_drawn(key);
    let params = content.params.iter().filter(|(key, _)| counts(key));
    let start = SessionStart {
        hparams: params.map(|(key, value)| (key.clone(), setting(value))).collect(),
        group_name: content.run.id.clone(),
        start_time_secs: seconds(content.started),
    };
    hyperparameters("_hparams_/session_start_info", Some(start), None)
}

/// How a run ended: 1 as planned, 2 not so.
pub(super) fn session_end(content: &Content<'_>) -> Value {
    let status = if content.run.status() == "finished" { 1 } else { 2 };
    let end = SessionEnd { status, end_time_secs: seconds(content.last_moment()) };
    hyperparameters("_hparams_/session_end_info", None, Some(end))
}

fn setting(value: &str) -> Setting {
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    let kind = match (value, number) {
        ("true", _) => Kind::Flag(true),
        ("false", _) => Kind::Flag(false),
        (_, Some(number)) => Kind::Number(number),
        _ => Kind::Text(value.to_owned()),
    };
    Setting { kind: Some(kind) }
}

fn hyperparameters(tag: &str, start: Option<SessionStart>, end: Option<SessionEnd>) -> Value {
    let content = Hyperparameters { start, end }.encode_to_vec();
    let plugin_data = PluginData { plugin_name: "hparams".to_owned(), content };
    // A tensor of floats without any: TensorBoard wants one where all is said in the metadata.
    let shape = Shape { dim: vec![Dimension { size: 0 }] };
    Value {
        tag: tag.to_owned(),
        metadata: Some(Metadata { plugin_data: Some(plugin_data) }),
        tensor: Some(Tensor { dtype: 1, shape: Some(shape) }),
        ..Value::default()
    }
}
