use std::sync::Arc;

use gateway_client::clock::Clock;

use crate::member::Member;
use crate::request::Request;

/// A deployment with this tag takes what no other one is for.
const DEFAULT: &str = "default";

/// Which requests go where by their tags: LiteLLM's `enable_tag_filtering` and
/// `tag_filtering_match_any`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TagFilter {
    /// Tags say nothing.
    #[default]
    Off,
    /// To deployments that have one of a request's tags.
    Any,
    /// To deployments that have all of a request's tags.
    All,
}

/// The deployments that the request may go to, by index. As LiteLLM does it: with tags to those
/// that have them, else to the `default` ones; without, to the `default` ones if there are any,
/// else to all.
pub(crate) fn filter<'a, T, C: Clock>(
    members: &'a [Arc<Member<T, C>>],
    request: &'a Request,
    filter: TagFilter,
) -> impl Iterator<Item = usize> + 'a {
    let is_off = filter == TagFilter::Off;
    let tags = |index: usize| &members[index].settings.tags[..];
    let is_meant = move |index: usize| meets(tags(index), &request.tags, filter);
    let is_default = move |index: usize| tags(index).iter().any(|tag| tag == DEFAULT);
    let some = |is: &dyn Fn(usize) -> bool| !is_off && (0..members.len()).any(is);
    let (some_meant, some_default) = (some(&is_meant), some(&is_default));
    (0..members.len()).filter(move |&index| match (some_meant, some_default) {
        (true, _) => is_meant(index),
        (false, true) => is_default(index),
        (false, false) => is_off || request.tags.is_empty(),
    })
}

fn meets(tags: &[String], wanted: &[String], filter: TagFilter) -> bool {
    let mut has = wanted.iter().map(|tag| tags.contains(tag));
    match filter {
        TagFilter::Off => true,
        TagFilter::Any => has.any(|has| has),
        TagFilter::All => !wanted.is_empty() && has.all(|has| has),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberSettings;

    fn chosen(members: &[&[&str]], tags: &[&str], tag_filter: TagFilter) -> Vec<usize> {
        let owned = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let member = |tags: &&[&str]| {
            let settings = MemberSettings { tags: owned(tags), ..MemberSettings::default() };
            Arc::new(Member::<(), gateway_client::clock::BootClock>::new((), None, settings))
        };
        let members: Vec<_> = members.iter().map(member).collect();
        let request = Request { tags: owned(tags), ..Request::default() };
        filter(&members, &request, tag_filter).collect()
    }

    #[test]
    fn tags_say_where_a_request_goes() {
        let members: [&[&str]; 3] = [&["free"], &["paid", "eu"], &["default"]];
        assert_eq!(chosen(&members, &["free"], TagFilter::Any), [0]);
        assert_eq!(chosen(&members, &["eu", "free"], TagFilter::Any), [0, 1]);
        assert_eq!(chosen(&members, &["other"], TagFilter::Any), [2]);
        assert_eq!(chosen(&members, &[], TagFilter::Any), [2]);
        assert_eq!(chosen(&members[..2], &[], TagFilter::Any), [0, 1]);
        assert_eq!(chosen(&members, &["eu", "paid"], TagFilter::All), [1]);
        assert_eq!(chosen(&members, &["eu", "free"], TagFilter::All), [2]);
        assert!(chosen(&members[..2], &["other"], TagFilter::Any).is_empty());
        assert_eq!(chosen(&members, &["free"], TagFilter::Off), [0, 1, 2]);
    }
}
