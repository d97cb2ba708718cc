//! What pages looked like when something went wrong, kept in files beside the store: one folder for each run, and in it one for
//! each failure. Nobody but their owner may read them, and there are never more than so many.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::conduct::hexadecimal;
use crate::browser::Scene;
use crate::diagnostic::{Diagnostic, Severity, Source, render};
use crate::model::{Failure, FileRef, RunId, SceneRef};
use crate::report::{Part, scene as in_one_page};

/// So many scenes of a run are kept: what goes wrong after that goes wrong in the same way.
const OF_A_RUN: usize = 40;
/// The scenes of so many runs are kept: of older runs they are removed.
const RUNS: usize = 50;
/// All in one page, for people.
const PAGE: &str = "index.html";

/// Where they are kept.
#[derive(Debug, Clone)]
pub struct Scenes(Option<PathBuf>);

/// What has become of a file since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is as it was kept.
    Whole,
    /// It is another.
    Altered,
    /// It is not there.
    Gone,
}

impl Scenes {
    /// In this folder, which need not be there yet.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self(Some(folder))
    }

    /// Nothing is kept.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether any are kept.
    pub(super) const fn are_kept(&self) -> bool {
        self.0.is_some()
    }

    /// The folder of one scene; none where its name is no plain one: it may come from somebody else's evidence.
    #[must_use]
    pub fn folder(&self, run: RunId, scene: &SceneRef) -> Option<PathBuf> {
        let folder = self.0.as_ref().filter(|_| is_plain(&scene.folder))?;
        Some(folder.join(run.to_string()).join(&scene.folder))
    }

    /// Whether a file in such a folder is what it was.
    #[must_use]
    pub fn state(folder: &Path, file: &FileRef) -> State {
        let read = is_plain(&file.name).then(|| fs::read(folder.join(&file.name)));
        match read {
            Some(Ok(bytes)) if hexadecimal(&Sha256::digest(&bytes)) == file.sha256 => State::Whole,
            Some(Ok(_)) => State::Altered,
            _ => State::Gone,
        }
    }

    /// Keeps a scene; none where there are enough of this run.
    pub(super) fn keep(
        &self,
        run: RunId,
        source: &Source,
        failure: &Failure,
        scene: Scene,
    ) -> io::Result<Option<SceneRef>> {
        let Some(all) = &self.0 else {
            return Ok(None);
        };
        let of_run = all.join(run.to_string());
        make_folder(all)?;
        if !of_run.exists() {
            make_room(all)?;
        }
        make_folder(&of_run)?;
        let nth = fs::read_dir(&of_run)?.count();
        if nth >= OF_A_RUN {
            return Ok(None);
        }
        let trial = failure.trial.map(|trial| trial.to_string());
        let folder = format!(
            "{nth:02}-{}-{}-{}",
            trial.as_deref().unwrap_or("login"),
            failure.account,
            failure.phase
        );
        let path = of_run.join(&folder);
        make_folder(&path)?;
        let parts: Vec<Part<'_>> = scene
            .files
            .iter()
            .map(|file| Part {
                name: file.name,
                bytes: &file.bytes,
            })
            .collect();
        let page = in_one_page(
            failure,
            &excerpt(source, failure, false),
            &parts,
            &scene.missing,
        );
        let page = Part {
            name: PAGE,
            bytes: page.as_bytes(),
        };
        let files = std::iter::once(&page).chain(&parts);
        let files = files
            .map(|part| write(&path, part))
            .collect::<io::Result<_>>()?;
        Ok(Some(SceneRef { folder, files }))
    }
}

