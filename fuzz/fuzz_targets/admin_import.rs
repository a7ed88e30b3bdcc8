//! Drives [`kaskade_fuzz::admin_import`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::admin_import(data);
});
