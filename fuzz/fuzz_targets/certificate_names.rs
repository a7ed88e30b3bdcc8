//! Drives [`kaskade_fuzz::certificate_names`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::certificate_names(data);
});
