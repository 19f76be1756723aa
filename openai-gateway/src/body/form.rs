use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;

use super::BadRequest;

/// Parts that a form may have: far above what any API has.
const MAX_PARTS: usize = 64;
/// A part's head, bytes.
const MAX_HEAD_BYTES: usize = 4 << 10;

/// A body of `multipart/form-data` (RFC 7578), read strictly: what could be read in two ways is
/// refused, since the provider might read it in the other.
#[derive(Debug)]
pub struct Multipart<'a> {
    body: &'a [u8],
    boundary: &'a str,
    parts: Vec<FormPart<'a>>,
}

#[derive(Debug)]
struct FormPart<'a> {
    name: &'a str,
    /// Where its content is.
    content: Range<usize>,
    is_file: bool,
}

impl<'a> Multipart<'a> {
    /// Reads it; the content type says its boundary.
    ///
    /// # Errors
    /// It isn't one, or has a field twice that is no file.
    pub fn read(content_type: &'a str, body: &'a [u8]) -> Result<Self, BadRequest> {
        let boundary = boundary(content_type).ok_or_else(|| bad("its boundary is missing"))?;
        let mut parts: Vec<FormPart<'a>> = Vec::new();
        let delimiter = format!("\r\n--{boundary}");
        let finder = memmem::Finder::new(&delimiter);
        let opening = &delimiter.as_bytes()[2..];
        let mut at = match body.starts_with(opening) {
            true => opening.len(),
            false => return Err(bad("it does not begin with its boundary")),
        };
        while !body[at..].starts_with(b"--") {
            if parts.len() == MAX_PARTS {
                return Err(bad("it has too many parts"));
            }
            let part = part(body, at, &finder)?;
            let is_same =
                |other: &FormPart<'_>| other.name == part.name && !(other.is_file && part.is_file);
            if parts.iter().any(is_same) {
                return Err(bad(format_args!("the field {:?} comes twice", part.name)));
            }
            at = part.content.end + delimiter.len();
            parts.push(part);
        }
        if !matches!(&body[at + 2..], b"" | b"\r\n") {
            return Err(bad("something comes after its end"));
        }
        Ok(Self { body, boundary, parts })
    }

    /// A field's text, if there is one.
    ///
    /// # Errors
    /// It is no text.
    pub fn text(&self, name: &'static str) -> Result<Option<&'a str>, BadRequest> {
        let Some(part) = self.parts.iter().find(|part| part.name == name) else { return Ok(None) };
        let text = std::str::from_utf8(&self.body[part.content.clone()]);
        let text = text.ok().filter(|_| !part.is_file);
        text.map(Some).ok_or_else(|| BadRequest::about(name, "must be a text"))
    }

    /// How large its files are together, bytes.
    #[must_use]
    pub fn file_bytes(&self) -> usize {
        self.parts.iter().filter(|part| part.is_file).map(|part| part.content.len()).sum()
    }

    /// The same form, byte for byte, but for the model that it names.
    #[must_use]
    pub fn for_model(&self, model: &str) -> Bytes {
        let old = self.parts.iter().find(|part| part.name == "model");
        let old = old.map(|part| part.content.clone());
        let mut new = Vec::with_capacity(self.body.len() + model.len() + 128);
        if let Some(old) = old {
            new.extend_from_slice(&self.body[..old.start]);
            new.extend_from_slice(model.as_bytes());
            new.extend_from_slice(&self.body[old.end..]);
        } else {
            let head = "content-disposition: form-data; name=\"model\"";
            new.extend_from_slice(
                format!("--{}\r\n{head}\r\n\r\n{model}\r\n", self.boundary).as_bytes(),
            );
            new.extend_from_slice(self.body);
        }
        new.into()
    }
}

fn bad(what: impl std::fmt::Display) -> BadRequest {
    BadRequest { message: format!("the body is not such a form: {what}"), param: None }
}

/// RFC 2046: at most 70 characters, none of which has a meaning in a header.
fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|said| said.split_once('='));
    let mut said = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    let (_, value) = said.next()?;
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let boundary = quoted.unwrap_or(value);
    let fits = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    let is_one = (1..=70).contains(&boundary.len()) && boundary.chars().all(fits);
    (is_one && said.next().is_none()).then_some(boundary)
}

/// The part whose delimiter ends here.
fn part<'a>(
    body: &'a [u8],
    at: usize,
    delimiter: &memmem::Finder<'_>,
) -> Result<FormPart<'a>, BadRequest> {
    let cut = || bad("it breaks off");
    let head = body[at..].strip_prefix(b"\r\n").ok_or_else(cut)?;
    let most = head.len().min(MAX_HEAD_BYTES);
    let end = memmem::find(&head[..most], b"\r\n\r\n");
    let end = end.ok_or_else(|| bad("a part has no head, or one that is too long"))?;
    let start = at + 2 + end + 4;
    let length = delimiter.find(&body[start..]).ok_or_else(cut)?;
    // Some take a line's end of one character for one.
    let after = &delimiter.needle()[2..];
    let is_begun = |at: usize| at > 0 && matches!(body[start + at - 1], b'\r' | b'\n');
    if memmem::find_iter(&body[start..start + length], after).any(is_begun) {
        return Err(bad("its boundary is in a part"));
    }
    let head = std::str::from_utf8(&head[..end]).map_err(|_| bad("a part's head is no text"))?;
    let is_plain = |line: &str| !line.contains(['\r', '\n']) && !line.starts_with([' ', '\t']);
    if !head.split("\r\n").all(is_plain) {
        return Err(bad("a line of a part's head can't be told from another"));
    }
    let (name, is_file) = disposition(head).ok_or_else(|| bad("a part's name can't be told"))?;
    Ok(FormPart { name, content: start..start + length, is_file })
}

