use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;

use crate::canary::Zone;

use super::super::certificate::{CertificateError, Identity};
use super::setting::Acme;

/// What is kept of one authority: the account, and for each zone the certificate with its key in one file, so that
/// nothing can come between the two. Only the owner may read any of it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Each authority has a folder of its own: accounts are known to one only, and a certificate for trying out must not
    /// be taken for a real one.
    pub(super) fn of(acme: &Acme) -> Self {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        };
        Self(
            acme.folder
                .join(acme.directory.chars().map(plain).collect::<String>()),
        )
    }

    fn account_path(&self) -> PathBuf {
        self.0.join("account.json")
    }

    fn certificate_path(&self, zone: &Zone) -> PathBuf {
        self.0.join(format!("{zone}.pem"))
    }

    /// The account; none where none is kept, or what is kept is none.
    pub(super) fn account(&self) -> Option<AccountCredentials> {
        serde_json::from_str(&fs::read_to_string(self.account_path()).ok()?).ok()
    }

    pub(super) fn keep_account(
        &self,
        account: &AccountCredentials,
    ) -> Result<(), CertificateError> {
        let path = self.account_path();
        let text = serde_json::to_string(account)
            .map_err(|error| CertificateError::write(&path, &error.into()))?;
        self.write(&path, &text)
    }

    /// Forgets an account that its authority does not know any more.
    pub(super) fn forget_account(&self) {
        let _ = fs::remove_file(self.account_path());
    }

    /// The certificate for a zone; none where none is kept, or it is for other names.
    pub(super) fn certificate(&self, zone: &Zone) -> Option<Identity> {
        let path = self.certificate_path(zone);
        let kept = Identity::from_files(&path, &path).ok()?;
        let is_named = |name: &String| kept.names().contains(name);
        names(zone).iter().all(is_named).then_some(kept)
    }

    pub(super) fn keep_certificate(
        &self,
        zone: &Zone,
        chain: &str,
        key: &str,
    ) -> Result<Identity, CertificateError> {
        let path = self.certificate_path(zone);
        self.write(&path, &format!("{key}{chain}"))?;
        Identity::from_files(&path, &path)
    }

    /// Writes a file whole or not at all. A temporary file is its owner's alone, and stays so under its new name.
    fn write(&self, path: &Path, text: &str) -> Result<(), CertificateError> {
        let written = || {
            fs::create_dir_all(&self.0)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            fs::File::open(&self.0)?.sync_all()
        };
        written().map_err(|error: std::io::Error| CertificateError::write(path, &error))
    }
}

/// What a zone's certificate is for.
pub(super) fn names(zone: &Zone) -> [String; 2] {
    [zone.name().to_owned(), format!("*.{zone}")]
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder(at: &Path) -> Folder {
        Folder::of(&Acme {
            directory: "https://ca.example:14000/../dir".to_owned(),
            contacts: Vec::new(),
            root: None,
            folder: at.to_owned(),
            authorities: Vec::new(),
        })
    }

    fn made(names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_certificate_is_kept_for_its_owner_and_found_if_it_is_for_the_zone() {
        let at = tempfile::tempdir().unwrap();
        let folder = folder(at.path());
        let zone = Zone::parse("canary.example").unwrap();
        assert!(folder.certificate(&zone).is_none());
        let (chain, key) = made(&["canary.example", "*.canary.example"]);
        let kept = folder.keep_certificate(&zone, &chain, &key).unwrap();
        assert_eq!(folder.certificate(&zone).unwrap().chain(), kept.chain());
        let path = at
            .path()
            .join("https---ca.example-14000-..-dir/canary.example.pem");
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (chain, key) = made(&["canary.example"]);
        folder.keep_certificate(&zone, &chain, &key).unwrap();
        assert!(folder.certificate(&zone).is_none(), "no wildcard");
        let (other, _) = made(&["canary.example", "*.canary.example"]);
        assert!(folder.keep_certificate(&zone, &other, &key).is_err());
        assert!(folder.certificate(&zone).is_none(), "another's key");
    }
}
