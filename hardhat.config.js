// Contracts build and Solidity tests. The compiler is the npm package `solc` (WebAssembly), so a build needs no download
// beyond `npm ci`. Its version and settings live in deploy/solc/settings.json, which the second build reads too.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { configVariable, defineConfig } from "hardhat/config";

const compiler = JSON.parse(readFileSync(new URL("./deploy/solc/settings.json", import.meta.url), "utf8"));

// Instrumented code is too large for the whole optimizer: only what keeps the stack within reach is left on.
const forCoverage = {
  enabled: true,
  runs: 1,
  details: {
    peephole: false,
    inliner: false,
    jumpdestRemover: false,
    orderLiterals: false,
    deduplicate: false,
    cse: false,
    constantOptimizer: false,
    yul: true,
    yulDetails: { stackAllocation: true, optimizerSteps: "u:" },
  },
};
const settings = process.argv.includes("--coverage") ? { ...compiler.settings, optimizer: forCoverage } : compiler.settings;

const testsFolder = "tests/contracts/solidity";
// What the tests of libraries test is compiled into them, so they are compiled as the contracts are.
const testsOfLibraries = "libraries/";

/**
 * All other tests deploy the contracts from their artifacts, and are themselves compiled quickly: without optimizer and intermediate
 * language. A plugin, because Hardhat compiles together what shares one settings object, and copies it for each of `solidity.overrides`.
 */
const quickTests = {
  id: "quick-tests",
  hookHandlers: {
    config: async () => ({
      default: async () => ({
        async resolveUserConfig(userConfig, resolveVariable, next) {
          const config = await next(userConfig, resolveVariable);
          const { compilers, overrides } = config.solidity.profiles.default;
          const quick = { ...compilers[0], settings: { ...compilers[0].settings, viaIR: false, optimizer: { enabled: false } } };
          for (const file of readdirSync(new URL(testsFolder, import.meta.url), { recursive: true })) {
            if (file.endsWith(".sol") && !file.startsWith(testsOfLibraries)) overrides[`${testsFolder}/${file}`] = quick;
          }
          return config;
        },
      }),
    }),
  },
};

// One seed for every run, so that a red build stays red; these variables widen the search.
const fuzzSeed = process.env.TPRE_FUZZ_SEED ?? "0x7470726500000000000000000000000000000000000000000000000000000001";
const fuzzRuns = Number(process.env.TPRE_FUZZ_RUNS ?? 128);
const invariantRuns = Number(process.env.TPRE_INVARIANT_RUNS ?? 32);
const invariantDepth = Number(process.env.TPRE_INVARIANT_DEPTH ?? 64);

/** The chain that TPRE_RPC_URL names, if any; its signer comes from TPRE_DEPLOYER_KEY, else from the node's own accounts. */
function networkFromEnvironment() {
  if (!process.env.TPRE_RPC_URL) return {};
  const accounts = process.env.TPRE_DEPLOYER_KEY ? [configVariable("TPRE_DEPLOYER_KEY")] : "remote";
  return { remote: { type: "http", url: configVariable("TPRE_RPC_URL"), accounts } };
}

export default defineConfig({
  plugins: [quickTests],
  solidity: {
    compilers: [
      {
        version: compiler.version,
        path: fileURLToPath(import.meta.resolve("solc/soljson.js")),
        settings,
      },
    ],
    // Contracts and tests are compiled apart, and the tests' artifacts lie in the cache.
    splitTestsCompilation: true,
  },
  paths: {
    sources: "./contracts",
    tests: { solidity: `./${testsFolder}` },
    artifacts: "./artifacts",
    cache: "./.cache/hardhat",
  },
  networks: {
    localhost: { type: "http", url: "http://127.0.0.1:8545" },
    ...networkFromEnvironment(),
  },
  test: {
    solidity: {
      // Every call of a test is a transaction of its own, so that gas figures are those of transactions (cold storage, 21,000, calldata).
      isolate: true,
      fsPermissions: { readDirectory: ["./tests/vectors", "./artifacts/contracts"] },
      fuzz: { runs: fuzzRuns, seed: fuzzSeed, failurePersistDir: "./.cache/hardhat/fuzz" },
      invariant: {
        runs: invariantRuns,
        depth: invariantDepth,
        failOnRevert: false,
        failurePersistDir: "./.cache/hardhat/invariant",
      },
    },
  },
});
