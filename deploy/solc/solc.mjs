// The npm compiler behind the two switches of native solc that we need. npm's own `solcjs` prints noise before its JSON
// and resolves no import, so py-solc-x cannot drive it. Files outside the base path and node_modules are not readable.
import { readFileSync } from "node:fs";
import path from "node:path";
import solc from "solc";

const USAGE = "usage: solc --version | solc --standard-json [--base-path DIR] < input.json\n";

function readImport(base, name) {
  const file = path.resolve(base, name);
  if (!file.startsWith(base + path.sep)) return { error: `${name} is outside ${base}` };
  try {
    return { contents: readFileSync(file, "utf8") };
  } catch (problem) {
    return { error: problem.message };
  }
}

const args = process.argv.slice(2);
if (args.includes("--version")) {
  // soljson calls itself 0.8.37+commit.<hash>.Emscripten.clang; native solc says it in this form
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (args.includes("--standard-json")) {
  const at = args.indexOf("--base-path");
  const base = path.resolve(at >= 0 ? args[at + 1] : ".");
  const output = solc.compile(readFileSync(0, "utf8"), { import: (name) => readImport(base, name) });
  process.stdout.write(output);
} else {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}
