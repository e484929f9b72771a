use super::BlockStatementKind as Kind;
use super::*;
use crate::source::FileId;
use crate::sql::statement::StatementKind;

fn block(text: &str) -> Block {
    let span = Span::new(FileId(0), 0, text.len());
    parse(&BodyText::new(text, span, true))
}

/// Each statement, nested ones included: the text under its span.
fn texts(text: &str) -> Vec<&str> {
    let mut list = Vec::new();
    block(text).walk(&mut |statement| list.push(&text[statement.span.range()]));
    list
}

/// The one statement of a block around it. Every expression in it must have been read.
fn one(statement: &str) -> Kind {
    let text = format!("begin\n  {statement};\nend");
    let mut block = block(&text);
    block.walk(&mut |inner| {
        assert_ne!(inner.kind, Kind::Unparsed, "{statement}");
        for fragment in inner.fragments() {
            assert!(fragment.value.is_some(), "{statement}: {}", &text[fragment.span.range()]);
        }
    });
    assert_eq!(block.body.len(), 1, "{statement}");
    assert_eq!(&text[block.body[0].span.range()], statement);
    block.body.remove(0).kind
}

fn under(statement: &str, fragment: &Fragment) -> String {
    format!("begin\n  {statement};\nend")[fragment.span.range()].to_owned()
}

#[test]
fn declarations_of_every_kind() {
    let text = "#variable_conflict use_column
        <<outer>> declare
        a int; b constant numeric(10, 2) not null := 1.5; c text[] collate \"C\" default 'x;'; d public.t%rowtype;
        e t.id%type = -1; f int =-2; g alias for $1;
        h no scroll cursor (k int) for select * from t where id = k; i refcursor; \"Loud\" record;
        begin null; end outer;";
    let block = block(text);
    let found: Vec<_> = block
        .declarations
        .iter()
        .map(|one| {
            let default = one.default.as_ref().map(|default| &text[default.span.range()]);
            (one.name.as_str(), one.data_type.as_str(), one.constant, default)
        })
        .collect();
    let expected = [
        ("a", "int", false, None),
        ("b", "numeric(10, 2)", true, Some("1.5")),
        ("c", "text[]", false, Some("'x;'")),
        ("d", "public.t%rowtype", false, None),
        ("e", "t.id%type", false, Some("-1")),
        ("f", "int", false, Some("-2")),
        ("g", "alias", false, None),
        ("h", "cursor", false, None),
        ("i", "refcursor", false, None),
        ("Loud", "record", false, None),
    ];
    assert_eq!(found, expected);
    let query = block.declarations[7].query.as_ref().unwrap();
    assert_eq!(&text[query.span.range()], "select * from t where id = k");
    assert_eq!(block.body[0].kind, Kind::Other("NULL"));
}

#[test]
fn control_flow_nests() {
    let text = "begin
        if a then x := 1; elsif b then y := 2; elseif c then null; else
            case k when 1, 2 then z := 3; else null; end case;
        end if;
        <<l>> loop exit l when n > 1; continue; end loop l;
        while a < 1 loop declare q int; begin q := 1; end; end loop;
        return;
    end";
    let block = block(text);
    assert_eq!(block.body.len(), 4);
    let Kind::If { arms, otherwise } = &block.body[0].kind else { panic!() };
    assert_eq!(arms.len(), 3);
    assert_eq!(&text[arms[1].0.span.range()], "b");
    let Kind::Case { operand: Some(_), arms, otherwise: Some(_) } = &otherwise[0].kind else { panic!() };
    assert_eq!(arms[0].0.len(), 2);
    assert!(text[block.body[0].span.range()].ends_with("end if"));
    let Kind::Loop { head: LoopHead::Forever, body } = &block.body[1].kind else { panic!() };
    assert!(
        matches!(&body[0].kind, Kind::Exit { resumes: false, condition: Some(_), label: Some(label) } if label == "l")
    );
    assert_eq!(body[1].kind, Kind::Exit { label: None, resumes: true, condition: None });
    let Kind::Loop { head: LoopHead::While(_), body } = &block.body[2].kind else { panic!() };
    assert!(matches!(&body[0].kind, Kind::Block(inner) if inner.declarations.len() == 1));
    assert_eq!(block.body[3].kind, Kind::Return(None));
    assert!(matches!(one("case when a > 1 then null; end case"), Kind::Case { operand: None, .. }));
}

