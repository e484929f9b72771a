# Writes the JSON report of rls-lint as annotations (`annotations`), as lines (`list`) or as Markdown
# (`markdown`), for run.sh. `$prefix` is the working directory as seen from the root of the repository.

def by_severity:
  ["error", "warning", "info"] as $order | .findings | sort_by(.severity as $one | $order | index($one));

# A text after `::`, and a value before it.
def data: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");
def property: data | gsub(":"; "%3A") | gsub(","; "%2C");

# GitHub shows ten annotations of a kind for a step, and drops the rest without a word.
def annotations:
  by_severity as $found
  | (["error", "error"], ["warning", "warning"], ["info", "notice"]) as [$severity, $command]
  | [$found[] | select(.severity == $severity)] as $same
  | ($same[:10][]
      | "::\($command) file=\($prefix + .file | property),line=\(.start.line),endLine=\(.end.line)"
        + ",title=\(.rule | property)::\(.message | data)"),
    (if ($same | length) > 10 then "\($same | length - 10) more of severity \($severity): see the summary" else empty end);

# A text in which nothing is Markdown, HTML or a mention.
def escaped:
  gsub("[\r\n]+"; " ") | gsub("@"; "@\u200b")
  | gsub("(?<c>[^A-Za-z0-9 .,:;()/'\"=@\u200b-])"; "&#\(.c | explode[0]);");

def counted($noun): if . == 1 then "1 \($noun)" else "\(.) \($noun)s" end;

def counts:
  [(["error", "warning", "info"][] as $severity
    | [.findings[] | select(.severity == $severity)] | length | select(. > 0) | counted($severity))]
  | if length > 0 then join(", ") else "nothing found" end;

def headline:
  if (.findings | length) == 0 and (.problems | length) > 0 then "not everything could be checked"
  elif (.findings | length) == 0 and .change then "nothing new found" else counts end;

def markdown:
  "### rls-lint: \(headline)",
  "",
  (.problems[] | "**This could not be done:** \(escaped)", ""),
  (if .change then
    "Compared with \(.change.base | escaped): \(.change.fixed | length | counted("finding")) fixed, \(.change.staying) as before.",
    "",
    (if (.change.access | length) > 0 then "| access | what changes | place |", "|---|---|---|" else empty end),
    (.change.access[]
      | "| \(.class) | \(.message | escaped) | \(if .place then "\($prefix + .place.file | escaped):\(.place.start.line)" else "" end) |"),
    ""
  else empty end),
  (if (.findings | length) > 0 then "| | finding | rule | place |", "|---|---|---|---|" else empty end),
  (by_severity[]
    | "| \(.severity) | \(.message | escaped) | \(.rule | escaped) | \($prefix + .file | escaped):\(.start.line) |"),
  "",
  (.assumptions[] | "<sub>Assumed: \(escaped)</sub>", "");

# One line for each finding.
def list:
  .findings[]
  | "\($prefix + .file):\(.start.line): \(.severity)[\(.rule)] \(.message)" | gsub("[\r\n]"; " ");

if $what == "annotations" then annotations elif $what == "list" then list else markdown end
