//! Drives [`kaskade_fuzz::callback_uri`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::callback_uri(data);
});
