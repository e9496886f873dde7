//! From a value of the file to what stands in the plan.

use super::located::Located;

/// A value of the file that becomes one of the plan without looking at anything else.
pub trait Plain {
    /// What stands in the plan.
    type Value;

    /// The value for the plan, with the defaults of what is absent.
    fn plain(&self) -> Self::Value;
}

impl<T: Plain> Plain for Located<T> {
    type Value = T::Value;
    fn plain(&self) -> T::Value {
        self.value.plain()
    }
}

impl<T: Plain> Plain for Vec<T> {
    type Value = Vec<T::Value>;
    fn plain(&self) -> Self::Value {
        self.iter().map(Plain::plain).collect()
    }
}

/// Types that are the same in the file and in the plan.
macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Plain for $type {
            type Value = Self;
            fn plain(&self) -> Self {
                self.clone()
            }
        }
    )*};
}

plain!(String, bool, i64);
