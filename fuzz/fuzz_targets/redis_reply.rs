#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = quota_server::intake::redis_reply(bytes);
});
