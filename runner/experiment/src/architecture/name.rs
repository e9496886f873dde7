//! The word for an architecture in an experiment file.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::family::{Architecture, FAMILIES, Family};
use crate::diagnostic::Diagnostics;
use crate::tree::Node;
use crate::value::{FromNode, Plain, unknown_word};

/// An architecture that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArchitectureName(&'static str);

impl ArchitectureName {
    /// The one of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        all()
            .find(|(_, architecture)| architecture.name == name)
            .map(|(_, architecture)| Self(architecture.name))
    }

    /// Every one of them.
    pub fn all() -> impl Iterator<Item = Self> {
        all().map(|(_, architecture)| Self(architecture.name))
    }

    /// The family that it belongs to.
    #[must_use]
    pub fn family(self) -> &'static dyn Family {
        // Names are only made from those of the families.
        all()
            .find(|(_, architecture)| architecture.name == self.0)
            .map_or(FAMILIES[0], |(family, _)| family)
    }

    /// The word that stands in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

fn all() -> impl Iterator<Item = (&'static dyn Family, &'static Architecture)> {
    FAMILIES.iter().flat_map(|family| {
        family.architectures().iter().map(|architecture| (*family, architecture))
    })
}

/// The first of the first family.
impl Default for ArchitectureName {
    fn default() -> Self {
        Self(FAMILIES[0].architectures()[0].name)
    }
}

impl fmt::Display for ArchitectureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for ArchitectureName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for ArchitectureName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || serde::de::Error::custom(format!("unknown architecture `{name}`"));
        Self::find(&name).ok_or_else(unknown)
    }
}

impl FromNode for ArchitectureName {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let word = String::from_node(node, key, diagnostics)?;
        let found = Self::find(&word);
        if found.is_none() {
            let names: Vec<&str> = Self::all().map(Self::as_str).collect();
            unknown_word(node, key, &word, names.iter().copied(), diagnostics);
        }
        found
    }
}

impl Plain for ArchitectureName {
    type Value = Self;
    fn plain(&self) -> Self {
        *self
    }
}

impl JsonSchema for ArchitectureName {
    fn schema_name() -> Cow<'static, str> {
        "ArchitectureName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = all()
            .map(|(_, architecture)| {
                let Architecture { name, about } = architecture;
                json_schema!({ "const": name, "description": about, "type": "string" })
            })
            .collect();
        json_schema!({ "description": "Which convnet.", "oneOf": words })
    }
}
