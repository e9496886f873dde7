//! A value that is one word out of a list.

use crate::diagnostic::Diagnostics;
use crate::tree::Node;

/// Declares a value that is one word out of a list.
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every choice, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that stands in the file.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::value::FromNode for $name {
            fn from_node(
                node: &$crate::tree::Node,
                key: &str,
                diagnostics: &mut $crate::diagnostic::Diagnostics,
            ) -> Option<Self> {
                let word = <String as $crate::value::FromNode>::from_node(node, key, diagnostics)?;
                let found = Self::ALL.iter().copied().find(|choice| choice.as_str() == word);
                if found.is_none() {
                    $crate::value::unknown_word(node, key, &word, Self::ALL.iter().map(|c| c.as_str()), diagnostics);
                }
                found
            }
        }

        impl $crate::value::Plain for $name {
            type Value = Self;
            fn plain(&self) -> Self {
                *self
            }
        }
    };
}

pub(crate) use choice;

/// Notes a word that is not one of the choices.
pub(crate) fn unknown_word<'a>(
    node: &Node,
    key: &str,
    word: &str,
    choices: impl IntoIterator<Item = &'a str> + Clone,
    diagnostics: &mut Diagnostics,
) {
    let listed = crate::suggest::join(choices.clone());
    let help = match crate::suggest::closest(word, choices) {
        Some(close) => format!("did you mean `{close}`? The choices are {listed}"),
        None => format!("the choices are {listed}"),
    };
    diagnostics
        .error(node.span.clone(), key, format!("unknown value `{word}` for `{key}`"))
        .label("not one of the choices")
        .help(help);
}