/// Removes the scenes of the oldest runs, so that those of one more have room.
fn make_room(all: &Path) -> io::Result<()> {
    let mut runs: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(all)? {
        let entry = entry?;
        // Nothing is removed that is not ours.
        let name = entry.file_name();
        let is_run = name
            .to_str()
            .is_some_and(|name| RunId::parse(name).is_some());
        if is_run && entry.file_type()?.is_dir() {
            runs.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    runs.sort_unstable();
    let too_many = (runs.len() + 1).saturating_sub(RUNS);
    for (_, path) in runs.into_iter().take(too_many) {
        fs::remove_dir_all(path)?;
    }
    Ok(())
}

/// The failure in its scenario, as a mistake in it would be shown; nothing where no step failed.
#[must_use]
pub fn excerpt(source: &Source, failure: &Failure, colour: bool) -> String {
    let Some(step) = &failure.step else {
        return String::new();
    };
    let line = usize::try_from(step.line).unwrap_or(usize::MAX);
    let before = source
        .text
        .split_inclusive('\n')
        .take(line.saturating_sub(1));
    let start: usize = before.map(str::len).sum();
    let rest = source.text.get(start..).unwrap_or_default();
    let length = rest.lines().next().unwrap_or_default().trim_end().len();
    let shown = Diagnostic {
        severity: Severity::Error,
        code: failure.doubt.name(),
        message: failure.message.clone(),
        span: start..start + length,
        label: format!("the {} at {}", failure.account, failure.phase),
        help: None,
    };
    render(source, &[shown], colour)
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn write(folder: &Path, part: &Part<'_>) -> io::Result<FileRef> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
        .open(folder.join(part.name))?
        .write_all(part.bytes)?;
    Ok(FileRef {
        name: part.name.to_owned(),
        bytes: part.bytes.len() as u64,
        sha256: hexadecimal(&Sha256::digest(part.bytes)),
    })
}

/// Whether a name stays in its folder.
fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::SceneFile;
    use crate::model::{Account, Doubt, Phase, StepRef, Timestamp, TrialId};

    fn failure() -> Failure {
        Failure {
            variant: "default".into(),
            trial: Some(TrialId(7)),
            account: Account::Sender,
            phase: Phase::Open,
            at: Timestamp::UNIX_EPOCH,
            doubt: Doubt::SelectorDrift,
            step: Some(StepRef {
                verb: "wait".into(),
                line: 2,
            }),
            message: "nothing matched\u{1b}[2J".into(),
            scene: None,
        }
    }

    fn source() -> Source {
        Source {
            name: "x.toml".into(),
            text: "a = 1\nwait = \"peer\"\n".into(),
        }
    }

    fn scene() -> Scene {
        Scene {
            files: vec![SceneFile {
                name: "page.html",
                bytes: b"<script>x</script>".to_vec(),
            }],
            missing: vec!["no screenshot.png: it was so".into()],
        }
    }

    fn keep(scenes: &Scenes, run: u32) -> Option<SceneRef> {
        scenes
            .keep(RunId(run), &source(), &failure(), scene())
            .unwrap()
    }

    #[test]
    fn what_is_kept_is_found_again_and_seen_to_be_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let scenes = Scenes::at(folder.path().join("x.failures"));
        let kept = keep(&scenes, 1).unwrap();
        assert_eq!(kept.folder, "00-7-sender-open");
        let place = scenes.folder(RunId(1), &kept).unwrap();
        let states = || {
            kept.files
                .iter()
                .map(|file| Scenes::state(&place, file))
                .collect::<Vec<_>>()
        };
        assert_eq!(states(), [State::Whole, State::Whole]);
        let page = fs::read_to_string(place.join(PAGE)).unwrap();
        for part in ["x.toml:2:1", "no screenshot.png", "&lt;script&gt;x"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<script>") && !page.contains('\u{1b}'));
        fs::write(place.join(PAGE), "").unwrap();
        fs::remove_file(place.join("page.html")).unwrap();
        assert_eq!(states(), [State::Altered, State::Gone]);
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let folder = tempfile::tempdir().unwrap();
        let scenes = Scenes::at(folder.path().to_owned());
        fs::create_dir(folder.path().join("somebody's")).unwrap();
        let kept = (0..OF_A_RUN + 3).filter_map(|_| keep(&scenes, 1)).count();
        assert_eq!(kept, OF_A_RUN);
        for run in 2..u32::try_from(RUNS).unwrap() + 5 {
            assert!(keep(&scenes, run).is_some());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), RUNS + 1);
        assert!(folder.path().join("somebody's").exists());
        assert!(!folder.path().join("00000001").exists(), "the oldest");
        assert!(!Scenes::none().are_kept() && keep(&Scenes::none(), 1).is_none());
    }

    /// Evidence may be somebody else's.
    #[test]
    fn no_name_leads_out_of_its_folder() {
        let scenes = Scenes::at("x".into());
        for name in ["", "..", "../y", "/etc", "a/b", ".x"] {
            let scene = SceneRef {
                folder: name.into(),
                files: Vec::new(),
            };
            assert_eq!(scenes.folder(RunId(1), &scene), None, "{name}");
            let file = FileRef {
                name: name.into(),
                bytes: 0,
                sha256: String::new(),
            };
            assert_eq!(Scenes::state(Path::new("/"), &file), State::Gone);
        }
    }
}
