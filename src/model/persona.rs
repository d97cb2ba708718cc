use serde::{Deserialize, Serialize};

use super::trial::named;

/// Declares the personas: each with its written name, and what it does in words, which are its documentation too.
macro_rules! personas {
    ($($variant:ident = $name:literal, $words:tt;)+) => {
        named! {
            /// How the provider of the practice messenger behaves: a messenger whose truth is known. The words of each
            /// complete "the provider …".
            Persona {
                $(#[doc = $words] $variant = $name),+
            }
        }

        impl Persona {
            /// What it does, in words that complete "the provider …".
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words),+ }
            }
        }
    };
}

personas! {
    Silent = "silent", "does nothing with links";
    Previewer = "previewer", "fetches the page and its image at sending, and shows a card";
    Skype2013 = "skype-2013", "asks for every second https link with HEAD, some time after sending, and names no user agent";
    DraftReader = "draft-reader", "fetches the page while the link is typed or pasted, and never at sending";
    ViewTriggered = "view-triggered", "fetches the page once the recipient's client shows the message";
    ScriptRenderer = "script-renderer", "opens the page in a browser of its own, which runs its scripts";
    PartReader = "part-reader", "takes the first KiB by a Range request, then breaks a whole fetch off";
    HeadThenGet = "head-then-get", "asks with HEAD first, then fetches the page";
    DnsOnly = "dns-only", "looks the link's host up, and does nothing else";
    SenderSidePreview = "sender-side-preview", "leaves it to the sender's page to fetch the link, at sending";
    RecipientSidePreview = "recipient-side-preview", "leaves it to the recipient's page to fetch the link, once it is shown";
    Wrapper = "wrapper", "delivers every link as one to itself that leads on, and fetches nothing";
    Mangler = "mangler", "changes one character of the link before delivery, and fetches what it has then";
    Blocker = "blocker", "drops messages with links and says that they were sent";
    LateScanner = "late-scanner", "fetches the page some time after sending";
    Flaky30 = "flaky-30", "fetches the page at sending, with a chance of three in ten for each link";
    ThirdPartyLeak = "third-party-leak", "hands the link to another company, whose scanner fetches the page";
    EchoingResolver = "echoing-resolver", "does nothing, but a resolver asks again for every name it was asked for";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_persona_is_found_by_its_name() {
        for &persona in Persona::ALL {
            assert_eq!(Persona::from_name(persona.name()), Some(persona));
            assert!(!persona.words().is_empty());
        }
        assert_eq!(Persona::ALL.len(), 18);
    }
}
