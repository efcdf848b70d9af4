//! The page as one component: it owns the model, and every effect that an action has outside of it.

use std::rc::Rc;

use gloo::{events::EventListener, timers::callback::Timeout};
use messages::{Answer, Ask, Comparison, Reply};
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, File, FileList, KeyboardEvent};
use yew::prelude::*;

use crate::{
    archive,
    browser::{self, Theme},
    companion::Companion,
    components::{Act, Consent, Header, InsideRoom, LayersRoom, Notices, OutputRoom, Shared, SourceRoom},
    examples::EXAMPLES,
    incoming::{Dropped, Incoming, report},
    model::{Action, Model, NativeAction, Project, Run},
    native,
    rich::{self, Editor},
    saved,
    worker::{Heard, Link},
};

/// How long typing must pause before the worker is asked.
const PAUSE_MS: u32 = 120;
/// How long before the project is kept.
const KEEP_MS: u32 = 800;

/// What the page reacts to.
pub(crate) enum Msg {
    /// Something for the model.
    Do(Action),
    /// The worker said something, or is gone.
    Heard(Heard),
    /// Start the worker again.
    Restart,
    /// The rich editor is there, or will not come.
    Editor(Editor),
    /// Another theme.
    Theme(Theme),
    /// Make a link of the project and copy it.
    Share,
    /// The address got another `#` part.
    Linked,
    /// Files came from outside.
    Came(Incoming),
    /// An archive is to be loaded.
    Archive(File),
    /// Something is held over the page, or no longer.
    Hover(bool),
    /// Keep the project.
    Keep,
}

/// The page.
pub(crate) struct App {
    model: Rc<Model>,
    act: Act,
    link: Option<Link>,
    companion: Option<Companion>,
    theme: Theme,
    editor: Editor,
    hovers: bool,
    /// The archive that goes with the next request to load one.
    archive: Option<File>,
    pause: Option<Timeout>,
    keep: Option<Timeout>,
    _listeners: [EventListener; 2],
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<App>) -> App {
        let link = ctx.link();
        let theme = browser::theme();
        browser::set_theme(theme);
        let editor = link.callback(Msg::Editor);
        wasm_bindgen_futures::spawn_local(async move { editor.emit(rich::load_editor().await) });
        let window = gloo::utils::window();
        let linked = link.callback(|()| Msg::Linked);
        let build = link.callback(|()| Msg::Do(Action::Build));
        let listeners = [
            EventListener::new(&window, "hashchange", move |_| linked.emit(())),
            EventListener::new(&window, "keydown", move |event| {
                let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
                    return;
                };
                if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) && !event.default_prevented() {
                    build.emit(());
                }
            }),
        ];
        let mut app = App {
            model: Rc::new(Model::new(first_project()).update(Action::Remember(browser::kept_commands()))),
            act: link.callback(Msg::Do),
            link: None,
            companion: None,
            theme,
            editor: Editor::Coming,
            hovers: false,
            archive: None,
            pause: None,
            keep: None,
            _listeners: listeners,
        };
        app.start(ctx);
        app.meet();
        link.send_message(Msg::Linked);
        app
    }

    fn update(&mut self, ctx: &Context<App>, msg: Msg) -> bool {
        match msg {
            Msg::Do(action) => self.act(ctx, action),
            Msg::Heard(Heard::Reply(reply)) => self.hear(ctx, reply),
            Msg::Heard(Heard::Lost(why)) => {
                self.link = None;
                self.act(ctx, Action::EngineFailed(why));
            }
            Msg::Restart => {
                self.act(ctx, Action::EngineRestarted);
                self.start(ctx);
            }
            Msg::Editor(editor) => self.editor = editor,
            Msg::Theme(theme) => {
                browser::set_theme(theme);
                self.theme = theme;
            }
            Msg::Share => self.share(ctx),
            Msg::Linked => {
                self.meet();
                self.take_link(ctx);
            }
            Msg::Archive(file) => {
                let (name, bytes) = (file.name(), file.size() as u64);
                let action = match archive::check_size(&name, bytes) {
                    Ok(()) => Action::Load(name, bytes),
                    Err(why) => Action::Trouble(why),
                };
                self.archive = Some(file);
                self.act(ctx, action);
            }
            Msg::Came(incoming) => self.take_files(ctx, incoming),
            Msg::Hover(hovers) => return std::mem::replace(&mut self.hovers, hovers) != hovers,
            Msg::Keep => {
                // Without storage, or with a project too big for it, the page works all the same.
                let kept = saved::write(&self.model.project).is_ok_and(|text| browser::keep_project(&text));
                _ = kept;
                return false;
            }
        }
        true
    }

    fn view(&self, ctx: &Context<App>) -> Html {
        let link = ctx.link();
        let model = Shared(self.model.clone());
        let act = self.act.clone();
        let on_archive = {
            let load = link.callback(Msg::Archive);
            Callback::from(move |list: FileList| _ = list.get(0).map(|file| load.emit(file)))
        };
        let on_report = link.callback_future(|file: File| async move { Msg::Do(opened(file).await) });
        let chosen = link.callback_future(|list| async move { Msg::Came(Incoming::chosen(list).await) });
        html! {
            <div class={classes!("page", self.hovers.then_some("hovers"))} ondragover={link.callback(|event: DragEvent| { event.prevent_default(); Msg::Hover(true) })}
                ondragleave={link.batch_callback(|event: DragEvent| event.related_target().is_none().then_some(Msg::Hover(false)))}
                ondrop={App::drop(ctx)}>
                <Header model={model.clone()} theme={self.theme} act={act.clone()} on_theme={link.callback(Msg::Theme)} on_share={link.callback(|()| Msg::Share)} />
                <Notices model={model.clone()} act={act.clone()} hovers={self.hovers} on_restart={link.callback(|()| Msg::Restart)} />
                <main class={classes!("bench", self.model.machines.is_tall.then_some("tall"))}>
                    <SourceRoom model={model.clone()} act={act.clone()} editor={self.editor.clone()} on_chosen={chosen} />
                    <LayersRoom model={model.clone()} act={act.clone()} {on_archive} />
                    <InsideRoom model={model.clone()} act={act.clone()} />
                    <OutputRoom model={model.clone()} act={act.clone()} {on_report} />
                </main>
                if let Run::Asking(plan) = &self.model.native.run { <Consent plan={plan.clone()} {act} /> }
            </div>
        }
    }
}

