use super::fields::{BadRequest, Edit, Fields, json};

/// How a stream is to be told (`stream_options`).
#[derive(Debug)]
pub struct StreamOptions<'a> {
    /// The caller wants the usage as the last piece.
    pub include_usage: bool,
    fields: Fields<'a>,
}

impl<'a> StreamOptions<'a> {
    /// Those of a body.
    ///
    /// # Errors
    /// They are of a wrong type.
    pub fn read(body: &Fields<'a>) -> Result<Self, BadRequest> {
        let fields: Fields<'a> = body.parse("stream_options")?.unwrap_or_default();
        let include_usage = fields.parse("include_usage")?.unwrap_or(false);
        Ok(Self { include_usage, fields })
    }

    /// Has the provider tell the usage, whatever the caller wants.
    pub fn ask_usage(&self, edit: &mut Edit<'_>) {
        let include_usage = json("true");
        edit.put("stream_options", json(self.fields.with(&[("include_usage", &include_usage)])));
    }
}
