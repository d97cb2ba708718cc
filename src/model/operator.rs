use serde::{Deserialize, Serialize};

use super::trial::named;

named! {
    /// Who runs a messenger and is known beyond any scenario, by published networks, names, autonomous systems or agents.
    Operator {
        /// Facebook, Messenger, Instagram, Threads.
        Meta = "meta",
        /// WhatsApp: its previews are made on phones.
        WhatsApp = "whatsapp",
        /// X, formerly Twitter.
        X = "x",
        /// Microsoft Teams.
        MicrosoftTeams = "microsoft-teams",
        /// Skype, which Teams took the place of in 2025.
        Skype = "skype",
        /// Slack.
        Slack = "slack",
        /// Discord.
        Discord = "discord",
        /// Telegram.
        Telegram = "telegram",
        /// LinkedIn.
        LinkedIn = "linkedin",
        /// Google Chat, Messages, Mail.
        Google = "google",
        /// Apple's iMessage: its previews are made on phones and computers.
        Apple = "apple",
        /// Signal: its previews are made on phones and computers.
        Signal = "signal",
        /// LINE.
        Line = "line",
        /// KakaoTalk.
        Kakao = "kakao",
        /// Viber.
        Viber = "viber",
        /// VK, and Max.
        Vk = "vk",
        /// Odnoklassniki.
        Ok = "ok",
        /// Snapchat.
        Snap = "snap",
        /// Reddit.
        Reddit = "reddit",
        /// Pinterest.
        Pinterest = "pinterest",
        /// Bluesky.
        Bluesky = "bluesky",
        /// TikTok.
        TikTok = "tiktok",
        /// Zoom.
        Zoom = "zoom",
        /// Webex.
        Webex = "webex",
        /// Mattermost, run by anybody.
        Mattermost = "mattermost",
        /// Synapse, the Matrix server, run by anybody.
        Synapse = "synapse",
        /// Mastodon, run by anybody.
        Mastodon = "mastodon",
        /// The Lounge, run by anybody.
        TheLounge = "thelounge",
        /// Discourse, run by anybody.
        Discourse = "discourse",
        /// Lemmy, run by anybody.
        Lemmy = "lemmy",
        /// Misskey, run by anybody.
        Misskey = "misskey",
    }
}
