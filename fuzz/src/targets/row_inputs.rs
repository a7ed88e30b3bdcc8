//! The texts that people give as inputs of derivations.

use kaskade_keys::derivation::{Given, NamedKey, Octets};
use kaskade_keys::tree;

/// `OPTION=TEXT`: every row's input of that name reads the text. Accepted when one of them does.
///
/// What is accepted enters S, and the derivation gives a key of the length that its row says.
pub fn row_inputs(data: &[u8]) -> bool {
    let Some((option, text)) = std::str::from_utf8(data).ok().and_then(|line| line.split_once('=')) else {
        return false;
    };
    let mut accepted = false;
    for row in tree::rows() {
        let mut used = false;
        let transcript = row.transcript(|spec| match spec.given {
            Given::Text(form) if spec.option() == option => {
                used = true;
                (form.parse)(text).map_err(|_| ())
            }
            Given::Text(form) => Ok((form.parse)(form.example).expect("an example is read")),
            Given::Key(_) => Ok(Octets::new(vec![0x5a; 32])),
            Given::Fixed(_) => unreachable!("a row does not ask for what it fixes"),
        });
        let Ok(transcript) = transcript else { continue };
        if used {
            accepted = true;
            let parent = NamedKey::from_octets(row.parent, &vec![0x5a; usize::from(row.parent_octets)]);
            if let Some(child) = parent.and_then(|parent| transcript.derive(&parent)) {
                assert_eq!(
                    child.len(),
                    usize::from(row.child_octets),
                    "{} → {}",
                    row.parent,
                    row.child
                );
            }
        }
    }
    accepted
}
