//! CREATE SERVER.

use crate::catalog::Catalog;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::origin::{History, Origin};
use crate::catalog::role::ForeignServer;
use crate::sql::name::Ident;
use crate::sql::statement::ObjectKind;

pub(super) fn create(
    catalog: &mut Catalog,
    name: &Ident,
    wrapper: &Ident,
    if_not_exists: bool,
    origin: Origin,
) -> Applied {
    if catalog.servers.contains_key(name) {
        return if if_not_exists { Ok(()) } else { Err(Misfit::exists(ObjectKind::ForeignServer, name)) };
    }
    let server = ForeignServer {
        name: name.clone(),
        wrapper: wrapper.clone(),
        owner: catalog.session.role.clone(),
        history: History::new(origin),
    };
    catalog.servers.insert(name.clone(), server);
    Ok(())
}
