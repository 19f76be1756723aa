//! Prefixes of LiteLLM's whose providers don't speak OpenAI's protocol, or speak it with more than
//! a key.

const OWN: &str = "speaks a protocol of its own";
const SIGNED: &str = "wants its requests signed";
const SIGN_IN: &str = "wants somebody to sign in first";
const NO_CHAT: &str = "serves neither chat nor embeddings";
const NOT_ONE: &str = "is no provider";

pub(super) const UNSERVED: &[(&str, &str)] = &[
    ("chatgpt", SIGN_IN),
    ("github_copilot", SIGN_IN),
    ("gigachat", SIGN_IN),
    ("watsonx", SIGN_IN),
    ("watsonx_text", SIGN_IN),
    ("sap", SIGN_IN),
    ("sagemaker", SIGNED),
    ("sagemaker_chat", SIGNED),
    ("sagemaker_nova", SIGNED),
    ("oci", SIGNED),
    ("anthropic_text", OWN),
    ("bytez", OWN),
    ("replicate", OWN),
    ("nlp_cloud", OWN),
    ("petals", OWN),
    ("triton", OWN),
    ("predibase", OWN),
    ("snowflake", OWN),
    ("text-completion-codestral", OWN),
    ("a2a", OWN),
    ("a2a_agent", OWN),
    ("langgraph", OWN),
    ("ragflow", OWN),
    ("manus", OWN),
    ("cursor", OWN),
    ("custom", "needs code of its own"),
    ("litellm_agent", "needs code of its own"),
    ("langfuse", NOT_ONE),
    ("humanloop", NOT_ONE),
    ("dotprompt", NOT_ONE),
    ("milvus", NO_CHAT),
    ("pg_vector", NO_CHAT),
    ("s3_vectors", NO_CHAT),
    ("runwayml", NO_CHAT),
    ("aws_polly", NO_CHAT),
    ("black_forest_labs", NO_CHAT),
    ("deepgram", NO_CHAT),
    ("elevenlabs", NO_CHAT),
    ("topaz", NO_CHAT),
    ("recraft", NO_CHAT),
    ("fal_ai", NO_CHAT),
    ("stability", NO_CHAT),
];

/// Why this prefix isn't served, if LiteLLM knows it.
pub(in super::super) fn why_unserved(prefix: &str) -> Option<&'static str> {
    UNSERVED.iter().find(|(known, _)| *known == prefix).map(|(_, why)| *why)
}
