//! Sealing keys open typed values, never octets, and have none themselves.
use kaskade_crypto::seal::{DataKey, ExportKey, HnKeySealer, OpenError, RootKey, SealedSecrets};

fn octets(data: &DataKey, root: &RootKey, sealed: &SealedSecrets<'_>) {
    let _: Result<Vec<u8>, OpenError> = data.open(sealed);
    let _: &[u8] = data.opened(sealed).octets();
    data.sealer.gcm;
    root.hmac.mac(b"kaskade seal 1 exported subscriber");
    root.of_purpose(b"exported subscriber");
    DataKey::new(&[0; 32]);
    ExportKey::new(&[0; 32]);
    HnKeySealer::new(&[0; 32]);
}

fn main() {}