/// A part's name, and whether it is a file: of the one line that says it, in its plain form.
fn disposition(head: &str) -> Option<(&str, bool)> {
    let mut said = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let is_it = |name: &str| name.trim().eq_ignore_ascii_case("content-disposition");
    let (_, value) = said.by_ref().find(|(name, _)| is_it(name))?;
    let rest = value.trim().strip_prefix("form-data")?.trim_start().strip_prefix(';')?;
    let (name, rest) = rest.trim_start().strip_prefix("name=\"")?.split_once('"')?;
    let is_file = match rest.trim() {
        "" => false,
        rest => rest.strip_prefix(';')?.trim_start().starts_with("filename"),
    };
    let has_another = rest.split(';').any(|more| more.trim_start().starts_with("name"));
    let is_plain = !name.contains('\\') && !has_another && (rest.trim().is_empty() || is_file);
    let is_once = !said.any(|(name, _)| is_it(name));
    (is_plain && is_once).then_some((name, is_file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=b";

    fn field(name: &str, content: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    }

    fn file(content: &str) -> String {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n{content}\r\n"
        )
    }

    #[test]
    fn nothing_changes_but_the_model() {
        let body = field("model", "whisper")
            + &file("\u{0}\r\n--x\r\n")
            + &field("language", "en")
            + "--b--\r\n";
        let form = Multipart::read(KIND, body.as_bytes()).unwrap();
        assert_eq!(form.text("model").unwrap(), Some("whisper"));
        assert_eq!((form.text("prompt").unwrap(), form.file_bytes()), (None, 8));
        assert_eq!(form.for_model("there"), body.replace("whisper", "there"));
    }

    #[test]
    fn a_model_that_the_path_names_is_added() {
        let body = file("sound") + "--b--\r\n";
        let added = Multipart::read(KIND, body.as_bytes()).unwrap().for_model("there");
        let form = Multipart::read(KIND, &added).unwrap();
        assert_eq!(form.text("model").unwrap(), Some("there"));
        assert!(added.ends_with(body.as_bytes()));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let end = "--b--\r\n";
        let head = |line: &str| format!("--b\r\n{line}\r\n\r\nm\r\n{end}");
        for body in [
            String::new(),
            end.replace("--b--", "--c--"),
            format!("preamble\r\n{}{end}", field("model", "m")),
            field("model", "m"),
            field("model", "m") + &field("model", "n") + end,
            "--b\r\nContent-Disposition: form-data".to_owned(),
            head("Content-Type: text/plain"),
            head("Content-Disposition: form-data; name=model"),
            head("Content-Disposition: form-data; name*=utf-8''model"),
            head("Content-Disposition: form-data; name=\"mo\\\"del\""),
            head("Content-Disposition: form-data; name=\"x\"; name=\"model\""),
            head("Content-Disposition: form-data; name=\"x\"; filename=\"f\"; name=\"model\""),
            field("model", "m") + &file("").replace("\"file\"", "\"model\"") + end,
            head(
                "X: a\nContent-Disposition: form-data; name=\"model\"\r\nContent-Disposition: form-data; name=\"x\"",
            ),
            head(
                "X: a\rContent-Disposition: form-data; name=\"model\"\r\nContent-Disposition: form-data; name=\"x\"",
            ),
            head("Content-Disposition: form-data; name=\"x\"\r\n ; name=\"model\""),
            field("x", "a\n--b\r\nb") + end,
            field("x", "a\r--b\r\nb") + end,
            field("model", "m") + "--b--x\r\n",
            field("model", "m") + end + &field("model", "n") + end,
            head(
                "Content-Disposition: form-data; name=\"x\"\r\ncontent-disposition: form-data; name=\"model\"",
            ),
        ] {
            assert!(Multipart::read(KIND, body.as_bytes()).is_err(), "{body}");
        }
        let files = file("a").replace("\"file\"", "\"model\"").repeat(2) + end;
        assert!(Multipart::read(KIND, files.as_bytes()).unwrap().text("model").is_err());
        let twice = "x; boundary=b; boundary=c";
        for kind in
            [twice, "multipart/form-data", "multipart/form-data; boundary=", "x; boundary=a\"b"]
        {
            assert!(Multipart::read(kind, field("model", "m").as_bytes()).is_err(), "{kind}");
        }
    }

    #[test]
    fn parts_and_their_heads_are_bounded() {
        let many = |count: usize| (0..count).map(|n| field(&n.to_string(), "")).collect::<String>();
        assert!(Multipart::read(KIND, (many(MAX_PARTS) + "--b--").as_bytes()).is_ok());
        assert!(Multipart::read(KIND, (many(MAX_PARTS + 1) + "--b--").as_bytes()).is_err());
        let long = field(&"x".repeat(MAX_HEAD_BYTES), "") + "--b--";
        assert!(Multipart::read(KIND, long.as_bytes()).is_err());
    }
}
