#![no_main]

use openai_gateway::config::{Config, Environment};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Config::of_text(text, &Environment::default());
});
