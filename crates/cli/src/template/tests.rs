//! Tests of templates. What they print was recorded from Docker's command line 28.2.2.

use super::{Null, Template, Value};
use proptest::prelude::*;

fn texts(all: &[&str]) -> Value {
    Value::List(all.iter().map(|text| Value::from(*text)).collect())
}

/// An image as `docker image inspect` has it, and a field `X` with what JSON can hold.
fn image() -> Value {
    let map = |pairs: &[(&str, Value)]| {
        Value::Map(
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        )
    };
    Value::structure([
        ("Id", "sha256:I".into()),
        ("RepoTags", texts(&["nginx:latest", "localhost:5000/nginx:1"])),
        ("Created", "2024-05-01T10:00:00.123456789Z".into()),
        (
            "Config",
            Value::structure([
                ("User", "".into()),
                ("ExposedPorts", map(&[("80/tcp", Value::structure([]))])),
                ("Tty", false.into()),
                ("Env", texts(&["PATH=/usr/bin", "A=<b>"])),
                ("Cmd", texts(&["nginx", "-g", "daemon off;"])),
                ("Volumes", Value::Null(Null::Map)),
                ("OnBuild", Value::Null(Null::List)),
                ("Labels", map(&[("b", "2".into()), ("a", "1 & <x>".into())])),
                ("StopSignal", "SIGQUIT".into()),
                ("Healthcheck", Value::unless_zero(Value::Null(Null::Pointer))),
            ]),
        ),
        ("Architecture", "amd64".into()),
        ("Os", "linux".into()),
        ("Size", Value::Int(187_654_321)),
        (
            "GraphDriver",
            Value::structure([
                ("Data", map(&[("LowerDir", "/l".into()), ("MergedDir", "/m".into())])),
                ("Name", "overlay2".into()),
            ]),
        ),
        (
            "RootFS",
            Value::structure([("Type", "layers".into()), ("Layers", texts(&["sha256:L", "sha256:M"]))]),
        ),
        (
            "X",
            Value::from_json(
                &serde_json::from_str(
                    r#"{"n":5,"f":1.5,"big":1234567890123,"t":true,"l":[1,"a",null,[2]],"m":{"k":"v","a":{"b":1}},
                        "nil":null,"s":"he\"llo","empty":[],"e":"","z":0}"#,
                )
                .expect("it is JSON"),
            ),
        ),
    ])
}

fn render(text: &str) -> Result<String, String> {
    let filled = Template::parse(text).and_then(|template| template.render(&image()));
    filled.map_err(|error| error.to_string())
}

