use bpe_openai::Tokenizer;

/// How a model's provider cuts text into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// GPT-3.5, GPT-4 and the embedding models.
    Cl100k,
    /// GPT-4o and all that came after; for models of others it is as near as any.
    O200k,
}

impl Encoding {
    /// How many there are.
    pub const COUNT: usize = 2;

    /// The encoding of a model, by its provider's name for it.
    #[must_use]
    pub fn of_model(model: &str) -> Self {
        let model = model.strip_prefix("ft:").unwrap_or(model);
        let newer = ["gpt-4o", "gpt-4.1", "gpt-4.5"];
        let older = ["gpt-4", "gpt-3.5", "gpt-35", "text-embedding-"];
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
        if starts(&older) && !starts(&newer) { Self::Cl100k } else { Self::O200k }
    }

    /// How many tokens the text has.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        self.tokenizer().count(text) as u64
    }

    /// Loads its tables, some hundred ms of work that the first request should not wait for.
    pub fn load(self) {
        self.tokenizer();
    }

    fn tokenizer(self) -> &'static Tokenizer {
        match self {
            Self::Cl100k => bpe_openai::cl100k_base(),
            Self::O200k => bpe_openai::o200k_base(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_their_provider_s_encoding() {
        for (model, encoding) in [
            ("gpt-4", Encoding::Cl100k),
            ("gpt-4-turbo-2024-04-09", Encoding::Cl100k),
            ("gpt-3.5-turbo", Encoding::Cl100k),
            ("text-embedding-3-large", Encoding::Cl100k),
            ("text-embedding-ada-002", Encoding::Cl100k),
            ("gpt-4o-mini", Encoding::O200k),
            ("gpt-4.1", Encoding::O200k),
            ("ft:gpt-4o-mini:acme::1", Encoding::O200k),
            ("gpt-5", Encoding::O200k),
            ("o3", Encoding::O200k),
            ("meta-llama/Llama-3.3-70B-Instruct", Encoding::O200k),
        ] {
            assert_eq!(Encoding::of_model(model), encoding, "{model}");
        }
    }

    /// The cookbook's own examples ("How to count tokens with tiktoken").
    #[test]
    fn counts_are_tiktoken_s() {
        for (text, cl100k, o200k) in [
            ("tiktoken is great!", 6, 6),
            ("antidisestablishmentarianism", 6, 6),
            ("2 + 2 = 4", 7, 7),
            ("お誕生日おめでとう", 9, 8),
            ("", 0, 0),
        ] {
            assert_eq!(Encoding::Cl100k.count(text), cl100k, "{text}");
            assert_eq!(Encoding::O200k.count(text), o200k, "{text}");
        }
    }
}
