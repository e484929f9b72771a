//! Maps and sets that keep the order in which things came. Keys are names and identities of the project
//! that is looked at, which hash fastest by a function without a seed.

use rustc_hash::FxBuildHasher;

pub type IndexMap<K, V> = indexmap::IndexMap<K, V, FxBuildHasher>;
pub type IndexSet<T> = indexmap::IndexSet<T, FxBuildHasher>;
