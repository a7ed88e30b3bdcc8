//! Drives [`kaskade_fuzz::subject_common_name`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::subject_common_name(data);
});
