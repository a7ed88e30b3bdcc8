//! Drives [`kaskade_fuzz::suci_text`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::suci_text(data);
});
