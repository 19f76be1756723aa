use http::HeaderMap;

/// LiteLLM's header, its tags with commas between them.
const TAGS: &str = "x-litellm-tags";

/// A request's tags: those of its body and of its header.
pub(super) fn of(headers: &HeaderMap, of_body: &[String]) -> Vec<String> {
    let of_header = headers.get_all(TAGS).iter().filter_map(|value| value.to_str().ok());
    let of_header = of_header.flat_map(|tags| tags.split(',')).map(str::trim);
    let of_header = of_header.filter(|tag| !tag.is_empty()).map(str::to_owned);
    of_body.iter().cloned().chain(of_header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_from_both() {
        let headers =
            HeaderMap::from_iter([(TAGS.parse().unwrap(), "eu, paid,,".parse().unwrap())]);
        assert_eq!(of(&headers, &["own".to_owned()]), ["own", "eu", "paid"]);
        assert!(of(&HeaderMap::new(), &[]).is_empty());
    }
}
