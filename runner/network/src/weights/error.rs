//! What can be wrong with a weights file.

use std::path::PathBuf;

use crate::cause::Cause;

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file is not there or cannot be read.
    #[error("cannot read the weights file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: Cause,
    },
    /// The name of the file does not say what it is.
    #[error(
        "{path}: unknown weights format; expected Keras's .h5 or .keras, PyTorch's .pth, .pt, .ckpt \
         or .bin, .safetensors or .onnx"
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The tensors are not those of the network.
    #[error(
        "the weights in {path} do not fit the network{}:{}",
        reason.as_ref().map_or(String::new(), |reason| format!(": {reason}")),
        sides(missing, misshapen, extra)
    )]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The likely reason, where there is one.
        reason: Option<String>,
        /// What the network needs and the file lacks, layer by layer.
        missing: Vec<String>,
        /// What has another shape than the network needs.
        misshapen: Vec<String>,
        /// What the file has and the network does not know.
        extra: Vec<String>,
    },
    /// It cannot be told what the tensors mean.
    #[error("{path}: {reason}")]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// What is unclear, and what to do.
        reason: String,
    },
    /// The file has no set of tensors of this name.
    #[error("{path} has no weights below `{part}`; there are {}", prefixes(known))]
    NoSuchPart {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        part: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The model was kept without its base, and it is not known where that is.
    #[error(
        "{path} holds what was trained, and its base `{weights}` is not here; `runner weights fetch` \
         brings published weights"
    )]
    NoBase {
        /// The file of the model.
        path: PathBuf,
        /// What the base is called.
        weights: String,
    },
    /// The base of a model has other values than the one that it was trained on.
    #[error(
        "{path} was trained on the weights `{weights}` with the SHA-256 {sha256}, and those in {from} \
         are others"
    )]
    OtherBase {
        /// The file of the model.
        path: PathBuf,
        /// Where the base was looked for.
        from: PathBuf,
        /// What it is called.
        weights: String,
        /// The hash of its tensors.
        sha256: String,
    },
    /// A weight that is no number.
    #[error("{path}: the tensor `{tensor}` holds values that are not finite")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
}

fn sides(missing: &[String], misshapen: &[String], extra: &[String]) -> String {
    let part = |title: &str, names: &[String]| match names {
        [] => String::new(),
        names => {
            let shown = names.iter().take(40).map(|name| format!("\n    {name}"));
            let rest = names.len().saturating_sub(40);
            let remainder = (rest > 0).then(|| format!("\n    and {rest} more"));
            format!("\n  {title}:{}", shown.chain(remainder).collect::<String>())
        }
    };
    part("missing from the file", missing)
        + &part("of another shape", misshapen)
        + &part("in the file, but not in the network", extra)
}

fn prefixes(known: &[String]) -> String {
    let shown = known.iter().map(|prefix| match prefix.is_empty() {
        true => "weights without a prefix".to_owned(),
        false => format!("`{prefix}`"),
    });
    match known {
        [] => "none at all".to_owned(),
        _ => shown.collect::<Vec<_>>().join(", "),
    }
}