#[test]
fn a_template_prints_what_docker_prints() {
    let cases = [
        ("{{.Id}} {{.Os}}", "sha256:I linux"),
        ("{{.Config.Labels}}", "map[a:1 & <x> b:2]"),
        ("{{.Config.Env}}", "[PATH=/usr/bin A=<b>]"),
        ("{{.Config.Cmd}}", "[nginx -g daemon off;]"),
        ("{{.RootFS}}", "{layers [sha256:L sha256:M]}"),
        ("{{.RootFS.Layers}}", "[sha256:L sha256:M]"),
        ("{{json .RootFS.Layers}}", "[\"sha256:L\",\"sha256:M\"]"),
        ("{{json .Config.Labels}}", "{\"a\":\"1 & <x>\",\"b\":\"2\"}"),
        ("{{.Config.Volumes}}", "map[]"),
        ("{{json .Config.Volumes}}", "null"),
        ("{{.Config.Labels.a}}", "1 & <x>"),
        ("{{.Config.Labels.zz}}", "<no value>"),
        ("{{index .Config.Labels \"a\"}}", "1 & <x>"),
        ("{{index .Config.Labels \"zz\"}}", ""),
        ("{{index .Config.Env 0}}", "PATH=/usr/bin"),
        ("{{range .Config.Env}}{{.}};{{end}}", "PATH=/usr/bin;A=<b>;"),
        ("{{range .Config.Env}}{{println .}}{{end}}", "PATH=/usr/bin\nA=<b>\n"),
        (
            "{{range $i, $e := .Config.Env}}{{$i}}={{$e}} {{end}}",
            "0=PATH=/usr/bin 1=A=<b> ",
        ),
        (
            "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}",
            "a=1 & <x> b=2 ",
        ),
        ("{{range .Config.Volumes}}x{{else}}none{{end}}", "none"),
        (
            "{{range $k, $v := .Config.ExposedPorts}}{{$k}} {{$v}}{{end}}",
            "80/tcp {}",
        ),
        ("{{.Config.ExposedPorts}}", "map[80/tcp:{}]"),
        ("{{if .Config.User}}u{{else if .Config.Cmd}}c{{else}}n{{end}}", "c"),
        ("{{if eq .Os \"linux\"}}yes{{end}}", "yes"),
        (
            "{{if and .Os .Architecture}}{{.Os}}/{{.Architecture}}{{end}}",
            "linux/amd64",
        ),
        ("{{or .Config.User \"root\"}}", "root"),
        ("{{not .Os}}", "false"),
        ("{{len .RootFS.Layers}}", "2"),
        ("{{len .Os}}", "5"),
        ("{{.Size}}", "187654321"),
        (
            "{{printf \"%.2f %d %s %q %v %5d|%-5s|%05d\" 1.5 3 .Os .Os .Size 7 \"a\" 42}}",
            "1.50 3 linux \"linux\" 187654321     7|a    |00042",
        ),
        ("{{printf \"%d\" .Os}}", "%!d(string=linux)"),
        ("{{printf \"%s\" 3}}", "%!s(int=3)"),
        ("{{printf \"%d\"}}", "%!d(MISSING)"),
        ("{{printf \"%d\" 1 2}}", "1%!(EXTRA int=2)"),
        ("{{printf \"%x %X %t %c %%\" 255 255 true 65}}", "ff FF true A %"),
        (
            "{{printf \"%v %v\" .Config.Env .Config.Labels}}",
            "[PATH=/usr/bin A=<b>] map[a:1 & <x> b:2]",
        ),
        ("{{printf \"%T\" .Os}}", "string"),
        (
            "{{upper .Os}} {{lower \"ABC\"}} {{title \"hello world\"}}",
            "LINUX abc Hello World",
        ),
        ("{{split \"a,b,c\" \",\"}}", "[a b c]"),
        ("{{join .Config.Cmd \" \"}}", "nginx -g daemon off;"),
        ("{{.Os | upper | printf \"%s!\"}}", "LINUX!"),
        ("{{.Created}}", "2024-05-01T10:00:00.123456789Z"),
        ("{{truncate .Os 3}}|{{pad .Os 2 1}}|", "lin|  linux |"),
        ("{{with .Config}}{{.StopSignal}}{{end}}", "SIGQUIT"),
        ("{{with .Config.User}}x{{else}}y{{end}}", "y"),
        ("{{with $x := .Os}}{{$x}}{{end}}", "linux"),
        ("{{$x := .Os}}{{$x}}{{$x = \"b\"}}{{$x}}", "linuxb"),
        (
            "{{.X}}",
            "map[big:1234567890123 e: empty:[] f:1.5 l:[1 a <nil> [2]] m:map[a:map[b:1] k:v] n:5 nil:<nil> s:he\"llo t:true z:0]",
        ),
        (
            "{{.X.n}} {{.X.f}} {{.X.big}} {{.X.t}} {{.X.l}} {{.X.m}} {{.X.nil}} {{.X.s}}",
            "5 1.5 1234567890123 true [1 a <nil> [2]] map[a:map[b:1] k:v] <no value> he\"llo",
        ),
        (
            "{{json .X}}",
            "{\"big\":1234567890123,\"e\":\"\",\"empty\":[],\"f\":1.5,\"l\":[1,\"a\",null,[2]],\"m\":{\"a\":{\"b\":1},\"k\":\"v\"},\"n\":5,\"nil\":null,\"s\":\"he\\\"llo\",\"t\":true,\"z\":0}",
        ),
        ("{{.X.m.a.b}}", "1"),
        ("{{(index .X.l 3)}}", "[2]"),
        ("{{index .X.l 3 0}}", "2"),
        ("{{index .X.m \"a\" \"b\"}}", "1"),
        ("{{len .X.l}} {{len .X.m}}", "4 2"),
        ("{{eq .X.s \"x\" \"he\\\"llo\"}}", "true"),
        (
            "{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}} {{ne 1 2}} {{lt \"a\" \"b\"}} {{lt 1.5 2.5}}",
            "true true false false true true true",
        ),
        ("{{print 1 2 \"a\" \"b\" 3}}", "1 2ab3"),
        ("{{println 1 \"a\"}}", "1 a\n"),
        ("{{\"a\" | print \"b\"}}", "ba"),
        ("{{/* comment */}}x", "x"),
        ("a {{- /* c */ -}} b", "ab"),
        ("{{- .Os -}}  x", "linuxx"),
        (" a {{- .Os -}} b ", " alinuxb "),
        (
            "{{\"quoted \\\"s\\\" \\n\"}}|{{`raw \\n`}}|{{'a'}}|{{0x10}}|{{1.50}}|{{1e3}}|{{-5}}|{{true}}",
            "quoted \"s\" \n|raw \\n|97|16|1.5|1000|-5|true",
        ),
        ("{{$.Os}}", "linux"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        (
            "{{range .Config.Env}}{{if eq . \"A=<b>\"}}{{continue}}{{end}}{{.}}{{end}}",
            "PATH=/usr/bin",
        ),
        ("{{range .Config.Env}}{{.}}{{break}}{{end}}", "PATH=/usr/bin"),
        ("{{slice .Os 1 3}}", "in"),
        (
            "{{html \"<a>\"}} {{js \"it's\"}} {{urlquery \"a b\"}}",
            "&lt;a&gt; it\\'s a+b",
        ),
        ("{{len .Config.User}}", "0"),
        ("{{index .Os 1}}", "105"),
        ("{{if not (eq .Os \"x\")}}ok{{end}}", "ok"),
        ("{{(.Config).User}}{{(index .Config.Env 0) | upper}}", "PATH=/USR/BIN"),
        ("{{ .Os}}{{\t.Os\t}}", "linuxlinux"),
        ("{{.Os|upper}}", "LINUX"),
        ("table {{.Os}}", "table linux"),
        (
            "{{.GraphDriver.Data.LowerDir}} {{.GraphDriver}}",
            "/l {map[LowerDir:/l MergedDir:/m] overlay2}",
        ),
        ("{{.Config.OnBuild}}|{{json .Config.OnBuild}}", "[]|null"),
        ("{{json .Config.Tty}} {{.Config.Tty}}", "false false"),
        ("{{.Config.Healthcheck}}", "<nil>"),
        ("{{with .Config.Healthcheck}}h{{else}}no{{end}}", "no"),
        ("{{.Id}}}}", "sha256:I}}"),
        ("}}", "}}"),
        ("{{.Id}} {{\".X\"}}", "sha256:I .X"),
        ("{{.1}}", "0.1"),
        ("{{eq .Config.Volumes nil}}", "true"),
        ("{{println}}", "\n"),
        ("{{print .RepoTags}}", "[nginx:latest localhost:5000/nginx:1]"),
        ("{{print nil}}", "<nil>"),
        ("{{printf \"%v %s\" nil nil}}", "<nil> %!s(<nil>)"),
        ("{{printf \"%v\" true}} {{printf \"%s\" true}}", "true %!s(bool=true)"),
        (
            "{{printf \"%6.2f|%-8q|%+d|%e\" 3.14159 \"a\" 5 12345.678}}",
            "  3.14|\"a\"     |+5|1.234568e+04",
        ),
        (
            "{{printf \"%s\" .RepoTags}} {{printf \"%q\" .RepoTags}}",
            "[nginx:latest localhost:5000/nginx:1] [\"nginx:latest\" \"localhost:5000/nginx:1\"]",
        ),
        (
            "{{printf \"%5t|%10v|%-10v|\" true \"a\" \"b\"}}",
            " true|         a|b         |",
        ),
        ("{{printf \"%*d\" 5 3}}", "    3"),
        ("{{printf \"%z\" 3}}", "%!z(int=3)"),
        ("{{printf .Os}}", "linux"),
        ("{{if gt .Size 100}}big{{end}}", "big"),
        ("{{if ge (len .RootFS.Layers) 2}}many{{end}}", "many"),
        (
            "{{range $i, $l := .RootFS.Layers}}{{if $i}}, {{end}}{{$l}}{{end}}",
            "sha256:L, sha256:M",
        ),
        (
            "{{range $l := .RepoTags}}[{{$l}}]{{end}}",
            "[nginx:latest][localhost:5000/nginx:1]",
        ),
        ("{{title \"ÉCOLE d'été o'neil foo-bar\"}}", "ÉCOLE D'Été O'Neil Foo-Bar"),
        ("{{split .Os \"\"}}", "[l i n u x]"),
        ("{{json \"a<b>&\\u2028é\"}}", "\"a<b>&\\u2028é\""),
        (
            "{{json 1.0}} {{json 1e21}} {{json 1.5}} {{1e21}} {{1e20}} {{0.00001}} {{100000000.0}} {{123456789.0}} {{1.0}}",
            "1 1e+21 1.5 1e+21 1e+20 1e-05 1e+08 1.23456789e+08 1",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(render(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_template_that_cannot_be_read_is_refused_in_gos_words() {
    let cases = [
        ("{{$y}}", ":1: undefined variable \"$y\""),
        ("{{.Os}", ":1: bad character U+007D '}'"),
        ("{{.Os", ":1: unclosed action"),
        ("{{}}", ":1: missing value for command"),
        ("{{if}}a{{end}}", ":1: missing value for if"),
        ("{{if .Os}}a", ":1: unexpected EOF"),
        ("{{end}}", ":1: unexpected {{end}}"),
        ("{{else}}", ":1: unexpected {{else}}"),
        ("{{foo .Os}}", ":1: function \"foo\" not defined"),
        ("{{.Os | \"b\"}}", ":1: non executable command in pipeline stage 2"),
        ("{{.Os @}}", ":1: unexpected \"@\" in operand"),
        ("{{\"abc}}", ":1: unterminated quoted string"),
        ("{{range}}{{end}}", ":1: missing value for range"),
        ("{{break}}", ":1: {{break}} outside {{range}}"),
        ("{{range .Config.Env}}{{.}}", ":1: unexpected EOF"),
        ("{{if .Os}}{{else}}{{else}}{{end}}", ":1: expected end; found {{else}}"),
        ("{{.Id", ":1: unclosed action"),
        ("{{ {{.Id}} }}", ":1: unexpected \"{\" in command"),
        ("{{..}}", ":1: unexpected <.> in operand"),
        ("{{1.2.3}}", ":1: unexpected \".3\" in operand"),
        ("{{$a, $b := .Os}}", ":1: too many declarations in command"),
        ("{{.Os := 1}}", ":1: unexpected \":=\" in operand"),
        ("{{with}}{{end}}", ":1: missing value for with"),
        ("{{(.Os}}", ":1: unclosed left paren"),
        ("{{.Os)}}", ":1: unexpected right paren"),
    ];
    for (text, expected) in cases {
        let error = Template::parse(text).expect_err(text).to_string();
        assert_eq!(error, format!("template: {expected}"), "{text}");
    }
}

#[test]
fn a_template_that_cannot_be_filled_says_where_in_gos_words() {
    let cases = [
        (
            "{{index .Config.Env 9}}",
            ":1:2: executing \"\" at <index .Config.Env 9>: error calling index: index out of range: 9",
        ),
        (
            "{{index .Config.Env \"a\"}}",
            ":1:2: executing \"\" at <index .Config.Env \"a\">: error calling index: cannot index slice/array with type string",
        ),
        (
            "{{index .Config.Labels 1}}",
            ":1:2: executing \"\" at <index .Config.Labels 1>: error calling index: value has type int; should be string",
        ),
        (
            "{{join .Config.Labels \" \"}}",
            ":1:14: executing \"\" at <.Config.Labels>: wrong type for value; expected []string; got map[string]interface {}",
        ),
        (
            "{{.Config.Cmd | join \" \"}}",
            ":1:21: executing \"\" at <\" \">: can't handle \" \" for arg of type []string",
        ),
        (
            "{{.Foo}}",
            ":1:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\"",
        ),
        (
            "{{.Config.Foo}}",
            ":1:9: executing \"\" at <.Config.Foo>: map has no entry for key \"Foo\"",
        ),
        (
            "{{.Os.Foo}}",
            ":1:5: executing \"\" at <.Os.Foo>: can't evaluate field Foo in type interface {}",
        ),
        (
            "{{.X.nil.foo}}",
            ":1:4: executing \"\" at <.X.nil.foo>: nil pointer evaluating interface {}.foo",
        ),
        (
            "{{eq .X.n 5.0}}",
            ":1:2: executing \"\" at <eq .X.n 5.0>: error calling eq: incompatible types for comparison",
        ),
        (
            "{{lt 1 \"a\"}}",
            ":1:2: executing \"\" at <lt 1 \"a\">: error calling lt: incompatible types for comparison",
        ),
        (
            "{{eq 1 \"a\"}}",
            ":1:2: executing \"\" at <eq 1 \"a\">: error calling eq: incompatible types for comparison",
        ),
        (
            "{{eq 1 1.0}}",
            ":1:2: executing \"\" at <eq 1 1.0>: error calling eq: incompatible types for comparison",
        ),
        ("{{nil}}", ":1:2: executing \"\" at <nil>: nil is not a command"),
        (
            "{{.Os .Id}}",
            ":1:2: executing \"\" at <.Os>: Os is not a method but has arguments",
        ),
        (
            "{{\"a\" \"b\"}}",
            ":1:2: executing \"\" at <\"a\">: can't give argument to non-function \"a\"",
        ),
        (
            "{{range .Os}}{{.}}{{end}}",
            ":1:8: executing \"\" at <.Os>: range can't iterate over linux",
        ),
        (
            "{{len 3}}",
            ":1:2: executing \"\" at <len 3>: error calling len: len of type int",
        ),
        (
            "{{index nil 1}}",
            ":1:2: executing \"\" at <index nil 1>: error calling index: index of untyped nil",
        ),
        (
            "{{.Config.Env.foo}}",
            ":1:9: executing \"\" at <.Config.Env.foo>: can't evaluate field foo in type interface {}",
        ),
        ("{{upper 3}}", ":1:8: executing \"\" at <3>: expected string; found 3"),
        (
            "{{upper}}",
            ":1:2: executing \"\" at <upper>: wrong number of args for upper: want 1 got 0",
        ),
        (
            "{{join .Os \",\"}}",
            ":1:7: executing \"\" at <.Os>: wrong type for value; expected []string; got string",
        ),
        (
            "{{join .RootFS.Layers}}",
            ":1:2: executing \"\" at <join>: wrong number of args for join: want 2 got 1",
        ),
        (
            "{{upper .Os .Os}}",
            ":1:2: executing \"\" at <upper>: wrong number of args for upper: want 1 got 2",
        ),
        (
            "{{not}}",
            ":1:2: executing \"\" at <not>: wrong number of args for not: want 1 got 0",
        ),
        (
            "{{eq .Os}}",
            ":1:2: executing \"\" at <eq .Os>: error calling eq: missing argument for comparison",
        ),
        (
            "{{and}}",
            ":1:2: executing \"\" at <and>: wrong number of args for and: want at least 1 got 0",
        ),
        (
            "{{json}}",
            ":1:2: executing \"\" at <json>: wrong number of args for json: want 1 got 0",
        ),
        (
            "{{.os}}",
            ":1:2: executing \"\" at <.os>: map has no entry for key \"os\"",
        ),
        (
            "{{eq .RepoTags .RepoTags}}",
            ":1:2: executing \"\" at <eq .RepoTags .RepoTags>: error calling eq: non-comparable type [nginx:latest localhost:5000/nginx:1]: []interface {}",
        ),
        ("{{printf 3}}", ":1:9: executing \"\" at <3>: expected string; found 3"),
    ];
    for (text, expected) in cases {
        assert!(Template::parse(text).is_ok(), "{text}");
        assert_eq!(render(text), Err(format!("template: {expected}")), "{text}");
    }
}

#[test]
fn a_row_names_its_type_when_a_field_is_missing() {
    let row = Value::Row("*formatter.imageContext", vec![("ID".to_owned(), "abc".into())]);
    let template = Template::parse("{{.ID}} {{.Foo}}").unwrap();
    assert_eq!(
        template.render(&row).unwrap_err().to_string(),
        "template: :1:10: executing \"\" at <.Foo>: can't evaluate field Foo in type *formatter.imageContext"
    );
}

#[test]
fn what_is_zero_and_left_out_of_json_can_still_be_asked_for() {
    let value = Value::structure([
        ("A", Value::unless_zero("".into())),
        ("B", Value::unless_zero("b".into())),
        ("C", Value::unless_zero(Value::Null(Null::Map))),
    ]);
    let template = Template::parse("{{.A}}|{{.B}}|{{.C}}|{{len .C}}|{{json .}}").unwrap();
    assert_eq!(template.render(&value).unwrap(), "|b|map[]|0|{\"B\":\"b\"}");
}

#[test]
fn json_in_lines_is_indented_by_four() {
    let value = Value::structure([
        ("A", texts(&["x"])),
        ("B", Value::List(Vec::new())),
        ("C", Value::Null(Null::List)),
        ("D", Value::structure([])),
    ]);
    assert_eq!(
        value.to_json_lines(),
        "{\n    \"A\": [\n        \"x\"\n    ],\n    \"B\": [],\n    \"C\": null,\n    \"D\": {}\n}"
    );
}

#[test]
fn a_template_cannot_run_or_grow_without_end() {
    let forever = "{{range 2000000000}}{{end}}";
    assert!(render(forever).unwrap_err().contains("steps"));
    let doubles = "{{$x := \"ab\"}}{{range 64}}{{$x = print $x $x}}{{end}}";
    assert!(render(doubles).is_err());
    let wide = "{{range 1000000}}{{printf \"%10000d\" 1}}{{end}}";
    assert!(render(wide).is_err());
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(Template::parse(&deep).is_err());
    let nested = "{{if 1}}".repeat(10_000);
    assert!(Template::parse(&nested).is_err());
    let chained = "{{if 0}}{{else ".to_owned() + &"if 0}}{{else ".repeat(10_000);
    assert!(Template::parse(&chained).is_err());
}

proptest! {
    #[test]
    fn no_template_panics(text in r#"(\{\{(-? ?)[a-z.$"`'|() :=,0-9A-Z%*/+-]{0,24}( -)?\}\}|\PC{0,6}){0,5}"#) {
        let _ = render(&text);
    }

    #[test]
    fn no_words_of_the_language_panic(words in proptest::collection::vec(
        prop::sample::select(vec![
            "{{", "}}", "if", "else", "end", "range", "with", ".X", ".Os", ".", "$x", ":=", "=", ",", "|", "(", ")", "index",
            "slice", "printf", "\"%5d%s%q%x\"", "split", "pad", "truncate", "title", "json", "join", "len", "eq", "lt", "and", "not",
            "1", "-1", "0", "99999999999", "1.5e300", "\"é\"", "nil", "true", "break", "{{-", "-}}", "{{/*", "*/}}", "'x'", "html",
        ]),
        0..24,
    )) {
        let _ = render(&words.join(" "));
    }
}
