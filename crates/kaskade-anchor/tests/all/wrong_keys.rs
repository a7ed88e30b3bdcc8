//! What custody forbids does not compile.

#[test]
fn the_emsk_has_no_way_out() {
    trybuild::TestCases::new().compile_fail("tests/does_not_compile/*.rs");
}