impl App {
    fn act(&mut self, ctx: &Context<App>, action: Action) {
        let mut next = self.model.update(action);
        if let Some(link) = &self.link {
            for request in &next.asks {
                let posted = match self.archive.take_if(|_| matches!(request.ask, Ask::Load { .. })) {
                    Some(file) => link.post_file(request, &file),
                    None => link.post(request),
                };
                if posted.is_err() {
                    ctx.link()
                        .send_message(Msg::Heard(Heard::Lost("it does not take messages".to_owned())));
                }
            }
        }
        let changed = !Rc::ptr_eq(&next.project, &self.model.project);
        if !next.settled && (changed || self.pause.is_none()) && next.has_engine() {
            self.pause = Some(later(ctx, PAUSE_MS, || Msg::Do(Action::Settle)));
        }
        if next.settled {
            self.pause = None;
        }
        if changed {
            self.keep = Some(later(ctx, KEEP_MS, || Msg::Keep));
        }
        let commands = next.machines.commands();
        if commands != self.model.machines.commands() {
            browser::keep_commands(&commands);
        }
        if let Some(companion) = &self.companion {
            for call in std::mem::take(&mut next.calls) {
                let (project, load) = (next.project.clone(), ctx.link().callback(Msg::Archive));
                native::carry_out(companion.clone(), call, project, self.act.clone(), load);
            }
        }
        self.model = Rc::new(next);
    }

    /// Takes the token of a link, if there is one, and asks who answers to it.
    fn meet(&mut self) {
        let companion = Companion::of_link();
        if companion != self.companion
            && let Some(companion) = companion
        {
            native::meet(companion.clone(), self.act.clone());
            self.companion = Some(companion);
        }
    }

