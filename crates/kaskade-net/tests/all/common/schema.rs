//! What answers and requests are checked against: the descriptions in `schema/`, and 3GPP's where they are at hand.

use std::path::Path;
use std::sync::LazyLock;

use kaskade_testkit::schema::Services;

pub static SERVICES: LazyLock<Services> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    Services::read(&folder, &["nausf-auth.json", "nudm-ueau.json"])
});
