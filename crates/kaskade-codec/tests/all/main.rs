//! The integration tests of kaskade-codec, a module for each subject: one program, so that the crate is linked once.

mod suci_calc_info;
