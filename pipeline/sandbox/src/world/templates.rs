//! The templates of one WABA and whether they send.

use std::collections::BTreeMap;

use crate::config::template::{TemplateConfig, TemplateStatus};
use crate::dice::Dice;
use crate::graph::error::PlatformError;

/// Templates by name, then language.
#[derive(Debug)]
pub(crate) struct Templates {
    by_name: BTreeMap<String, BTreeMap<String, TemplateConfig>>,
}

impl Templates {
    pub(crate) fn new(templates: &[TemplateConfig]) -> Self {
        let mut by_name: BTreeMap<String, BTreeMap<String, TemplateConfig>> = BTreeMap::new();
        for template in templates {
            by_name.entry(template.name.clone()).or_default().insert(template.language.clone(), template.clone());
        }
        Self { by_name }
    }

    /// The template if it can be sent.
    pub(crate) fn sendable(&self, name: &str, language: &str) -> Result<&TemplateConfig, PlatformError> {
        let template = self.by_name.get(name).and_then(|languages| languages.get(language));
        let missing = || {
            let details = format!("template name ({name}) does not exist in {language}");
            PlatformError::new(132_001, details)
        };
        let template = template.ok_or_else(missing)?;
        match template.status {
            TemplateStatus::Approved => Ok(template),
            TemplateStatus::Paused => {
                let details = format!("template ({name}) is paused due to low quality");
                Err(PlatformError::new(132_015, details))
            }
            TemplateStatus::Disabled => {
                let details = format!("template ({name}) is disabled for good");
                Err(PlatformError::new(132_016, details))
            }
            TemplateStatus::Pending | TemplateStatus::Rejected | TemplateStatus::Deleted => Err(missing()),
        }
    }

    /// Those that a list has, by name and language: deleted ones are gone.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &TemplateConfig> {
        let all = self.by_name.values().flat_map(BTreeMap::values);
        all.filter(|template| template.status != TemplateStatus::Deleted)
    }

    pub(crate) fn get_mut(&mut self, name: &str, language: &str) -> Option<&mut TemplateConfig> {
        self.by_name.get_mut(name)?.get_mut(language)
    }
}

impl TemplateConfig {
    /// The id in webhooks: the configured one, or a stable number of 15 digits.
    pub(crate) fn webhook_id(&self) -> u64 {
        self.id.unwrap_or_else(|| {
            let keys = [self.name.as_bytes(), self.language.as_bytes()];
            100_000_000_000_000 + Dice::new(0, &keys).bits() % 900_000_000_000_000
        })
    }
}
