//! Fills a template.
//!
//! Source: Go, `text/template/exec.go`.

use super::node::{Branch, BranchKind, Command, Item, Kind, Operand, Pipeline};
use super::{Null, TemplateError, Value, arguments, functions, printf};

/// What a template may print, in bytes.
const MAX_OUTPUT: usize = 4 << 20;
/// So many bytes of a text count as a step.
const BYTES_A_STEP: usize = 64;
/// How many items and commands may be executed.
const MAX_STEPS: usize = 1 << 20;

/// The template with `value` for its dot.
pub(super) fn render(items: &[Item], value: &Value, rows: Rows) -> Result<String, TemplateError> {
    let mut state = State {
        out: String::new(),
        variables: vec![("$".to_owned(), value.clone())],
        steps: 0,
        rows,
    };
    state.walk(items, value)?;
    Ok(state.out)
}

/// What is executed: its output so far and the variables it can see.
pub(super) struct State {
    out: String,
    variables: Vec<(String, Value)>,
    steps: usize,
    rows: Rows,
}

/// What a template is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Values.
    Values,
    /// The headers of a table.
    Headers,
}

/// How a list of items ended.
enum Flow {
    On,
    Break,
    Continue,
}

/// What went wrong at an operand.
pub(super) fn error_at(operand: &Operand, message: &str) -> TemplateError {
    error_in(operand, &operand.to_string(), message)
}

/// What went wrong in something that begins with an operand.
pub(super) fn error_in(operand: &Operand, context: &str, message: &str) -> TemplateError {
    let (line, column) = (operand.at.line, operand.at.column);
    TemplateError(format!(":{line}:{column}: executing \"\" at <{context}>: {message}"))
}

impl State {
    fn walk(&mut self, items: &[Item], dot: &Value) -> Result<Flow, TemplateError> {
        for item in items {
            self.step()?;
            match item {
                Item::Text(text) => self.print(text)?,
                Item::Action(pipeline) => {
                    let value = self.pipeline(dot, pipeline)?;
                    if pipeline.variables.is_empty() {
                        let text = printf::shown(&value);
                        self.print(&text)?;
                    }
                }
                Item::Branch(branch) => match self.branch(dot, branch)? {
                    Flow::On => {}
                    other => return Ok(other),
                },
                Item::Break => return Ok(Flow::Break),
                Item::Continue => return Ok(Flow::Continue),
            }
        }
        Ok(Flow::On)
    }

