//! Names that SQL must write in quotes: what is printed can be pasted.

use crate::harness::Folder;

const ODD: &str = r#"
create schema "Odd One";
create table public."My Users" ("Id" int primary key, "E;mail" text);
create table public."My Table" (
  "Id" int not null,
  "user" int references public."My Users" ("Id"),
  "Owner;" uuid,
  "Api-Key password" text,
  "createdAt" timestamp
);
create index "First Index" on public."My Table" ("Owner;", "Id");
create index "Second Index" on public."My Table" ("Owner;", "Id");
alter table public."My Table" enable row level security;
create policy "say ""all""" on public."My Table" using (true) with check (true);
create policy "own" on public."My Table" for select using ("Owner;" = auth.uid());
create policy "gone" on public."My Users" using ((auth.jwt() -> 'user_metadata') ->> 'Role' = 'x');
create table public."Shut Away" ("Id" int);
alter table public."Shut Away" enable row level security;
create view public."My View" as select * from public."My Table";
create function public."Do It"("What Else" text) returns void language plpgsql security definer as $$
begin execute "What Else"; perform 1 from public."My Table" where "Api-Key password" = "What Else"; end $$;
create extension citext schema public;
alter table "Odd One"."Not There" add column x int;
drop policy "Not There" on public."My Table";
"#;

/// The names above that are never to be seen without their quotes.
const NAMES: &[&str] = &[
    "Odd One",
    "My Users",
    "My Table",
    "Shut Away",
    "My View",
    "Do It",
    "What Else",
    "Not There",
    "Owner;",
    "E;mail",
    "Api-Key password",
    "createdAt",
    "First Index",
    "Second Index",
];

#[test]
fn odd_names_are_quoted_wherever_they_are_shown() {
    let answer =
        Folder::project(ODD).run(&["--rule-set", "strict", "--format", "json", "--fail-on", "never"]);
    let report: serde_json::Value = serde_json::from_str(&answer.out).expect("it is JSON");
    let findings = report["findings"].as_array().expect("it is a list");
    let mut seen = 0;
    for finding in findings {
        let related = finding["related"].as_array().into_iter().flatten().map(|place| &place["message"]);
        let texts = [&finding["message"], &finding["note"], &finding["help"]].into_iter().chain(related);
        for text in texts.filter_map(|text| text.as_str()) {
            let bare = text.split('"').step_by(2).collect::<String>();
            for name in NAMES.iter().filter(|name| text.contains(**name)) {
                seen += 1;
                assert!(!bare.contains(name), "{name} in {}: {text}", finding["rule"]);
            }
            assert!(!text.contains("say \"all\""), "{text}");
        }
    }
    assert!(seen > 40, "{seen}");
    let table = findings.iter().find(|finding| finding["rule"] == "no-primary-key").expect("it is found");
    assert_eq!(table["object"]["name"], "My Table");
}
