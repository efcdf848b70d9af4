// CodeMirror over the page's plain text area. It knows no Dockerfile: tokens, problems and completions are the page's.
// Offsets are UTF-16 units, as everywhere in a browser.

import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, insertTab } from "@codemirror/commands";
import { setDiagnostics } from "@codemirror/lint";
import { Annotation, EditorState, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, drawSelection, keymap } from "@codemirror/view";

const byThePage = Annotation.define();
const selectLine = StateEffect.define();
const severities = { error: "error", warning: "warning", advice: "info" };

// `page.tokens(text)` is a flat list of start, end, class number; `page.classes` names the classes.
function highlighter(page) {
  const marks = page.classes.map((name) => Decoration.mark({ class: name }));
  const decorate = (doc) => {
    const builder = new RangeSetBuilder();
    const flat = page.tokens(doc.toString());
    for (let i = 0; i + 2 < flat.length; i += 3) {
      if (flat[i] < flat[i + 1] && flat[i + 1] <= doc.length) builder.add(flat[i], flat[i + 1], marks[flat[i + 2]]);
    }
    return builder.finish();
  };
  return StateField.define({
    create: (state) => decorate(state.doc),
    update: (value, change) => (change.docChanged ? decorate(change.state.doc) : value),
    provide: (field) => EditorView.decorations.from(field),
  });
}

// The selected instruction's lines have the page's own background, the same as in the other columns.
const selected = StateField.define({
  create: () => Decoration.none,
  update(value, change) {
    let next = value.map(change.changes);
    for (const effect of change.effects) {
      if (!effect.is(selectLine)) continue;
      const [first, last] = effect.value;
      const lines = [];
      for (let n = Math.max(1, first); n <= Math.min(last, change.state.doc.lines); n++) {
        lines.push(Decoration.line({ class: "sel" }).range(change.state.doc.line(n).from));
      }
      next = Decoration.set(lines);
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

// `page.offers(textOfTheLineBeforeTheCursor)` returns [units to replace, [[label, detail], …]].
function completion(page) {
  return (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const [replaced, offers] = page.offers(line.text.slice(0, context.pos - line.from));
    if (!offers.length || (!context.explicit && replaced === 0)) return null;
    return { from: context.pos - replaced, options: offers.map(([label, detail]) => ({ label, detail })), filter: false };
  };
}

// Tab leaves the editor, as everywhere in the page; Ctrl-] and Ctrl-[ indent (WCAG 2.1.2).
const indentation = [
  { key: "Mod-]", run: insertTab },
  { key: "Mod-[", run: indentLess },
];

// Makes an editor in `parent`. `page` has: label, classes, tokens, offers, changed(text), moved(line), build().
export function create(parent, text, page) {
  const listen = EditorView.updateListener.of((update) => {
    const own = update.transactions.some((transaction) => transaction.annotation(byThePage));
    if (update.docChanged && !own) page.changed(update.state.doc.toString());
    if (update.selectionSet && !own) page.moved(update.state.doc.lineAt(update.state.selection.main.head).number);
  });
  const build = {
    key: "Mod-Enter",
    run: () => {
      page.build();
      return true;
    },
  };
  const fresh = (doc) =>
    EditorState.create({
      doc,
      extensions: [
        history(),
        drawSelection(),
        highlighter(page),
        selected,
        autocompletion({ override: [completion(page)], icons: false }),
        keymap.of([build, ...indentation, ...completionKeymap, ...defaultKeymap, ...historyKeymap]),
        EditorView.contentAttributes.of({
          "aria-label": page.label,
          "aria-describedby": "summary",
          tabindex: "0",
          spellcheck: "false",
          autocapitalize: "off",
          autocorrect: "off",
        }),
        listen,
      ],
    });
  const view = new EditorView({ parent, state: fresh(text) });
  return {
    // Another text from outside. The same file keeps its undo history; another file begins a new one.
    set(next, label) {
      const same = label === page.label;
      page.label = label;
      if (!same) view.setState(fresh(next));
      else if (next !== view.state.doc.toString()) {
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next }, annotations: byThePage.of(true) });
      }
    },
    // A flat list: start, end, severity, message, and so on.
    problems(list) {
      const max = view.state.doc.length;
      const found = [];
      for (let i = 0; i + 3 < list.length; i += 4) {
        const from = Math.min(list[i], max);
        found.push({ from, to: Math.max(from, Math.min(list[i + 1], max)), severity: severities[list[i + 2]] ?? "info", message: list[i + 3] });
      }
      view.dispatch(setDiagnostics(view.state, found));
    },
    select(first, last) {
      view.dispatch({ effects: selectLine.of([first, last]), annotations: byThePage.of(true) });
    },
    refresh() {
      view.requestMeasure();
    },
    focus(at) {
      view.focus();
      if (at !== undefined) view.dispatch({ selection: { anchor: Math.min(at, view.state.doc.length) }, annotations: byThePage.of(true) });
    },
    destroy() {
      view.destroy();
    },
  };
}
