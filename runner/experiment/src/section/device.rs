//! `device = …`: which device computes, by kind and number.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::diagnostic::Diagnostics;
use crate::suggest::closest;
use crate::tree::Node;
use crate::value::{FromNode, Plain};

/// Which device computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// CUDA where it is compiled in and a driver answers, else a real GPU by Vulkan, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU by its number, else the first.
    Cuda(Option<u16>),
    /// A GPU by Vulkan by its number, else the first.
    Vulkan(Option<u16>),
}

/// What may stand for a device.
const CHOICES: &str = "`auto`, `cpu`, `cuda`, `vulkan`, or one by its number: `cuda:1`, `vulkan:1`";

/// A text that names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no device `{0}`; the choices are {CHOICES}")]
pub struct NoSuchDevice(String);

impl FromStr for DeviceName {
    type Err = NoSuchDevice;

    fn from_str(text: &str) -> Result<Self, NoSuchDevice> {
        let unknown = || NoSuchDevice(text.to_owned());
        let (kind, index) = match text.split_once(':') {
            Some((kind, index)) => {
                let is_number = index.bytes().all(|byte| byte.is_ascii_digit());
                let index = index.parse().ok().filter(|_| is_number);
                (kind, Some(index.ok_or_else(unknown)?))
            }
            None => (text, None),
        };
        match (kind, index) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("cuda", index) => Ok(Self::Cuda(index)),
            ("vulkan", index) => Ok(Self::Vulkan(index)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(None) => f.write_str("cuda"),
            Self::Cuda(Some(index)) => write!(f, "cuda:{index}"),
            Self::Vulkan(None) => f.write_str("vulkan"),
            Self::Vulkan(Some(index)) => write!(f, "vulkan:{index}"),
        }
    }
}

impl Serialize for DeviceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromNode for DeviceName {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let text = String::from_node(node, key, diagnostics)?;
        let found = text.parse().ok();
        if found.is_none() {
            let kinds = ["auto", "cpu", "cuda", "vulkan"];
            let kind = text.split(':').next().unwrap_or_default();
            let help = match closest(kind, kinds) {
                Some(close) if close != kind => {
                    let meant = text.replacen(kind, close, 1);
                    format!("did you mean `{meant}`? The choices are {CHOICES}")
                }
                _ => format!("the choices are {CHOICES}"),
            };
            diagnostics
                .error(node.span.clone(), key, format!("unknown value `{text}` for `{key}`"))
                .label("not one of the choices")
                .help(help);
        }
        found
    }
}

impl Plain for DeviceName {
    type Value = Self;
    fn plain(&self) -> Self {
        *self
    }
}

impl JsonSchema for DeviceName {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DeviceName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "enum": ["auto", "cpu", "cuda", "vulkan"] },
                { "type": "string", "pattern": "^(cuda|vulkan):[0-9]+$" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        for text in ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "vulkan", "vulkan:1"] {
            let read: Result<DeviceName, _> = text.parse();
            assert_eq!(read.map(|device| device.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "gpu", "cpu:0", "auto:1", "cuda:", "cuda:x", "cuda:+1", "cuda:-1", "CUDA"]
        {
            assert!(text.parse::<DeviceName>().is_err(), "{text}");
        }
    }
}
