//! One row for each provider. What a row doesn't say is as with OpenAI.

use super::Home::{At, Elsewhere, Here, Made};
use super::{Home, KeyHeader, Provider, Urls};

/// Fields that many lack: without the first a stream is not asked for its usage, without the second the bound
/// of the output is called `max_tokens`.
const STREAM: &str = "stream_options";
const MAX: &str = "max_completion_tokens";

/// A provider without peculiarities.
const fn plain(
    prefix: &'static str,
    name: &'static str,
    home: Home,
    base_variables: &'static [&'static str],
    key_variables: &'static [&'static str],
) -> Provider {
    Provider {
        prefix,
        name,
        home,
        path: "",
        base_variables,
        key_variables,
        key: KeyHeader::Bearer,
        urls: Urls::Plain,
        model_prefix: "",
        model_routes: &[],
        lacks: &[],
    }
}

pub(super) const PROVIDERS: &[Provider] = &[
    plain(
        "openai",
        "OpenAI",
        At("https://api.openai.com/v1"),
        &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        &["OPENAI_API_KEY"],
    ),
    plain(
        "text-completion-openai",
        "OpenAI",
        At("https://api.openai.com/v1"),
        &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        &["OPENAI_API_KEY"],
    ),
    plain("custom_openai", "any that speaks it", Elsewhere, &[], &[]),
    plain(
        "openai_like",
        "any that speaks it",
        Elsewhere,
        &["OPENAI_LIKE_API_BASE"],
        &["OPENAI_LIKE_API_KEY"],
    ),
    plain("aiohttp_openai", "any that speaks it", Elsewhere, &[], &[]),
    Provider {
        key: KeyHeader::ApiKey,
        urls: Urls::AzureOpenAi,
        ..plain(
            "azure",
            "Azure OpenAI",
            Elsewhere,
            &["AZURE_API_BASE"],
            &["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
        )
    },
    Provider {
        key: KeyHeader::ApiKey,
        urls: Urls::AzureOpenAi,
        ..plain(
            "azure_text",
            "Azure OpenAI",
            Elsewhere,
            &["AZURE_API_BASE"],
            &["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
        )
    },
    Provider {
        key: KeyHeader::ByHost,
        urls: Urls::AzureFoundry,
        ..plain(
            "azure_ai",
            "Azure AI Foundry",
            Elsewhere,
            &["AZURE_AI_API_BASE"],
            &["AZURE_AI_API_KEY"],
        )
    },
    Provider {
        path: "/v1",
        lacks: &[
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "seed",
        ],
        ..plain(
            "anthropic",
            "Anthropic",
            At("https://api.anthropic.com/v1"),
            &["ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"],
            &["ANTHROPIC_API_KEY"],
        )
    },
    Provider {
        path: "/v1beta/openai",
        lacks: &["logit_bias", "top_logprobs", "seed"],
        ..plain(
            "gemini",
            "Google AI Studio",
            At("https://generativelanguage.googleapis.com/v1beta/openai"),
            &["GEMINI_API_BASE"],
            &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        )
    },
    Provider {
        model_prefix: "google/",
        ..plain(
            "vertex_ai",
            "Vertex AI",
            Made(
                "https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/endpoints/openapi",
            ),
            &["VERTEXAI_API_BASE"],
            &["GOOGLE_OAUTH_ACCESS_TOKEN"],
        )
    },
    Provider {
        model_prefix: "google/",
        ..plain(
            "vertex_ai_beta",
            "Vertex AI",
            Made(
                "https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/endpoints/openapi",
            ),
            &["VERTEXAI_API_BASE"],
            &["GOOGLE_OAUTH_ACCESS_TOKEN"],
        )
    },
    Provider {
        path: "/openai/v1",
        model_routes: &["converse/", "converse_like/", "invoke/"],
        ..plain(
            "bedrock",
            "Amazon Bedrock",
            Made("https://bedrock-runtime.{region}.amazonaws.com/openai/v1"),
            &[],
            &["AWS_BEARER_TOKEN_BEDROCK"],
        )
    },
    Provider {
        path: "/v1",
        ..plain(
            "bedrock_mantle",
            "Amazon Bedrock Mantle",
            Made("https://bedrock-mantle.{region}.api.aws/v1"),
            &["BEDROCK_MANTLE_API_BASE"],
            &["BEDROCK_MANTLE_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"],
        )
    },
    Provider {
        path: "/compatibility/v1",
        lacks: &["logit_bias", "logprobs", "top_logprobs", MAX, STREAM, "parallel_tool_calls"],
        ..plain(
            "cohere",
            "Cohere",
            At("https://api.cohere.ai/compatibility/v1"),
            &["COHERE_API_BASE"],
            &["COHERE_API_KEY", "CO_API_KEY"],
        )
    },
    Provider {
        path: "/compatibility/v1",
        lacks: &["logit_bias", "logprobs", "top_logprobs", MAX, STREAM, "parallel_tool_calls"],
        ..plain(
            "cohere_chat",
            "Cohere",
            At("https://api.cohere.ai/compatibility/v1"),
            &["COHERE_API_BASE"],
            &["COHERE_API_KEY", "CO_API_KEY"],
        )
    },
    plain(
        "groq",
        "Groq",
        At("https://api.groq.com/openai/v1"),
        &["GROQ_API_BASE"],
        &["GROQ_API_KEY"],
    ),
    Provider {
        lacks: &[
            STREAM,
            MAX,
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "frequency_penalty",
            "presence_penalty",
        ],
        ..plain(
            "mistral",
            "Mistral",
            At("https://api.mistral.ai/v1"),
            &["MISTRAL_API_BASE"],
            &["MISTRAL_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            STREAM,
            MAX,
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "frequency_penalty",
            "presence_penalty",
        ],
        ..plain(
            "codestral",
            "Mistral Codestral",
            At("https://codestral.mistral.ai/v1"),
            &["CODESTRAL_API_BASE"],
            &["CODESTRAL_API_KEY"],
        )
    },
    Provider {
        lacks: &[MAX],
        ..plain(
            "deepseek",
            "DeepSeek",
            At("https://api.deepseek.com/v1"),
            &["DEEPSEEK_API_BASE"],
            &["DEEPSEEK_API_KEY"],
        )
    },
    plain(
        "openrouter",
        "OpenRouter",
        At("https://openrouter.ai/api/v1"),
        &["OPENROUTER_API_BASE"],
        &["OPENROUTER_API_KEY", "OR_API_KEY"],
    ),
    plain(
        "together_ai",
        "Together AI",
        At("https://api.together.xyz/v1"),
        &["TOGETHER_AI_API_BASE"],
        &["TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"],
    ),
    Provider {
        lacks: &[MAX, "parallel_tool_calls"],
        ..plain("xai", "xAI", At("https://api.x.ai/v1"), &["XAI_API_BASE"], &["XAI_API_KEY"])
    },
    Provider {
        lacks: &[STREAM, "logit_bias", "top_logprobs", "seed", "parallel_tool_calls"],
        ..plain(
            "fireworks_ai",
            "Fireworks AI",
            At("https://api.fireworks.ai/inference/v1"),
            &["FIREWORKS_API_BASE"],
            &[
                "FIREWORKS_API_KEY",
                "FIREWORKS_AI_API_KEY",
                "FIREWORKSAI_API_KEY",
                "FIREWORKS_AI_TOKEN",
            ],
        )
    },
    Provider {
        lacks: &[STREAM, "logit_bias", "logprobs", "top_logprobs", "n"],
        ..plain(
            "nvidia_nim",
            "NVIDIA NIM",
            At("https://integrate.api.nvidia.com/v1"),
            &["NVIDIA_NIM_API_BASE"],
            &["NVIDIA_NIM_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            STREAM,
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "parallel_tool_calls",
        ],
        ..plain(
            "cerebras",
            "Cerebras",
            At("https://api.cerebras.ai/v1"),
            &["CEREBRAS_API_BASE"],
            &["CEREBRAS_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            STREAM,
            MAX,
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "seed",
            "stop",
            "parallel_tool_calls",
        ],
        ..plain(
            "perplexity",
            "Perplexity",
            At("https://api.perplexity.ai"),
            &["PERPLEXITY_API_BASE"],
            &["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"],
        )
    },
    Provider {
        lacks: &[STREAM, "logprobs", "top_logprobs", "seed", "parallel_tool_calls"],
        ..plain(
            "deepinfra",
            "DeepInfra",
            At("https://api.deepinfra.com/v1/openai"),
            &["DEEPINFRA_API_BASE"],
            &["DEEPINFRA_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "seed",
            "parallel_tool_calls",
        ],
        ..plain(
            "sambanova",
            "SambaNova",
            At("https://api.sambanova.ai/v1"),
            &["SAMBANOVA_API_BASE"],
            &["SAMBANOVA_API_KEY"],
        )
    },
    plain(
        "friendliai",
        "Friendli",
        At("https://api.friendli.ai/serverless/v1"),
        &["FRIENDLI_API_BASE"],
        &["FRIENDLIAI_API_KEY", "FRIENDLI_TOKEN"],
    ),
    Provider {
        lacks: &[STREAM, "logprobs", "top_logprobs", "seed", "parallel_tool_calls"],
        ..plain(
            "featherless_ai",
            "Featherless",
            At("https://api.featherless.ai/v1"),
            &["FEATHERLESS_AI_API_BASE", "FEATHERLESS_API_BASE"],
            &["FEATHERLESS_AI_API_KEY", "FEATHERLESS_API_KEY"],
        )
    },
    plain(
        "github",
        "GitHub Models",
        At("https://models.github.ai/inference"),
        &["GITHUB_API_BASE"],
        &["GITHUB_API_KEY", "GITHUB_TOKEN"],
    ),
    Provider {
        path: "/v1",
        ..plain(
            "huggingface",
            "Hugging Face",
            At("https://router.huggingface.co/v1"),
            &["HF_API_BASE", "HUGGINGFACE_API_BASE"],
            &["HUGGINGFACE_API_KEY", "HF_TOKEN"],
        )
    },
    Provider {
        lacks: &[STREAM, MAX],
        ..plain(
            "cloudflare",
            "Cloudflare Workers AI",
            Made("https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1"),
            &["CLOUDFLARE_API_BASE"],
            &["CLOUDFLARE_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            STREAM,
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "parallel_tool_calls",
        ],
        ..plain(
            "ai21",
            "AI21",
            At("https://api.ai21.com/studio/v1"),
            &["AI21_API_BASE"],
            &["AI21_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            STREAM,
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "parallel_tool_calls",
        ],
        ..plain(
            "ai21_chat",
            "AI21",
            At("https://api.ai21.com/studio/v1"),
            &["AI21_API_BASE"],
            &["AI21_API_KEY"],
        )
    },
    Provider {
        lacks: &["parallel_tool_calls"],
        ..plain(
            "volcengine",
            "Volcengine Ark",
            At("https://ark.cn-beijing.volces.com/api/v3"),
            &["VOLCENGINE_API_BASE"],
            &["VOLCENGINE_API_KEY"],
        )
    },
    plain(
        "dashscope",
        "DashScope",
        At("https://dashscope.aliyuncs.com/compatible-mode/v1"),
        &["DASHSCOPE_API_BASE"],
        &["DASHSCOPE_API_KEY"],
    ),
    plain(
        "moonshot",
        "Moonshot",
        At("https://api.moonshot.ai/v1"),
        &["MOONSHOT_API_BASE"],
        &["MOONSHOT_API_KEY"],
    ),
    plain(
        "minimax",
        "MiniMax",
        At("https://api.minimax.io/v1"),
        &["MINIMAX_API_BASE"],
        &["MINIMAX_API_KEY"],
    ),
    Provider {
        lacks: &[
            MAX,
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "seed",
            "parallel_tool_calls",
        ],
        ..plain(
            "zai",
            "Z.AI",
            At("https://api.z.ai/api/paas/v4"),
            &["ZAI_API_BASE"],
            &["ZAI_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            MAX,
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "seed",
            "parallel_tool_calls",
        ],
        ..plain(
            "zhipu",
            "Zhipu (not one of LiteLLM's)",
            At("https://open.bigmodel.cn/api/paas/v4"),
            &[],
            &["ZHIPU_API_KEY", "ZHIPUAI_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            STREAM,
            MAX,
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "seed",
            "stop",
        ],
        ..plain("v0", "v0", At("https://api.v0.dev/v1"), &["V0_API_BASE"], &["V0_API_KEY"])
    },
    Provider {
        lacks: &[
            STREAM,
            MAX,
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "seed",
            "stop",
        ],
        ..plain(
            "morph",
            "Morph",
            At("https://api.morphllm.com/v1"),
            &["MORPH_API_BASE"],
            &["MORPH_API_KEY"],
        )
    },
    plain(
        "lambda_ai",
        "Lambda",
        At("https://api.lambda.ai/v1"),
        &["LAMBDA_API_BASE"],
        &["LAMBDA_API_KEY"],
    ),
    Provider {
        lacks: &[STREAM, MAX, "logit_bias", "logprobs", "top_logprobs", "parallel_tool_calls"],
        ..plain(
            "hyperbolic",
            "Hyperbolic",
            At("https://api.hyperbolic.xyz/v1"),
            &["HYPERBOLIC_API_BASE"],
            &["HYPERBOLIC_API_KEY"],
        )
    },
    plain(
        "vercel_ai_gateway",
        "Vercel AI Gateway",
        At("https://ai-gateway.vercel.sh/v1"),
        &["VERCEL_AI_GATEWAY_API_BASE"],
        &["VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"],
    ),
    plain(
        "nebius",
        "Nebius",
        At("https://api.studio.nebius.ai/v1"),
        &["NEBIUS_API_BASE"],
        &["NEBIUS_API_KEY"],
    ),
    plain(
        "novita",
        "Novita",
        At("https://api.novita.ai/v3/openai"),
        &["NOVITA_API_BASE"],
        &["NOVITA_API_KEY"],
    ),
    Provider {
        lacks: &[STREAM, MAX, "seed", "parallel_tool_calls"],
        ..plain(
            "nscale",
            "Nscale",
            At("https://inference.api.nscale.com/v1"),
            &["NSCALE_API_BASE"],
            &["NSCALE_API_KEY"],
        )
    },
    plain(
        "meta_llama",
        "Meta's Llama API",
        At("https://api.llama.com/compat/v1"),
        &["LLAMA_API_BASE"],
        &["LLAMA_API_KEY"],
    ),
    plain(
        "galadriel",
        "Galadriel",
        At("https://api.galadriel.com/v1"),
        &["GALADRIEL_API_BASE"],
        &["GALADRIEL_API_KEY"],
    ),
    plain(
        "wandb",
        "Weights & Biases",
        At("https://api.inference.wandb.ai/v1"),
        &["WANDB_API_BASE"],
        &["WANDB_API_KEY"],
    ),
    Provider {
        lacks: &["logit_bias", "logprobs", "top_logprobs", "n", "parallel_tool_calls"],
        ..plain(
            "baseten",
            "Baseten",
            At("https://inference.baseten.co/v1"),
            &["BASETEN_API_BASE"],
            &["BASETEN_API_KEY"],
        )
    },
    plain(
        "aiml",
        "AI/ML API",
        At("https://api.aimlapi.com/v1"),
        &["AIML_API_BASE"],
        &["AIML_API_KEY"],
    ),
    plain(
        "cometapi",
        "CometAPI",
        At("https://api.cometapi.com/v1"),
        &["COMETAPI_API_BASE", "COMETAPI_BASE_URL"],
        &["COMETAPI_API_KEY", "COMETAPI_KEY"],
    ),
    plain(
        "compactifai",
        "CompactifAI",
        At("https://api.compactif.ai/v1"),
        &[],
        &["COMPACTIFAI_API_KEY"],
    ),
    plain(
        "ovhcloud",
        "OVHcloud",
        At("https://oai.endpoints.kepler.ai.cloud.ovh.net/v1"),
        &[],
        &["OVHCLOUD_API_KEY"],
    ),
    Provider {
        lacks: &[
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "seed",
            "stop",
            "parallel_tool_calls",
        ],
        ..plain(
            "clarifai",
            "Clarifai",
            At("https://api.clarifai.com/v2/ext/openai/v1"),
            &[],
            &["CLARIFAI_API_KEY"],
        )
    },
    Provider {
        path: "/v1",
        ..plain("heroku", "Heroku", Elsewhere, &["HEROKU_API_BASE"], &["HEROKU_API_KEY"])
    },
    Provider {
        path: "/v1",
        lacks: &["logit_bias", "logprobs", "top_logprobs", "n", "seed", "parallel_tool_calls"],
        ..plain(
            "gradient_ai",
            "DigitalOcean Gradient",
            At("https://inference.do-ai.run/v1"),
            &["GRADIENT_AI_AGENT_ENDPOINT"],
            &["GRADIENT_AI_API_KEY"],
        )
    },
    plain(
        "datarobot",
        "DataRobot",
        At("https://app.datarobot.com/api/v2/genai/llmgw"),
        &[],
        &["DATAROBOT_API_TOKEN"],
    ),
    plain(
        "empower",
        "Empower",
        At("https://app.empower.dev/api/v1"),
        &["EMPOWER_API_BASE"],
        &["EMPOWER_API_KEY"],
    ),
    Provider {
        lacks: &[MAX, "logit_bias", "logprobs", "top_logprobs", "seed", "parallel_tool_calls"],
        ..plain(
            "maritalk",
            "Maritaca",
            At("https://chat.maritaca.ai/api"),
            &[],
            &["MARITALK_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            STREAM,
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "seed",
            "parallel_tool_calls",
        ],
        ..plain(
            "databricks",
            "Databricks",
            Elsewhere,
            &["DATABRICKS_API_BASE"],
            &["DATABRICKS_API_KEY"],
        )
    },
    Provider {
        lacks: &[
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "seed",
            "parallel_tool_calls",
        ],
        ..plain(
            "amazon_nova",
            "Amazon Nova",
            At("https://api.nova.amazon.com/v1"),
            &["AMAZON_NOVA_API_BASE"],
            &["AMAZON_NOVA_API_KEY"],
        )
    },
    plain(
        "voyage",
        "Voyage",
        At("https://api.voyageai.com/v1"),
        &[],
        &["VOYAGE_API_KEY", "VOYAGE_AI_API_KEY", "VOYAGE_AI_TOKEN"],
    ),
    plain(
        "jina_ai",
        "Jina",
        At("https://api.jina.ai/v1"),
        &["JINA_AI_API_BASE"],
        &["JINA_AI_API_KEY", "JINA_AI_TOKEN"],
    ),
    Provider {
        lacks: &[MAX],
        ..plain(
            "publicai",
            "PublicAI",
            At("https://api.publicai.co/v1"),
            &["PUBLICAI_API_BASE"],
            &["PUBLICAI_API_KEY"],
        )
    },
    plain("helicone", "Helicone", At("https://ai-gateway.helicone.ai"), &[], &["HELICONE_API_KEY"]),
    plain("veniceai", "Venice", At("https://api.venice.ai/api/v1"), &[], &["VENICE_AI_API_KEY"]),
    Provider {
        lacks: &[MAX],
        ..plain(
            "xiaomi_mimo",
            "Xiaomi MiMo",
            At("https://api.xiaomimimo.com/v1"),
            &[],
            &["XIAOMI_MIMO_API_KEY"],
        )
    },
    plain("scaleway", "Scaleway", At("https://api.scaleway.ai/v1"), &[], &["SCW_SECRET_KEY"]),
    Provider {
        lacks: &[MAX],
        ..plain(
            "synthetic",
            "Synthetic",
            At("https://api.synthetic.new/openai/v1"),
            &[],
            &["SYNTHETIC_API_KEY"],
        )
    },
    Provider {
        lacks: &[MAX],
        ..plain("apertis", "Apertis", At("https://api.stima.tech/v1"), &[], &["STIMA_API_KEY"])
    },
    Provider {
        lacks: &[MAX],
        ..plain("nano-gpt", "NanoGPT", At("https://nano-gpt.com/api/v1"), &[], &["NANOGPT_API_KEY"])
    },
    Provider {
        lacks: &[MAX],
        ..plain("poe", "Poe", At("https://api.poe.com/v1"), &[], &["POE_API_KEY"])
    },
    Provider {
        lacks: &[MAX],
        ..plain("chutes", "Chutes", At("https://llm.chutes.ai/v1"), &[], &["CHUTES_API_KEY"])
    },
    plain(
        "abliteration",
        "Abliteration",
        At("https://api.abliteration.ai/v1"),
        &[],
        &["ABLITERATION_API_KEY"],
    ),
    Provider {
        lacks: &[MAX],
        ..plain(
            "llamagate",
            "LlamaGate",
            At("https://api.llamagate.dev/v1"),
            &[],
            &["LLAMAGATE_API_KEY"],
        )
    },
    plain("gmi", "GMI Cloud", At("https://api.gmi-serving.com/v1"), &[], &["GMI_API_KEY"]),
    Provider {
        lacks: &[MAX],
        ..plain("sarvam", "Sarvam", At("https://api.sarvam.ai/v1"), &[], &["SARVAM_API_KEY"])
    },
    plain(
        "assemblyai",
        "AssemblyAI",
        At("https://llm-gateway.assemblyai.com/v1"),
        &[],
        &["ASSEMBLYAI_API_KEY"],
    ),
    Provider {
        lacks: &[MAX],
        ..plain(
            "charity_engine",
            "Charity Engine",
            At("https://api.charityengine.services/remotejobs/v2/inference"),
            &[],
            &["CHARITY_ENGINE_API_KEY"],
        )
    },
    plain(
        "litellm_proxy",
        "a LiteLLM proxy",
        Elsewhere,
        &["LITELLM_PROXY_API_BASE"],
        &["LITELLM_PROXY_API_KEY"],
    ),
    plain("hosted_vllm", "vLLM", Elsewhere, &["HOSTED_VLLM_API_BASE"], &["HOSTED_VLLM_API_KEY"]),
    plain("vllm", "vLLM", Elsewhere, &["VLLM_API_BASE"], &[]),
    plain("lm_studio", "LM Studio", Elsewhere, &["LM_STUDIO_API_BASE"], &["LM_STUDIO_API_KEY"]),
    plain(
        "llamafile",
        "llamafile",
        Here("http://127.0.0.1:8080/v1"),
        &["LLAMAFILE_API_BASE"],
        &["LLAMAFILE_API_KEY"],
    ),
    Provider {
        path: "/v1",
        ..plain(
            "ollama",
            "Ollama",
            Here("http://127.0.0.1:11434/v1"),
            &["OLLAMA_API_BASE"],
            &["OLLAMA_API_KEY"],
        )
    },
    Provider {
        path: "/v1",
        ..plain(
            "ollama_chat",
            "Ollama",
            Here("http://127.0.0.1:11434/v1"),
            &["OLLAMA_API_BASE"],
            &["OLLAMA_API_KEY"],
        )
    },
    Provider {
        path: "/api/v1",
        ..plain(
            "lemonade",
            "Lemonade",
            Here("http://127.0.0.1:8000/api/v1"),
            &["LEMONADE_API_BASE"],
            &["LEMONADE_API_KEY"],
        )
    },
    plain(
        "docker_model_runner",
        "Docker Model Runner",
        Here("http://127.0.0.1:22088/engines/llama.cpp/v1"),
        &["DOCKER_MODEL_RUNNER_API_BASE"],
        &["DOCKER_MODEL_RUNNER_API_KEY"],
    ),
    plain(
        "xinference",
        "Xinference",
        Here("http://127.0.0.1:9997/v1"),
        &["XINFERENCE_API_BASE"],
        &["XINFERENCE_API_KEY"],
    ),
    plain("infinity", "Infinity", Elsewhere, &[], &["INFINITY_API_KEY"]),
    Provider { path: "/v1", ..plain("oobabooga", "text-generation-webui", Elsewhere, &[], &[]) },
];
