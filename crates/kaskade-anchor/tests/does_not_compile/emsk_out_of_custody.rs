//! An EMSK in custody gives keys below it: neither itself, nor its octets, nor a copy, nor a text, nor a key of another branch.
use kaskade_anchor::emsk::{Anchor, Released, Root, SealedRoot, UsageKey};
use kaskade_crypto::KeyMaterial;

fn main() {}

fn of_root(root: Root) {
    let _ = root.secret;
    let _ = root.clone();
    println!("{root}");
    root.expose_to_operator();
    root.emsk();
    // ERP's root key is for the ER server of the crate alone.
    root.r_rk();
    root.dsrk_authorization(todo!());
    root.seal(todo!());
    let _ = root == root;
}

fn of_anchor(anchor: Anchor) {
    let _ = anchor.root;
    let _ = anchor.clone();
    anchor.root();
}

fn of_record(sealed: SealedRoot) {
    let _ = sealed.root;
    sealed.into_parts();
    let _ = sealed.clone();
}

/// From one branch to another, or up.
fn of_branches(released: Released) {
    let UsageKey::Usrk(usrk) = released.key else { return };
    usrk.usrk(todo!(), todo!());
    usrk.dsusrk(todo!(), todo!());
    usrk.dsrk(todo!());
    usrk.k_ausf();
    println!("{usrk}");
}

fn is_key<K: KeyMaterial>() {}

fn of_types() {
    is_key::<Root>();
}
