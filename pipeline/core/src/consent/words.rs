//! Stop words and words that confirm, as people write them: in any language, in any case, with signs around them.

use tollgate_wire::command::Policy;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What a word means to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// Nothing more from you, one-time codes and answers too.
    StopAll,
    /// No more of what the account's stop words end.
    Stop,
    /// Yes, I did opt in.
    Confirm,
}

/// An account's words, ready to be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    stop: Vec<String>,
    stop_all: Vec<String>,
    confirm: Vec<String>,
}

impl Words {
    /// Those of a policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let folded = |words: &[String]| words.iter().map(|w| fold(w)).collect();
        Self {
            stop: folded(&policy.stop_words),
            stop_all: folded(&policy.consent.stop_all_words),
            confirm: folded(&policy.consent.confirm_words),
        }
    }

    /// What a person meant who wrote one of these (a text; or payload and label of a button): of several the strongest no.
    #[must_use]
    pub fn meaning<'w>(&self, written: impl Iterator<Item = &'w str>) -> Option<Means> {
        written.filter_map(|w| self.one(&fold(w))).min()
    }

    /// A word of two lists: the strongest no, so that a word that stops never confirms.
    fn one(&self, folded: &str) -> Option<Means> {
        let lists = [(&self.stop_all, Means::StopAll), (&self.stop, Means::Stop), (&self.confirm, Means::Confirm)];
        lists.into_iter().find(|(list, _)| list.iter().any(|w| w == folded)).map(|(_, means)| means)
    }
}

/// Two texts are the same word when these are equal. Unicode compatibility decomposition (so that full-width letters and
/// composed accents are one with the others), without accents, in one case; signs around it are dropped, those between
/// words are one space. A text of signs only is taken as it is.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.nfkd().filter(|c| !is_dropped(*c)) {
        if c.is_alphanumeric() || is_combining_mark(c) {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            // Up and down again: letters whose lower case differs alone, such as ſ, ς and ß, become one with the others.
            let cased = c.to_uppercase().flat_map(char::to_lowercase);
            out.extend(cased.nfkd().filter(|c| !is_dropped(*c)));
        } else {
            gap = true;
        }
    }
    if out.is_empty() { text.trim().nfkd().filter(|c| !is_dropped(*c)).collect() } else { out }
}

/// Accents of Latin, Greek and Cyrillic letters (marks of other scripts are letters of theirs), and what is not seen:
/// joiners, directions, variants, soft hyphens.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_wire::command::ConsentPolicy;

    #[test]
    fn as_people_write_them() {
        let same = [
            ("STOP", "stop"),
            ("STOP", "  Stop.  "),
            ("STOP", "\"stop\"!!"),
            ("STOP", "«STOP»"),
            ("STOP", "stop 🙏"),
            ("STOP", "ＳＴＯＰ"),
            ("STOP", "\u{202a}stop\u{202c}\u{200f}"),
            ("STOP", "S\u{200d}TOP"),
            ("STOP ALL", "stop-all"),
            ("STOP ALL", "Stop   all…"),
            ("BAJA", "baja"),
            ("SAIR", "Sair"),
            ("NÃO QUERO", "nao quero"),
            ("NÃO QUERO", "Na\u{303}o, quero"),
            ("수신거부", " 수신거부 "),
            // The same word, decomposed as some phones write it.
            ("수신거부", "\u{1109}\u{116e}\u{1109}\u{1175}\u{11ab}\u{1100}\u{1165}\u{1107}\u{116e}"),
            ("СТОП", "стоп"),
            ("ΣΤΟΠ", "στοπ"),
            ("ΤΕΛΟΣ", "τέλος"),
            ("ABMELDEN STRASSE", "abmelden straße"),
            ("İPTAL", "iptal"),
            ("IPTAL", "ıptal"),
            ("배송거부", "배송거부!"),
            ("إيقاف", "إيقاف"),
            ("退订", "退订。"),
            ("ｶｲｼﾞｮ", "カイジョ"),
            ("बंद करो", "बंद  करो"),
            ("🛑", " 🛑\u{fe0f} "),
            ("optout:news", "OPTOUT:NEWS"),
        ];
        for (configured, written) in same {
            assert_eq!(fold(configured), fold(written), "{configured:?} {written:?}");
        }
    }

    #[test]
    fn other_words_stay_other_words() {
        let table = [
            ("STOP", "stop it"),
            ("STOP", "st op"),
            ("STOP", "nonstop"),
            ("STOP", "🛑"),
            ("🛑", "🚫"),
            ("BAJA", "bajar"),
            // A vowel sign makes another word.
            ("बंद", "बिंद"),
            ("はい", "ばい"),
            ("YES", ""),
        ];
        for (a, b) in table {
            assert_ne!(fold(a), fold(b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn of_several_meanings_the_strongest_no() {
        let policy = Policy {
            stop_words: vec!["SAIR".to_owned(), "수신거부".to_owned()],
            consent: ConsentPolicy {
                stop_all_words: vec!["sair de tudo".to_owned()],
                confirm_words: vec!["SIM".to_owned(), "optin_yes".to_owned(), "sair".to_owned()],
                ..ConsentPolicy::default()
            },
            ..Policy::default()
        };
        let words = Words::of(&policy);
        let means = |written: &[&str]| words.meaning(written.iter().copied());
        assert_eq!(means(&["Sair!"]), Some(Means::Stop), "a word of two lists");
        assert_eq!(means(&["수신거부"]), Some(Means::Stop));
        assert_eq!(means(&["STOP"]), None, "another account's word");
        assert_eq!(means(&["Sair de tudo"]), Some(Means::StopAll));
        assert_eq!(means(&["OPTIN_YES", "Sim"]), Some(Means::Confirm), "payload and label");
        assert_eq!(means(&["optin_yes", "Sair"]), Some(Means::Stop), "the label is what the person read");
        assert_eq!(means(&[]), None);
        assert_eq!(means(&["", "…"]), None);
    }
}
