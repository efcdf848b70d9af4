//! What can happen to the page.

use std::rc::Rc;

use messages::{Options, Problem, Reply, Subject};

use super::{Inside, Key, Line, Lower, NativeAction, Offer, Project, Scope, SourceFile, Upper};

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// The open file's text was typed.
    Type(String),
    /// A file is opened in the editor.
    OpenFile(Rc<str>),
    /// A file is added, empty, and opened.
    AddFile(String),
    /// A file gets another path.
    RenameFile(Rc<str>, String),
    /// A file is deleted.
    RemoveFile(Rc<str>),
    /// A file becomes executable, or no longer.
    SetMode(Rc<str>, u32),
    /// Files come from outside; those of the same path are replaced.
    PutFiles(Vec<(String, SourceFile)>),
    /// Another project takes this one's place.
    Replace(Project, String),
    /// The one before comes back.
    Undo,
    /// The one before is forgotten.
    KeepNew,
    /// Options change.
    SetOptions(Options),
    /// A mend is applied to the Dockerfile.
    Fix(Problem),
    /// Typing has paused.
    Settle,
    /// Build.
    Build,
    /// Stop the build.
    Cancel,
    /// Forget the cache.
    ForgetCache,
    /// The image as an archive.
    Download,
    /// The worker answered.
    Reply(Reply),
    /// The worker is gone.
    EngineFailed(String),
    /// A new worker was started.
    EngineRestarted,
    /// A line of the Dockerfile is selected.
    SelectLine(usize),
    /// A layer is selected.
    SelectLayer(usize),
    /// A path of the selected layer is selected.
    SelectPath(Rc<str>),
    /// A cell of the matrix is selected.
    SelectCell(usize, Rc<str>),
    /// Another side of the image.
    Show(Inside),
    /// One layer or all up to it.
    ShowScope(Scope),
    /// The files are narrowed.
    Narrow(String),
    /// A directory is folded, or opened.
    Fold(String),
    /// Commands that were kept, of each host.
    Remember(Vec<Vec<String>>),
    /// A key in the terminal of a host, pressed while its field held this line.
    Press(usize, Line, Key),
    /// The editor over the terminal of a host is left; a text is written.
    LeaveEditor(usize, Option<String>),
    /// A command is typed into the terminal of a host.
    TypeOffer(usize, Offer),
    /// Look into an image or a container.
    Inspect(Subject),
    /// An image or a container as an archive.
    Fetch(Subject),
    /// Another side of the upper room.
    ShowUpper(Upper),
    /// Another side of the lower room.
    ShowLower(Lower),
    /// Another host.
    ShowHost(usize),
    /// The lower room becomes tall, or no longer.
    Stretch,
    /// The terminal gets the keyboard.
    FocusTerminal,
    /// A row of a list is opened, or closed.
    OpenRow(Rc<str>),
    /// An archive of this name and so many bytes is loaded.
    Load(String, u64),
    /// Something happens with the companion.
    Native(NativeAction),
    /// Something is to be said.
    Say(String),
    /// Something went wrong outside the model.
    Trouble(String),
    /// Trouble was read.
    Dismiss,
}
