//! What keys and answers make of a terminal.

use super::*;

const PROMPT: &str = "~ $ ";

fn prompt() -> Wants {
    Wants::Prompt(PROMPT.to_owned())
}

/// A terminal that waits for a command.
fn free() -> Terminal {
    Terminal {
        wants: prompt(),
        ..Terminal::default()
    }
}

fn says(text: &str, wants: Wants) -> TerminalView {
    TerminalView {
        text: text.to_owned(),
        wants,
        ..TerminalView::default()
    }
}

fn given(text: &str) -> Out {
    Out::Give(Input::Line(text.to_owned()))
}

fn lines(terminal: &Terminal) -> Vec<String> {
    let rows = terminal.screen.chunks.iter().flat_map(|chunk| chunk.rows.iter());
    rows.map(|row| row.iter().map(|span| span.text.as_str()).collect())
        .collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_line_is_drawn_with_its_prompt_given_and_kept() {
    let mut terminal = free();
    assert_eq!(
        terminal.press(Line::of("docker ps"), Key::Enter),
        Some(given("docker ps"))
    );
    assert_eq!(terminal.wants, Wants::Nothing);
    assert_eq!(terminal.line, Line::default());
    assert_eq!(lines(&terminal), ["~ $ docker ps"]);
    terminal.take(says("CONTAINER ID\n", prompt()), true);
    assert_eq!(lines(&terminal), ["~ $ docker ps", "CONTAINER ID"]);
    terminal.press(Line::default(), Key::Up);
    assert_eq!(terminal.line.text, "docker ps");
}

#[test]
fn a_secret_is_neither_drawn_nor_kept() {
    let mut terminal = Terminal {
        wants: Wants::Line {
            prompt: "Password: ".to_owned(),
            echo: false,
        },
        ..Terminal::default()
    };
    assert!(terminal.is_secret());
    assert_eq!(terminal.press(Line::of("hunter2"), Key::Enter), Some(given("hunter2")));
    assert_eq!(lines(&terminal), ["Password: "]);
    assert!(terminal.history.commands.is_empty());
}

#[test]
fn what_a_program_reads_is_drawn_and_not_kept() {
    let mut terminal = Terminal {
        wants: Wants::Line {
            prompt: "Username: ".to_owned(),
            echo: true,
        },
        ..Terminal::default()
    };
    terminal.press(Line::of("testuser"), Key::Enter);
    assert_eq!(lines(&terminal), ["Username: testuser"]);
    assert!(terminal.history.commands.is_empty());
}

#[test]
fn a_command_typed_while_another_runs_waits_its_turn() {
    let mut terminal = free();
    terminal.press(Line::of("sleep 5"), Key::Enter);
    assert_eq!(terminal.press(Line::of("ls"), Key::Enter), None);
    assert_eq!(terminal.n_waiting(), 1);
    assert_eq!(terminal.take(says("", Wants::Nothing), true), None);
    assert_eq!(terminal.take(says("", prompt()), true), Some(given("ls")));
    assert_eq!(lines(&terminal), ["~ $ sleep 5", "~ $ ls"]);
}

#[test]
fn pasted_lines_run_one_after_the_other_and_the_last_piece_stays() {
    let mut terminal = free();
    let line = Line::at("mk tail", 3);
    let pasted = Key::Paste("dir a\r\ncd a\nls".to_owned());
    assert_eq!(terminal.press(line, pasted), Some(given("mk dir a")));
    assert_eq!(terminal.take(says("", prompt()), true), Some(given("cd a")));
    assert_eq!(terminal.line.text, "lstail");
    assert_eq!(terminal.take(says("", prompt()), true), None);
}

#[test]
fn a_paste_without_a_line_break_goes_where_the_cursor_is() {
    let mut terminal = free();
    assert_eq!(
        terminal.press(Line::at("docker ls", 7), Key::Paste("image ".to_owned())),
        None
    );
    assert_eq!(terminal.line, Line::at("docker image ls", 13));
}

#[test]
fn a_line_with_a_line_break_at_its_end_runs_and_leaves_nothing() {
    let mut terminal = free();
    assert_eq!(
        terminal.press(Line::default(), Key::Paste("ls\n".to_owned())),
        Some(given("ls"))
    );
    assert_eq!((terminal.n_waiting(), terminal.line.text.as_str()), (0, ""));
}

#[test]
fn a_paste_of_too_many_lines_is_refused_whole() {
    let mut terminal = free();
    let out = terminal.press(Line::of("keep"), Key::Paste("x\n".repeat(MAX_WAITING + 1)));
    assert_eq!(out, None);
    assert_eq!((terminal.n_waiting(), terminal.line.text.as_str()), (0, "keep"));
    assert_eq!(
        lines(&terminal),
        ["layerlab: expected at most 1000 lines at once, found 1001"]
    );
}

#[test]
fn interrupting_a_program_drops_what_waits() {
    let mut terminal = free();
    terminal.press(Line::default(), Key::Paste("sleep 5\nrm -rf /\n".to_owned()));
    let out = terminal.press(Line::default(), Key::Interrupt);
    assert_eq!(out, Some(Out::Give(Input::Interrupt)));
    assert_eq!(terminal.take(says("", prompt()), true), None);
    assert_eq!(lines(&terminal), ["~ $ sleep 5", "^C"]);
}

#[test]
fn interrupting_a_line_clears_it_and_asks_nothing() {
    let mut terminal = free();
    assert_eq!(terminal.press(Line::of("half a comm"), Key::Interrupt), None);
    assert_eq!(terminal.line, Line::default());
    assert_eq!(lines(&terminal), ["~ $ half a comm^C"]);
    assert!(terminal.is_free());
}

#[test]
fn interrupting_an_incomplete_command_gives_it_up() {
    let mut terminal = Terminal {
        wants: Wants::More("> ".to_owned()),
        ..Terminal::default()
    };
    let out = terminal.press(Line::of("x"), Key::Interrupt);
    assert_eq!(out, Some(Out::Give(Input::Interrupt)));
    assert_eq!(lines(&terminal), ["> x^C"]);
}

#[test]
fn the_end_of_input_is_given_on_an_empty_line_only() {
    let mut terminal = free();
    assert_eq!(terminal.press(Line::of("x"), Key::EndOfInput), None);
    assert_eq!(
        terminal.press(Line::default(), Key::EndOfInput),
        Some(Out::Give(Input::EndOfInput))
    );
}

#[test]
fn one_offer_is_filled_in() {
    let mut terminal = free();
    let out = terminal.press(Line::at("docker ima x", 10), Key::Tab);
    assert_eq!(out, Some(Out::Complete("docker ima".to_owned())));
    terminal.offer(7, &words(&["image "]));
    assert_eq!(terminal.line, Line::at("docker image  x", 13));
}

#[test]
fn several_offers_fill_in_what_they_share_and_are_listed_by_the_second_tab() {
    let mut terminal = free();
    terminal.press(Line::of("docker i"), Key::Tab);
    terminal.offer(7, &words(&["image ", "images ", "imports "]));
    assert_eq!(terminal.line.text, "docker im");
    assert!(lines(&terminal).is_empty());
    terminal.press(terminal.line.clone(), Key::Tab);
    terminal.offer(7, &words(&["image ", "images ", "imports "]));
    assert_eq!(lines(&terminal), ["~ $ docker im", "image  images  imports"]);
    assert_eq!(terminal.line.text, "docker im");
}

#[test]
fn two_quick_tabs_list_the_offers_too() {
    let mut terminal = free();
    terminal.press(Line::of("docker i"), Key::Tab);
    terminal.press(Line::of("docker i"), Key::Tab);
    terminal.offer(7, &words(&["image ", "info "]));
    assert_eq!(lines(&terminal), ["~ $ docker i", "image  info"]);
}

#[test]
fn a_key_between_two_tabs_begins_again() {
    let mut terminal = free();
    let offers = words(&["image ", "info "]);
    terminal.press(Line::of("docker i"), Key::Tab);
    terminal.offer(7, &offers);
    terminal.press(Line::of("docker i"), Key::Typed);
    terminal.press(Line::of("docker i"), Key::Tab);
    terminal.offer(7, &offers);
    assert!(lines(&terminal).is_empty());
}

#[test]
fn offers_for_a_line_that_went_on_are_not_taken() {
    let mut terminal = free();
    terminal.press(Line::of("docker i"), Key::Tab);
    terminal.line = Line::of("docker in");
    terminal.offer(7, &words(&["image "]));
    assert_eq!(terminal.line.text, "docker in");
}

#[test]
fn a_secret_and_a_running_program_complete_nothing() {
    let mut terminal = Terminal::default();
    assert_eq!(terminal.press(Line::of("x"), Key::Tab), None);
    terminal.wants = Wants::Line {
        prompt: String::new(),
        echo: false,
    };
    assert_eq!(terminal.press(Line::of("x"), Key::Tab), None);
}

#[test]
fn what_was_said_before_the_last_line_does_not_free_the_terminal() {
    let mut terminal = free();
    terminal.press(Line::of("sleep 5"), Key::Enter);
    terminal.take(says("", prompt()), false);
    assert_eq!(terminal.wants, Wants::Nothing);
}

#[test]
fn common_starts_end_on_a_character() {
    for (list, expected) in [
        (vec!["aä1", "aä2"], "aä"),
        (vec!["aä", "aö"], "a"),
        (vec!["a", "ab"], "a"),
        (vec![], ""),
    ] {
        assert_eq!(common_start(&words(&list)), expected, "{list:?}");
    }
}