    fn hear(&mut self, ctx: &Context<App>, reply: Reply) {
        if let Answer::Archive { name, bytes } = &reply.answer {
            let said = match browser::save(name, bytes) {
                Ok(()) => Action::Say(format!("{name} is being saved.")),
                Err(_) => Action::Trouble("The browser could not save the archive.".to_owned()),
            };
            self.act(ctx, said);
        } else {
            self.act(ctx, Action::Reply(reply));
        }
    }

    fn start(&mut self, ctx: &Context<App>) {
        match Link::start(ctx.link().callback(Msg::Heard)) {
            Ok(link) => self.link = Some(link),
            Err(_) => self.act(
                ctx,
                Action::EngineFailed("this browser has no module workers".to_owned()),
            ),
        }
    }

    fn share(&mut self, ctx: &Context<App>) {
        let said = match saved::to_link(&self.model.project).map(|hash| browser::set_hash(&hash)) {
            Ok(Some(address)) => {
                browser::copy(&address);
                Action::Say(
                    "A link that holds the whole project is in the address bar and in the clipboard.".to_owned(),
                )
            }
            Ok(None) => Action::Trouble("The browser did not take the link.".to_owned()),
            Err(why) => Action::Trouble(format!("No link: {why}.")),
        };
        self.act(ctx, said);
    }

    fn take_link(&mut self, ctx: &Context<App>) {
        match saved::from_link(&browser::hash()) {
            None => {}
            Some(Ok(project)) if project == *self.model.project => {}
            Some(Ok(project)) => self.act(
                ctx,
                Action::Replace(project, "The project of the link is open.".to_owned()),
            ),
            Some(Err(why)) => self.act(ctx, Action::Trouble(format!("The link could not be opened: {why}."))),
        }
    }

    fn take_files(&mut self, ctx: &Context<App>, incoming: Incoming) {
        self.hovers = false;
        let left_out = incoming.left_out;
        if incoming.is_project() {
            let project = Project::of(incoming.files);
            self.act(ctx, Action::Replace(project, "The folder is open.".to_owned()));
        } else {
            self.act(ctx, Action::PutFiles(incoming.files));
        }
        if left_out > 0 {
            self.act(
                ctx,
                Action::Trouble(format!(
                    "{left_out} files were left out: the folder is too big for the page."
                )),
            );
        }
    }

    fn drop(ctx: &Context<App>) -> Callback<DragEvent> {
        let came = ctx.link().callback(Msg::Came);
        let load = ctx.link().callback(Msg::Archive);
        let show = ctx.link().callback(Msg::Do);
        let gone = ctx.link().callback(|()| Msg::Hover(false));
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            gone.emit(());
            let Some(transfer) = event.data_transfer() else { return };
            // The browser empties the list when the event is over.
            let dropped = Dropped::of(&transfer);
            let (came, load, show) = (came.clone(), load.clone(), show.clone());
            wasm_bindgen_futures::spawn_local(async move {
                if let Some(archive) = dropped.archive().await {
                    load.emit(archive);
                } else if let Some((name, found)) = dropped.report().await {
                    show.emit(shown(name, found));
                } else if !dropped.is_empty() {
                    came.emit(Incoming::dropped(dropped).await);
                }
            });
        })
    }
}

/// A file that was chosen as a preview report.
async fn opened(file: File) -> Action {
    match report(&file).await {
        Some(found) => shown(file.name(), found),
        None => Action::Trouble(format!(
            "{} was not opened: expected a report of layerlab build --preview-report, found another file.",
            file.name()
        )),
    }
}

fn shown(name: String, found: Comparison) -> Action {
    Action::Native(NativeAction::ShowReport(name.into(), found))
}

fn later(ctx: &Context<App>, millis: u32, msg: fn() -> Msg) -> Timeout {
    let link = ctx.link().clone();
    Timeout::new(millis, move || link.send_message(msg()))
}

/// The project kept last, or the first example.
fn first_project() -> Project {
    let kept = browser::kept_project().and_then(|text| saved::read(&text).ok());
    kept.unwrap_or_else(|| EXAMPLES[0].project())
}
