use crate::catalog::Catalog;
use crate::catalog::apply::Applied;
use crate::catalog::origin::Origin;
use crate::sql::name::Ident;
use crate::sql::statement::CreateExtension;
pub(super) fn create(_: &mut Catalog, _: &CreateExtension, _: Origin) -> Applied {
    Ok(())
}
pub(crate) fn is_relocatable(_: &Ident) -> Option<bool> {
    None
}
