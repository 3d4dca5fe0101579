//! Reads `Command` by its `command` field.

use super::{AccountSpec, CampaignAction, CampaignSpec, Command, ConsentSpec, SuppressionSpec, TemplateSpec};
use crate::tagged::{self, Tagged};
use serde::{Deserialize, Deserializer, de};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApplyAccount {
    spec: Box<AccountSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutCampaign {
    account: String,
    spec: CampaignSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlCampaign {
    account: String,
    campaign: String,
    action: CampaignAction,
    #[serde(default)]
    test_recipients: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetConsent {
    account: String,
    consent: ConsentSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetSuppression {
    account: String,
    suppression: SuppressionSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErasePerson {
    account: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutTemplate {
    account: String,
    waba: String,
    template: TemplateSpec,
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        tagged::deserialize(d)
    }
}

impl<'de> Tagged<'de> for Command {
    const TAG: &'static str = "command";
    const NAMES: &'static [&'static str] = &[
        "apply_account",
        "put_campaign",
        "control_campaign",
        "set_consent",
        "set_suppression",
        "erase_person",
        "put_template",
    ];

    fn read<D: Deserializer<'de>>(tag: &str, fields: D) -> Result<Self, D::Error> {
        match tag {
            "apply_account" => {
                ApplyAccount::deserialize(fields).map(|ApplyAccount { spec }| Self::ApplyAccount { spec })
            }
            "put_campaign" => PutCampaign::deserialize(fields)
                .map(|PutCampaign { account, spec }| Self::PutCampaign { account, spec }),
            "control_campaign" => ControlCampaign::deserialize(fields).map(
                |ControlCampaign { account, campaign, action, test_recipients }| Self::ControlCampaign {
                    account,
                    campaign,
                    action,
                    test_recipients,
                },
            ),
            "set_consent" => SetConsent::deserialize(fields)
                .map(|SetConsent { account, consent }| Self::SetConsent { account, consent }),
            "set_suppression" => SetSuppression::deserialize(fields)
                .map(|SetSuppression { account, suppression }| Self::SetSuppression { account, suppression }),
            "erase_person" => {
                ErasePerson::deserialize(fields).map(|ErasePerson { account, to }| Self::ErasePerson { account, to })
            }
            "put_template" => PutTemplate::deserialize(fields)
                .map(|PutTemplate { account, waba, template }| Self::PutTemplate { account, waba, template }),
            _ => Err(de::Error::unknown_variant(tag, Self::NAMES)),
        }
    }
}