#[test]
fn loops_over_everything() {
    let head = |statement: &str| match one(statement) {
        Kind::Loop { head, .. } => head,
        other => panic!("{other:?}"),
    };
    let statement = "for i in reverse 10..f(1) by 2 loop null; end loop";
    let LoopHead::Range { variable, bounds, reverse: true } = head(statement) else { panic!() };
    assert_eq!(variable, "i");
    let bounds: Vec<_> = bounds.iter().map(|bound| under(statement, bound)).collect();
    assert_eq!(bounds, ["10", "f(1)", "2"]);
    assert!(matches!(head("for i in 1 .. n loop null; end loop"), LoopHead::Range { .. }));
    let LoopHead::Query { variables, .. } = head("for a, b in select 1, 2 from t loop null; end loop") else {
        panic!()
    };
    assert_eq!(variables, ["a", "b"]);
    assert!(matches!(head("for r in (select 1) loop null; end loop"), LoopHead::Query { .. }));
    assert!(matches!(head("for r in c(1, 2) loop null; end loop"), LoopHead::Cursor { .. }));
    assert!(matches!(head("for r in c loop null; end loop"), LoopHead::Cursor { .. }));
    let LoopHead::Execute { using, .. } = head("for r in execute 'select $1' using 1, 2 loop null; end loop")
    else {
        panic!()
    };
    assert_eq!(using.len(), 2);
    let LoopHead::Array { variables, .. } =
        head("foreach x slice 1 in array array[1, 2] loop null; end loop")
    else {
        panic!()
    };
    assert_eq!(variables, ["x"]);
}

#[test]
fn assignments() {
    for (statement, target, field, value) in [
        ("x := 1 + 2", "x", None, "1 + 2"),
        ("x = 1", "x", None, "1"),
        ("x=-1", "x", None, "-1"),
        ("new.role := old.role", "new", Some("role"), "old.role"),
        ("a[1][b[2]] := 3", "a", None, "3"),
        ("$1 := 2", "$1", None, "2"),
        ("\"End\" := 2", "End", None, "2"),
        ("n := count(*) from t where a = 1", "n", None, "count(*) from t where a = 1"),
        ("return := 5", "return", None, "5"),
    ] {
        let Kind::Assign { target: found, field: part, value: fragment } = one(statement) else {
            panic!("{statement}")
        };
        assert_eq!(found, target);
        assert_eq!(part.as_deref(), field);
        assert_eq!(under(statement, &fragment), value);
    }
}

#[test]
fn into_names_variables_and_keeps_places() {
    let text = "begin select t.a, (select 1) into strict x, y.z from tbl as t where t.a = 'ü'; end";
    let block = block(text);
    let Kind::Sql { statement, into } = &block.body[0].kind else { panic!("{block:?}") };
    assert_eq!(into, &["x", "y"]);
    let StatementKind::Query(query) = &statement.kind else { panic!() };
    let mut relations = Vec::new();
    query.walk_relations(&mut |relation| relations.push(&text[relation.name.span.range()]));
    assert_eq!(relations, ["tbl"]);
    for statement in [
        "select into x a, b from t",
        "insert into t values (1) returning id into x",
        "with i as (insert into t values (1) returning id) select id into x from i",
        "update t set a = 1 where b returning a into x",
        "delete from t returning 1 into x",
    ] {
        let Kind::Sql { into, .. } = one(statement) else { panic!("{statement}") };
        assert_eq!(into, ["x"], "{statement}");
    }
    let Kind::Sql { into, .. } = one("insert into t select 1") else { panic!() };
    assert!(into.is_empty());
}

#[test]
fn statements_that_run_text() {
    let statement = "execute format('select %I', a) into strict b using c, d + 1";
    let Kind::Execute { command, using, into } = one(statement) else { panic!() };
    assert_eq!(under(statement, &command), "format('select %I', a)");
    assert_eq!((using.len(), into.len()), (2, 1));
    let Kind::Execute { using, into, .. } = one("execute q using 1 into x, y") else { panic!() };
    assert_eq!((using.len(), into.len()), (1, 2));
    assert!(matches!(one("return query execute q using 1"), Kind::ReturnExecute { .. }));
    assert!(matches!(one("open c for execute q using 1"), Kind::OpenExecute { .. }));
}

#[test]
fn returns() {
    assert_eq!(one("return"), Kind::Return(None));
    assert!(matches!(one("return new"), Kind::Return(Some(_))));
    assert!(matches!(one("return (1, 2)"), Kind::Return(Some(_))));
    assert!(matches!(one("return query"), Kind::Return(Some(_))));
    assert_eq!(one("return next"), Kind::ReturnNext(None));
    assert!(matches!(one("return next r"), Kind::ReturnNext(Some(_))));
    assert!(matches!(one("return query select 1"), Kind::ReturnQuery(_)));
    assert!(matches!(one("return query with x as (select 1) select * from x"), Kind::ReturnQuery(_)));
}

