//! Drives [`kaskade_fuzz::suci_nas`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::suci_nas(data);
});
