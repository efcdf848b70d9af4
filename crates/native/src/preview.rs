//! `layerlab preview`: a build in a simulation.

use crate::args::PreviewArgs;
use crate::failure::Failure;
use crate::job::Job;
use crate::progress::Printer;
use crate::terminal::Terminal;
use crate::walk::{Logs, Walk};
use simulator::Simulator;
use std::cell::RefCell;

/// Builds, prints, and writes what was asked for.
///
/// # Errors
///
/// [`Failure`]. No output has been written then; what the cache learned is kept.
pub fn preview(args: &PreviewArgs, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let job = Job::read(args, terminal)?;
    let mut session = job.open(terminal)?;
    let mut world = session.world(&args.input.build_contexts);
    let (prepared, warnings) = job.prepare(&mut world, &mut session, terminal)?;
    let look = job.look(terminal);
    let printer = RefCell::new(Printer::new(terminal.stderr, look));
    let walk = Walk {
        input: &job.input,
        prepared: &prepared,
        timestamps: job.timestamps(),
        now: terminal.now,
        logs: Logs::Whole,
        gives_away: false,
        as_cache: false,
        printer: &printer,
    };
    let walked = walk.run(&mut Simulator::new(), &mut session);
    // Progress that nobody can read stops no build.
    let _ = printer.into_inner().finish();
    // Steps that were done before one failed are done: the next build need not do them again.
    let saved = session.save(terminal);
    let walked = walked?;
    if let Err(error) = saved {
        terminal.remark(&format!("warning: the build cache could not be kept: {error}"));
    }
    job.finish(&prepared, &warnings, &walked, &mut session, terminal)
}
