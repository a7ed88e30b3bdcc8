//! What others got wrong does not compile here.
#![allow(missing_docs)]

#[test]
fn wrong_keys_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/does_not_compile/*.rs");
}
