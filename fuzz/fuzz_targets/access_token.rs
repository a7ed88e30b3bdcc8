//! Drives [`kaskade_fuzz::access_token`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::access_token(data);
});
