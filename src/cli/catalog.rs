//! `rls-lint catalog`

use crate::cli::CLEAN;
use crate::cli::args::CatalogArgs;

pub(super) fn run(_args: &CatalogArgs) -> anyhow::Result<u8> {
    Ok(CLEAN)
}
