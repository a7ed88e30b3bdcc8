//! Drives [`kaskade_fuzz::file_rows`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::file_rows(data);
});