#[test]
fn raise_in_every_form() {
    use RaiseLevel::{Exception, Message};
    for (statement, wanted, condition, message, count) in [
        ("raise", Exception, None, None, 0),
        ("raise 'no'", Exception, None, Some("no"), 0),
        ("raise notice 'it''s % and %', a, f(b, c)", Message, None, Some("it's % and %"), 2),
        (
            "raise exception 'a '\n 'b' using errcode = '42501', hint = h || 'x'",
            Exception,
            Some("42501"),
            Some("a b"),
            2,
        ),
        ("raise division_by_zero", Exception, Some("division_by_zero"), None, 0),
        ("raise sqlstate '22012' using message := 'm'", Exception, Some("22012"), None, 1),
        ("raise exception using message = 'm', errcode = 'P0001'", Exception, Some("p0001"), None, 2),
        ("raise warning $$a$$", Message, None, Some("a"), 0),
    ] {
        let Kind::Raise { level, condition: state, message: format, args } = one(statement) else { panic!() };
        assert_eq!(level, wanted, "{statement}");
        assert_eq!(
            (state.as_deref(), format.as_deref(), args.len()),
            (condition, message, count),
            "{statement}"
        );
    }
}

#[test]
fn the_other_statements() {
    assert_eq!(one("null"), Kind::Other("NULL"));
    assert!(
        matches!(one("perform f(1), g() from t"), Kind::Perform(query) if matches!(query.kind, StatementKind::Query(_)))
    );
    assert!(matches!(one("assert a > 1, 'message'"), Kind::Assert(list) if list.len() == 2));
    let received =
        |command, names: &[&str]| Kind::Receive { command, into: names.iter().map(Ident::new).collect() };
    assert_eq!(one("get diagnostics a = row_count"), received("GET DIAGNOSTICS", &["a"]));
    assert_eq!(
        one("get stacked diagnostics a = message_text, b := pg_exception_detail"),
        received("GET DIAGNOSTICS", &["a", "b"])
    );
    assert_eq!(one("fetch next from c into a, b.c"), received("FETCH", &["a", "b"]));
    assert_eq!(one("move forward 2 from c"), Kind::Other("MOVE"));
    assert_eq!(one("close c"), Kind::Other("CLOSE"));
    assert_eq!(one("open c(1)"), Kind::Other("OPEN"));
    assert!(matches!(one("open c no scroll for select 1"), Kind::Open(_)));
    for statement in ["call p(1)", "commit", "rollback and chain", "create table t (id int)", "lock table t"]
    {
        assert!(matches!(one(statement), Kind::Sql { .. }), "{statement}");
    }
    let whole =
        "create function f() returns int begin atomic select 1; select case when true then 2 end; end";
    assert!(matches!(one(whole), Kind::Sql { .. }));
}

#[test]
fn handlers_name_their_conditions() {
    let text = "begin a := 1; exception when duplicate_object or Unique_Violation then null;
        when sqlstate '42P07' then null; when others then raise; end";
    let block = block(text);
    let conditions: Vec<_> = block.handlers.iter().map(|handler| handler.conditions.join(" ")).collect();
    assert_eq!(conditions, ["duplicate_object unique_violation", "42p07", "others"]);
    assert_eq!(block.handlers[2].body.len(), 1);
}

#[test]
fn nested_do_blocks() {
    let text = "begin do $outer$ begin execute $$ select ';' $$; end $outer$; end";
    let block = block(text);
    let Kind::Sql { statement, .. } = &block.body[0].kind else { panic!() };
    let StatementKind::Do(inner) = &statement.kind else { panic!() };
    let inner = inner.block.as_ref().unwrap();
    assert_eq!(&text[inner.body[0].span.range()], "execute $$ select ';' $$");
}

#[test]
fn what_cannot_be_read_costs_no_neighbour() {
    for broken in [
        "frobnicate the table",
        "if a x := 1",
        "select (1",
        "raise exception using hint",
        "select 'a' 'b'",
        "get lost",
        "return query selct 1",
    ] {
        let text = format!("begin\n a := 1;\n {broken};\n b := 2;\nend");
        let texts = texts(&text);
        assert!(texts.contains(&"a := 1") && texts.contains(&"b := 2"), "{broken}: {texts:?}");
        assert!(texts.contains(&broken), "{broken}: {texts:?}");
        let mut unparsed = 0;
        block(&text).walk(&mut |statement| unparsed += usize::from(statement.kind == Kind::Unparsed));
        assert_eq!(unparsed, 1, "{broken}");
    }
}

#[test]
fn the_body_of_a_loop_outlives_its_head() {
    let text = "begin for r select 1 loop a := 1; end loop; b := 2; end";
    let block = block(text);
    let Kind::Loop { head: LoopHead::Unparsed(head), body } = &block.body[0].kind else { panic!() };
    assert_eq!((&text[head.range()], body.len(), block.body.len()), ("for r select 1", 1, 2));
}

