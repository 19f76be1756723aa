//! The TOML file, as a list of settings with their places.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::mistake::{Mistake, place_of};

/// One line of the file.
pub(super) struct Setting {
    pub(super) section: String,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) place: String,
}

pub(super) fn read(path: &Path) -> Result<Vec<Setting>, Mistake> {
    let text = std::fs::read_to_string(path).map_err(|error| Mistake::unreadable(path, &error))?;
    settings(path, &text)
}

pub(super) fn settings(path: &Path, text: &str) -> Result<Vec<Setting>, Mistake> {
    let table = DeTable::parse(text).map_err(|error| Mistake::in_toml(path, text, &error))?;
    let mut settings = Vec::new();
    for (section, content) in table.get_ref() {
        let place = place_of(path, text, Some(section.span()));
        let DeValue::Table(content) = content.get_ref() else {
            return Err(Mistake::at(
                place,
                format!("`{section}` must be a table", section = section.get_ref()),
            ));
        };
        for (key, value) in content {
            let place = place_of(path, text, Some(key.span()));
            let value = scalar(value.get_ref()).ok_or_else(|| {
                Mistake::at(&place, "a string, a whole number or a boolean belongs here")
            })?;
            settings.push(Setting {
                section: section.get_ref().to_string(),
                key: key.get_ref().to_string(),
                value,
                place,
            });
        }
    }
    Ok(settings)
}

/// As it would stand after a flag.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|number| number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}
