#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = quota_server::intake::settings(text);
});