#[test]
fn a_missing_end_leaves_the_rest() {
    let text = "begin if a then b := 1; loop c := 2; end if; d := 3; exception when others then e := 4; end";
    let texts = texts(text);
    for wanted in ["b := 1", "c := 2", "d := 3", "e := 4"] {
        assert!(texts.contains(&wanted), "{texts:?}");
    }
    let text = "begin if a b := 1; else c := 2; end if; d := 3; end";
    let texts = self::texts(text);
    assert!(texts.contains(&"c := 2") && texts.contains(&"d := 3"), "{texts:?}");
}

#[test]
fn garbage_neither_fails_nor_hangs() {
    for unit in [
        "begin ",
        "if ",
        "if a then ",
        "loop ",
        "case when ",
        "when ",
        "else ",
        "declare ",
        "a[ ;",
        "x := (",
        "end ",
        "end if;",
        "exception when ",
        "for a in ",
        "raise using ",
        "execute into ",
        "<<",
        "$a",
        "'",
        "get a, ",
        ";",
        "open c for ",
        "#",
        "-- a",
    ] {
        let text = format!("begin {}", unit.repeat(100_000 / unit.len()));
        block(&text);
        block(&text[6..]);
    }
    assert_eq!(block("").body, []);
}

/// The first error of a body: the text under it, and what it says.
fn error(text: &str) -> Option<(String, String)> {
    let block = block(text);
    let error = first_error(&block, &["argument".into()])?;
    Some((text[error.span.range()].to_owned(), error.message))
}

#[test]
fn a_body_that_postgresql_does_not_take_has_an_error() {
    for (text, place, message) in [
        ("begin a := 1 +; end", "+", "syntax error at end of input"),
        ("begin perform 1 from frm frm frm; end", "frm", "syntax error at or near \"frm\""),
        ("begin selec 1; end", "selec", "syntax error at or near \"selec\""),
        ("begin select a frm frm t into argument; end", "frm", "syntax error at or near \"frm\""),
        ("begin argument := ; end", "", "missing expression"),
        ("begin if true then null; end; end", ";", "syntax error at or near \";\""),
        ("begin if true null; end if; end", ";", "syntax error at or near \";\""),
        ("begin null; end loop; end", "loop", "syntax error at or near \"loop\""),
        ("begin null;", "", "syntax error at end of input"),
        ("begin null; end; begin", "begin", "syntax error at or near \"begin\""),
        ("select 1;", "select", "syntax error at or near \"select\""),
        ("", "", "syntax error at end of input"),
        ("begin raise notice 'a % %', 1; end", "'a % %'", "too few parameters specified for RAISE"),
        ("begin raise notice 'a', 1; end", "'a'", "too many parameters specified for RAISE"),
        ("begin unknown := 1; end", "unknown := 1", "\"unknown\" is not a known variable"),
        ("begin select 1 into unknown; end", "select 1 into unknown", "\"unknown\" is not a known variable"),
        (
            "begin for r in select 1 loop null; end loop; end",
            "",
            "loop variable of loop over rows must be a record variable or list of scalar variables",
        ),
        (
            "begin null; exception when duplicate_policy then null; end",
            "duplicate_policy",
            "unrecognized exception condition \"duplicate_policy\"",
        ),
        (
            "begin begin null; exception when others then null; when undefined_policy or undefined_table then null; end; end",
            "undefined_policy or undefined_table",
            "unrecognized exception condition \"undefined_policy\"",
        ),
        ("declare a int; a text; begin null; end", "a text", "duplicate declaration at or near \"a\""),
    ] {
        let (found, said) = error(text).expect(text);
        assert!(said == message && found == place, "{text}: {found}: {said}");
    }
}

#[test]
fn a_sound_body_has_none() {
    for text in [
        "begin end",
        "#variable_conflict use_column\n<<l>> begin l.x := 1; end l;",
        "begin argument := 1; $1 := 2; new.a := 3; found := false; end;",
        "begin raise notice '100 %% of %', 1 using hint = 'a'; raise exception using message = 'b'; raise; end",
        "declare r record; begin for r in select 1 loop r.a := 1; end loop; for i in 1..2 loop null; end loop; end",
        "declare c cursor for select 1; begin for r in c loop r.a := 1; end loop; end",
        "declare a int; begin declare a text; begin a := 'x'; end; end",
        "declare a int; b int; begin select 1, 2 into strict a, b; get diagnostics a = row_count; end",
        "begin if a then null; elsif b then null; else null; end if; case when c then null; end case; end",
        "begin begin null; exception when others then null; when sqlstate '22012' then null; end; end",
    ] {
        assert_eq!(error(text), None, "{text}");
    }
}