    fn step(&mut self) -> Result<(), TemplateError> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(TemplateError(format!(": more than {MAX_STEPS} steps")));
        }
        Ok(())
    }

    fn print(&mut self, text: &str) -> Result<(), TemplateError> {
        if self.out.len() + text.len() > MAX_OUTPUT {
            return Err(TemplateError(format!(": more than {MAX_OUTPUT} bytes of output")));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn branch(&mut self, dot: &Value, branch: &Branch) -> Result<Flow, TemplateError> {
        let known = self.variables.len();
        let flow = if branch.kind == BranchKind::Range {
            self.range(dot, branch)
        } else {
            let value = self.pipeline(dot, &branch.pipeline)?;
            let dot = if branch.kind == BranchKind::With && value.truth() {
                &value
            } else {
                dot
            };
            let items = if value.truth() { &branch.then } else { &branch.otherwise };
            self.walk(items, dot)
        };
        self.variables.truncate(known);
        flow
    }

    fn range(&mut self, dot: &Value, branch: &Branch) -> Result<Flow, TemplateError> {
        let value = self.pipeline(dot, &branch.pipeline)?;
        let base = self.variables.len()
            - if branch.pipeline.assigns {
                0
            } else {
                branch.pipeline.variables.len()
            };
        let pairs: Box<dyn Iterator<Item = (Value, Value)>> = match value {
            Value::List(items) => {
                let pairs = items.into_iter().enumerate();
                Box::new(pairs.map(|(index, item)| (Value::Int(index as i64), item)))
            }
            Value::Map(mut entries) => {
                entries.sort_by(|one, other| one.0.cmp(&other.0));
                Box::new(entries.into_iter().map(|(key, item)| (Value::Text(key), item)))
            }
            Value::Int(count) => Box::new((0..count).map(|number| (Value::Int(number), Value::Int(number)))),
            Value::Null(_) => Box::new(std::iter::empty()),
            other => {
                let (first, text) = (first(&branch.pipeline), branch.pipeline.to_string());
                let message = format!("range can't iterate over {}", printf::plain(&other));
                return Err(error_in(first, &text, &message));
            }
        };
        let mut any = false;
        for (key, item) in pairs {
            any = true;
            self.step()?;
            self.variables.truncate(base);
            match branch.pipeline.variables.as_slice() {
                [] => {}
                [one] => self.bind(&branch.pipeline, one, item.clone()),
                [index, one, ..] => {
                    self.bind(&branch.pipeline, index, key);
                    self.bind(&branch.pipeline, one, item.clone());
                }
            }
            if matches!(self.walk(&branch.then, &item)?, Flow::Break) {
                break;
            }
        }
        if any {
            Ok(Flow::On)
        } else {
            self.walk(&branch.otherwise, dot)
        }
    }

    fn bind(&mut self, pipeline: &Pipeline, name: &str, value: Value) {
        if pipeline.assigns {
            // The parser has seen that it exists.
            if let Some(known) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
                known.1 = value;
            }
        } else {
            self.variables.push((name.to_owned(), value));
        }
    }

    /// The value of a pipeline; its variables are set.
    pub(super) fn pipeline(&mut self, dot: &Value, pipeline: &Pipeline) -> Result<Value, TemplateError> {
        let mut last = None;
        for command in &pipeline.commands {
            self.step()?;
            let value = self.command(dot, command, last)?;
            last = Some(value);
        }
        let value = last.unwrap_or(Value::Null(Null::Any));
        for name in &pipeline.variables {
            self.bind(pipeline, name, value.clone());
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Value, command: &Command, last: Option<Value>) -> Result<Value, TemplateError> {
        let first = &command.operands[0];
        if let Kind::Function(name) = &first.kind {
            return self.call(dot, command, name, last);
        }
        let extra = command.operands.len() > 1 || last.is_some();
        match &first.kind {
            Kind::Nil => Err(error_at(first, "nil is not a command")),
            Kind::Field(names) | Kind::Chain(_, names) if extra => {
                let name = names.last().map_or("", String::as_str);
                // A field that does not exist is said before that it takes no arguments.
                let found = self.operand(dot, first)?;
                if name == "Label" && matches!(dot, Value::Row(..)) && command.operands.len() == 2 {
                    let label = self.operand_for(dot, &command.operands[1], functions::Parameter::Text)?;
                    return Ok(self.label(&found, label));
                }
                Err(error_at(first, &format!("{name} is not a method but has arguments")))
            }
            _ if extra => Err(error_at(first, &format!("can't give argument to non-function {first}"))),
            _ => self.operand(dot, first),
        }
    }

    /// `{{.Label "name"}}`; the name itself above a table.
    fn label(&self, labels: &Value, name: Value) -> Value {
        match (self.rows, &name) {
            (Rows::Values, Value::Text(key)) => labels.get(key).cloned().unwrap_or_else(|| Value::from("")),
            _ => name,
        }
    }

    fn call(
        &mut self,
        dot: &Value,
        command: &Command,
        name: &str,
        last: Option<Value>,
    ) -> Result<Value, TemplateError> {
        let (first, operands) = (&command.operands[0], &command.operands[1..]);
        let Some(function) = functions::find(name) else {
            return Err(error_at(
                first,
                &format!("{} is not a defined function", dockerfile::quote(name)),
            ));
        };
        let count = operands.len() + usize::from(last.is_some());
        if let Some(message) = function.miscount(name, count) {
            return Err(error_at(first, &message));
        }
        // These stop at the first operand that decides.
        if let Some(stops_at) = function.stops_at {
            let mut value = Value::Null(Null::Any);
            for operand in operands {
                value = self.operand(dot, operand)?;
                if value.truth() == stops_at {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        if self.rows == Rows::Headers && function.leaves_headers {
            let header = operands.first().map(|operand| self.operand(dot, operand)).transpose()?;
            return Ok(header.or(last).unwrap_or(Value::Null(Null::Any)));
        }
        let mut values = Vec::with_capacity(count);
        for (index, operand) in operands.iter().enumerate() {
            let value = self.operand_for(dot, operand, function.parameter(index))?;
            values.push(value);
        }
        if let Some(last) = last {
            arguments::fits(&last, function.parameter(operands.len())).map_err(|message| error_at(first, &message))?;
            values.push(last);
        }
        let value = (function.run)(&values).map_err(|message| {
            let context = command.to_string();
            error_in(first, &context, &format!("error calling {name}: {message}"))
        })?;
        self.weigh(&value)?;
        Ok(value)
    }

    /// Long texts cost steps, so that a text that doubles in a loop ends.
    fn weigh(&mut self, value: &Value) -> Result<(), TemplateError> {
        let Value::Text(text) = value else { return Ok(()) };
        if text.len() > MAX_OUTPUT {
            return Err(TemplateError(format!(": more than {MAX_OUTPUT} bytes of text")));
        }
        self.steps += text.len() / BYTES_A_STEP;
        self.step()
    }

    fn operand_for(
        &mut self,
        dot: &Value,
        operand: &Operand,
        parameter: functions::Parameter,
    ) -> Result<Value, TemplateError> {
        if let Some(message) = arguments::misfit(operand, parameter) {
            return Err(error_at(operand, &message));
        }
        let value = self.operand(dot, operand)?;
        arguments::fits(&value, parameter).map_err(|message| error_at(operand, &message))?;
        Ok(value)
    }

    fn operand(&mut self, dot: &Value, operand: &Operand) -> Result<Value, TemplateError> {
        match &operand.kind {
            Kind::Dot => Ok(dot.clone()),
            Kind::Nil => Ok(Value::Null(Null::Any)),
            Kind::Bool(on) => Ok(Value::Bool(*on)),
            Kind::Constant(_, value) => Ok(value.clone()),
            Kind::Field(names) => fields(operand, dot, names),
            Kind::Variable(name, names) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                // The parser has seen that it exists.
                let value = known.map_or(&Value::Null(Null::Any), |(_, value)| value);
                fields(operand, value, names)
            }
            Kind::Chain(base, names) => {
                let base = self.operand(dot, base)?;
                fields(operand, &base, names)
            }
            Kind::Function(name) => {
                let command = Command {
                    operands: vec![operand.clone()],
                };
                self.call(dot, &command, name, None)
            }
            Kind::Pipeline(pipeline) => self.pipeline(dot, pipeline),
        }
    }
}

fn first(pipeline: &Pipeline) -> &Operand {
    &pipeline.commands[0].operands[0]
}

/// The field of a field of a value.
fn fields(operand: &Operand, value: &Value, names: &[String]) -> Result<Value, TemplateError> {
    let mut value = value;
    for name in names {
        // What is not a row has come from JSON: Go knows no more of it than that it is there.
        let kind = if matches!(value, Value::Row(..)) {
            value.type_name()
        } else {
            "interface {}"
        };
        let missing = || error_at(operand, &format!("can't evaluate field {name} in type {kind}"));
        value = match (value.plain(), value.get(name)) {
            (_, Some(found)) => found,
            (Value::Map(_), None) => &Value::Null(Null::Any),
            // Docker looks into the JSON if the struct has no such field, and there it is a map.
            (Value::Struct(_), None) => {
                return Err(error_at(
                    operand,
                    &format!("map has no entry for key {}", dockerfile::quote(name)),
                ));
            }
            (Value::Null(_), None) => {
                return Err(error_at(
                    operand,
                    &format!("nil pointer evaluating interface {{}}.{name}"),
                ));
            }
            _ => return Err(missing()),
        };
    }
    Ok(value.clone())
}
