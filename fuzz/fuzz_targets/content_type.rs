//! Drives [`kaskade_fuzz::content_type`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::content_type(data);
});
