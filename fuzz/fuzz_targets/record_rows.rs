//! Drives [`kaskade_fuzz::record_rows`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::record_rows(data);
});
