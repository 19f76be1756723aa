//! Files that people published, reduced to their keys: texts are `x`, addresses a local one.

use std::collections::BTreeMap;

use super::*;

/// What stands for the variables that such files refer to.
fn variables() -> Environment {
    let own = [
        ("VLLM_MODEL_ID", "hosted_vllm/Qwen/Qwen3-8B"),
        ("AZURE_API_VERSION", "2024-10-21"),
        ("AWS_REGION_NAME", "us-east-1"),
        ("DEFAULT_TEMPERATURE", "0.5"),
        ("VERTEXAI_PROJECT", "p"),
    ];
    let bases = [
        "FAKE_OPENAI_API_BASE",
        "AZURE_API_BASE",
        "AZURE_AI_API_BASE",
        "VLLM_BASE_URL",
        "RECORDER_COHERE_BASE_URL",
    ];
    let keys = [
        "OPENAI_API_KEY",
        "GROQ_API_KEY",
        "AZURE_API_KEY",
        "ANTHROPIC_API_KEY",
        "OPENROUTER_API_KEY",
        "GOOGLE_API_KEY",
        "GEMINI_API_KEY",
        "CEREBRAS_API_KEY",
        "COHERE_API_KEY",
        "MISTRAL_API_KEY",
        "GITHUB_TOKEN",
        "NVIDIA_NIM_API_KEY",
        "ZHIPU_API_KEY",
        "VLLM_API_KEY",
        "CLOUDFLARE_API_TOKEN",
        "AZURE_EUROPE_API_KEY",
        "AZURE_AI_API_KEY",
        "AWS_BEARER_TOKEN_BEDROCK",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        "LITELLM_MASTER_KEY",
        "STOP_SEQUENCE",
    ];
    let users = (1..=10).map(|user| format!("USER{user:02}_OPENAI_KEY")).collect::<Vec<_>>();
    own.into_iter()
        .chain(bases.map(|name| (name, "http://127.0.0.1:9900")))
        .chain(keys.map(|name| (name, "k")))
        .chain(users.iter().map(|name| (name.as_str(), "k")))
        .collect()
}

/// What of each is refused, by line.
fn refused() -> BTreeMap<String, Vec<(usize, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/tests/published");
    let mut refused = BTreeMap::new();
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        files += 1;
        match Config::load(&path, &variables()) {
            Ok(config) => assert!(!config.deployments.is_empty()),
            Err(ConfigError::Mistaken(mistakes)) => {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let mistakes = mistakes.into_iter().map(|m| (m.line, m.what)).collect();
                refused.insert(name, mistakes);
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(files, 47);
    refused
}

#[test]
fn published_files_start_or_are_told_all_their_mistakes() {
    let expected: [(&str, &[(usize, &str)]); 4] = [
        ("03e6edff", &[(4, "no provider \"unknown\"")]),
        (
            "901d7e2f",
            &[(26, "sagemaker wants its requests signed"), (39, "\"azure/\" names no model")],
        ),
        (
            "bd0a4a2f",
            &[(38, "sagemaker wants its requests signed"), (51, "\"azure/\" names no model")],
        ),
        ("df7be63e", &[(21, "no provider \"mistralai\"")]),
    ];
    let refused = refused();
    assert_eq!(refused.len(), expected.len(), "{refused:#?}");
    for (name, mistakes) in expected {
        let found = &refused[name];
        assert_eq!(found.len(), mistakes.len(), "{name}: {found:?}");
        for ((line, what), (expected_line, expected)) in found.iter().zip(mistakes) {
            assert!(line == expected_line && what.contains(expected), "{name}:{line}: {what}");
        }
    }
}
